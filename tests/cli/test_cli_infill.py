"""`infill` from end to end, on a tiny model with random weights: nothing else in a file changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import EXAMPLES, Musegen, scale, tune
from contract import checked, printed

from musegen import clips, midi
from musegen.midi.splicing import bodies_of
from musegen.song import Notes, Song, Track
from musegen.time import bar_count, bar_lines

BAND = EXAMPLES / "band.mid"


@pytest.fixture
def model(tiny_controlled_model: Path) -> tuple[object, ...]:
    """The words that choose the tiny model, and a seed."""
    return ("--model", tiny_controlled_model, "--seed", 7)


def read(path: str | Path) -> Song:
    reading = midi.read(path)
    assert not reading.repairs
    return reading.song


def bodies(path: str | Path) -> list[bytes]:
    """The bytes of each track of a file."""
    return bodies_of(Path(path).read_bytes())


def outside(track: Track, start: int, end: int) -> Notes:
    return track.notes.where((track.notes.start < start) | (track.notes.start >= end))


def span(song: Song, first: int, last: int) -> tuple[int, int]:
    """Bars counted from 1, in ticks."""
    lines, _ = bar_lines(clips.covering(song))
    return int(lines[first - 1]), int(lines[last])


def test_only_what_was_asked_for_is_written_anew(
    musegen: Musegen, model: tuple[object, ...]
) -> None:
    before, source = BAND.read_bytes(), read(BAND)
    bass = next(i for i, track in enumerate(source.tracks) if track.name == "Bass")
    result = musegen("infill", BAND, "--bars", "3-4", "--track", "Bass", *model, "-n", 3, "--json")
    outputs = checked(result)["outputs"]
    assert [output["path"] for output in outputs] == [f"band_infill_0{n}.mid" for n in (1, 2, 3)]
    start, end = span(source, 3, 4)
    takes = [read(output["path"]) for output in outputs]
    for take, output in zip(takes, outputs, strict=True):
        assert outside(take.tracks[bass], start, end) == outside(source.tracks[bass], start, end)
        assert (output["bars"], output["notes"]) == (bar_count(source), take.note_count)
        fresh = take.tracks[bass].notes.where(
            (take.tracks[bass].notes.start >= start) & (take.tracks[bass].notes.start < end)
        )
        assert len(fresh)
        others = [take.tracks[:bass], take.tracks[bass + 1 :]]
        assert others == [source.tracks[:bass], source.tracks[bass + 1 :]]
        assert replace(take, tracks=()) == replace(source, tracks=())
        both = zip(bodies(BAND), bodies(output["path"]), strict=True)
        assert sum(old != new for old, new in both) == 1
    assert len({midi.to_bytes(take) for take in takes}) == 3
    assert BAND.read_bytes() == before


@pytest.mark.parametrize("name", ["band", "beat", "jig", "melody", "piano", "waltz"])
def test_all_tracks_of_some_bars(musegen: Musegen, model: tuple[object, ...], name: str) -> None:
    source = read(EXAMPLES / f"{name}.mid")
    result = musegen("infill", EXAMPLES / f"{name}.mid", "--bars", 2, *model, "-n", 1, "--json")
    (output,) = checked(result)["outputs"]
    take = read(output["path"])
    start, end = span(source, 2, 2)
    assert (output["bars"], output["notes"]) == (bar_count(source), take.note_count)
    for old, new in zip(source.tracks, take.tracks, strict=True):
        assert outside(new, start, end) == outside(old, start, end)
    assert midi.to_bytes(take) != midi.to_bytes(source)


def test_the_same_seed_makes_the_same_files(musegen: Musegen, model: tuple[object, ...]) -> None:
    for folder, count in (("a", 2), ("b", 3)):
        words = ("infill", BAND, "--bars", 2, *model, "-n", count, "-o", folder)
        assert musegen(*words).code == 0
    made = {
        folder: {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        for folder in ("a", "b")
    }
    assert made["a"].items() < made["b"].items()
    for data in made["a"].values():
        assert b"infill seed=7 model=tiny-controlled" in data


@pytest.mark.parametrize("instrument", ["flute", "tubular bells"])
def test_a_track_joins_in(musegen: Musegen, model: tuple[object, ...], instrument: str) -> None:
    words = ("infill", BAND, "--add-track", instrument, *model, "-n", 1)
    assert musegen(*words).code == 0
    source, take = read(BAND), read("band_infill_01.mid")
    assert take.tracks[:-1] == source.tracks
    assert len(take.tracks[-1].notes)
    assert bodies("band_infill_01.mid")[:-1] == bodies(BAND)


def test_a_track_joins_in_for_some_bars(musegen: Musegen, model: tuple[object, ...]) -> None:
    words = ("infill", BAND, "--add-track", "flute", "--bars", "2-3", *model, "-n", 1)
    assert musegen(*words).code == 0
    start, end = span(read(BAND), 2, 3)
    notes = read("band_infill_01.mid").tracks[-1].notes
    assert len(notes)
    assert ((notes.start >= start) & (notes.start < end)).all()


def test_what_is_told_of_a_file_is_what_is_in_it(
    musegen: Musegen, model: tuple[object, ...]
) -> None:
    # On one channel, new notes make way for what another track holds there: here they all do.
    melody = Track(Notes.of([(480 * i, 480, 60, 80) for i in range(16)]), name="Lead", channel=0)
    cluster = Track(Notes.of([(0, 7680, p, 80) for p in range(128)]), name="Hold", channel=0)
    *before, last = midi.to_bytes(Song((melody, cluster), 7680)).split(b"MTrk")
    for status in (0x80, 0x90, 0xB0, 0xC0):
        last = last.replace(bytes([status | 1]), bytes([status]))
    Path("held.mid").write_bytes(b"MTrk".join((*before, last)))
    words = ("--bars", "2-3", "--track", "Lead", *model, "-n", 2, "--json")
    outputs = checked(musegen("infill", "held.mid", *words))["outputs"]
    notes = [midi.read(output["path"]).song.note_count for output in outputs]
    assert [output["notes"] for output in outputs] == notes == [8 + 128] * 2


def test_several_files_of_which_one_is_broken(musegen: Musegen, model: tuple[object, ...]) -> None:
    Path("songs").mkdir()
    midi.write(tune(1, 6), "songs/a.mid")
    Path("songs/b.mid").write_bytes(b"not music")
    midi.write(tune(2, 1), "songs/c.mid")
    midi.write(tune(3, 6), "songs/d.mid")
    result = musegen("infill", "songs", "--bars", "2-3", *model, "-n", 1, "-o", "out", "--json")
    report = checked(result)
    assert result.code == 1
    assert [output["path"] for output in report["outputs"]] == [
        "out/a_infill_01.mid",
        "out/d_infill_01.mid",
    ]
    assert {error["input"]: error["code"] for error in report["errors"]} == {
        "songs/b.mid": 3,
        "songs/c.mid": 2,
    }
    assert "songs/c.mid: bars 2-3: there are 1" in result.err


def test_standard_input(musegen: Musegen, model: tuple[object, ...]) -> None:
    words = ("--bars", 2, *model, "-n", 1)
    assert musegen("infill", "-", *words, stdin=BAND.read_bytes()).code == 0
    assert musegen("infill", BAND, *words).code == 0
    made, named = (Path(f"{stem}_infill_01.mid") for stem in ("stdin", "band"))
    assert made.read_bytes() == named.read_bytes()
    result = musegen("infill", "-", *words, stdin=b"")
    assert (result.code, result.out) == (3, "")


def test_a_broken_file_is_mended_where_it_is_filled(
    musegen: Musegen, model: tuple[object, ...]
) -> None:
    Path("odd.mid").write_bytes(midi.to_bytes(scale()) + b"and more")
    result = musegen("infill", "odd.mid", "--bars", "2-3", *model, "-n", 1, "--json")
    report = checked(result)
    assert result.code == 0
    assert report["inputs"][0]["repairs"]
    start, end = span(scale(), 2, 3)
    take = midi.read("odd_infill_01.mid").song
    assert outside(take.tracks[0], start, end) == outside(scale().tracks[0], start, end)
    result = musegen("infill", "odd.mid", "--bars", "2-3", *model, "--strict")
    assert (result.code, result.out) == (3, "")


def test_a_dry_run_says_what_would_be_written(musegen: Musegen, model: tuple[object, ...]) -> None:
    words = ("infill", BAND, "--bars", "3-4", *model, "--dry-run", "--json")
    report = checked(musegen(*words))
    assert report["dry_run"]
    source = read(BAND)
    for n, output in enumerate(report["outputs"], 1):
        assert output["path"] == f"band_infill_0{n}.mid"
        assert (output["bars"], output["notes"]) == (bar_count(source), None)
        assert output["bpm"] == round(source.tempos[0].bpm, 2)
    assert not list(Path().iterdir())
    result = musegen("infill", BAND, "--bars", "3-400", *model, "--dry-run")
    assert (result.code, result.out) == (2, "")


@pytest.mark.parametrize("program", [(), ("--no-program",)])
def test_without_programs_if_they_are_not_wanted(
    musegen: Musegen, model: tuple[object, ...], program: tuple[str, ...]
) -> None:
    assert musegen("infill", BAND, "--bars", 2, *model, "-n", 1, *program).code == 0
    told = any(t.program for t in read("band_infill_01.mid").tracks if not t.is_drum)
    assert told is not bool(program)


def test_the_page_and_the_pictures_show_input_and_takes(
    musegen: Musegen, model: tuple[object, ...]
) -> None:
    midi.write(scale(), "tune.mid")
    words = ("--bars", 2, *model, "-n", 2, "--plot", "--preview", "--json")
    report = checked(musegen("infill", "tune.mid", *words))
    assert [output["plot"] for output in report["outputs"]] == [
        f"tune_infill_0{n}.svg" for n in (1, 2)
    ]
    assert report["preview"]["path"] == "tune_infill_preview.html"
    assert report["preview"]["files"] == 2
    page = Path("tune_infill_preview.html").read_text("utf-8")
    assert all(name in page for name in ("tune.mid", "tune_infill_01.mid", "tune_infill_02.mid"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "nothing to fill: give --bars, --track or --add-track"),
        ("--track Bass --add-track flute", "--track does not go with --add-track"),
        ("--bars 0-2", "Invalid value for '--bars': 0 is not a whole number from 1 to 100000"),
        ("--bars 4-3", "Invalid value for '--bars': '4-3' ends before it begins"),
        ("--bars x", "Invalid value for '--bars': 'x' is not one bar, nor two"),
        ("--bars -3", "'-3' is not one bar"),
        ("--bars 3-", "'3-' is not one bar"),
        ("--bars 1-999", "bars 1-999: there are "),
        ("--track Oboe", "no track with notes is called 'Oboe'; there are: 1 "),
        ("--add-track kazoo-o-matic", "Invalid value for '--add-track': no instrument"),
        ("--add-track drums", "there are drums already"),
        ("--bars 2 --scale dorain", "Did you mean 'dorian'"),
        ("--bars 2 --chords H", "Invalid value for '--chords': no chord 'H'"),
        ("--bars 2 --density 2", "Invalid value for '--density': 2 is not a number from 0 to 1"),
        ("--bars 2 --polyphony 0", "Invalid value for '--polyphony': 0 is not a whole number"),
        ("--bars 2 --length 4", "No such option '--length'"),
    ],
)
def test_what_makes_no_sense_is_answered_in_one_line(
    musegen: Musegen, model: tuple[object, ...], words: str, message: str
) -> None:
    result = musegen("infill", BAND, *words.split(), *model, "-q", "-n", 1)
    assert (result.code, result.out, printed(result)) == (2, "", [])
    assert result.err.count("\n") == 1
    assert message in result.err


def test_a_model_that_fills_nothing_is_refused(musegen: Musegen, tiny_model: Path) -> None:
    result = musegen("infill", BAND, "--bars", 2, "--model", tiny_model)
    assert (result.code, result.out) == (5, "")
    assert "does not serve infill; it serves generate, continue" in result.err


def test_harmony_is_kept_to(musegen: Musegen, model: tuple[object, ...]) -> None:
    source = read(BAND)
    words = ("--bars", "2-3", *model, "-n", 2, "--scale", "C major pentatonic", "--polyphony", 1)
    assert musegen("infill", BAND, *words).code == 0
    start, end = span(source, 2, 3)
    for n in (1, 2):
        for track in read(f"band_infill_0{n}.mid").tracks:
            fresh = track.notes.where((track.notes.start >= start) & (track.notes.start < end))
            if not track.is_drum:
                assert {p % 12 for p in fresh.pitch.tolist()} <= {0, 2, 4, 7, 9}
                assert (fresh.start[1:] >= fresh.end[:-1]).all()
