"""The inputs in `examples/midi/` are what their script writes, and sound music."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from musegen.midi import read
from musegen.song import SUSTAIN_PEDAL, Song
from musegen.time import bar_count

EXAMPLES = Path(__file__).parent.parent / "examples"
FILES = sorted((EXAMPLES / "midi").glob("*.mid"))


def song(name: str) -> Song:
    return read(EXAMPLES / "midi" / f"{name}.mid").song


def test_the_script_writes_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, EXAMPLES / "write_inputs.py", tmp_path], check=True)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {
        path.name: path.read_bytes() for path in FILES
    }


@pytest.mark.parametrize(
    ("name", "bars", "meter", "tracks"),
    [
        ("melody", 8, "4/4", ["Flute"]),
        ("piano", 8, "4/4", ["Piano"]),
        ("beat", 4, "4/4", ["Drums"]),
        ("band", 8, "4/4", ["Drums", "Bass", "Electric Piano", "Saxophone"]),
        ("waltz", 8, "3/4", ["Violin", "Piano"]),
        ("jig", 8, "6/8", ["Fiddle"]),
    ],
)
def test_a_piece_has_its_bars_metre_and_tracks(
    name: str, bars: int, meter: str, tracks: list[str]
) -> None:
    piece = song(name)
    assert bar_count(piece) == bars
    assert [str(m) for m in piece.meters] == [meter]
    assert [track.name for track in piece.tracks] == tracks
    assert max(int(track.notes.start.max()) for track in piece.tracks) >= piece.length * 0.8


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_piece_reads_clean_and_is_played_with_dynamics(path: Path) -> None:
    reading = read(path)
    assert (reading.repairs, reading.left_out) == ((), ())
    for track in reading.song.tracks:
        assert len(set(track.notes.velocity.tolist())) >= 3
        assert track.notes == track.notes.without_overlaps()


@pytest.mark.parametrize("name", ["melody", "jig"])
def test_a_tune_has_one_voice(name: str) -> None:
    notes = song(name).tracks[0].notes
    assert (notes.end[:-1] <= notes.start[1:]).all()


def test_the_tunes_stay_in_their_key_and_end_at_home() -> None:
    for name in ("melody", "waltz", "jig"):
        piece = song(name)
        assert piece.key is not None
        steps = {(int(p) - piece.key.tonic) % 12 for t in piece.tracks for p in t.notes.pitch}
        assert steps <= {0, 2, 4, 5, 7, 9, 11} | ({10} if name == "waltz" else set())
        assert piece.tracks[0].notes.pitch[-1] % 12 == piece.key.tonic


def test_the_piano_is_pedalled() -> None:
    controls = song("piano").tracks[0].controls
    assert set(controls.number.tolist()) == {SUSTAIN_PEDAL}
    assert controls.value[-1] == 0


def test_the_beat_has_ghost_notes_and_a_fill() -> None:
    notes = song("beat").tracks[0].notes
    assert ((notes.pitch == 38) & (notes.velocity < 40)).sum() >= 8
    assert set(notes.pitch[notes.start >= 3 * 1920 + 960].tolist()) >= {43, 45, 48}
