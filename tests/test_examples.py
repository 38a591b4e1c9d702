"""Every script in `examples/` runs, and what it writes is what it promises.

They run on the shipped models; where weights are missing, on tiny ones with random weights.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from musegen import midi, models, weights
from musegen.song import Song
from musegen.time import bar_count

EXAMPLES = Path(__file__).parent.parent / "examples"


def run(script: str, *arguments: str | Path) -> list[str]:
    """The lines that a script prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / script, *arguments],
        check=False,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONUTF8": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def model(shipped: str, tiny: Path) -> list[str]:
    """The arguments that choose a model: none where the shipped one is whole."""
    is_whole = (models.shelf() / shipped / weights.WEIGHTS).is_file()
    return [] if is_whole else ["--model", str(tiny)]


def songs(folder: Path) -> dict[str, Song]:
    readings = {path.stem: midi.read(path) for path in sorted(folder.iterdir())}
    assert not any(reading.repairs for reading in readings.values())
    return {name: reading.song for name, reading in readings.items()}


def rows(song: Song) -> list[list[int]]:
    return [row for track in song.tracks for row in track.notes.table().tolist()]


def test_continue_melody(tmp_path: Path, tiny_melody_model: Path) -> None:
    lines = run("continue_melody.py", tmp_path, *model("melody-lstm", tiny_melody_model))
    assert len(lines) == 5
    written = songs(tmp_path)
    whole = written.pop("melody_whole")
    assert list(written) == [f"melody_continue_{n:02}" for n in (1, 2, 3, 4)]
    assert [bar_count(take) for take in written.values()] == [4] * 4
    assert bar_count(whole) == 8 + 4
    tail = whole.between(whole.length - 4 * 1920, whole.length)
    assert rows(tail) == rows(written["melody_continue_01"])


def test_generate_band(tmp_path: Path, tiny_model: Path) -> None:
    lines = run("generate_band.py", tmp_path, *model("multitrack-transformer", tiny_model))
    assert len(lines) == 2
    written = songs(tmp_path)
    assert list(written) == ["band_01", "band_01_drums", "band_02", "band_02_drums"]
    for name, song in written.items():
        assert bar_count(song) == 4
        assert round(song.tempos[0].bpm) == 112
        assert all(track.is_drum for track in song.tracks) or not name.endswith("drums")


def is_filled(row: list[int]) -> bool:
    return 4 * 1920 <= row[0] < 6 * 1920


def test_fill_a_band(tmp_path: Path, tiny_controlled_model: Path) -> None:
    lines = run("fill_a_band.py", tmp_path, *model("multitrack-transformer", tiny_controlled_model))
    assert len(lines) == 5
    written = songs(tmp_path)
    whole = written.pop("band_with_flute")
    band = midi.read(EXAMPLES / "midi" / "band.mid").song
    assert [rows(replace(whole, tracks=(t,))) for t in whole.tracks[:-1]] == [
        rows(replace(band, tracks=(t,))) for t in band.tracks
    ]
    assert whole.tracks[-1].program == 73
    assert list(written) == [f"band_bass_{n:02}" for n in (1, 2, 3, 4)]
    (bass,) = (number for number, track in enumerate(band.tracks) if track.name == "Bass")
    for song in written.values():
        for number, (own, old) in enumerate(zip(song.tracks, band.tracks, strict=True)):
            before, after = (
                [row for row in t.notes.table().tolist() if number != bass or not is_filled(row)]
                for t in (old, own)
            )
            assert before == after


def test_drums_for_a_tune(tmp_path: Path) -> None:
    lines = run("drums_for_a_tune.py", tmp_path)
    assert len(lines) == 4
    written = songs(tmp_path)
    whole = written.pop("melody_with_drums")
    assert [track.is_drum for track in whole.tracks] == [False, True]
    assert bar_count(whole) == 8
    (beat,) = midi.read(EXAMPLES / "midi" / "beat.mid").song.tracks
    for song in written.values():
        assert sorted(song.tracks[0].notes.pitch) == sorted(beat.notes.pitch)
    assert sorted(written["beat_jazz"].tracks[0].notes.velocity) == sorted(beat.notes.velocity)


def test_from_clip_to_clip(tmp_path: Path) -> None:
    lines = run("from_clip_to_clip.py", tmp_path)
    assert len(lines) == 8
    written = songs(tmp_path)
    whole = written.pop("drums_whole")
    steps = [written[f"drums_{number}"] for number in range(1, 6)]
    assert [bar_count(song) for song in steps] == [4] * 5
    assert bar_count(whole) == 20
    assert len(whole.markers) == 5
    bpms = [song.tempos[0].bpm for song in steps]
    assert bpms == sorted(bpms)
    first, _ = (midi.read(EXAMPLES / "midi" / f"{name}.mid").song for name in ("beat", "band"))
    assert rows(steps[0]) == rows(first)
    assert written["melody_calmer"].note_count < written["melody_busier"].note_count


def test_inspect_song(tmp_path: Path) -> None:
    lines = run("inspect_song.py", tmp_path)
    assert lines[0] == "Band: 8 bars, 243 notes"
    with (tmp_path / "band.csv").open(encoding="utf-8", newline="") as file:
        notes = list(csv.DictReader(file))
    assert len(notes) == 243
    assert {note["track"] for note in notes} == {"Drums", "Bass", "Electric Piano", "Saxophone"}
