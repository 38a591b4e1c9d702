"""Time as a horizontal axis: bars and beats in pixels, and which of them have room for a label."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from musegen.song import IntArray, Meter, Song
from musegen.time import FloatArray, bar_lines

T = TypeVar("T")

NUMBER = 48
"""Numbers of bars are at least so many pixels apart: more would be a crowd."""


def every(distance: float, least: float) -> int:
    """The smallest power of two that many times `distance` is at least `least`."""
    step = 1
    while step * distance < least and step < 1 << 30:
        step *= 2
    return step


def fitting(labels: Iterable[tuple[float, float, T]], gap: float) -> Iterator[tuple[float, T]]:
    """Of labels (x, width, what) those that fit, the first served first, `gap` apart."""
    taken: list[tuple[float, float]] = []
    for x, width, what in labels:
        if all(x + width + gap <= left or right + gap <= x for left, right in taken):
            taken.append((x, x + width))
            yield x, what


@dataclass(frozen=True, eq=False)
class Timeline:
    """The bars of a song between `left` and `left + width` pixels."""

    lines: IntArray
    """The ticks of the bar lines, the closing one included."""
    meters: tuple[Meter, ...]
    left: float
    width: float

    @classmethod
    def of(cls, song: Song, left: float, least: float, most: float, quarter: float) -> Timeline:
        """As wide as the song is long, `quarter` pixels a quarter, from `least` to `most`."""
        lines, meters = bar_lines(song)
        quarters = max(int(lines[-1]), 1) / song.ticks_per_quarter
        width = max(least, min(most, quarter * quarters))
        if width >= quarters:
            # On a quarter of a pixel, bar lines fall on whole ones and look alike.
            width = width / quarters // 0.25 * 0.25 * quarters
        return cls(lines, meters, left, width)

    @property
    def ticks(self) -> int:
        return max(int(self.lines[-1]), 1)

    @property
    def scale(self) -> float:
        """Pixels a tick."""
        return self.width / self.ticks

    def x(self, ticks: ArrayLike) -> FloatArray:
        return np.asarray(self.left + np.asarray(ticks, dtype=np.float64) * self.scale)

    def bar_step(self, least: float) -> int:
        """How many bars lie between two lines that are `least` pixels apart, on average."""
        return every(self.width / max(len(self.meters), 1), least)

    def numbers(self, digit: float) -> list[tuple[float, int]]:
        """The bars that have room for their number, counted from 1, with their x."""
        widest = digit * len(str(len(self.meters)))
        step = self.bar_step(max(widest + 2 * digit, NUMBER))
        starts = self.x(self.lines[:-1:step]).tolist()
        placed: list[tuple[float, int]] = []
        for place, x in enumerate(starts):
            # Bars of unlike lengths: the average has room, this one may have none.
            if not placed or x - placed[-1][0] >= widest + digit:
                placed.append((x, place * step + 1))
        return placed

    def beats(self, least: float) -> list[float]:
        """The x of the beats inside bars, unless they are less than `least` pixels apart."""
        found: list[float] = []
        if self.bar_step(least) > 1:
            return found
        for line, following, meter in zip(
            self.lines[:-1].tolist(), self.lines[1:].tolist(), self.meters, strict=True
        ):
            beat = max((following - line) / meter.numerator, 1e-9)
            if beat * self.scale >= least:
                found += self.x(line + beat * np.arange(1, meter.numerator)).tolist()
        return found
