"""Any part as a rhythm: at which steps of a grid something starts, how loud, and how far off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.grid import QUARTER, Grid
from musegen.codecs.hits import BEATS
from musegen.song import IntArray, Notes
from musegen.time import FloatArray

EXACT = 0.01
"""In 16ths: a rhythm whose onsets all lie as near to their steps is written, not performed."""


@dataclass(frozen=True, eq=False)
class Taps:
    """Columns [S] over the steps of a grid.

    `velocity` 1..127 and `offset` in 16ths are those of the loudest onset at a step. They are NaN
    where there is none, and everywhere where they tell nothing: where all are equally loud, or all
    exactly on the grid.
    """

    onset: NDArray[np.bool_]
    velocity: FloatArray
    offset: FloatArray

    @classmethod
    def of(cls, notes: Notes, grid: Grid) -> Taps:
        step, away = grid.nearest(notes.start)
        softest_first = np.argsort(notes.velocity, kind="stable")
        softest_first = softest_first[step[softest_first] < len(grid)]
        step, away = step[softest_first], away[softest_first]
        loud = notes.velocity[softest_first]
        onset = np.zeros(len(grid), dtype=bool)
        velocity, offset = np.full((2, len(grid)), np.nan)
        onset[step] = True
        if len(np.unique(loud)) > 1:
            velocity[step] = loud
        if np.abs(away).max(initial=0) > EXACT:
            offset[step] = away
        return cls(onset, velocity, offset)


def places(place: IntArray) -> tuple[IntArray, IntArray]:
    """Phase and beat of each step, from its place in the bar in twelfths of a quarter."""
    return place % QUARTER, np.minimum(place // QUARTER, BEATS - 1)
