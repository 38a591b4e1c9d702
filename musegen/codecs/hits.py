"""Drum parts as hits: which voice at which step of a grid, how loud, and how far off the step.

A slot is one voice at one step. The loudest of the notes near the step is its hit, which is what a
model hears and moves; the other notes of the slot (the grace note of a flam, a second cymbal, the
rest of a roll) go with it. After Gillick et al., "Learning to Groove with Inverse Sequence
Transformations" (ICML 2019, https://arxiv.org/abs/1905.06118), with the offset in 16ths of
-0.5..0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.grid import QUARTER, Grid
from musegen.general_midi import VOICES, voices
from musegen.song import IntArray, Notes
from musegen.time import FloatArray

MAX_GAP = 4 * QUARTER
"""A longer gap, in twelfths of a quarter, counts as so long."""
FLAM = 4
"""A note that is louder than another of its slot is the slot's hit, though it may be further from
the step by a 16th divided by this."""
BEATS = 4
"""Quarters of a bar that are told apart; later ones count as the fourth."""
FEATURES = ("voice", "phase", "beat", "gap", "voice_gap", "chord", "extra")
"""What a network hears of a hit, beside the whole piece's style and tempo."""


def octaves(bpm: float) -> float:
    """A tempo as networks hear it: in octaves from 120 bpm."""
    return math.log2(bpm / 120)


@dataclass(frozen=True)
class HitsLayout:
    """What a model of drum parts can be told; it is the model's whole codec config."""

    styles: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Hits:
    """The hits of a drum part in order of step, then voice, [H] each, and its notes [N].

    `velocity` is 1..127, `offset` in 16ths. `hit_of` [N] is the hit that a note goes with, or -1
    where its pitch is no drum's or its step is the end, and `gap` [N] how many ticks the note is
    behind it.
    """

    notes: Notes
    grid: Grid
    step: IntArray
    voice: IntArray
    velocity: IntArray
    offset: FloatArray
    hit_of: IntArray
    gap: IntArray

    @classmethod
    def of(cls, notes: Notes, grid: Grid) -> Hits:
        step, offset = grid.nearest(notes.start)
        voice = voices(notes.pitch)
        slot = step * len(VOICES) + voice
        # What anticipates the end has no step to go to, and stays.
        known = np.flatnonzero((voice >= 0) & (step < len(grid)))
        away = np.abs(notes.start - grid.ticks[step])
        least = np.full((len(grid) + 1) * len(VOICES), np.iinfo(np.int64).max)
        np.minimum.at(least, slot[known], away[known])
        far = away - grid.sixteenth // FLAM > least[slot]
        # Of a slot the loudest first, of equals the one nearest to the step; after those, the rest.
        order = known[np.lexsort((away[known], -notes.velocity[known], far[known], slot[known]))]
        new = np.diff(slot[order], prepend=-1) != 0
        main = order[new]
        hit_of = np.full(len(notes), -1)
        hit_of[order] = np.cumsum(new) - 1
        gap = np.where(hit_of < 0, 0, notes.start - notes.start[main][hit_of] if len(main) else 0)
        return cls(
            notes,
            grid,
            step[main],
            voice[main],
            notes.velocity[main],
            offset[main],
            hit_of,
            gap,
        )

    def __len__(self) -> int:
        return len(self.step)

    def moved(self, offset: FloatArray, velocity: FloatArray) -> tuple[IntArray, IntArray]:
        """Start and velocity of each note [N], its hit at this offset (16ths) and velocity [H].

        A note that goes with no hit stays as it is.
        """
        start, loud = self.notes.start.copy(), self.notes.velocity.copy()
        known = self.hit_of >= 0
        hit = self.hit_of[known]
        away = np.rint(offset * self.grid.sixteenth).astype(np.int64)
        # At most half of the way to the next step, where these are nearer than 16ths.
        ticks = self.grid.ticks
        half = np.minimum(np.diff(ticks), self.grid.sixteenth) // 2
        before = np.where(self.step > 0, half[self.step - 1], half[0] if len(half) else 0)
        away = np.clip(away, -before, half[self.step])
        start[known] = (ticks[self.step] + away)[hit] + self.gap[known]
        share = loud[known] / self.velocity[hit]
        loud[known] = np.clip(np.rint(velocity[hit] * share), 1, 127)
        return start, loud

    def played(self, offset: FloatArray, velocity: FloatArray) -> Notes:
        """The notes `moved`: all are kept, within the piece, each pitch's in their order."""
        start, loud = self.moved(offset, velocity)
        n = self.notes
        return Notes(
            in_order(start, n.pitch, int(self.grid.ticks[-1])), n.duration, n.pitch, loud
        ).without_overlaps()

    def features(self) -> dict[str, NDArray[np.int64]]:
        """`FEATURES` by name: [H] each, `chord` [H, voices] of 0 and 1."""
        place = self.grid.place[self.step]
        at = self.grid.ticks[self.step] * 3 // self.grid.sixteenth
        present = np.zeros((len(self.grid) + 1, len(VOICES)), dtype=np.int64)
        present[self.step, self.voice] = 1
        voice_gap = np.full(len(self), MAX_GAP)
        for voice in range(len(VOICES)):
            mine = np.flatnonzero(self.voice == voice)
            voice_gap[mine[1:]] = np.diff(at[mine])
        return {
            "voice": self.voice,
            "phase": place % QUARTER,
            "beat": np.minimum(place // QUARTER, BEATS - 1),
            "gap": np.minimum(np.diff(at, prepend=at[:1] - MAX_GAP), MAX_GAP),
            "voice_gap": np.minimum(voice_gap, MAX_GAP),
            "chord": present[self.step],
            "extra": np.bincount(self.hit_of[self.hit_of >= 0], minlength=len(self)).clip(1, 2) - 1,
        }


def in_order(start: IntArray, pitch: IntArray, end: int) -> IntArray:
    """Each pitch's starts, moved so that they rise by a tick or more and lie within 0..end."""
    out = start.copy()
    for value in np.unique(pitch):
        mine = np.flatnonzero(pitch == value)
        rank = np.arange(len(mine))
        rising = np.maximum.accumulate(np.maximum(start[mine], 0) - rank) + rank
        out[mine] = np.minimum(rising, end - len(mine) + rank)
    return out
