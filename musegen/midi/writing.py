"""`Song` -> a MIDI file.

Writing obeys a few strict rules (see `to_bytes`), so that a file drops into any sequencer with its
exact length.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from musegen.errors import OutputError
from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.channels import assigned, merged
from musegen.midi.encoding import Event, file_of, meta, track_of
from musegen.midi.events import BEND, CONTROL, LATEST, NOTE_OFF, NOTE_ON, PRESSURE, PROGRAM
from musegen.midi.meta import KEY, MARKER, METER, TEMPO, TEXT, TRACK_NAME
from musegen.midi.reading import parse
from musegen.midi.text import printable
from musegen.publishing import publish
from musegen.song import (
    CHANNEL_PRESSURE,
    PITCH_BEND,
    SUSTAIN_PEDAL,
    Controls,
    Key,
    Meter,
    Notes,
    Song,
    Tempo,
    apart,
)
from musegen.time import bar_line_from


def to_bytes(song: Song, *, recipe: str | None = None, program_changes: bool = True) -> bytes:
    """The song as a MIDI file: the same song, the same bytes.

    Type 1. Track 0 conducts (name, `recipe`, tempo, metre, key, markers); then one track and one
    channel per instrument, drums on channel 10. Every track ends at `song.length`, where ringing
    notes, a held pedal and a pitch bend end too. At one tick note-offs come first, then controls
    and program, then note-ons; no pitch sounds twice at once on a channel. Beyond fifteen melodic
    tracks some share a channel, and the first of them has its controls; `shared_programs` says
    which play with another program. OutputError where MIDI cannot say what the song has.
    """
    _check(song)
    tracks = [track_of(_conductor(song, recipe), song.length)]
    homes = assigned(song.tracks)
    channels = [channel for channel, _ in homes]
    for i, (track, notes) in enumerate(zip(song.tracks, _apart(song, channels), strict=True)):
        channel, program = homes[i]
        events = _name_event(track.name)
        if channel not in channels[:i]:
            sharers = zip(song.tracks, channels, strict=True)
            controls = merged(t.controls for t, c in sharers if c == channel)
            events += _control_events(controls, channel, song.length)
        if program_changes and (program or channel != DRUM_CHANNEL):
            events.append((0, 1, bytes((PROGRAM << 4 | channel, program))))
        tracks.append(track_of(events + _note_events(notes, channel), song.length))
    return file_of(1, song.ticks_per_quarter, tracks)


def _note_events(notes: Notes, channel: int) -> list[Event]:
    """The note-ons and note-offs of notes that MIDI can say."""
    on, off = NOTE_ON << 4 | channel, NOTE_OFF << 4 | channel
    events: list[Event] = []
    for start, duration, pitch, velocity in notes.table().tolist():
        events.append((start, 2, bytes((on, pitch, velocity))))
        events.append((start + duration, 0, bytes((off, pitch, 64))))
    return events


def write(
    song: Song,
    path: str | Path,
    *,
    recipe: str | None = None,
    program_changes: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write `to_bytes` to `path` in one step, once it reads back as the song: see `publish`.

    ExistsError where `path` exists, unless `overwrite`; OutputError where it cannot be written.
    """
    path = Path(path)
    data = sound_bytes(song, str(path), recipe=recipe, program_changes=program_changes)
    publish(path, data, overwrite=overwrite)
    return path


def sound_bytes(
    song: Song, name: str, *, recipe: str | None = None, program_changes: bool = True
) -> bytes:
    """`to_bytes`, read back: OutputError where that is not the song, cleanly.

    `name` is what messages call the file.
    """
    data = to_bytes(song, recipe=recipe, program_changes=program_changes)
    if fault := _fault(data, song, name):
        raise OutputError(f"{name}: would not read back cleanly ({fault}); please report this")
    return data


def _fault(data: bytes, song: Song, name: str) -> str:
    """What keeps a reader from finding the song in its file; "" where nothing does."""
    reading = parse(data, name)
    back = reading.song
    channels = [channel for channel, _ in assigned(song.tracks)]
    written = [notes for notes in _apart(song, channels) if len(notes)]
    # An end off the bar line, or far beyond the notes, is taken for the bar line after them.
    last = max((int(notes.end.max()) for notes in written), default=0)
    rounded = bar_line_from(back.meters, back.ticks_per_quarter, last)
    if reading.repairs:
        return str(reading.repairs[0])
    if back.ticks_per_quarter != song.ticks_per_quarter:
        return f"{back.ticks_per_quarter} ticks a quarter, not {song.ticks_per_quarter}"
    if [track.notes for track in back.tracks] != written:
        return "other notes"
    if back.length not in (song.length, rounded):
        return f"{back.length} ticks long, not {song.length}"
    until = min(song.length, back.length)
    for what, ours, theirs in (
        ("tempos", _changes(song.tempos, until), _changes(back.tempos, until)),
        ("metres", _changes(song.meters, until), _changes(back.meters, until)),
        ("key", song.key, back.key),
    ):
        if ours != theirs:
            return f"other {what}"
    return ""


def _changes(values: Sequence[Tempo] | Sequence[Meter], until: int) -> dict[int, Tempo | Meter]:
    """Tempos or metres by the tick from which they hold."""
    return {value.tick: value for value in values if value.tick < until or not value.tick}


