"""`interpolate` from end to end, on tiny models with random weights."""

from __future__ import annotations

import inspect
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import mido
import pytest
from conftest import EXAMPLES, Musegen, beat, scale, tune

from musegen import midi
from musegen.song import Key, Meter, Notes, Song, Track
from musegen.time import bar_count
from musegen.verbs import interpolate

pytestmark = pytest.mark.usefixtures("own_shelf")


def files(folder: str = ".") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def read(path: str | Path) -> Song:
    reading = midi.read(path)
    assert not reading.repairs
    return reading.song


def steps(result: Any) -> list[Song]:
    assert result.code == 0, result.err
    return [read(output["path"]) for output in result.json["outputs"]]


@pytest.fixture
def clips(tmp_path: Path) -> tuple[str, str]:
    """Two melodies in the folder where the program runs: at 96 and at 120 bpm."""
    other = replace(tune(5, 4), tracks=tune(5, 4).tracks[:1])
    midi.write(scale(), tmp_path / "a.mid")
    midi.write(other, tmp_path / "b.mid")
    return "a.mid", "b.mid"


# The files


def test_five_steps_are_five_files(musegen: Musegen, clips: tuple[str, str]) -> None:
    before = files()
    result = musegen("interpolate", *clips, "--steps", "5", "--seed", "7", "--json")
    songs = steps(result)
    assert sorted(files().keys() - before.keys()) == [
        f"a_to_b_interpolate_{n:02}.mid" for n in range(1, 6)
    ]
    assert files().items() >= before.items()
    for song, clip in ((songs[0], clips[0]), (songs[-1], clips[1])):
        original = read(clip)
        assert song.tracks == original.tracks
        assert (song.tempos, song.length) == (original.tempos, original.length)
    bpms = [song.tempos[0].bpm for song in songs]
    assert bpms == sorted(bpms)
    for song, data in zip(songs, result.json["outputs"], strict=True):
        assert (song.length, song.meters) == (4 * 1920, (Meter(0),))
        assert (data["bars"], data["notes"]) == (4, song.note_count)
        file = mido.MidiFile(data["path"])
        assert {sum(message.time for message in track) for track in file.tracks} == {4 * 1920}


def test_json_tells_variations_and_steps(musegen: Musegen, clips: tuple[str, str]) -> None:
    result = musegen("interpolate", *clips, "--steps", "3", "-n", "2", "--seed", "7", "--json")
    outputs = result.json["outputs"]
    assert [(o["variation"], o["step"]) for o in outputs] == [
        (variation, step) for variation in (1, 2) for step in (1, 2, 3)
    ]
    assert {(o["seed"], o["model"], o["input"]) for o in outputs} == {(7, "melody-vae-16", None)}
    assert [entry["path"] for entry in result.json["inputs"]] == list(clips)
    assert [o["path"] for o in outputs] == [f"a_to_b_interpolate_{n:02}.mid" for n in range(1, 7)]


def test_a_file_says_how_it_was_made(musegen: Musegen, clips: tuple[str, str]) -> None:
    musegen("interpolate", *clips, "--steps", "3", "--seed", "7")
    for number in (1, 2, 3):
        recipe = midi.read(f"a_to_b_interpolate_{number:02}.mid").recipe
        assert recipe.endswith("interpolate seed=7 model=melody-vae-16")


def test_the_same_seed_makes_the_same_files(musegen: Musegen, clips: tuple[str, str]) -> None:
    for folder, words in (
        ("a", ("--seed", "3")),
        ("b", ("--seed", "3")),
        ("more", ("--seed", "3", "-n", "2")),
        ("fine", ("--seed", "3", "--steps", "5")),
        ("other", ("--seed", "4")),
    ):
        options = ("--steps", "3", "-t", "2", "-o", folder)
        assert musegen("interpolate", *clips, *options, *words).code == 0
    assert files("a") == files("b")
    assert files("a").items() < files("more").items()
    middle = files("a")["a_to_b_interpolate_02.mid"]
    assert files("fine")["a_to_b_interpolate_03.mid"] == middle
    assert files("other")["a_to_b_interpolate_02.mid"] != middle
    assert files("more")["a_to_b_interpolate_05.mid"] != middle


def test_a_dry_run_writes_nothing(musegen: Musegen, clips: tuple[str, str]) -> None:
    before = files()
    words = ("--steps", "3", "-n", "2", "--length", "2", "--dry-run", "--json")
    result = musegen("interpolate", *clips, *words)
    assert result.code == 0
    assert files() == before
    told = [(o["path"], o["step"], o["bars"], o["model"]) for o in result.json["outputs"]]
    assert told == [
        (f"a_to_b_interpolate_{n:02}.mid", (n - 1) % 3 + 1, 2, "melody-vae-16") for n in range(1, 7)
    ]
    chained = musegen("interpolate", *clips, *words, "--chain").json["outputs"]
    assert [(o["step"], o["bars"]) for o in chained] == [(None, 6)] * 2
    (wrong,) = musegen("interpolate", clips[0], EXAMPLES / "jig.mid", *words).json["errors"]
    assert wrong["code"] == 2


