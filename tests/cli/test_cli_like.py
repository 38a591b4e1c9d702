"""`generate --like` from end to end, on tiny models with random weights."""

from __future__ import annotations

import inspect
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, Fake, Musegen, beat, scale, tune

from musegen import midi, verbs
from musegen.song import Song
from musegen.time import bar_count
from musegen.verbs import similar

pytestmark = pytest.mark.usefixtures("own_shelf")


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


@pytest.mark.parametrize(("name", "model"), [("melody", "melody-vae-16"), ("beat", "drums-vae")])
def test_variations_are_like_the_clip(musegen: Musegen, name: str, model: str) -> None:
    path = EXAMPLES / f"{name}.mid"
    before, clip = path.read_bytes(), midi.read(path).song
    result = musegen("generate", "--like", path, "--seed", "3", "--json")
    assert result.code == 0, result.err
    outputs = result.json["outputs"]
    assert [o["path"] for o in outputs] == [f"{name}_generate_{n:02}.mid" for n in (1, 2, 3, 4)]
    bars = min(16, bar_count(clip))
    for output in outputs:
        song = midi.read(output["path"])
        assert song.recipe.endswith(f"generate seed=3 model={output['model']}")
        assert (bar_count(song.song), song.song.meters) == (bars, clip.meters)
        assert song.song.tempos == clip.tempos
        assert [t.is_drum for t in song.song.tracks] == [name == "beat"]
        assert (output["bars"], output["step"], output["input"]) == (bars, None, str(path))
        assert output["model"] == model
    assert result.json["inputs"][0]["path"] == str(path)
    assert path.read_bytes() == before


def test_at_distance_0_and_temperature_0_all_are_the_same(
    musegen: Musegen, tune_file: Path
) -> None:
    options = ("-t", "0", "-n", "2", "--seed", "1")
    for distance in ("0", "0.5", "1"):
        words = ("--distance", distance, "-o", distance)
        assert musegen("generate", "--like", "tune.mid", *options, *words).code == 0
    assert len(set(files("0").values())) == 1
    assert len({*files("0").values(), *files("0.5").values(), *files("1").values()}) == 5


def test_the_same_seed_makes_the_same_files(musegen: Musegen, tune_file: Path) -> None:
    for folder, count, seed in (("a", 2, 3), ("b", 2, 3), ("c", 3, 3), ("d", 2, 4)):
        words = ("--like", "tune.mid", "-n", count, "--seed", seed, "-o", folder)
        assert musegen("generate", *words).code == 0
    assert files("a") == files("b")
    assert files("a").items() < files("c").items()
    assert not set(files("a").values()) & set(files("d").values())


def test_attributes_move_the_notes(musegen: Musegen, tune_file: Path) -> None:
    options = ("-t", "0", "-n", "1", "--distance", "0", "--like", "tune.mid")
    for folder, words in (
        ("plain", ()),
        ("more", ("--more", "density", "--less", "register")),
        ("again", ("--more", "density", "--less", "register")),
        ("twice", ("--more", "density", "--more", "density", "--less", "register")),
    ):
        assert musegen("generate", *options, *words, "--seed", "1", "-o", folder).code == 0
    assert files("more") == files("again")
    assert len({*map(str, map(files, ("plain", "more", "twice")))}) == 3


def test_length_and_track_are_asked_for(musegen: Musegen) -> None:
    midi.write(tune(1, 4), "song.mid")
    words = ("--like", "song.mid", "--length", "3", "--track", "Bass", "-n", "1", "--json")
    result = musegen("generate", *words)
    song = midi.read(result.json["outputs"][0]["path"]).song
    assert (bar_count(song), song.tracks[0].name) == (3, "Bass")
    assert "the first 3 of 4 bars are taken" in result.err


def test_standard_input_can_be_the_clip(musegen: Musegen) -> None:
    data = midi.to_bytes(beat(1))
    assert musegen("generate", "--like", "-", "-n", "1", stdin=data).code == 0
    assert midi.read("stdin_generate_01.mid").song.tracks[0].is_drum


def test_a_dry_run_writes_nothing(musegen: Musegen, tune_file: Path) -> None:
    before = files(".")
    result = musegen("generate", "--like", "tune.mid", "--dry-run", "--json")
    assert files(".") == before
    told = [(o["path"], o["bars"], o["bpm"], o["model"]) for o in result.json["outputs"]]
    assert told == [(f"tune_generate_{n:02}.mid", 4, 96, "melody-vae-16") for n in (1, 2, 3, 4)]


