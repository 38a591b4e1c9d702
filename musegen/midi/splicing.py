"""The bytes of a sound file with some of its events, or tracks, exchanged.

All else keeps its bytes, which are not ours to tidy. What the events mean is not known here; the
format is that of the Standard MIDI Files 1.0 specification (RP-001).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from musegen.midi.encoding import Event, meta, number
from musegen.midi.events import META, PRESSURE, PROGRAM, BoolArray, Events
from musegen.midi.meta import TEXT

_LONGEST = 0x0FFFFFFF  # the largest number that four bytes can say


@dataclass(frozen=True)
class _Old:
    """An event of the track, as places in the file."""

    tick: int
    status: int
    """That it has or, by running status, leaves out; 0 for an event of no channel."""
    begin: int
    body: int
    """Where it goes on behind its time."""
    end: int


def spliced(data: bytes, track: Events, gone: BoolArray, new: Iterable[Event]) -> bytes:
    """The body of a track, without the events of channels that are `gone` and with the `new` ones.

    `track` was read from byte `start` of `data` on, with nothing in it to mend. At its tick a new
    event of a negative order comes before the track's own events, any other behind them; new ones
    of equal order stay in theirs. End-of-Track stays where it is, unless a new event is later.
    """
    start, _ = _spans(data)[track.number - 1]
    olds = list(_olds(data, start, track, gone))
    events: list[tuple[int, int, _Old | bytes]] = [(old.tick, 0, old) for old in olds[:-1]]
    events += new
    events.sort(key=lambda event: event[:2])
    end = max([olds[-1].tick, *(tick for tick, _, _ in events[-1:])])
    return _encoded(data, start, [*((tick, event) for tick, _, event in events), (end, olds[-1])])


def _encoded(data: bytes, start: int, events: Iterable[tuple[int, _Old | bytes]]) -> bytes:
    """Events with their ticks, in order, as the body of a track that begins at byte `start` now.

    The time of an old one is written anew only where another event stands before it, and a status
    that it left out is put in only where another one runs there.
    """
    body = bytearray()
    now = 0
    running = latest = 0  # the status that may be left out; that of the last event of a channel
    behind = start  # where the file went on after the event that was put down last
    for tick, event in events:
        follows = isinstance(event, _Old) and event.begin == behind
        if isinstance(event, _Old) and follows:
            body += data[event.begin : event.body]
        else:
            while tick - now > _LONGEST:  # a text of no letters on the way
                body += number(_LONGEST) + meta(TEXT, b"")
                now, running = now + _LONGEST, 0
            body += number(tick - now)
        now = tick
        if isinstance(event, _Old):
            status, behind = event.status, event.end
            # Some files let a status run on across events of no channel.
            in_effect = latest if follows else running
            if status != in_effect and data[event.body] < 128:
                body.append(status)
            body += data[event.body : event.end]
        else:
            status, behind = event[0], -1
            body += event[status == running :]
        running, latest = status, status or latest
    return bytes(body)


def _olds(data: bytes, start: int, track: Events, gone: BoolArray) -> Iterator[_Old]:
    """The events of a track that stay, in the order of the file; the last is End-of-Track."""
    status = track.words >> 16 & 255
    size = np.where(np.isin(track.kind, (PROGRAM, PRESSURE)), 1, 2)
    columns = (track.bytes, track.tick, status, size, gone)
    events = list(zip(*(column.tolist() for column in columns), strict=True))
    events += ((other.byte, other.tick, 0, len(other.data), False) for other in track.others)
    end = start
    for begin, tick, running, length, is_gone in sorted(events):
        body = _behind_number(data, begin)
        if running:
            end = body + (data[body] > 127) + length
        else:
            end = _behind_number(data, body + (2 if data[body] == META else 1)) + length
        if not is_gone:
            yield _Old(tick, running, begin, body, end)
    yield _Old(track.end, 0, end, _behind_number(data, end), track.stop)


def _behind_number(data: bytes, at: int) -> int:
    """The byte behind the number of variable length that begins at byte `at`."""
    while data[at] > 127:
        at += 1
    return at + 1


def bodies_of(data: bytes) -> list[bytes]:
    """The body of each track of a file."""
    return [data[start:end] for start, end in _spans(data)]


def with_bodies(data: bytes, bodies: Mapping[int, bytes]) -> bytes:
    """The file with other bodies for some of its tracks, by their numbers from 1."""
    pieces, at = list[bytes](), 0
    for track, (start, end) in enumerate(_spans(data), 1):
        if track in bodies:
            pieces += (data[at : start - 4], struct.pack(">L", len(bodies[track])), bodies[track])
            at = end
    return b"".join((*pieces, data[at:]))


def with_more(data: bytes, bodies: Sequence[bytes]) -> bytes:
    """The file with more tracks at its end, of type 1 then."""
    if not bodies:
        return data
    chunks = (struct.pack(">4sL", b"MTrk", len(body)) + body for body in bodies)
    counts = struct.pack(">HH", 1, len(_spans(data)) + len(bodies))
    return b"".join((data[:8], counts, data[12:], *chunks))


def _spans(data: bytes) -> list[tuple[int, int]]:
    """Where the body of each track begins and ends."""
    found = []
    at = 8 + int.from_bytes(data[4:8], "big")
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MTrk":
            found.append((at + 8, end))
        at = end
    return found
