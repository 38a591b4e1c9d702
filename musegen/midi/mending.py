"""A broken MIDI file -> the same file made sound.

What the file holds stays in its track and at its time, lyrics and system exclusive too; what is
impossible is left out, and notes that do not end, or run into each other, are put right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from musegen import limits
from musegen.midi.chunks import Chunks, read_chunks
from musegen.midi.encoding import Event, file_of, meta, number, track_of
from musegen.midi.events import META, NOTE_OFF, NOTE_ON, PRESSURE, PROGRAM, BoolArray, Events, Other
from musegen.midi.meta import fault, read_meta
from musegen.midi.parts import Clock, Part, Settled, clock_of, frame_of, parts_of, settled
from musegen.midi.repairs import Repair, Repairs


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
    pieces = [chunks.one(track.number) for track in chunks.tracks] if kind == 2 else [chunks]
    bodies = [body for piece in pieces for body in _bodies(piece, repairs)]
    quarter, _ = clock_of(chunks.division, ())
    return file_of(kind, quarter, bodies), repairs.all()


def _bodies(piece: Chunks, repairs: Repairs) -> Iterator[bytes]:
    """The bytes of each track."""
    said = read_meta(piece.tracks, repairs)
    quarter, clock = clock_of(piece.division, said.tempos)
    frame = frame_of(quarter, clock, said)
    for track in piece.tracks:
        events, silenced = list[Event](), np.zeros(len(track.words), dtype=bool)
        for part in parts_of(track, repairs, Counter()):
            notes = settled(part, frame, clock, repairs)
            events += _notes(part, notes, clock)
            silenced |= _in_the_way(part, notes, clock)
        events += _rest(track, clock, ~silenced)
        end = max([int(clock(track.end)), *(tick for tick, _, _ in events)])
        yield track_of(events, end)


# At one tick events stay in the order of their bytes; what is new comes before them.


def _notes(part: Part, notes: Settled, clock: Clock) -> Iterator[Event]:
    """The note-ons of a part, and the note-offs, where they were or where they have to be."""
    track, off = part.track, notes.played.off
    is_where_it_was = (off >= 0) & ~track.is_silencing[off] & (clock(track.tick[off]) == notes.end)
    rows = (
        *(notes.start, notes.end, notes.pitch, notes.velocity, is_where_it_was),
        *(track.bytes[notes.played.on], track.bytes[off], track.words[off]),
    )
    for start, end, pitch, velocity, is_old, on_byte, off_byte, word in zip(
        *(row.tolist() for row in rows), strict=True
    ):
        yield start, on_byte, bytes((NOTE_ON << 4 | part.channel, pitch, velocity))
        if is_old:
            yield end, off_byte, _channel_event(word)
        else:
            yield end, -1, bytes((NOTE_OFF << 4 | part.channel, pitch, 64))


def _in_the_way(part: Part, notes: Settled, clock: Clock) -> BoolArray:
    """Which events of the track silence its channel before a note of the part ends.

    They do what the note-offs do now, or end a drum hit that has been made longer.
    """
    track = part.track
    places = np.flatnonzero(track.is_silencing & (track.channel == part.channel))
    order = np.argsort(notes.played.on)
    longest = np.append(np.maximum.accumulate(notes.end[order]), -1)  # and none before the first
    before = np.searchsorted(notes.played.on[order], places) - 1
    found = np.zeros(len(track.words), dtype=bool)
    found[places[longest[before] > clock(track.tick[places])]] = True
    found[notes.played.off[notes.played.off >= 0]] = True
    return found


def _rest(track: Events, clock: Clock, kept: BoolArray) -> list[Event]:
    """All events but notes, those that can be; of those of channels only what is `kept`."""
    others = [o for o in track.others if o.status != META or not fault(o)]
    ticks = clock(np.array([other.tick for other in others], dtype=np.int64)).tolist()
    events = [(tick, o.byte, _other(o)) for tick, o in zip(ticks, others, strict=True)]
    chosen = kept & (track.kind > NOTE_ON)
    rows = (clock(track.tick[chosen]), track.bytes[chosen], track.words[chosen])
    for tick, byte, word in zip(*(row.tolist() for row in rows), strict=True):
        events.append((tick, byte, _channel_event(word)))
    return events


def _channel_event(word: int) -> bytes:
    event = bytes((word >> 16 & 255, word >> 8 & 127, word & 127))
    return event[:2] if event[0] >> 4 in (PROGRAM, PRESSURE) else event


def _other(event: Other) -> bytes:
    if event.status == META:
        return meta(event.kind, event.data)
    return bytes((event.status,)) + number(len(event.data)) + event.data
