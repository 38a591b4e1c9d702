"""`musegen finetune`: from a folder of songs to a model that plays."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from conftest import Musegen, tune
from contract import checked

from musegen import finetune, midi, models

HEADS = ["model", "files", "notes", "held out", "before", "after", "step", "time", "seed"]
BITS = r"\d+\.\d{3}"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small steps, measured often."""
    small = partial(finetune.Tuning, rows=2, length=48, learning_rate=2e-2, warmup=1, average=0.5)
    monkeypatch.setattr(finetune, "Tuning", partial(small, measure_every=2))


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Four songs, two of them in a folder within."""
    folder = tmp_path / "songs"
    (folder / "old").mkdir(parents=True)
    for seed, name in enumerate(("a", "b", "old/c", "old/d")):
        midi.write(tune(seed, 6), folder / f"{name}.mid")
    return folder


def test_from_a_folder_to_a_model_that_plays(
    musegen: Musegen, songs: Path, tiny_model: Path
) -> None:
    result = musegen("finetune", "songs", "--from", tiny_model, "--out", "my-style", "--steps", 4)
    assert result.code == 0
    assert re.fullmatch(
        r"3 files to learn from \(162 notes\), 1 held out \(54 notes\)\n"
        rf"step 2: {BITS} bits per note of what is held out \({BITS} before\), \d+ s left at most\n"
        rf"step 4: {BITS} bits per note of what is held out \({BITS} before\), 0 s left at most\n",
        result.err,
    )
    heads, row = result.out.splitlines()
    assert re.split("  +", heads) == HEADS
    assert re.fullmatch(rf"my-style +3 +162 +54 +{BITS} +{BITS} +[24] +\d+ s +1", row)
    assert musegen("generate", "--model", "my-style", "-n", 1, "-l", 2).code == 0
    assert musegen("continue", "songs/a.mid", "--model", "my-style", "-n", 1, "-l", 1).code == 0
    assert musegen("models", "info", "my-style").out.startswith("model       my-style\n")
    again = musegen("finetune", "songs", "--from", "my-style", "--out", "more/own", "--steps", 9)
    assert again.code == 0
    assert models.load("more/own").name == "own"


def test_json(musegen: Musegen, songs: Path, tiny_model: Path) -> None:
    words = ("--from", tiny_model, "--steps", 4, "--json", "-q")
    report = checked(musegen("finetune", "songs", *words, "--out", "one"))
    assert [entry["path"] for entry in report["inputs"]] == [
        f"songs/{name}.mid" for name in ("a", "b", "old/c", "old/d")
    ]
    tuned = report["tuned"]
    assert (tuned["path"], tuned["base"], tuned["seed"]) == ("one", "tiny-transformer", 1)
    assert [point["step"] for point in tuned["curve"]] == [0, 2, 4]
    best = min(tuned["curve"], key=lambda point: point["bits_per_note"])
    assert (tuned["step"], tuned["steps"]) == (best["step"], 4)
    other = checked(musegen("finetune", "songs", *words, "--out", "other"))["tuned"]
    different = {"name": "other", "path": "other", "seconds": other["seconds"]}
    assert other == tuned | different
    weights = (Path(name) / "weights.safetensors" for name in ("one", "other"))
    assert len({path.read_bytes() for path in weights}) == 1


def test_what_is_broken_or_too_short_is_left_out_with_a_line(
    musegen: Musegen, songs: Path, tiny_model: Path
) -> None:
    (songs / "bad.mid").write_bytes(b"not music")
    (songs / "copy.mid").write_bytes((songs / "a.mid").read_bytes())
    (songs / "odd.mid").write_bytes(midi.to_bytes(tune(9, 6)) + b"and more")
    midi.write(tune(5, 2), songs / "short.mid")
    words = ("--from", tiny_model, "--steps", 2, "--out", "my-style", "--json")
    result = musegen("finetune", "songs", *words)
    report = checked(result)
    assert (result.code, [error["input"] for error in report["errors"]]) == (1, ["songs/bad.mid"])
    assert [warning["message"] for warning in report["warnings"]] == [
        "left out: nothing to learn from: less than 4 bars or 16 notes"
    ]
    lines = result.err.splitlines()
    assert lines[0].startswith("error: songs/bad.mid: not a MIDI file")
    assert re.fullmatch(r"songs/odd\.mid: 6 bars .*; repaired: bytes between .* skipped", lines[1])
    assert lines[2].startswith("songs/short.mid: left out: nothing to learn from")
    assert lines[3] == "1 of 6 files have the notes of others and count once"
    assert lines[4] == "4 files to learn from (216 notes), 1 held out (54 notes)"
    assert models.load("my-style")


def test_one_long_file_is_enough(musegen: Musegen, tiny_model: Path) -> None:
    midi.write(tune(1, 20), "song.mid")
    words = ("--from", tiny_model, "--out", "my-style", "--steps", 2)
    result = musegen("finetune", "song.mid", *words)
    assert result.code == 0
    assert result.err.splitlines()[0] == (
        "1 file of one song: 135 notes to learn from, its last quarter held out (45 notes)"
    )


def test_a_melody_model_is_tuned_too(
    musegen: Musegen, songs: Path, tiny_melody_model: Path
) -> None:
    words = ("--from", tiny_melody_model, "--out", "tunes", "--steps", 2, "-q")
    assert musegen("finetune", "songs", *words).code == 0
    assert musegen("generate", "--model", "tunes", "-n", 1, "-l", 1).code == 0


def test_where_nothing_is_gained_nothing_is_written(
    musegen: Musegen, songs: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(finetune, "Tuning", partial(finetune.Tuning, learning_rate=1e-9))
    words = ("--from", tiny_model, "--out", "my-style", "--steps", 2, "--json")
    result = musegen("finetune", "songs", *words)
    report = checked(result)
    assert result.code == 4
    said = result.err.splitlines()[-1]
    assert said.startswith(
        "error: my-style: not written, as the tuned model knows what was held out no better than "
        "tiny-transformer ("
    )
    assert said.endswith("; give more songs, or songs that are more alike")
    assert report["tuned"]["path"] is None
    assert not Path("my-style").exists()


def test_an_interrupt_leaves_nothing(
    musegen: Musegen, songs: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    words = ("finetune", "songs", "--from", tiny_model, "--out", "my-style", "--steps", 2, "--json")
    for place in ("musegen.cli.finetune._progress", "musegen.tuned.save_weights"):
        with monkeypatch.context() as patched:
            patched.setattr(place, interrupt)
            result = musegen(*words)
        assert (result.code, result.err.splitlines()[-1]) == (130, "error: interrupted")
        assert [path.name for path in Path().iterdir()] == ["songs"]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("songs --from nothing", 5, "no model 'nothing'"),
        ("songs --from melody-vae", 5, "melody-vae serves interpolate, generate, and cannot be t"),
        ("songs --from groove-vae", 5, "groove-vae serves groove, and cannot be tuned; multitrack"),
        ("songs --out songs", 4, "songs: exists; choose another name, or remove it first"),
        ("songs --out songs/a.mid/style", 4, "cannot be made, as songs/a.mid is no folder"),
        ("gone.mid", 3, "gone.mid: "),
        ("empty", 3, "empty: no MIDI files in this folder"),
        ("short.mid", 3, "nothing to learn from; give MIDI files, or folders of them"),
        ("few.mid", 3, "too little to learn from: give a song of 16 bars or more, or two songs"),
        ("drums --from melody-lstm", 3, "nothing to learn from; give MIDI files"),
        ("songs --minutes 0", 2, "0 is not a number above 0 and up to 1440"),
        ("songs --steps x", 2, "x is not a whole number from 1"),
        ("", 2, "Missing argument 'FILE...'"),
    ],
)
def test_what_cannot_be_is_told(
    musegen: Musegen, songs: Path, words: str, code: int, message: str
) -> None:
    for folder in ("empty", "drums"):
        Path(folder).mkdir()
    midi.write(tune(1, 2), "short.mid")
    midi.write(tune(1, 8), "few.mid")
    midi.write(replace(tune(1, 8), tracks=tune(1, 8).tracks[2:]), "drums/kit.mid")
    out = () if "--out" in words else ("--out", "my-style")
    result = musegen("finetune", *words.split(), *out)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert not Path("my-style").exists()
