"""Events -> the bytes of a MIDI file. What the events mean is not known here.

The format is that of the Standard MIDI Files 1.0 specification (RP-001).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

Event = tuple[int, int, bytes]
"""A tick, a number that the events of one tick are ordered by, and the bytes without the time."""

_TEXT, _END = 0x01, 0x2F
_LONGEST = 0x0FFFFFFF
"""The largest number that four bytes can say."""


def file_of(kind: int, ticks_per_quarter: int, tracks: Iterable[bytes]) -> bytes:
    """A file of that type, 0 to 2, and the bodies of its tracks."""
    bodies = list(tracks)
    file = [struct.pack(">4sLHHH", b"MThd", 6, kind, len(bodies), ticks_per_quarter)]
    file += (struct.pack(">4sL", b"MTrk", len(body)) + body for body in bodies)
    return b"".join(file)


def track_of(events: Iterable[Event], end: int) -> bytes:
    """The body of a track that ends at tick `end`, after the last of its events.

    What is equal in both stays in its order. A status that is the one before is left out.
    """
    body = bytearray()
    now = status = 0
    for tick, _, event in (*sorted(events, key=lambda event: event[:2]), (end, 0, meta(_END, b""))):
        while tick - now > _LONGEST:  # a text of no letters on the way
            body += number(_LONGEST) + meta(_TEXT, b"")
            now, status = now + _LONGEST, 0
        body += number(tick - now)
        now = tick
        body += event[event[0] == status :]
        status = event[0] if event[0] < 0xF0 else 0
    return bytes(body)


def meta(kind: int, data: bytes) -> bytes:
    """A meta event."""
    return bytes((0xFF, kind)) + number(len(data)) + data


def number(value: int) -> bytes:
    """A number of variable length, seven bits a byte."""
    if value < 128:
        return bytes((value,))
    found = [value & 127]
    while value := value >> 7:
        found.append(value & 127 | 128)
    return bytes(reversed(found))
