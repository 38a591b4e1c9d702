"""A piece of music as a value.

`Song` is the only type that crosses module borders. Everything in it is frozen, time is in integer
ticks (`ticks_per_quarter` of them to a quarter note), and edits return new values. This module
knows nothing of files, tokens or networks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

IntArray = NDArray[np.int64]

PITCH_BEND = 128
"""`Controls.number` of a pitch bend, whose values are -8192..8191."""
CHANNEL_PRESSURE = 129
"""`Controls.number` of channel aftertouch, whose values are 0..127."""
SUSTAIN_PEDAL = 64
"""`Controls.number` of the damper pedal: down from value 64 on."""

# Volume, pan, expression, effects and bank hold on; a pedal or a bend does not.
_LASTING = (0, 7, 10, 11, 32, 91, 93)

TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MINOR_TONICS = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
_LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def _column(values: object) -> IntArray:
    column: IntArray = np.array(values, dtype=np.int64).reshape(-1)
    column.setflags(write=False)
    return column


@dataclass(frozen=True, eq=False)
class Notes:
    """Notes as four equally long columns, ordered by start, then pitch.

    `start` and `duration` are in ticks, `pitch` is 0..127, `velocity` 1..127.
    """

    start: IntArray = field(default_factory=lambda: _column(()))
    duration: IntArray = field(default_factory=lambda: _column(()))
    pitch: IntArray = field(default_factory=lambda: _column(()))
    velocity: IntArray = field(default_factory=lambda: _column(()))

    def __post_init__(self) -> None:
        columns = [_column(c) for c in (self.start, self.duration, self.pitch, self.velocity)]
        if len({len(c) for c in columns}) > 1:
            raise ValueError(f"columns of unequal length: {[len(c) for c in columns]}")
        order = np.lexsort((columns[2], columns[0]))
        for name, column in zip(("start", "duration", "pitch", "velocity"), columns, strict=True):
            object.__setattr__(self, name, _column(column[order]))

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Notes:
        """Notes from rows of (start, duration, pitch, velocity)."""
        table = np.array(list(rows), dtype=np.int64).reshape(-1, 4)
        return cls(*table.T)

    @classmethod
    def together(cls, parts: Iterable[Notes]) -> Notes:
        """The notes of several parts as one."""
        return cls(*np.concatenate([cls().table(), *(part.table() for part in parts)]).T)

    @property
    def end(self) -> IntArray:
        return self.start + self.duration

    def __len__(self) -> int:
        return len(self.start)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Notes) and np.array_equal(self.table(), other.table())

    def table(self) -> IntArray:
        """[N, 4]: start, duration, pitch, velocity."""
        return np.stack((self.start, self.duration, self.pitch, self.velocity), axis=1)

    def where(self, chosen: NDArray[np.bool_]) -> Notes:
        return Notes(
            self.start[chosen], self.duration[chosen], self.pitch[chosen], self.velocity[chosen]
        )

    def shifted(self, ticks: int) -> Notes:
        return replace(self, start=self.start + ticks)

    def between(self, first: int, last: int) -> Notes:
        """The notes that start in [first, last) ticks, cut at `last`, counted from `first`."""
        kept = self.where((self.start >= first) & (self.start < last))
        return Notes(
            kept.start - first,
            np.minimum(kept.duration, last - kept.start),
            kept.pitch,
            kept.velocity,
        )

    def joined(self, other: Notes) -> Notes:
        return Notes.together((self, other))

    def without_overlaps(self) -> Notes:
        """At most one note sounds per pitch: doubles keep the louder, an earlier note is cut."""
        rows, end = apart(self.start, self.end, self.pitch, self.velocity)
        start = self.start[rows]
        return Notes(start, end - start, self.pitch[rows], self.velocity[rows])


def apart(
    start: IntArray, end: IntArray, pitch: IntArray, velocity: IntArray
) -> tuple[IntArray, IntArray]:
    """Which of these notes [N] stay, by place, and where they end, if one at most sounds per pitch.

    Of doubles the louder stays; a note ends at the latest where the next of its pitch starts.
    """
    rows = np.lexsort((-velocity, start, pitch))
    first, other = rows[:-1], rows[1:]
    is_double = (start[first] == start[other]) & (pitch[first] == pitch[other])
    rows = rows[np.concatenate((np.ones(len(rows[:1]), dtype=bool), ~is_double))]
    ends = end[rows]
    is_same = pitch[rows][1:] == pitch[rows][:-1]
    ends[:-1] = np.where(is_same, np.minimum(ends[:-1], start[rows][1:]), ends[:-1])
    return rows, ends


@dataclass(frozen=True, eq=False)
class Controls:
    """Controller changes as columns, in order of tick.

    `number` is the MIDI controller 0..127, `PITCH_BEND` or `CHANNEL_PRESSURE`.
    """

    tick: IntArray = field(default_factory=lambda: _column(()))
    number: IntArray = field(default_factory=lambda: _column(()))
    value: IntArray = field(default_factory=lambda: _column(()))

    def __post_init__(self) -> None:
        order = np.argsort(_column(self.tick), kind="stable")
        for name in ("tick", "number", "value"):
            object.__setattr__(self, name, _column(_column(getattr(self, name))[order]))

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Controls:
        """Controls from rows of (tick, number, value)."""
        return cls(*np.array(list(rows), dtype=np.int64).reshape(-1, 3).T)

    def __len__(self) -> int:
        return len(self.tick)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Controls) and np.array_equal(self.table(), other.table())

    def table(self) -> IntArray:
        """[N, 3]: tick, number, value."""
        return np.stack((self.tick, self.number, self.value), axis=1)

    def between(self, first: int, last: int) -> Controls:
        """The changes in [first, last) counted from `first`, led by the values in force there."""
        table = self.table()
        before = {int(number): int(value) for _, number, value in table[self.tick < first]}
        inside = table[(self.tick >= first) & (self.tick < last)] - np.array([first, 0, 0])
        return Controls.of(
            [(0, number, value) for number, value in sorted(before.items())] + inside.tolist()
        )

    def shifted(self, ticks: int) -> Controls:
        return replace(self, tick=self.tick + ticks)

    def settings(self, end: int) -> Controls:
        """What lasts of the settings in force at `end`, for a new beginning."""
        kept = self.table()[np.isin(self.number, _LASTING) & (self.tick < max(end, 1))]
        return Controls.of([(0, n, v) for n, v in {int(n): int(v) for _, n, v in kept}.items()])

    def released(self, end: int) -> Controls:
        """The changes up to `end`, where a pedal still down is lifted and a bend undone."""
        kept = self.table()[self.tick <= end]
        values = {int(number): int(value) for _, number, value in kept}
        held = [number for number in (SUSTAIN_PEDAL, PITCH_BEND) if values.get(number)]
        return Controls.of([*kept.tolist(), *((end, number, 0) for number in held)])

    def joined(self, other: Controls) -> Controls:
        return Controls(*np.concatenate((self.table(), other.table())).T)


@dataclass(frozen=True)
class Track:
    """One instrument. `program` is General MIDI's 0..127; a drum track's is its kit.

    `channel` is 0..15, or None to have one given when the song is written.
    """

    notes: Notes = field(default_factory=Notes)
    program: int = 0
    is_drum: bool = False
    name: str = ""
    channel: int | None = None
    controls: Controls = field(default_factory=Controls)


@dataclass(frozen=True)
class Tempo:
    """From `tick` on a quarter lasts `microseconds`."""

    tick: int
    microseconds: int = 500_000

    @property
    def bpm(self) -> float:
        """Quarters a minute."""
        return 60e6 / self.microseconds

    @classmethod
    def from_bpm(cls, bpm: float, tick: int = 0) -> Tempo:
        return cls(tick, round(60e6 / bpm))


@dataclass(frozen=True)
class Meter:
    """From `tick` on a bar is `numerator` notes of 1/`denominator` long."""

    tick: int = 0
    numerator: int = 4
    denominator: int = 4

    def __str__(self) -> str:
        return f"{self.numerator}/{self.denominator}"

    def bar_ticks(self, ticks_per_quarter: int) -> int:
        return self.numerator * 4 * ticks_per_quarter // self.denominator


@dataclass(frozen=True)
class Key:
    """`tonic` 0..11 counts semitones from C."""

    tonic: int
    is_minor: bool = False

    def __str__(self) -> str:
        if self.is_minor:
            return f"{MINOR_TONICS[self.tonic]} minor"
        return f"{TONICS[self.tonic]} major"

    @classmethod
    def parse(cls, text: str) -> Key:
        """Read "C", "F# minor", "Bbm", "e" (lower case alone is minor). ValueError otherwise."""
        words = text.strip().replace("♯", "#").replace("♭", "b").split()
        head = words[0] if words else ""
        mode = words[1].lower() if len(words) == 2 else ""
        is_minor = mode.startswith("min") or (not mode and head[:1].islower())
        if not mode and head.endswith("m"):
            head, is_minor = head[:-1], True
        accidentals = head[1:]
        if (
            len(words) not in (1, 2)
            or head[:1].upper() not in _LETTERS
            or accidentals not in ("", "#", "b")
            or mode not in ("", "major", "maj", "minor", "min")
        ):
            raise ValueError(f"{text!r} is not a key; write it as 'C', 'F# minor' or 'Bbm'")
        shift = {"": 0, "#": 1, "b": -1}[accidentals]
        return cls((_LETTERS[head[0].upper()] + shift) % 12, is_minor)


@dataclass(frozen=True)
class Marker:
    """A word at a place in the song, such as "Chorus"."""

    tick: int
    text: str


@dataclass(frozen=True)
class Song:
    """Tracks on one clock. `length` is where the piece ends, in ticks.

    `tempos` and `meters` are in order, and the first of each is at tick 0.
    """

    tracks: tuple[Track, ...] = ()
    length: int = 0
    ticks_per_quarter: int = 480
    tempos: tuple[Tempo, ...] = (Tempo(0),)
    meters: tuple[Meter, ...] = (Meter(0),)
    key: Key | None = None
    markers: tuple[Marker, ...] = ()
    name: str = ""

    def __post_init__(self) -> None:
        for what, ticks in (
            ("tempos", [t.tick for t in self.tempos]),
            ("meters", [m.tick for m in self.meters]),
        ):
            if not ticks or ticks[0] != 0 or any(a >= b for a, b in pairwise(ticks)):
                raise ValueError(f"{what} must start at tick 0 and rise: {ticks}")

    @classmethod
    def from_pretty_midi(cls, midi: PrettyMIDI) -> Song:
        """The song in a `PrettyMIDI`, on its clock of `midi.resolution` ticks a quarter.

        Instruments without notes, lyrics and text events are left out. The length is the bar line
        at or after the last note's end, since pretty_midi keeps no other.
        """
        from musegen.pretty import from_pretty_midi

        return from_pretty_midi(midi)

    def to_pretty_midi(self) -> PrettyMIDI:
        """The song as a `PrettyMIDI` with the song's resolution, tempo map and names.

        What it does not hold: markers, the length beyond the last note, channels.
        """
        from musegen.pretty import to_pretty_midi

        return to_pretty_midi(self)

    @property
    def note_count(self) -> int:
        return sum(len(track.notes) for track in self.tracks)

    def tempo_at(self, tick: int) -> Tempo:
        return [t for t in self.tempos if t.tick <= tick][-1]

    def meter_at(self, tick: int) -> Meter:
        return [m for m in self.meters if m.tick <= tick][-1]

    def between(self, first: int, last: int) -> Song:
        """The song from `first` to `last` (ticks) as a song of its own; ringing notes are cut."""
        tempos = (
            replace(self.tempo_at(first), tick=0),
            *(replace(t, tick=t.tick - first) for t in self.tempos if first < t.tick < last),
        )
        meters = (
            replace(self.meter_at(first), tick=0),
            *(replace(m, tick=m.tick - first) for m in self.meters if first < m.tick < last),
        )
        tracks = tuple(
            replace(t, notes=t.notes.between(first, last), controls=t.controls.between(first, last))
            for t in self.tracks
        )
        markers = tuple(
            Marker(m.tick - first, m.text) for m in self.markers if first <= m.tick < last
        )
        return replace(
            self, tracks=tracks, length=last - first, tempos=tempos, meters=meters, markers=markers
        )

    def at_resolution(self, ticks_per_quarter: int) -> Song:
        """The same song with another clock; every time is rounded to the nearest new tick."""
        if ticks_per_quarter == self.ticks_per_quarter:
            return self
        old = self.ticks_per_quarter

        def scale(ticks: IntArray) -> IntArray:
            return (2 * ticks * ticks_per_quarter + old) // (2 * old)

        def scale_one(tick: int) -> int:
            return (2 * tick * ticks_per_quarter + old) // (2 * old)

        def scale_notes(notes: Notes) -> Notes:
            start = scale(notes.start)
            return Notes(
                start, np.maximum(scale(notes.end) - start, 1), notes.pitch, notes.velocity
            )

        # Events that fall on one new tick: the later one holds.
        tempos = {scale_one(t.tick): t.microseconds for t in self.tempos}
        meters = {scale_one(m.tick): m for m in self.meters}
        return replace(
            self,
            ticks_per_quarter=ticks_per_quarter,
            length=scale_one(self.length),
            tracks=tuple(
                replace(
                    t,
                    notes=scale_notes(t.notes),
                    controls=replace(t.controls, tick=scale(t.controls.tick)),
                )
                for t in self.tracks
            ),
            tempos=tuple(Tempo(tick, us) for tick, us in tempos.items()),
            meters=tuple(replace(m, tick=tick) for tick, m in meters.items()),
            markers=tuple(replace(m, tick=scale_one(m.tick)) for m in self.markers),
        )
