"""A MIDI file with other notes in some of its tracks, and all else left as it is, byte for byte.

A `Song` holds less than its file: what is written anew from one has no lyrics, no system exclusive,
and tracks in an order of ours. What is patched keeps them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.assembling import assembled
from musegen.midi.chunks import Chunks, read_chunks
from musegen.midi.encoding import Event, meta, number
from musegen.midi.events import NOTE_OFF, PRESSURE, PROGRAM, BoolArray, Events, read_events
from musegen.midi.mending import mended
from musegen.midi.meta import TEXT, read_meta
from musegen.midi.parts import Part, Settled, clock_of, frame_of, parts_of, settled
from musegen.midi.reading import parse
from musegen.midi.repairs import Repairs
from musegen.midi.splicing import bodies_of, spliced, with_bodies, with_more
from musegen.midi.text import printable
from musegen.midi.writing import to_bytes
from musegen.song import Controls, IntArray, Notes, Song, Track
from musegen.time import bar_line_from

# Faults for which the file as a whole is made sound first: its tracks are not where it says.
_OF_THE_LAYOUT = frozenset(
    ("wrapper", "prefix", "format", "header-length", "division", "garbage", "track-length")
)

Home = tuple[int, int]
"""A port and a channel."""

_NEVER = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Edit:
    """The notes of a track that begin in [start, end) give way to `notes`, which begin there too.

    `track` is the place in `song.tracks`, from 0, and times are in ticks of the song, both as
    `parse` reads the file. Notes may ring on over `end`.
    """

    track: int
    start: int
    end: int
    notes: Notes

    def __post_init__(self) -> None:
        begins = self.notes.start
        if ((begins < max(self.start, 0)) | (begins >= self.end)).any():
            raise ValueError(f"notes that begin outside of [{self.start}, {self.end})")


def patched(
    data: bytes,
    edits: Sequence[Edit],
    added: Sequence[Track] = (),
    recipe: str | None = None,
    name: str = "input",
) -> bytes | None:
    """The same file with other notes in some tracks, and with tracks that are `added`.

    None where that cannot be done, so that the whole song is to be written anew (`sound_bytes`):
    the tracks of a type 2 file are pieces of their own, and what does not read back as meant is not
    handed out. `name` is what messages call the file; errors are those of `parse` and `to_bytes`.

    Chunks that are not edited keep their bytes. In an edited track all keeps its place and its
    bytes but the note-ons and note-offs of the notes that begin in the range; those that ring into
    it stay. Where such a track has something to mend its own body is `mended` first; the whole file
    is where its layout is broken, or counts in SMPTE time.

    A new note makes way for what stays, on its channel in other tracks too: it begins where a note
    of its pitch that rings in ends, it ends where the next begins or the channel is silenced, and
    is left out where nothing remains.

    An added track is a chunk behind all others, ended like the song, and a type 0 file becomes type
    1 by it. Only where a type 0 file has several instruments do the events go into its one track:
    programs part such tracks by their channels, which they would not do in type 1. The track's name
    is lost there. It has the channel that it asks for, or another one without notes; drums have
    theirs. Where all are taken it shares that of the nearest program, and with a channel its
    program and controls. A track that loses all its notes is not read as one any more.

    `recipe` becomes a text event at the beginning of the first track that is edited, or else added.
    """
    if not edits and not added:
        return data
    file = _opened(data, name)
    if file.chunks.format == 2:
        return None
    touched = {file.voices[edit.track].number for edit in edits}
    if added and file.is_split:
        touched.add(1)
    file = _sound(file, touched, name)
    lines = _lines(file, edits, added)
    bodies = {track: _body(file, track, edits, lines) for track in touched}
    count = len(file.chunks.tracks)
    more = [_written(file.song, line) for line in lines if line.number > count]
    if recipe:
        event = number(0) + meta(TEXT, printable(recipe, 1024).encode())
        if bodies:
            bodies[min(bodies)] = event + bodies[min(bodies)]
        else:
            more[0] = event + more[0]
    result = with_more(with_bodies(file.data, bodies), more)
    is_meant = [t.notes for t in parse(result, name).song.tracks] == _meant(file, edits, lines)
    return result if is_meant else None


# The file, and what it is made of


@dataclass(frozen=True)
class _Voice:
    """What a track of the song is made of."""

    home: Home
    part: Part
    settled: Settled

    @property
    def number(self) -> int:
        """Of the file's track that it is in, from 1."""
        return self.part.track.number


