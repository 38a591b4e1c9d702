"""`generate` and `continue` from end to end, on tiny models with random weights."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import EXAMPLES, Musegen

from musegen import midi
from musegen.song import Key, Meter
from musegen.time import bar_count


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def test_generate(musegen: Musegen, tiny_model: Path) -> None:
    words = ("--model", tiny_model, "--instruments", "piano,drums", "-n", "3", "-l", "2")
    music = ("--tempo", "90", "--metre", "3/4", "--key", "Eb", "--seed", "1")
    result = musegen("generate", *words, *music)
    assert result.code == 0
    made = [midi.read(f"musegen_generate_{n:02}.mid").song for n in (1, 2, 3)]
    for song in made:
        assert song.length == 2 * 1440
        assert song.meters == (Meter(0, 3, 4),)
        assert round(song.tempos[0].bpm) == 90
        assert song.key == Key(3)
    assert len({midi.to_bytes(song) for song in made}) == 3


def test_the_same_seed_makes_the_same_files(musegen: Musegen, tiny_model: Path) -> None:
    words = ("--model", tiny_model, "--seed", "11", "-l", "2")
    for folder, count in (("a", 2), ("b", 2), ("c", 3), ("d", 2)):
        seed = ("--seed", "12") if folder == "d" else ()
        musegen("continue", EXAMPLES / "band.mid", *words, *seed, "-n", count, "-o", folder)
    assert files("a") == files("b")
    assert files("a").items() < files("c").items()
    assert not set(files("a").values()) & set(files("d").values())


@pytest.mark.parametrize("name", ["band", "beat", "jig", "melody", "piano", "waltz"])
def test_continue(musegen: Musegen, tiny_model: Path, name: str) -> None:
    before = (EXAMPLES / f"{name}.mid").read_bytes()
    source = midi.read(EXAMPLES / f"{name}.mid").song
    for extra, bars in (((), 3), (("--include-input",), 3 + bar_count(source))):
        words = ("--model", tiny_model, "-n", "1", "-l", "3", "--json", *extra)
        result = musegen("continue", EXAMPLES / f"{name}.mid", *words)
        assert result.code == 0
        (output,) = result.json["outputs"]
        song = midi.read(output["path"]).song
        assert bar_count(song) == output["bars"] == bars
        assert song.note_count == output["notes"]
        assert song.meters[-1].numerator == source.meters[-1].numerator
        assert song.tempos[0].microseconds == source.tempos[0].microseconds
    assert (EXAMPLES / f"{name}.mid").read_bytes() == before


def test_chosen_tracks(musegen: Musegen, tiny_model: Path) -> None:
    words = ("--model", tiny_model, "-n", "1", "--track", "bass", "--track", "4")
    assert musegen("continue", EXAMPLES / "band.mid", *words).code == 0
    made = midi.read("band_continue_01.mid").song
    assert {track.name for track in made.tracks} <= {"Bass", "Saxophone"}


def test_a_folder_is_a_batch_in_which_what_fails_is_told(
    musegen: Musegen, tiny_melody_model: Path
) -> None:
    words = ("--model", tiny_melody_model, "-n", "1", "-o", "out", "--json")
    result = musegen("continue", EXAMPLES, *words)
    failed = {Path(error["input"]).stem for error in result.json["errors"]}
    assert result.code == 1
    assert "beat" in failed  # a melody model plays no drums
    assert {Path(output["input"]).stem for output in result.json["outputs"]} == {
        "band",
        "beat",
        "jig",
        "melody",
        "piano",
        "waltz",
    } - failed
    assert len(files("out")) == 6 - len(failed)


def test_temperature_0_says_that_takes_are_alike(musegen: Musegen, tiny_model: Path) -> None:
    result = musegen("generate", "--model", tiny_model, "-n", "2", "-t", "0", "-l", "1")
    assert result.code == 0
    assert "at temperature 0 all variations are the same" in result.err


@pytest.mark.parametrize(
    "words",
    [("generate", "--instruments", "piano,bass"), ("continue", EXAMPLES / "band.mid")],
    ids=lambda words: words[0],
)
def test_what_is_asked_of_new_notes_holds(
    musegen: Musegen, tiny_controlled_model: Path, words: tuple[object, ...]
) -> None:
    asked = ("--scale", "C major pentatonic", "--chords", "Am, C", "--polyphony", 1)
    size = ("-n", 4, "-l", 4, "--seed", 2, "--density", 1, "-o", "out", "--metre", "4/4")
    assert musegen(*words, *asked, *size, "--model", tiny_controlled_model).code == 0
    on_beats = 0
    for path in Path("out").iterdir():
        song = midi.read(path).song
        for notes in (track.notes for track in song.tracks if not track.is_drum):
            assert {pitch % 12 for pitch in notes.pitch.tolist()} <= {0, 2, 4, 7, 9}
            assert (notes.start[1:] >= notes.end[:-1]).all()
            for start, pitch in zip(notes.start.tolist(), notes.pitch.tolist(), strict=True):
                bar, place = divmod(start, 4 * song.ticks_per_quarter)
                if place % song.ticks_per_quarter == 0:
                    on_beats += 1
                    assert pitch % 12 in ({0, 4, 9}, {0, 4, 7})[bar % 2]
    assert on_beats
