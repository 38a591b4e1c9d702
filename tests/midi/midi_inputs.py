"""Files for the MIDI reader, sound and broken; ways to break them; and what must hold of all."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

from broken_files import CASES
from midi_files import bytes_of

from musegen.errors import MusegenError
from musegen.midi import parse, sound_bytes

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "midi"
# What files of music are full of, and numbers at the edges of what can be written.
WORDS = """
    4d546864 4d54726b 00ff2f00 00ff5103 00ff5804 00ff5902 00ff2101 00f0 00f7 00903c40 00803c40
    00b07b00 00c000 00e00040 ffffff7f 818080 8080808000 7fffffff 00000000 ffff e728 0000
"""


def seeds() -> Iterator[bytes]:
    """Every case of the table of broken files, and our own examples."""
    for text, _, _ in CASES.values():
        yield bytes_of(text)
    for path in sorted(EXAMPLES.iterdir()):
        yield path.read_bytes()


def bent(data: bytes, rng: random.Random) -> bytes:
    """The bytes after one to four changes: flipped, cut, spliced, doubled, or made longer."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, other = sorted((rng.randint(0, len(found)), rng.randint(0, len(found))))
        part = found[at : min(other, at + 64)]
        change = rng.randrange(7)
        if change == 0 and found:
            found[at % len(found)] ^= 1 << rng.randrange(8)
        elif change == 1 and found:
            found[at % len(found)] = rng.choice((0, 1, 0x7F, 0x80, 0xF0, 0xFF, rng.randrange(256)))
        elif change == 2:
            del found[at : at + rng.choice((1, 2, 4, len(part), len(found)))]
        elif change == 3:
            found[at:at] = part * rng.choice((1, 2, 50))
        elif change == 4:
            word = bytes.fromhex(rng.choice(WORDS.split()))
            found[at : at + len(word) * rng.randrange(2)] = word
        elif change == 5:
            found[other:other] = part
        else:
            found[at : at + 4] = rng.randrange(1 << 32).to_bytes(4, "big")
    return bytes(found)


def check(data: bytes) -> None:
    """What must hold of any bytes: they are read, or refused by one of our errors.

    What was read can be written, and is the same music when it is read again.
    """
    try:
        song = parse(data, "x.mid").song
    except MusegenError:
        return
    if zlib.crc32(data) % 8 == 0 and song.note_count < 2000:  # writing takes longer than reading
        sound_bytes(song, "x.mid")