@dataclass(frozen=True)
class _File:
    data: bytes
    chunks: Chunks
    repairs: Repairs
    ports: dict[int, int]
    homes: set[Home]
    """Where there are events, if only controls."""
    song: Song
    voices: list[_Voice]

    @property
    def is_split(self) -> bool:
        """Whether its one track is read as several."""
        return self.chunks.format == 0 and len(self.chunks.tracks) == 1 < len(self.voices)


def _opened(data: bytes, name: str) -> _File:
    repairs = Repairs()
    chunks = read_chunks(data, name, repairs)
    said = read_meta(chunks.tracks, repairs)
    quarter, clock = clock_of(chunks.division, said.tempos)
    frame = frame_of(quarter, clock, said)
    voices = [
        _Voice((said.ports.get(track.number, 0), part.channel), part, notes)
        for track in chunks.tracks
        for part in parts_of(track, repairs, Counter())
        for notes in [settled(part, frame, clock, repairs)]
    ]
    return _File(
        *(data, chunks, repairs, said.ports),
        homes={voice.home for voice in voices},
        song=assembled(chunks, said, Repairs())[0],
        voices=[voice for voice in voices if len(voice.settled.start)],
    )


def _sound(file: _File, touched: set[int], name: str) -> _File:
    """The same music with nothing left to mend in the tracks that are touched."""
    is_smpte = file.chunks.division >= 0x8000
    if is_smpte or file.repairs.codes & _OF_THE_LAYOUT:
        return _opened(mended(file.data, name)[0], name)
    faulty = touched & {repair.track for repair in file.repairs.all()}
    if not faulty:
        return file
    whole = bodies_of(mended(file.data, name)[0])
    return _opened(with_bodies(file.data, {n: whole[n - 1] for n in faulty}), name)


# What stays, and what comes beside it


def _is_gone(edits: Sequence[Edit], track: int, start: IntArray) -> BoolArray:
    """Which notes of a track of the song are replaced, by where they begin."""
    ranges = [(start >= e.start) & (start < e.end) for e in edits if e.track == track]
    return np.asarray(np.any([np.zeros(len(start), dtype=bool), *ranges], axis=0))


def _staying(file: _File, edits: Sequence[Edit]) -> list[Notes]:
    """The notes of each track of the song that are not replaced."""
    all_notes = [track.notes for track in file.song.tracks]
    return [notes.where(~_is_gone(edits, i, notes.start)) for i, notes in enumerate(all_notes)]


@dataclass(frozen=True)
class _Line:
    """What is to be put into a track of the file, or into one behind the last."""

    number: int
    """Of the file's track."""
    channel: int
    track: Track
    has_channel: bool = False
    """Whether program and controls of the channel are this track's to say."""


def _lines(file: _File, edits: Sequence[Edit], added: Sequence[Track]) -> list[_Line]:
    """All new notes, cut to fit beside what stays."""
    staying = list(zip(file.voices, _staying(file, edits), strict=True))
    programs = {v.home: t.program for v, t in zip(file.voices, file.song.tracks, strict=True)}
    sounding = {
        home: Notes.together(notes for voice, notes in staying if voice.home == home)
        for home in programs
    }
    lines = []
    for edit in edits:
        voice = file.voices[edit.track]
        silences = _silences(voice.part.track, voice.part.channel)
        notes = _beside(edit.notes, sounding[voice.home], silences)
        sounding[voice.home] = sounding[voice.home].joined(notes)
        lines.append(_Line(voice.number, voice.part.channel, Track(notes)))
    only = file.chunks.tracks[0] if file.is_split else None
    port = file.ports.get(1, 0) if only else 0
    for place, track in enumerate(added, len(file.chunks.tracks) + 1):
        channel = _channel(track, port, programs, file.homes)
        home = port, channel
        beside = sounding.get(home, Notes())
        notes = _beside(track.notes, beside, _silences(only, channel) if only else _NEVER)
        sounding[home] = beside.joined(notes)
        has_channel = home not in programs
        programs.setdefault(home, track.program)
        lines.append(_Line(1 if only else place, channel, replace(track, notes=notes), has_channel))
    return lines


