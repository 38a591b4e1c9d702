"""Reading MIDI files: processor time per megabyte, mido's beside ours.

    python tests/benchmarks/parsing.py FOLDER [--files 200]

Takes files at random out of a folder, those within folders and zip archives too, and leaves out
what mido cannot read.
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

from musegen import midi
from musegen.errors import MusegenError


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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=200)
    arguments = parser.parse_args()
    files = list(found(arguments.folder))
    chosen = random.Random(1).sample(files, min(arguments.files, len(files)))
    spent = {"mido": 0.0, "musegen": 0.0}
    count = size = 0
    for place in chosen:
        data = data_of(*place)
        marks = [time.process_time()]
        try:
            mido.MidiFile(file=io.BytesIO(data))
            marks.append(time.process_time())
            midi.parse(data)
            marks.append(time.process_time())
        except (MusegenError, OSError, EOFError, ValueError, LookupError):
            continue
        spent["mido"] += marks[1] - marks[0]
        spent["musegen"] += marks[2] - marks[1]
        count, size = count + 1, size + len(data)
    for name, seconds in spent.items():
        print(f"{name:8} {seconds / size * 1e6:.2f} s/MB over {count:,} files, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
