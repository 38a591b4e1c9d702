"""The steps of a piece: four to a quarter, or six where the music swings or plays triplets.

A grid knows ticks, bars and metres, and nothing of drums. Quarters are counted from each bar line,
so that every metre has one; a bar of an odd number of eighths ends with half a quarter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musegen.errors import UsageError
from musegen.song import IntArray, Song
from musegen.time import FloatArray, bar_lines

GridKind = Literal["auto", "16th", "triplet"]
GRIDS: tuple[GridKind, ...] = ("auto", "16th", "triplet")

QUARTER = 12
"""Places in a quarter; a grid's steps are 3 of them apart, or 2."""
_DEVIATIONS = (0.03, 0.2)
"""Bounds, in 16ths, of how exactly a player is taken to play."""
# In nats, chosen on the Groove MIDI Dataset so that shuffles come out as triplets and straight
# playing as 16ths: what a triplet quarter costs, and what a change from or to one.
_TRIPLET, _CHANGE = 1.5, 4.0


@dataclass(frozen=True, eq=False)
class Grid:
    """`ticks` [S + 1] of the steps, the last being the end of the piece.

    `place` [S + 1] counts twelfths of a quarter from the bar line, `bar` [S + 1] bars from 0.
    """

    ticks: IntArray
    place: IntArray
    bar: IntArray
    sixteenth: int
    """In ticks."""

    @classmethod
    def of(cls, song: Song, onsets: IntArray, kind: GridKind = "auto") -> Grid:
        """The grid of a song in whole bars, whose clock is a multiple of 12 ticks a quarter.

        "auto" chooses quarter by quarter what fits the `onsets`, in ticks.
        """
        if kind not in GRIDS:
            raise UsageError(f"no grid {kind!r}; there are: {', '.join(GRIDS)}")
        twelfth = song.ticks_per_quarter // QUARTER
        lines, _ = bar_lines(song)
        widths = np.maximum(np.diff(lines) // twelfth, 1)  # a bar has a step, however short
        # One row a quarter: its tick, its bar, its place in that bar, how many twelfths it has.
        counts = -(-widths // QUARTER)
        bar = np.repeat(np.arange(len(widths)), counts)
        place = QUARTER * (np.arange(len(bar)) - np.repeat(np.cumsum(counts) - counts, counts))
        start = lines[bar] + place * twelfth
        width = np.minimum(QUARTER, widths[bar] - place)
        if len(widths) > 1:  # a pick-up is the end of a bar
            place[bar == 0] += max(int(widths[1] - widths[0]), 0)
        if kind == "auto":
            triplet = _triplets(start, onsets, song.ticks_per_quarter)
        else:
            triplet = np.full(len(start), kind == "triplet")
        apart = np.where(triplet, 2, 3)
        steps = -(-width // apart)
        quarter = np.repeat(np.arange(len(start)), steps)
        first = np.cumsum(steps) - steps
        within = (np.arange(len(quarter)) - first[quarter]) * apart[quarter]
        return cls(
            np.append(start[quarter] + within * twelfth, lines[-1]),
            np.append(place[quarter] + within, 0),
            np.append(bar[quarter], len(widths)),
            3 * twelfth,
        )

    def __len__(self) -> int:
        """How many steps there are before the end."""
        return len(self.ticks) - 1

    def nearest(self, ticks: IntArray) -> tuple[IntArray, FloatArray]:
        """Each tick's step, and its distance from there in 16ths."""
        right = np.clip(np.searchsorted(self.ticks, ticks), 1, len(self.ticks) - 1)
        late = 2 * ticks > self.ticks[right - 1] + self.ticks[right]
        step = right - 1 + late
        return step, (ticks - self.ticks[step]) / self.sixteenth


def _triplets(quarters: IntArray, onsets: IntArray, ticks_per_quarter: int) -> NDArray[np.bool_]:
    """Which quarters are played in triplets, by the likeliest path of two states (Viterbi).

    An onset is normally distributed about a step of its grid, and all steps of a grid are equally
    likely; so six steps must fit better than four by more than chance.
    """
    if not len(onsets) or not len(quarters):
        return np.zeros(len(quarters), dtype=bool)
    # What comes just before a quarter belongs to it.
    early = onsets + ticks_per_quarter // QUARTER
    quarter = np.maximum(np.searchsorted(quarters, early, side="right") - 1, 0)
    at = (onsets - quarters[quarter]) / ticks_per_quarter
    straight, triplet, finer = (np.abs(at * n - np.rint(at * n)) * 4 / n for n in (4, 6, 8))
    straight = np.where(finer < _DEVIATIONS[0] / 2, np.minimum(straight, finer), straight)  # a roll
    low, high = _DEVIATIONS
    variance = np.clip(np.mean(np.minimum(straight, triplet) ** 2), low**2, high**2)
    gain = (straight**2 - triplet**2) / (2 * variance) - np.log(6 / 4)
    scores = np.bincount(quarter, weights=gain, minlength=len(quarters)) - _TRIPLET
    best = np.array((0.0, -_CHANGE))
    came_from = np.zeros((len(scores), 2), dtype=bool)
    for i, score in enumerate(scores):
        change = best[::-1] - _CHANGE
        came_from[i] = (change > best) ^ (False, True)
        best = np.maximum(best, change)
        best[1] += score
    path = np.zeros(len(scores), dtype=bool)
    state = bool(best[1] > best[0])
    for i in reversed(range(len(scores))):
        path[i] = state
        state = bool(came_from[i, int(state)])
    return path