def _channel(track: Track, port: int, programs: dict[Home, int], homes: set[Home]) -> int:
    """Where an added track plays, beside tracks that play the `programs`.

    It has the channel that it asks for, else the first without events, else the first without
    notes, else it shares that of the nearest program.
    """
    if track.is_drum:
        return DRUM_CHANNEL
    melodic = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    free = [channel for channel in melodic if (port, channel) not in programs]
    if track.channel in free:
        return track.channel
    if free:
        return next((channel for channel in free if (port, channel) not in homes), free[0])

    def distance(channel: int) -> tuple[bool, int]:
        program = programs[port, channel]
        return program // 8 != track.program // 8, abs(program - track.program)

    return min(melodic, key=distance)


def _silences(track: Events, channel: int) -> IntArray:
    """When a channel is silenced in a track of the file."""
    return np.asarray(track.tick[track.is_silencing & (track.channel == channel)])


def _beside(notes: Notes, staying: Notes, silences: IntArray) -> Notes:
    """New notes cut so that none sounds with one of its pitch that stays, or over a silence."""
    rows = []
    for start, duration, pitch, velocity in notes.without_overlaps().table().tolist():
        is_near = (staying.pitch == pitch) & (staying.end > start)
        begins, ends = staying.start[is_near], staying.end[is_near]
        first = int(ends[begins < start].max(initial=start))
        last = int(begins[begins >= start].min(initial=start + duration))
        last = int(silences[silences > first].min(initial=last))
        if first < last:
            rows.append((first, last - first, pitch, velocity))
    return Notes.of(rows)


def _meant(file: _File, edits: Sequence[Edit], lines: Sequence[_Line]) -> list[Notes]:
    """The notes of each track that is to be read in the end."""
    parts = {
        (voice.number, voice.part.channel): notes
        for voice, notes in zip(file.voices, _staying(file, edits), strict=True)
    }
    for line in lines:
        place = line.number, line.channel
        parts[place] = parts.get(place, Notes()).joined(line.track.notes)
    return [parts[place] for place in sorted(parts) if len(parts[place])]


# Bytes


def _body(file: _File, number: int, edits: Sequence[Edit], lines: Sequence[_Line]) -> bytes:
    """The body of a track of the file without what is replaced and with what comes instead."""
    track = file.chunks.tracks[number - 1]
    gone = np.zeros(len(track.words), dtype=bool)
    for i, voice in enumerate(file.voices):
        if voice.number == number:
            chosen = _is_gone(edits, i, voice.settled.start)
            played = voice.settled.played.where(chosen)
            gone[played.on] = gone[played.off] = True
    gone &= ~track.is_silencing  # which may end a note, and is none
    new = [
        event
        for line in lines
        if line.number == number
        for event in _channel_events(_written(file.song, line))
    ]
    return spliced(file.data, track, gone, new)


def _written(song: Song, line: _Line) -> bytes:
    """The body of a track of its own for a line, as `to_bytes` writes it, up to the song's end."""
    controls = line.track.controls if line.has_channel else Controls()
    is_drum = line.channel == DRUM_CHANNEL
    track = replace(line.track, channel=line.channel, is_drum=is_drum, controls=controls)
    last = int(track.notes.end.max(initial=song.length))
    length = bar_line_from(song.meters, song.ticks_per_quarter, last)
    alone = Song((track,), length, song.ticks_per_quarter)
    data = to_bytes(alone, program_changes=line.has_channel)
    return bodies_of(data)[-1]


def _channel_events(body: bytes) -> Iterator[Event]:
    """The events of a channel in the body of a track: note-offs before what has their tick."""
    track = read_events(body, 0, len(body), 1, Repairs(), (len(body), len(body)))
    for tick, word in zip(track.tick.tolist(), track.words.tolist(), strict=True):
        event = bytes((word >> 16 & 255, word >> 8 & 127, word & 127))
        kind = event[0] >> 4
        yield tick, -1 if kind == NOTE_OFF else 1, event[: 2 if kind in (PROGRAM, PRESSURE) else 3]