def _check(song: Song) -> None:
    """OutputError where a MIDI file cannot say what the song has."""
    tempos = [tempo.microseconds for tempo in song.tempos]
    meters = [number for m in song.meters for number in (m.numerator, m.denominator)]
    numbers = [n for track in song.tracks for n in np.unique(track.controls.number).tolist()]
    for what, values, low, high in (
        ("ticks a quarter", [song.ticks_per_quarter], 1, 0x7FFF),
        ("a length", [song.length], 0, LATEST),
        ("a tempo in microseconds", tempos, 1, 0xFFFFFF),
        ("a part of a metre", meters, 1, 255),
        ("a marker's place", [marker.tick for marker in song.markers], 0, LATEST),
        ("a program", [track.program for track in song.tracks], 0, 127),
        ("a controller", numbers, 0, CHANNEL_PRESSURE),
    ):
        odd = [value for value in values if not low <= value <= high]
        if odd:
            raise OutputError(f"{what} of {odd[0]} is none of MIDI, which has {low:,} to {high:,}")
    odd = [m for m in song.meters if m.denominator & (m.denominator - 1)]
    if odd:
        raise OutputError(f"a metre of {odd[0]} is none of MIDI: its lower part is 1, 2, 4, 8 ...")


def _name_event(name: str) -> list[Event]:
    name = printable(name)
    return [(0, 0, meta(TRACK_NAME, name.encode()))] if name else []


def _conductor(song: Song, recipe: str | None) -> list[Event]:
    events = _name_event(song.name)
    if recipe:
        events.append((0, 0, meta(TEXT, printable(recipe, 1024).encode())))
    for tempo in song.tempos:
        events.append((tempo.tick, 0, meta(TEMPO, int(tempo.microseconds).to_bytes(3, "big"))))
    for meter in song.meters:
        beat = 3 if meter.denominator >= 8 and meter.numerator in (6, 9, 12) else 1
        clocks = max(96 // meter.denominator * beat, 1)  # MIDI clocks a click, 24 to a quarter
        data = bytes((meter.numerator, meter.denominator.bit_length() - 1, clocks, 8))
        events.append((meter.tick, 0, meta(METER, data)))
    if song.key is not None:
        events.append((0, 0, meta(KEY, _key(song.key))))
    for marker in song.markers:
        events.append((marker.tick, 0, meta(MARKER, printable(marker.text).encode())))
    return [event for event in events if event[0] < song.length or not event[0]]


def _key(key: Key) -> bytes:
    """Sharps, or flats below zero, and the mode; F# major has sharps, Eb minor flats."""
    fifths = (7 * (key.tonic + 3 * key.is_minor) + 5) % 12 - 5
    return struct.pack("bB", -6 if fifths == 6 and key.is_minor else fifths, key.is_minor)


def _control_events(controls: Controls, channel: int, length: int) -> list[Event]:
    """A channel's controls within the song; it is left with the pedal up and the pitch unbent."""
    rows = [row for row in controls.table().tolist() if 0 <= row[0] <= length]
    last = {number: value for _, number, value in rows}
    if last.get(SUSTAIN_PEDAL, 0) >= 64:
        rows.append([length, SUSTAIN_PEDAL, 0])
    if last.get(PITCH_BEND, 0):
        rows.append([length, PITCH_BEND, 0])
    return [(tick, 1, _control(channel, number, value)) for tick, number, value in rows]


def _control(channel: int, number: int, value: int) -> bytes:
    """One change, its value as near as MIDI can say it."""
    if number == PITCH_BEND:
        value = min(max(value, -8192), 8191) + 8192
        return bytes((BEND << 4 | channel, value & 127, value >> 7))
    value = min(max(value, 0), 127)
    if number == CHANNEL_PRESSURE:
        return bytes((PRESSURE << 4 | channel, value))
    return bytes((CONTROL << 4 | channel, number, value))


def _apart(song: Song, channels: list[int]) -> list[Notes]:
    """Each track's notes within the song, none of them on another of its pitch and channel."""
    result = [_within(track.notes, song.length).without_overlaps() for track in song.tracks]
    for channel in {c for c in channels if channels.count(c) > 1}:
        sharers = [i for i, c in enumerate(channels) if c == channel]
        table = np.concatenate([result[i].table() for i in sharers])  # [N, 4]
        owner = np.repeat(sharers, [len(result[i]) for i in sharers])
        start, duration, pitch, velocity = table.T
        rows, end = apart(start, start + duration, pitch, velocity)
        for i in sharers:
            own = owner[rows] == i
            mine = rows[own]
            result[i] = Notes(start[mine], end[own] - start[mine], pitch[mine], velocity[mine])
    return result


def _within(notes: Notes, length: int) -> Notes:
    """The notes that MIDI can say, begun at 0 at the earliest and cut at `length`."""
    start = np.maximum(notes.start, 0)
    end = np.minimum(np.maximum(notes.end, start + 1), length)
    kept = (start < length) & (notes.pitch >= 0) & (notes.pitch <= 127)
    columns = (start, end - start, notes.pitch, np.clip(notes.velocity, 1, 127))
    return Notes(*(column[kept] for column in columns))
