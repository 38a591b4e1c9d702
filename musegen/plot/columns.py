"""Time as the columns of a terminal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.song import IntArray, Notes, Song
from musegen.time import FloatArray, bar_lines

LEAST_BAR, MOST_BAR = 3, 16
"""Columns a bar: with fewer, bar lines have none of their own. A bar alone may have twice the most.
"""


@dataclass(frozen=True, eq=False)
class Columns:
    """Where time is among the columns of the music, counted from 0."""

    lines: IntArray
    """The ticks of the bar lines, the closing one included."""
    starts: IntArray
    """[lines]: the column of each; a bar's music begins `room` columns behind."""
    room: int
    """1 where a line has a column of its own, or 0."""

    @classmethod
    def of(cls, song: Song, columns: int) -> Columns:
        lines, meters = bar_lines(song)
        bars = max(len(meters), 1)
        width = min((columns - 1) // bars - 1, MOST_BAR * (1 + (bars == 1)))
        if width < LEAST_BAR:
            return cls(lines, lines * (columns - 1) // max(int(lines[-1]), 1), 0)
        beats = meters[0].numerator if meters else 4
        # Beats fall on columns where the bar has room for that.
        width = width // beats * beats if width >= beats else width
        return cls(lines, np.arange(bars + 1)[: len(lines)] * (width + 1), 1)

    @property
    def count(self) -> int:
        return int(self.starts[-1]) + 1

    def at(self, ticks: IntArray) -> FloatArray:
        """The column of each tick, with its fraction."""
        if len(self.lines) < 2:
            return np.zeros(len(ticks))
        bar = np.clip(np.searchsorted(self.lines, ticks, side="right") - 1, 0, len(self.lines) - 2)
        share = (ticks - self.lines[bar]) / (self.lines[bar + 1] - self.lines[bar])
        width = (np.diff(self.starts) - self.room)[bar]
        return np.asarray(self.starts[bar] + self.room + share * width)

    def painted(self, notes: Notes, rows: IntArray, count: int, *, hits: bool) -> NDArray[np.bool_]:
        """[count, columns]: where notes sound, each in its row; of `hits`, where they begin."""
        # A thousandth of a column is nobody's intention: it is a triplet's remainder.
        first = np.floor(self.at(notes.start) + 1e-3).astype(np.int64)
        last = np.ceil(self.at(notes.end) - 1e-3).astype(np.int64)
        last = first + 1 if hits else np.maximum(last, first + 1)
        edges = np.zeros((count, self.count + 2), dtype=np.int64)
        np.add.at(edges, (rows, np.minimum(first, self.count)), 1)
        np.add.at(edges, (rows, np.minimum(last, self.count + 1)), -1)
        return np.asarray(np.cumsum(edges, axis=1)[:, : self.count] > 0)
