"""A broken MIDI file -> the same file made sound.

What the file holds stays in its track and at its time, lyrics and system exclusive too; what is
impossible is left out, and notes that do not end, or run into each other, are put right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from musegen import limits
from musegen.midi.chunks import Chunks, read_chunks
from musegen.midi.encoding import Event, file_of, meta, number, track_of
from musegen.midi.events import META, NOTE_ON, PRESSURE, PROGRAM, Events, Other
from musegen.midi.meta import fault, read_meta
from musegen.midi.parts import Clock, clock_of, frame_of, notes_of, parts_of
from musegen.midi.repairs import Repair, Repairs
from musegen.midi.writing import note_events


def mended(data: bytes, name: str = "input") -> tuple[bytes, tuple[Repair, ...]]:
    """The bytes of a sound file of the same music, and what was wrong with the one given.

    Both read as the same song. SMPTE time becomes 480 ticks a quarter. Raises UnreadableError or
    LimitError as reading does; `name` is what messages call the file.
    """
    limits.MIDI_MIB.check(len(data) / 2**20, name)
    repairs = Repairs()
    chunks = read_chunks(data, name, repairs)
    is_one_track = chunks.format == 0 and len(chunks.tracks) == 1
    kind = 0 if is_one_track else 2 if chunks.format == 2 else 1
    # The sequences of a type 2 file have a tempo and a metre each.
    pieces = [replace(chunks, tracks=[t]) for t in chunks.tracks] if kind == 2 else [chunks]
    bodies = [body for piece in pieces for body in _bodies(piece, repairs)]
    quarter, _ = clock_of(chunks.division, ())
    return file_of(kind, quarter, bodies), repairs.all()


def _bodies(piece: Chunks, repairs: Repairs) -> Iterator[bytes]:
    """The bytes of each track."""
    said = read_meta(piece.tracks, repairs)
    quarter, clock = clock_of(piece.division, said.tempos)
    frame = frame_of(quarter, clock, said)
    for track in piece.tracks:
        events = _rest(track, clock)
        for part in parts_of(track, repairs, Counter()):
            if len(part.notes.start):
                events += note_events(notes_of(part, frame, clock, repairs), part.channel)
        end = max([int(clock(track.end)), *(tick for tick, _, _ in events)])
        yield track_of(events, end)


def _rest(track: Events, clock: Clock) -> list[Event]:
    """All events but notes, in order, those that can be."""
    found = [
        (other.byte, other.tick, _other(other))
        for other in track.others
        if other.status != META or not fault(other)
    ]
    chosen = track.kind > NOTE_ON
    rows = (track.bytes[chosen], track.tick[chosen], track.words[chosen])
    for byte, tick, word in zip(*(row.tolist() for row in rows), strict=True):
        event = bytes((word >> 16 & 255, word >> 8 & 127, word & 127))
        is_short = event[0] >> 4 in (PROGRAM, PRESSURE)
        found.append((byte, tick, event[:2] if is_short else event))
    found.sort(key=lambda event: event[0])
    ticks = clock([tick for _, tick, _ in found]).tolist()
    return [(tick, 1, event) for tick, (_, _, event) in zip(ticks, found, strict=True)]


def _other(event: Other) -> bytes:
    if event.status == META:
        return meta(event.kind, event.data)
    return bytes((event.status,)) + number(len(event.data)) + event.data
