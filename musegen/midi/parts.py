"""The events of a MIDI file -> what each channel of each track plays, on the song's clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.events import (
    BEND,
    CONTROL,
    KEY_PRESSURE,
    PRESSURE,
    PROGRAM,
    BoolArray,
    Events,
)
from musegen.midi.meta import Meta
from musegen.midi.pairing import Played, played
from musegen.midi.repairs import Repairs
from musegen.song import (
    CHANNEL_PRESSURE,
    PITCH_BEND,
    Controls,
    IntArray,
    Meter,
    Notes,
    Song,
    Tempo,
)

_HANGING_BARS = 4  # a note that never ends sounds this long at most

Clock = Callable[[Any], IntArray]
"""The way from the file's ticks to the song's."""


@dataclass(frozen=True)
class Part:
    """What one channel of one track holds, in the file's ticks."""

    track: Events
    channel: int
    notes: Played
    controls: Controls
    programs: IntArray
    """[P, 2]: tick, program."""


def clock_of(division: int, tempos: Sequence[tuple[int, int]]) -> tuple[int, Clock]:
    """Ticks a quarter of the song, and the way from the file's ticks to the song's.

    `tempos` are ticks of the file with microseconds, in order.
    """
    frames, per_frame = 256 - (division >> 8), division & 0xFF
    if division < 0x8000 or not per_frame:
        quarter = division if 0 < division < 0x8000 else 480
        return quarter, lambda ticks: np.asarray(ticks, dtype=np.int64)
    # SMPTE: the file's ticks are fractions of a second, whatever the tempo.
    rate = per_frame * (30 / 1.001 if frames == 29 else frames)
    known = dict([(0, 500_000), *tempos])
    at = np.array(list(known)) / rate
    per_second = 480e6 / np.array(list(known.values()))
    ticks_at = np.concatenate(([0.0], np.cumsum(np.diff(at) * per_second[:-1])))

    def to_ticks(ticks: Any) -> IntArray:
        second = np.asarray(ticks, dtype=np.int64) / rate
        i = np.searchsorted(at, second, side="right") - 1
        return np.rint(ticks_at[i] + (second - at[i]) * per_second[i]).astype(np.int64)

    return 480, to_ticks


def frame_of(quarter: int, clock: Clock, meta: Meta) -> Song:
    """The song without its tracks."""
    # At one tick the event that comes last holds; the default reigns before the first.
    tempos = {0: 500_000} | {int(clock(tick)): us for tick, us in meta.tempos}
    meters = {0: (4, 4)} | {int(clock(tick)): meter for tick, meter in meta.meters}
    return Song(
        ticks_per_quarter=quarter,
        tempos=tuple(Tempo(tick, us) for tick, us in tempos.items()),
        meters=tuple(
            Meter(tick, n, d) for tick, (n, d) in meters.items() if n * 4 * quarter >= d or not tick
        ),
        key=meta.keys[0][1] if meta.keys else None,
    )


def parts_of(track: Events, repairs: Repairs, ignored: Counter[str]) -> Iterator[Part]:
    if not len(track.words):
        return
    tick, kind, channel, first = track.tick, track.kind, track.channel, track.first
    notes = played(track, repairs)
    ignored["polytouch events"] += int((kind == KEY_PRESSURE).sum())
    is_bend, is_pressure = kind == BEND, kind == PRESSURE
    is_control = is_bend | is_pressure | ((kind == CONTROL) & ~track.is_silencing)
    number = np.where(is_bend, PITCH_BEND, np.where(is_pressure, CHANNEL_PRESSURE, first))
    value = np.where(is_pressure, first, track.second)
    value = np.where(is_bend, (value << 7 | first) - 8192, value)
    for place in np.unique(channel).tolist():
        here = channel == place
        chosen = here & is_control
        controls = Controls(tick[chosen], number[chosen], value[chosen])
        chosen = here & (kind == PROGRAM)
        programs = np.stack((tick[chosen], first[chosen]), axis=1)
        yield Part(track, place, notes.of(place), controls, programs)


def notes_of(part: Part, frame: Song, clock: Clock, repairs: Repairs) -> Notes:
    """The notes of a part in the song's ticks, with an end and apart from each other."""
    notes, is_drum = part.notes, part.channel == DRUM_CHANNEL

    def tell(code: str, chosen: BoolArray) -> None:
        if chosen.any():
            byte = int(notes.byte[chosen].min())
            repairs.add(code, part.track.number, byte, int(chosen.sum()))

    is_hanging = notes.end < 0
    start, end = clock(notes.start), clock(np.maximum(notes.end, 0))
    if is_hanging.any():
        meters = np.array([(m.tick, m.bar_ticks(frame.ticks_per_quarter)) for m in frame.meters])
        bars = meters[np.searchsorted(meters[:, 0], start[is_hanging], side="right") - 1, 1]
        latest = start[is_hanging] + _HANGING_BARS * bars
        end[is_hanging] = np.minimum(latest, clock(part.track.end))
    is_empty = end <= start
    tell("hanging", is_hanging & ~is_empty)
    tell("empty-drum" if is_drum else "empty", is_empty)
    if is_drum:
        end[is_empty] = start[is_empty] + max(frame.ticks_per_quarter // 8, 1)
        is_empty[:] = False
    # Doubles and overlaps, by pitch and time.
    order = np.lexsort((notes.byte, start, notes.pitch))
    order = order[~is_empty[order]]
    earlier, later = order[:-1], order[1:]
    is_same = notes.pitch[earlier] == notes.pitch[later]
    is_double = is_same & (start[earlier] == start[later])
    is_over = is_same & (start[later] < end[earlier]) & ~is_double & ~is_hanging[earlier]
    for code, among in (("double", is_double), ("overlap", is_over)):
        chosen = np.zeros(len(start), dtype=bool)
        chosen[later[among]] = True
        tell(code, chosen)
    columns = (start, end - start, notes.pitch, notes.velocity)
    return Notes(*(column[order] for column in columns)).without_overlaps()