def test_what_is_there_is_not_overwritten(musegen: Musegen, clips: tuple[str, str]) -> None:
    words = ("--steps", "2", "--seed", "1")
    assert musegen("interpolate", *clips, *words).code == 0
    before = files()
    assert musegen("interpolate", *clips, *words).code == 0
    assert files().items() > before.items()
    assert len(files()) == len(before) + 2
    name = ("--name-template", "a", "--on-exists", "overwrite")
    result = musegen("interpolate", *clips, *words, *name)
    assert result.code == 4
    assert "a.mid: is an input, which is never replaced" in result.err
    assert musegen("interpolate", *clips, *words, "--on-exists", "fail").code == 4
    assert files().items() >= before.items()


def test_one_clip_can_come_from_standard_input(musegen: Musegen, clips: tuple[str, str]) -> None:
    data = Path("b.mid").read_bytes()
    result = musegen("interpolate", "a.mid", "-", "--steps", "2", "--json", stdin=data)
    assert steps(result)[1].tracks == read("b.mid").tracks
    assert Path("a_to_stdin_interpolate_01.mid").exists()
    both = musegen("interpolate", "-", "-", stdin=data)
    assert (both.code, both.out) == (2, "")
    assert "standard input is one clip; name a file for the other" in both.err


def test_a_chain_is_one_file_with_markers(musegen: Musegen, clips: tuple[str, str]) -> None:
    (song,) = steps(musegen("interpolate", *clips, "--steps", "4", "--chain", "--json"))
    assert bar_count(song) == 16
    assert [m.text for m in song.markers] == [f"Step {n} of 4" for n in (1, 2, 3, 4)]
    assert [m.tick for m in song.markers] == [t.tick for t in song.tempos]
    assert [b - a for a, b in pairwise(m.tick for m in song.markers)] == [4 * 1920] * 3


# What the options do


@pytest.mark.parametrize("length", [2, 3, 4, 8, 16])
@pytest.mark.parametrize("names", [("melody", "piano"), ("beat", "band")])
def test_every_step_is_as_long_as_asked(
    musegen: Musegen, names: tuple[str, str], length: int
) -> None:
    paths = [EXAMPLES / f"{name}.mid" for name in names]
    tracks = ("--track", "Drums") if names[1] == "band" else ()
    words = ("--length", length, "--steps", "3", "--json", *tracks)
    result = musegen("interpolate", *paths, *words)
    for song in steps(result):
        assert (bar_count(song), song.length) == (length, length * 4 * song.ticks_per_quarter)
        assert [t.is_drum for t in song.tracks] == [names[1] == "band"]
    for path in paths:
        bars = bar_count(read(path))
        said = f"its {bars} bars are repeated to make {length}"
        assert (said in result.err) == (length > bars)
        first = f"of {bars} bars is" if length == 1 else f"{length} of {bars} bars are"
        assert (f"the first {first} taken" in result.err) == (length < bars)


def test_linear_and_reconstruct_are_other_roads(musegen: Musegen, clips: tuple[str, str]) -> None:
    for folder, words in (("arc", ()), ("line", ("--linear",)), ("all", ("--reconstruct",))):
        options = ("--steps", "3", "--seed", "1", "-t", "0", "-o", folder)
        assert musegen("interpolate", *clips, *options, *words).code == 0
    arc, line, everything = (list(files(folder).values()) for folder in ("arc", "line", "all"))
    assert [x == y for x, y in zip(arc, line, strict=True)] == [True, False, True]
    assert [x == y for x, y in zip(arc, everything, strict=True)] == [False, True, False]


def test_keys_that_differ_are_told_and_brought_together(musegen: Musegen) -> None:
    midi.write(replace(scale(), key=Key(0)), "c.mid")
    midi.write(replace(scale(4, 62), key=Key(2)), "d.mid")
    words = ("c.mid", "d.mid", "--steps", "3", "--json")
    told = musegen("interpolate", *words)
    assert "c.mid is in C major and d.mid in D major: --transpose brings them" in told.err
    moved = musegen("interpolate", *words, "--transpose")
    assert "d.mid is brought from D major to c.mid's C major by -2 semitones" in moved.err
    assert steps(moved)[-1].tracks == read("d.mid").tracks
    assert musegen("interpolate", "c.mid", "c.mid", "--steps", "2").err.count("--transpose") == 0


def test_tracks_are_named_once_or_twice(musegen: Musegen) -> None:
    midi.write(tune(1, 2), "a.mid")
    midi.write(tune(2, 2), "b.mid")
    for words, names in (
        ((), ("Lead", "Lead")),
        (("--track", "bass"), ("Bass", "Bass")),
        (("--track", "Lead", "--track", "2"), ("Lead", "Bass")),
        (("--model", "drums-vae"), ("", "")),
    ):
        result = musegen("interpolate", "a.mid", "b.mid", "--steps", "2", "--json", *words)
        assert tuple(song.tracks[0].name for song in steps(result)) == names, words
    assert musegen("interpolate", "a.mid", "b.mid", *3 * ("--track", "1")).code == 2


