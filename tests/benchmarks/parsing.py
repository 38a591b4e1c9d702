"""Reading and writing MIDI files: processor time beside mido's.

    python tests/benchmarks/parsing.py [FOLDER] [--files 200]

Takes files at random out of a folder, those within folders and zip archives too, and leaves out
what mido cannot read. Without a folder, files of 3,000 notes in three tracks are made here, and
what a thousand of them take is told, read and written again.
"""

from __future__ import annotations

import argparse
import io
import random
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import mido
import numpy as np
from timing import Goal, show

from musegen import midi
from musegen.errors import MusegenError
from musegen.song import Notes, Song, Tempo, Track

NOTES, TRACKS = 3000, 3


def found(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files, and members of archives."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
            yield from ((path, name) for name in names if name.lower().endswith((".mid", ".midi")))
        elif path.suffix.lower() in (".mid", ".midi"):
            yield path, ""


def data_of(path: Path, name: str) -> bytes:
    if not name:
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(name)


def chosen(folder: Path, files: int) -> Iterator[bytes]:
    there = list(found(folder))
    for place in random.Random(1).sample(there, min(files, len(there))):
        yield data_of(*place)


def made(files: int) -> Iterator[bytes]:
    """Chords, melodies and drums at random places of a clock of 480."""
    for seed in range(files):
        rng = np.random.default_rng(seed)
        tracks = []
        for number in range(TRACKS):
            start = np.sort(rng.integers(0, 480 * 600, NOTES // TRACKS))
            duration, pitch, velocity = (
                rng.integers(low, high, len(start)) for low, high in ((20, 900), (36, 96), (1, 128))
            )
            # Those of one pitch that overlap are cut, not lost.
            notes = Notes.of(zip(start, duration, pitch, velocity, strict=True))
            tracks.append(Track(notes.without_overlaps(), 10 * number, name=f"Track {number}"))
        yield midi.to_bytes(Song(tuple(tracks), 480 * 600, tempos=(Tempo.from_bpm(100),)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--files", type=int)
    arguments = parser.parse_args()
    folder, wanted = arguments.folder, arguments.files
    files = made(wanted or 20) if folder is None else chosen(folder, wanted or 200)
    spent = {"mido reads": 0.0, "mido writes": 0.0, "musegen reads": 0.0, "musegen writes": 0.0}
    count = size = 0
    for data in files:
        marks = [time.process_time()]
        try:
            theirs = mido.MidiFile(file=io.BytesIO(data))
            marks.append(time.process_time())
            theirs.save(file=io.BytesIO())
            marks.append(time.process_time())
            song = midi.parse(data).song
            marks.append(time.process_time())
            midi.to_bytes(song)
            marks.append(time.process_time())
        except (MusegenError, OSError, EOFError, ValueError, LookupError):
            continue
        for name, seconds in zip(spent, np.diff(marks).tolist(), strict=True):
            spent[name] += seconds
        count, size = count + 1, size + len(data)
    print(f"{count:,} files, {size / 1e6:.1f} MB")
    for name, seconds in spent.items():
        each = f"{1e3 * seconds / count:8.2f} ms a file"
        print(f"{name:<16}{seconds / size * 1e6:8.2f} s/MB{each}")
    theirs_in_all = spent["mido reads"] + spent["mido writes"]
    ours_in_all = spent["musegen reads"] + spent["musegen writes"]
    per_thousand = f"{ours_in_all / count * 1000:.1f} s, mido {theirs_in_all / count * 1000:.1f} s"
    print(f"1,000 files read and written: {per_thousand}")
    if folder is None:
        show([Goal("files read and written, by mido", ours_in_all / theirs_in_all, 0.5)])


if __name__ == "__main__":
    main()
