"""Where a song is at a second: what a page needs to move a playhead over a roll, and to seek."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musegen.plot.timeline import every
from musegen.song import Song
from musegen.time import bar_lines, ticks_to_seconds

MAX_KNOTS = 400
MAX_BARS = 2_000


@dataclass(frozen=True)
class Playhead:
    """Between two knots time runs evenly."""

    knots: tuple[tuple[float, int], ...]
    """(seconds, tick), both rising, from the song's start to its last bar line."""
    bars: tuple[float, ...]
    """The seconds at which bars begin; of very many, every second one, or fourth, and so on."""
    bar_step: int
    """How many bars lie between two of `bars`."""

    @classmethod
    def of(cls, song: Song) -> Playhead:
        """Exact, unless the tempo changes more than `MAX_KNOTS` times.

        Then the knots are evenly spaced, and between two of them the playhead may be wrong by what
        lies between them.
        """
        lines, _ = bar_lines(song)
        end = max(int(lines[-1]), 1)
        ticks = np.array([0, *(t.tick for t in song.tempos if 0 < t.tick < end), end])
        if len(ticks) > MAX_KNOTS:
            ticks = np.unique(np.linspace(0, end, MAX_KNOTS).astype(np.int64))
        seconds = ticks_to_seconds(song, ticks).round(4)
        knots = tuple(zip(seconds.tolist(), ticks.tolist(), strict=True))
        step = every(MAX_BARS / max(len(lines) - 1, 1), 1)
        starts = ticks_to_seconds(song, lines[:-1:step]).round(3)
        return cls(knots, tuple(starts.tolist()), step)
