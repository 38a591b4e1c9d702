"""How a part comes to be as dense, and as many-voiced, as was asked: what may follow is made more
or less likely, by how far the part is from there.

A model that is told a density hears it, but loosely. So every choice is leaned on: each quarter of
silence that it brings to a track becomes exp(-pressure) times as likely, and each further note of a
chord exp(pressure) times. The pressure of a track grows with how much its notes fall short of what
was asked (or how far its voices do), and is negative where they are too many; it is never so high
that what the model finds absurd is written.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.sampling import Logits, together
from musegen.song import IntArray

GAIN = 6.0
"""Pressure for e times too few notes."""
MOST = 4.0
"""Pressure at most, and at least -MOST."""
LONGEST = 3.0
"""Quarters of silence that count, of longer ones."""
CHORDS = 0.25
"""How much of the pressure for notes is for those of a chord."""
PATIENCE = 2.0
"""Quarters of music, as it should be, that are taken as written before the first note."""


class Part(NamedTuple):
    """What a track has so far, in steps of the grid: of the bars that it plays in, others apart."""

    bar: int = 0
    """Where the present one begins."""
    width: int = 0
    """How long that is."""
    notes: int = 0
    sounding: int = 0
    """Lengths of all notes."""
    covered: int = 0
    """Time in which any sounds."""
    silent_from: int = 0

    def in_bar(self, width: int) -> Part:
        """In the next bar that it plays in."""
        return self._replace(bar=self.bar + self.width, width=width)

    def with_note(self, position: int, duration: int) -> Part:
        start, known = self.bar + position, self.silent_from
        end = start + duration
        covered = self.covered + max(end - max(start, known), 0)
        return Part(*self[:2], self.notes + 1, self.sounding + duration, covered, max(known, end))


Parts = tuple[Part, ...]


class Steering:
    """Of each track: `density` in notes a quarter, `voices` that sound at once on average."""

    def __init__(self, codec: BarCodec, density: float | None, voices: float | None) -> None:
        self.steps = codec.layout.steps_per_quarter
        self.vocabulary = codec.vocabulary
        self.density, self.voices = density, voices

    def lean(self, logits: Logits, ids: IntArray, part: Part, position: int) -> Logits:
        """The logits [N] of ids that may follow, rising, with some of them made likelier.

        The part plays, and is at `position` of its bar.
        """
        stay = np.zeros(len(ids), dtype=np.bool_)
        there = np.full(len(ids), part.width)  # who plays no more rests for what is left of the bar
        positions = self._of("position", ids)
        there[positions] = ids[positions] - self.vocabulary["position"].first
        for name in ("velocity", "duration", "pitch", "drum"):
            if name in self.vocabulary:
                stay[self._of(name, ids)] = True
        silence = np.minimum((there - position) / self.steps, LONGEST)  # quarters
        leaned: Logits = logits - np.float32(self._pressure(part, position)) * silence.astype(
            np.float32
        )
        if stay.any():
            # Time decides when the next note comes, not how many sound together.
            leaned[stay] = logits[stay] + self._chord_pressure(part, position)
            if not stay.all():
                leaned[~stay] += together(logits[~stay]) - together(leaned[~stay])
        return leaned

    def _of(self, name: str, ids: IntArray) -> slice:
        """Which of rising ids are of a range."""
        r = self.vocabulary[name]
        return slice(*ids.searchsorted((r.first, r.stop)).tolist())

    def _pressure(self, part: Part, position: int) -> float:
        """For notes, at a position of the present bar."""
        if self.density is None:
            return 0.0
        wanted = (part.bar + position) / self.steps + PATIENCE
        there = part.notes / self.density + PATIENCE
        return bounded(GAIN * math.log(wanted / there))

    def _chord_pressure(self, part: Part, position: int) -> float:
        """For more notes at an onset."""
        if self.voices is None:
            return CHORDS * self._pressure(part, position)
        usual = PATIENCE * self.steps
        voices = (part.sounding + self.voices * usual) / (part.covered + usual)
        return bounded(GAIN * math.log(self.voices / voices))


def bounded(pressure: float) -> float:
    return min(max(pressure, -MOST), MOST)
