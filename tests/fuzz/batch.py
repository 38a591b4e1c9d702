"""One batch of many small files, some of them broken beyond reading.

    python tests/fuzz/batch.py [--files 1000] [--broken 50] [--verb groove]

Every good file has its output, every broken one its error, no input is changed, and the exit code
is 1. Prints what was found; the exit code is 1 where anything else was.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from musegen import midi
from musegen.song import Notes, Song, Tempo, Track

VERBS = {
    "groove": ("groove",),
    "continue": ("continue", "--model", "melody-lstm", "-l", "1"),
}
WHOLE = midi.to_bytes(Song((Track(Notes.of([(0, 480, 60, 80)])),), 1920))
BROKEN = (
    b"",
    b"just some words",
    b"<!DOCTYPE html><html></html>",
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    gzip.compress(WHOLE, mtime=0),
    WHOLE[:10],
)


def song(seed: int) -> Song:
    """Two bars of drums under a tune that no other seed has."""
    rng = np.random.default_rng(seed)
    tune = [(tick, 240, int(rng.integers(55, 80)), 80) for tick in range(0, 3840, 240)]
    drums = [
        (tick, 60, pitch, int(rng.integers(60, 120)))
        for tick in range(0, 3840, 240)
        for pitch in (42, 36 if tick % 960 == 0 else 38)
        if pitch == 42 or tick % 480 == 0
    ]
    tracks = (Track(Notes.of(tune), 0, name="Tune"), Track(Notes.of(drums), is_drum=True))
    return Song(tracks, 3840, tempos=(Tempo.from_bpm(80 + seed % 80),))


def make(folder: Path, files: int, broken: int) -> set[str]:
    """An album; returns the names of its broken files, which lie evenly among the others."""
    folder.mkdir()
    bad = {f"{k * files // broken:05}.mid": BROKEN[k % len(BROKEN)] for k in range(broken)}
    for n in range(files):
        name = f"{n:05}.mid"
        (folder / name).write_bytes(bad[name] if name in bad else midi.to_bytes(song(n)))
    return set(bad)


def hashes(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def violations(
    done: subprocess.CompletedProcess[str], place: Path, good: set[str], bad: set[str]
) -> Iterator[str]:
    if done.returncode != 1:
        yield f"exit code {done.returncode}"
    if "Traceback" in done.stderr:
        yield "a traceback"
    report = json.loads(done.stdout)
    outputs = {Path(entry["path"]).name: entry["sha256"] for entry in report["outputs"]}
    if outputs != hashes(place / "out"):
        yield "the report and the folder differ"
    if {Path(entry["input"]).name for entry in report["outputs"]} != good:
        yield "a good file without its output, or with more"
    if len(outputs) != len(good):
        yield f"{len(outputs)} outputs"
    errors = {Path(entry["input"]).name: entry for entry in report["errors"]}
    if errors.keys() != bad or len(report["errors"]) != len(bad):
        yield f"{len(report['errors'])} errors, not those of the broken files"
    for name, entry in errors.items():
        if entry["code"] != 3 or not entry["message"].startswith(f"in/{name}: "):
            yield f"an error that is not the file's: {entry}"
    for name in outputs:
        if midi.read(place / "out" / name).repairs:
            yield f"{name} has to be mended"


def main() -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--files", type=int, default=1000)
    options.add_argument("--broken", type=int, default=50)
    options.add_argument("--verb", choices=VERBS, default="groove")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="musegen-batch-") as folder:
        place = Path(folder)
        bad = make(place / "in", asked.files, asked.broken)
        before = hashes(place / "in")
        words = ("in", "-n", "1", "--seed", "7", "-o", "out", "--json", "--quiet")
        command = [sys.executable, "-m", "musegen", *VERBS[asked.verb], *words]
        began = time.monotonic()
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - began
        found = list(violations(done, place, before.keys() - bad, bad))
        if hashes(place / "in") != before:
            found.append("an input was changed")
        if {path.name for path in place.iterdir()} != {"in", "out"}:
            found.append("something outside the output folder")
        distinct = len(set(before.values()))
        print(f"musegen {' '.join(VERBS[asked.verb])}: {seconds:.1f} s, exit {done.returncode}")
        print(f"{asked.files} files in, {asked.broken} broken, {distinct} distinct")
        print(f"{len(list((place / 'out').iterdir()))} files out")
        print(f"{done.stderr.count('error: ')} errors told")
    for line in found:
        print(f"VIOLATION: {line}")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