def test_what_is_kept_of_chords_is_said(musegen: Musegen, clips: tuple[str, str]) -> None:
    chords = [(480 * i, 480, p, 80) for i in range(16) for p in (60, 64, 67)]
    midi.write(Song((Track(Notes.of(chords)),), 4 * 1920), "chords.mid")
    result = musegen("interpolate", "chords.mid", "a.mid", "--steps", "2", "--json")
    said = "chords.mid: of its chords the highest voice is kept, 16 of 48 notes"
    assert said in result.err
    assert said in [warning["message"] for warning in result.json["warnings"]]


# What is refused


@pytest.fixture
def bad(clips: tuple[str, str], tmp_path: Path) -> Path:
    """A folder of clips from and to which there is no way."""
    for name, song in (
        ("waltz", replace(tune(1, 4, (3, 4)), tracks=tune(1).tracks[:1])),
        ("empty", Song(length=1920)),
        ("drums", beat(1)),
        ("long", replace(scale(8), meters=(Meter(0), Meter(4 * 1920, 3, 4)))),
        ("odd", replace(scale(), meters=(Meter(0, 11, 8),))),
        ("low", Song((Track(Notes.of([(0, 480, 3, 80)]), is_drum=True),), 1920)),
    ):
        midi.write(song, tmp_path / f"{name}.mid")
    (tmp_path / "broken.mid").write_bytes(b"not music")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["waltz.mid"], 2, "a.mid is in 4/4 and waltz.mid in 3/4: clips must have one metre"),
        (["empty.mid"], 3, "empty.mid: no notes found"),
        (["drums.mid"], 2, "a.mid has melody and drums.mid drums: there is no way between them"),
        (
            ["long.mid", "--length", "6"],
            2,
            "long.mid: the metre changes at bar 5; --length 4 takes",
        ),
        (["odd.mid"], 2, "odd.mid: no model knows the metre 11/8; they know 1/4 2/4"),
        (["gone.mid"], 3, "gone.mid"),
        (["broken.mid"], 3, "broken.mid"),
        (["b.mid", "--track", "Oboe"], 2, "a.mid: no track with notes is called 'Oboe'; there are"),
        (["b.mid", "--steps", "1"], 2, "1 is not a whole number from 2 to 64"),
        (["b.mid", "--steps", "65"], 6, "65: more than 64 steps from one clip to another"),
        (["b.mid", "--length", "0"], 2, "0 is not a whole number from 1 to 1024"),
        (["b.mid", "--model", "groove-vae"], 5, "groove-vae does not serve interpolate; it serves"),
        (["b.mid", "--model", "melody-vea"], 5, "Did you mean melody-vae?"),
        (["b.mid", "--model", "drums-vae"], 2, "drums-vae reads drums, which the clips do not"),
        ([], 2, "Missing argument 'B'"),
    ],
)
def test_bad_input_is_answered_in_one_line(
    musegen: Musegen, bad: Path, words: list[str], code: int, said: str
) -> None:
    before = files()
    result = musegen("interpolate", "a.mid", *words)
    assert (result.code, result.out) == (code, "")
    assert files() == before
    (line,) = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert said in line
    assert result.err.splitlines()[-1] == line


def test_drums_that_are_none_are_refused(musegen: Musegen, bad: Path) -> None:
    result = musegen("interpolate", "drums.mid", "low.mid")
    assert result.code == 3
    assert "error: low.mid: no drum is struck in bars 1 to 1" in result.err


def test_of_several_melodies_one_is_asked_for(musegen: Musegen, clips: tuple[str, str]) -> None:
    result = musegen("interpolate", EXAMPLES / "band.mid", "a.mid")
    assert (result.code, result.out) == (2, "")
    assert "could be the melody: " in result.err
    assert "choose with --track" in result.err


def test_before_a_change_of_metre_there_is_a_clip(musegen: Musegen, bad: Path) -> None:
    words = ("a.mid", "long.mid", "--length", "4", "--steps", "2", "--json")
    assert [bar_count(song) for song in steps(musegen("interpolate", *words))] == [4, 4]


def test_the_defaults_are_the_library_s(
    musegen: Musegen, clips: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from musegen import verbs

    given: dict[str, Any] = {}

    def remembered(*songs: Song, **options: Any) -> verbs.Takes:
        given.update(options)
        return interpolate(*songs, **options)

    monkeypatch.setattr(verbs, "interpolate", remembered)
    assert musegen("interpolate", *clips, "--steps", "5").code == 0
    usual = {
        name: parameter.default
        for name, parameter in inspect.signature(interpolate).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    own = {"seed", "progress", "each", "names"}
    assert {k: v for k, v in given.items() if k not in own} == {
        k: v for k, v in usual.items() if k not in own
    }
    assert given["names"] == clips