def test_a_dry_run_misses_the_weights_of_the_model_that_suits(
    musegen: Musegen,
    tune_file: Path,
    tiny_shelf: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(tiny_shelf, tmp_path / "shelf")
    (tmp_path / "shelf" / "melody-vae-16" / "weights.safetensors").unlink()
    monkeypatch.setattr("musegen.models.shelf", lambda: tmp_path / "shelf")
    result = musegen("generate", "--like", "tune.mid", "--dry-run")
    assert result.code == 5
    assert "melody-vae-16 has no weights" in result.err


def test_a_folder_is_no_clip(musegen: Musegen) -> None:
    Path("clips").mkdir()
    for words in (("generate", "--like", "clips"), ("interpolate", "clips", "clips")):
        result = musegen(*words)
        assert (result.code, result.err) == (3, "error: clips: is a folder; name one file\n")


def test_the_clip_is_never_replaced(musegen: Musegen, tune_file: Path) -> None:
    before = files(".")
    words = ("--like", "tune.mid", "-n", "1", "--name-template", "tune")
    result = musegen("generate", *words, "--on-exists", "overwrite")
    assert result.code == 4
    assert "tune.mid: is an input, which is never replaced" in result.err
    assert files(".") == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--distance", "0"], "--distance needs --like"),
        (["--more", "density"], "--more needs --like"),
        (["--less", "density"], "--less needs --like"),
        (["--track", "1"], "--track needs --like"),
    ],
)
def test_options_of_a_likeness_need_one(musegen: Musegen, words: list[str], said: str) -> None:
    result = musegen("generate", *words)
    assert (result.code, result.out, result.err) == (2, "", f"error: {said}\n")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--key", "C"),
        ("--tempo", "90"),
        ("--metre", "3/4"),
        ("--instruments", "piano"),
        ("--style", "pop"),
    ],
)
def test_the_clip_says_what_music_it_is(
    musegen: Musegen, tune_file: Path, option: str, value: str
) -> None:
    result = musegen("generate", "--like", "tune.mid", option, value)
    said = f"error: {option} does not go with --like: the clip says it\n"
    assert (result.code, result.out, result.err) == (2, "", said)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["tune.mid", "--distance", "1.1"], 2, "1.1 is not a number from 0 to 1"),
        (["tune.mid", "--distance", "nan"], 2, "nan is not a number from 0 to 1"),
        (
            ["tune.mid", "--more", "loudness"],
            2,
            "no attribute 'loudness'; melody-vae-16 has: density",
        ),
        (["beat.mid", "--more", "register"], 2, "no attribute 'register'; drums-vae has: density"),
        (["tune.mid", "--more", "density", "--less", "density"], 2, "more and less density at"),
        (["tune.mid", "--track", "Oboe"], 2, "no track with notes is called 'Oboe'"),
        (["tune.mid", "--model", "groove-vae"], 5, "groove-vae does not serve generate"),
        (["tune.mid", "--model", "melody-lstm"], 5, "melody-lstm has no latent space"),
        (["gone.mid"], 3, "gone.mid"),
        (["empty.mid"], 3, "empty.mid: no notes found"),
        ([EXAMPLES / "band.mid"], 2, "choose with --track"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    musegen: Musegen, tune_file: Path, words: list[str], code: int, said: str
) -> None:
    midi.write(beat(1), "beat.mid")
    midi.write(Song(length=1920), "empty.mid")
    before = files(".")
    result = musegen("generate", "--like", *words)
    assert (result.code, result.out) == (code, "")
    assert files(".") == before
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert said in line


def test_the_defaults_are_the_library_s(
    musegen: Musegen, tune_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}

    def remembered(song: Song, **options: Any) -> verbs.Takes:
        given.update(options)
        return similar(song, **options)

    monkeypatch.setattr(verbs, "similar", remembered)
    assert musegen("generate", "--like", "tune.mid").code == 0
    usual = inspect.signature(similar).parameters
    own = {"seed", "progress", "each"}
    assert given.keys() - usual.keys() == set()
    assert {k: v for k, v in given.items() if k not in own} == {
        k: usual[k].default for k in given if k not in own
    }


def test_without_a_likeness_nothing_has_changed(musegen: Musegen, fake: Fake) -> None:
    assert musegen("generate").code == 0
    wanted = {"model": "multitrack-transformer", "length": 4, "temperature": 1.0, "variations": 4}
    assert {name: fake.options[name] for name in wanted} == wanted
    assert bar_count(scale(fake.options["length"])) == 4
