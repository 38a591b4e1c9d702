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
    LATEST,
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
    apart,
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
        exact = ticks_at[i] + (second - at[i]) * per_second[i]
        return np.minimum(np.rint(exact), LATEST).astype(np.int64)

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
    own = channel[notes.on]
    for place in np.unique(channel).tolist():
        here = channel == place
        chosen = here & is_control
        controls = Controls(tick[chosen], number[chosen], value[chosen])
        chosen = here & (kind == PROGRAM)
        programs = np.stack((tick[chosen], first[chosen]), axis=1)
        yield Part(track, place, notes.where(own == place), controls, programs)


@dataclass(frozen=True)
class Settled:
    """The notes of a part as columns [N]: each has an end, and one at most sounds per pitch."""

    start: IntArray
    end: IntArray
    pitch: IntArray
    velocity: IntArray
    played: Played
    """The events that each is made of."""

    @property
    def notes(self) -> Notes:
        return Notes(self.start, self.end - self.start, self.pitch, self.velocity)


def settled(part: Part, frame: Song, clock: Clock, repairs: Repairs) -> Settled:
    """The notes of a part on the song's clock."""
    track, on, off = part.track, part.notes.on, part.notes.off
    is_drum = part.channel == DRUM_CHANNEL
    pitch, velocity = track.first[on], track.second[on]

    def tell(code: str, chosen: BoolArray) -> None:
        if chosen.any():
            byte = int(track.bytes[on[chosen]].min())
            repairs.add(code, track.number, byte, int(chosen.sum()))

    is_hanging = off < 0
    start, end = clock(track.tick[on]), clock(track.tick[off])
    if is_hanging.any():
        meters = np.array([(m.tick, m.bar_ticks(frame.ticks_per_quarter)) for m in frame.meters])
        bars = meters[np.searchsorted(meters[:, 0], start[is_hanging], side="right") - 1, 1]
        latest = start[is_hanging] + _HANGING_BARS * bars
        end[is_hanging] = np.minimum(latest, clock(track.end))
    is_empty = end <= start
    tell("hanging", is_hanging & ~is_empty)
    tell("empty-drum" if is_drum else "empty", is_empty)
    if is_drum:
        end[is_empty] = start[is_empty] + max(frame.ticks_per_quarter // 8, 1)
        is_empty[:] = False
    kept = np.flatnonzero(~is_empty)
    # Doubles and overlaps, by pitch and time.
    order = kept[np.lexsort((on[kept], start[kept], pitch[kept]))]
    earlier, later = order[:-1], order[1:]
    is_same = pitch[earlier] == pitch[later]
    is_double = is_same & (start[earlier] == start[later])
    is_over = is_same & (start[later] < end[earlier]) & ~is_double & ~is_hanging[earlier]
    for code, among in (("double", is_double), ("overlap", is_over)):
        chosen = np.zeros(len(start), dtype=bool)
        chosen[later[among]] = True
        tell(code, chosen)
    rows, ends = apart(start[kept], end[kept], pitch[kept], velocity[kept])
    rows = kept[rows]
    return Settled(start[rows], ends, pitch[rows], velocity[rows], part.notes.where(rows))
