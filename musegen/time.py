"""Ticks, seconds and bars.

Four units, and the only conversions between them: ticks (integers), quarters, seconds, bars.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from musegen.song import IntArray, Meter, Song, Tempo

FloatArray = NDArray[np.float64]


def ticks_to_seconds(song: Song, ticks: ArrayLike) -> FloatArray:
    """Seconds from the song's start, through its tempo map."""
    starts = np.array([t.tick for t in song.tempos], dtype=np.float64)
    rate = np.array([t.microseconds for t in song.tempos]) * 1e-6 / song.ticks_per_quarter
    seconds = np.concatenate(([0.0], np.cumsum(np.diff(starts) * rate[:-1])))
    at = np.asarray(ticks, dtype=np.float64)
    i = np.maximum(np.searchsorted(starts, at, side="right") - 1, 0)
    return np.asarray(seconds[i] + (at - starts[i]) * rate[i])


def usual_tempo(song: Song) -> Tempo:
    """The tempo that holds longest, by ticks, as one from the start on."""
    ticks: Counter[int] = Counter()
    for tempo, following in pairwise((*song.tempos, Tempo(song.length))):
        ticks[tempo.microseconds] += following.tick - tempo.tick
    return Tempo(0, ticks.most_common(1)[0][0])


def seconds(song: Song) -> float:
    """How long the song lasts."""
    return float(ticks_to_seconds(song, song.length))


def bar_lines(song: Song) -> tuple[IntArray, tuple[Meter, ...]]:
    """The ticks of all bar lines, the closing one included, and each bar's metre.

    The last line is at or after `song.length`. A metre change off the bar line cuts the bar short
    there: that is how notation programs write a pick-up.
    """
    lines: list[int] = []
    meters: list[Meter] = []
    for meter, following in zip(song.meters, (*song.meters[1:], None), strict=True):
        bar = max(meter.bar_ticks(song.ticks_per_quarter), 1)
        until = song.length if following is None else min(following.tick, song.length)
        starts = range(meter.tick, until, bar)
        lines += starts
        meters += [meter] * len(starts)
    if not meters:
        return np.zeros(1, dtype=np.int64), ()
    last = lines[-1] + max(meters[-1].bar_ticks(song.ticks_per_quarter), 1)
    return np.array([*lines, last], dtype=np.int64), tuple(meters)


def bar_count(song: Song) -> int:
    """How many bars the song has; a bar cut short by a metre change counts."""
    ends = (*(m.tick for m in song.meters[1:]), song.length)
    return sum(
        -(-(min(end, song.length) - meter.tick) // max(meter.bar_ticks(song.ticks_per_quarter), 1))
        for meter, end in zip(song.meters, ends, strict=True)
        if meter.tick < song.length
    )


def bar_line_from(meters: Sequence[Meter], ticks_per_quarter: int, tick: int) -> int:
    """The first bar line at or after `tick`, which no metre in `meters` follows."""
    bar = max(meters[-1].bar_ticks(ticks_per_quarter), 1)
    return meters[-1].tick - (meters[-1].tick - tick) // bar * bar
