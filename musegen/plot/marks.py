"""Notes as boxes, however many there are.

Up to `MAX_BOXES` each note has its own. Of more, those that share a row of a track and a column of
pixels become one, and the columns grow until the boxes are few enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musegen.plot.shapes import Box
from musegen.song import IntArray
from musegen.time import FloatArray

MAX_BOXES = 12_000
SHADES = 8
"""Steps of opacity from the softest note to the loudest."""
FAINTEST = 0.4


@dataclass(frozen=True, eq=False)
class Marks:
    """The notes of one track in one lane: columns [N] of edges, rows and shades 0..SHADES-1."""

    ink: str
    height: float
    left: FloatArray
    right: FloatArray
    top: FloatArray
    shade: IntArray

    def __len__(self) -> int:
        return len(self.left)

    def merged(self, column: int) -> Marks:
        """On whole columns of so many pixels; what touches is one, as loud as its loudest."""
        left = np.floor(self.left / column) * column
        right = np.maximum(np.ceil(self.right / column) * column, left + column)
        order = np.lexsort((left, self.top))
        left, right, top = left[order], right[order], self.top[order]
        # A row's own stretch of one long axis, so that a row never reaches into the next.
        offset = np.cumsum(np.diff(top, prepend=top[:1]) != 0) * (2 * float(right.max()) + 1)
        reach = np.maximum.accumulate(right + offset)
        first = np.flatnonzero(np.append(True, (left + offset)[1:] > reach[:-1]))
        shade = np.maximum.reduceat(self.shade[order], first)
        ends = np.append(first[1:], len(left)) - 1
        return Marks(self.ink, self.height, left[first], (reach - offset)[ends], top[first], shade)

    def boxes(self, first: float, last: float) -> list[Box]:
        """Between the edges `first` and `last`, from soft to loud: equal shades lie together."""
        order = np.argsort(self.shade, kind="stable")
        opacity = np.linspace(FAINTEST, 1, SHADES).round(2)[self.shade[order]].tolist()
        left = np.clip(self.left[order], first, last).round(1)
        right = np.clip(self.right[order], first, last).round(1)
        top = self.top[order].round(1)
        width = (right - left).round(1).tolist()
        return [
            Box(x, y, w, self.height, self.ink, o)
            for x, y, w, o in zip(left.tolist(), top.tolist(), width, opacity, strict=True)
        ]


def shades(velocity: IntArray) -> IntArray:
    """0..SHADES-1 from velocities 1..127."""
    return np.asarray(np.clip(velocity, 0, 127) * SHADES // 128)


def boxes(marks: Sequence[Marks], first: float, last: float) -> list[Box]:
    """All marks between the edges `first` and `last`, as about `MAX_BOXES` boxes at most."""
    column = 0
    drawn = [m for m in marks if len(m)]
    while sum(map(len, drawn)) > MAX_BOXES and column < 64:
        column = 2 * column or 1
        drawn = [m.merged(column) for m in drawn]
    return [box for m in drawn for box in m.boxes(first, last)]
