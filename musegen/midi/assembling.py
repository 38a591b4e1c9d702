"""The events of a MIDI file -> `Song`: tracks of one instrument, and a length in whole bars."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.channels import merged
from musegen.midi.chunks import Chunks
from musegen.midi.meta import Meta
from musegen.midi.parts import Clock, Part, clock_of, frame_of, parts_of, settled
from musegen.midi.repairs import Repairs
from musegen.song import Controls, IntArray, Marker, Meter, Song, Track
from musegen.time import bar_line_from

# A shared End-of-Track on a bar line is the clip's length, unless more bars lie empty before it.
_MAX_EMPTY_BARS = 64


def assembled(chunks: Chunks, meta: Meta, repairs: Repairs) -> tuple[Song, tuple[str, ...]]:
    """The song, and lines about what of the file is not in it."""
    quarter, clock = clock_of(chunks.division, meta.tempos)
    ignored = Counter(meta.ignored)
    parts = [part for track in chunks.tracks for part in parts_of(track, repairs, ignored)]
    frame = frame_of(quarter, clock, meta)
    heard = [(part, settled(part, frame, clock, repairs).notes) for part in parts]
    heard = [(part, notes) for part, notes in heard if len(notes)]
    playing = {part.track.number for part, _ in heard}
    is_split = chunks.format == 0 and len(chunks.tracks) == 1 and len(heard) > 1
    # Programs and controls are a channel's, whichever of its tracks they stand in.
    homes: dict[tuple[int, int], list[Part]] = {}
    for part in parts:
        homes.setdefault((meta.ports.get(part.track.number, 0), part.channel), []).append(part)
    programs = {home: _in_time([part.programs for part in its]) for home, its in homes.items()}
    controls = {home: _controls(its, clock) for home, its in homes.items()}
    tracks = []
    for part, notes in heard:
        home = meta.ports.get(part.track.number, 0), part.channel
        program, changes = _program(int(notes.start[0]), part.programs, programs[home], clock)
        ignored["program changes after the first note"] += changes
        name = "" if is_split else meta.names.get(part.track.number, "")
        is_drum = part.channel == DRUM_CHANNEL
        tracks.append(Track(notes, program, is_drum, name, part.channel, controls[home]))
    ends = {int(clock(t.end)) for t in chunks.tracks if t.number in playing or not playing}
    length, meters = _length(frame, tracks, ends if playing else {max(ends)})
    markers = [(int(clock(tick)), text) for tick, text in meta.markers]
    first = chunks.tracks[0].number
    ignored["tracks without notes"] = sum(
        t.number not in playing and t.number != first for t in chunks.tracks
    )
    ignored["key changes"] = len({key for _, key in meta.keys} - {frame.key})
    ignored["markers after the end"] = sum(tick >= length for tick, _ in markers)
    song = replace(
        frame,
        tracks=tuple(tracks),
        length=length,
        tempos=tuple(t for t in frame.tempos if t.tick < length or not t.tick),
        meters=meters,
        markers=tuple(Marker(tick, text) for tick, text in markers if tick < length),
        name=meta.names.get(first, "") if is_split or first not in playing else "",
    )
    is_smpte = chunks.division >= 0x8000 and chunks.division & 0xFF > 0
    remarks = ["SMPTE time: put on 480 ticks a quarter"] * is_smpte
    return song, (*remarks, *(f"{what}: {count:,}" for what, count in ignored.items() if count))


def _controls(parts: list[Part], clock: Clock) -> Controls:
    """The controls of a channel, in the song's ticks."""
    controls = merged(part.controls for part in parts)
    return replace(controls, tick=clock(controls.tick))


def _in_time(programs: list[IntArray]) -> IntArray:
    together = np.concatenate(programs)
    return np.asarray(together[np.argsort(together[:, 0], kind="stable")])


def _program(first: int, own: IntArray, of_channel: IntArray, clock: Clock) -> tuple[int, int]:
    """The program in effect at the first note, and how many changes of the track come later.

    Programs are rows of a tick of the file and a number. A track's own come before its channel's.
    """
    early = int(np.searchsorted(clock(own[:, 0]), first, side="right"))
    others = int(np.searchsorted(clock(of_channel[:, 0]), first, side="right"))
    if early:
        program = own[early - 1, 1]
    elif others:
        program = of_channel[others - 1, 1]
    else:
        program = own[0, 1] if len(own) else 0
    return int(program), int((own[early:, 1] != program).sum())


def _length(song: Song, tracks: list[Track], ends: set[int]) -> tuple[int, tuple[Meter, ...]]:
    """Where the song ends, on a bar line, and the metres before that.

    The End-of-Track that all tracks share is the length if it is a bar line; many programs write it
    at the last note, and some hours late, so any other gives way to the bar line after the notes.
    """
    last = max((int(track.notes.end.max()) for track in tracks), default=0)
    shared = max(ends) if len(ends) == 1 else last

    def meters_before(tick: int) -> tuple[Meter, ...]:
        return tuple(m for m in song.meters if m.tick < tick or not m.tick)

    for end in (shared, last):
        meters = meters_before(end)
        line = bar_line_from(meters, song.ticks_per_quarter, end)
        empty = line - bar_line_from(meters_before(last), song.ticks_per_quarter, last)
        bar = max(meters[-1].bar_ticks(song.ticks_per_quarter), 1)
        if end == last or (line == end > last and empty <= _MAX_EMPTY_BARS * bar):
            break
    return line, meters
