"""What of a song is drawn, from top to bottom: rolls of pitches, then a lane for each drum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musegen.general_midi import drum_name, program_name
from musegen.plot.colors import ink_of
from musegen.plot.words import counted
from musegen.song import Notes, Song

OVERLAID = 4
"""Up to so many pitched tracks share one roll; of more each has its own."""
DRUMMERS = 3
"""More drum tracks, such as one for each drum, are drawn as one."""
MAX_ROWS = 720
"""Rows of pitches in all; tracks beyond are left out."""
MAX_DRUMS = 24
"""Drums beyond are left out, those that play least first."""
LEAST_ROWS = 24
"""A shared roll is at least so many semitones high, one of a stack half that."""


@dataclass(frozen=True)
class Part:
    """A track that is drawn."""

    name: str
    ink: str
    notes: Notes


@dataclass(frozen=True)
class Roll:
    """Parts over each other; `low` and `high` are the pitches of the outermost rows."""

    parts: tuple[Part, ...]
    low: int
    high: int

    @classmethod
    def of(cls, parts: Sequence[Part], least: int) -> Roll:
        """With a row of air above and below, if possible, and at least `least` rows."""
        low = min((int(p.notes.pitch.min()) for p in parts), default=60) - 1
        high = max((int(p.notes.pitch.max()) for p in parts), default=60) + 1
        air = max(least - (high - low + 1), 0)
        low = min(max(low - air // 2, 0), max(128 - least, 0))
        return cls(tuple(parts), low, min(max(high, low + least - 1), 127))

    @property
    def rows(self) -> int:
        return self.high - self.low + 1


@dataclass(frozen=True)
class Score:
    """All that is drawn; `drums` are pitches from high to low, which `drummers` play."""

    rolls: tuple[Roll, ...]
    drums: tuple[int, ...]
    drummers: tuple[Part, ...]
    left_out: tuple[str, ...]

    @classmethod
    def of(cls, song: Song) -> Score:
        pitched, drummers = parts_of(song)
        rolls, (drums, more_drums) = (
            _rolls(pitched) if pitched or not drummers else (),
            drums_of(drummers, MAX_DRUMS),
        )
        more_tracks = len(pitched) - sum(len(roll.parts) for roll in rolls)
        left_out = [counted(more_tracks, "track")] * (more_tracks > 0)
        left_out += [counted(more_drums, "drum")] * (more_drums > 0)
        return cls(rolls, drums, drummers, tuple(left_out))

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(p for roll in self.rolls for p in roll.parts) + self.drummers


def parts_of(song: Song) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """The pitched tracks and the drums; tracks without notes are not drawn."""
    playing = [t for t in song.tracks if len(t.notes)]
    parts = [
        Part(t.name.strip() or program_name(t.program, t.is_drum), ink_of(place), t.notes)
        for place, t in enumerate(playing)
    ]
    pitched = tuple(p for p, t in zip(parts, playing, strict=True) if not t.is_drum)
    drummers = tuple(p for p, t in zip(parts, playing, strict=True) if t.is_drum)
    if len(drummers) > DRUMMERS:
        notes = Notes.together(p.notes for p in drummers)
        drummers = (Part(counted(len(drummers), "drum track"), drummers[0].ink, notes),)
    return pitched, drummers


def drums_of(drummers: Sequence[Part], most: int) -> tuple[tuple[int, ...], int]:
    """The `most` pitches that play most, from high to low, and how many others there are."""
    counts = np.bincount(Notes.together(p.notes for p in drummers).pitch, minlength=128)
    usual = [int(p) for p in np.argsort(-counts, kind="stable") if counts[p]]
    return tuple(sorted(usual[:most], reverse=True)), len(usual[most:])


def drum_label(pitch: int) -> str:
    """General MIDI's name: "Side Stick"."""
    name = drum_name(pitch)
    return name[:1].upper() + name[1:]


def _rolls(parts: Sequence[Part]) -> tuple[Roll, ...]:
    if len(parts) <= OVERLAID:
        return (Roll.of(parts, LEAST_ROWS),)
    rolls = [Roll.of([part], LEAST_ROWS // 2) for part in parts]
    rows = np.cumsum([roll.rows for roll in rolls])
    return tuple(rolls[: max(int((rows <= MAX_ROWS).sum()), 1)])
