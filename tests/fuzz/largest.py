"""The largest files that are read, or refused by a limit's name: how long it takes, in what memory.

    python tests/fuzz/largest.py [--most-mib 600]

Each is read by a process of its own, whose peak of memory counts, Python and NumPy included. The
exit code is 1 where one takes more than `--most-mib`, or ends in anything but a song or a limit.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import struct
import sys
import time
from collections.abc import Callable

from musegen import midi
from musegen.errors import LimitError

END = b"\x00\xff\x2f\x00"
MOST = (16 << 20) - 64


def file_of(*tracks: bytes) -> bytes:
    header = struct.pack(">4sLHHH", b"MThd", 6, 1, len(tracks), 480)
    return header + b"".join(struct.pack(">4sL", b"MTrk", len(t)) + t for t in tracks)


def full(event: bytes, status: bytes = b"") -> bytes:
    """As many of an event as 16 MiB hold."""
    return file_of(status + event * ((MOST - len(status)) // len(event)) + END)


def notes(count: int) -> bytes:
    """Notes of 16 ticks, each at another of 88 pitches, with running status."""
    rng = random.Random(1)
    pitches = (bytes((rng.randrange(21, 109),)) for _ in range(count))
    return file_of(
        b"\x00\x90\x3c\x00" + b"".join(b"\x00%b\x50\x10%b\x00" % (p, p) for p in pitches) + END
    )


FILES: dict[str, Callable[[], bytes]] = {
    "a million notes": lambda: notes(1_000_000),
    "a note more": lambda: notes(1_000_001),
    "a million of one pitch at once": lambda: file_of(
        b"\x00\x90\x3c\x40" + b"\x01\x3c\x40" * 999_999 + b"\x01\x3c\x00" * 1_000_000 + END
    ),
    "3 million controllers": lambda: file_of(
        b"\x00\xb0\x07\x40" + b"\x01\x07\x41\x00\x0a\x20" * 1_499_999 + END
    ),
    "controllers, 16 MiB": lambda: full(b"\x00\x07\x40", b"\x00\xb0\x07\x40"),
    "timing clocks, 16 MiB": lambda: full(b"\x00\xf8"),
    "zeros, 16 MiB": lambda: full(b"\x00"),
    "one time of 16 MiB": lambda: full(b"\xff"),
    "texts, 16 MiB": lambda: full(b"\x00\xff\x01\x00"),
    "markers of ../, 16 MiB": lambda: full(b"\x00\xff\x06\x88\x00" + b"." * 682 + b"/" * 342),
    "199,998 tempos": lambda: file_of(
        b"\x01\xff\x51\x03\x07\xa1\x20\x01\xff\x51\x03\x07\xa1\x21" * 99_999 + END
    ),
    "98,000 metres and a note": lambda: file_of(
        b"\x01\xff\x58\x04\x04\x02\x18\x08\x01\xff\x58\x04\x03\x02\x18\x08" * 49_000
        + b"\x00\x90\x40\x40\x60\x40\x00"
        + END
    ),
    "1,024 tracks of one channel": lambda: file_of(
        *[b"\x00\x90\x40\x40\x60\x40\x00" + b"\x01\xc0\x05" * 2_900 + END] * 1_024
    ),
    "tracks, 16 MiB": lambda: full(b"MTrk\x00\xff\xff\xff" + END),
    "chunks, 16 MiB": lambda: full(END + b"abcd\x00\x00\x00\x00"),
}


def measured(name: str) -> tuple[float, float, str]:
    """Seconds, the peak in MiB, and how it ended."""
    data = FILES[name]()
    began = time.process_time()
    try:
        reading = midi.parse(data, name)
    except LimitError as error:
        end = str(error).partition(": ")[2]
    else:
        end = f"{reading.song.note_count:,} notes, {len(reading.repairs)} kinds of repair"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return time.process_time() - began, peak, end


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--most-mib", type=float, default=600)
    most = parser.parse_args().most_mib
    worst = 0.0
    for name in FILES:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, peak, end = pool.apply(measured, (name,))
        worst = max(worst, peak)
        print(f"{name:32} {seconds:5.1f} s {peak:5.0f} MiB  {end[:90]}", flush=True)
    return int(worst > most)


if __name__ == "__main__":
    sys.exit(main())
