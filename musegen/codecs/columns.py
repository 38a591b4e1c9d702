"""Token ids as columns, a row a note and a row a bar: what is asked of many notes at once.

Arrays of a whole corpus take seconds. Any sequence will do that `bars` writes in the order of
tracks, cut anywhere, or several one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import FIRST_DRUM, METERS
from musegen.song import IntArray


@dataclass(frozen=True, eq=False)
class Columns:
    """Of N notes in the order of their tokens, and of B bars; times are in steps."""

    at: IntArray
    """Index of the id that is the note [N]."""
    bar: IntArray
    """Row of its bar [N]; -1 before the first."""
    slot: IntArray
    position: IntArray
    """From its bar's line [N]."""
    duration: IntArray
    """A drum's is 1 [N]."""
    pitch: IntArray
    is_drum: NDArray[np.bool_]
    line_at: IntArray
    """Index of the id of each bar's line [B]."""
    line: IntArray
    """When each bar begins [B]."""
    width: IntArray
    """How long each bar is [B]."""

    @classmethod
    def of(cls, ids: IntArray, codec: BarCodec) -> Columns:
        v = codec.vocabulary

        def within(name: str) -> NDArray[np.bool_]:
            if name not in v:
                return np.zeros(len(ids), dtype=bool)
            return (ids >= v[name].first) & (ids < v[name].stop)

        def latest(name: str, at: IntArray, default: int = 0) -> IntArray:
            """The value of the last id of a range up to each place."""
            found = np.flatnonzero(within(name))
            if not len(found):
                return np.full(len(at), default)
            place = np.searchsorted(found, at, side="right") - 1
            values = ids[found] - v[name].first
            return np.where(place < 0, default, values[np.maximum(place, 0)])

        is_drum = within("drum")
        at = np.flatnonzero(within("pitch") | is_drum)
        is_drum = is_drum[at]
        line_at = np.flatnonzero(within("bar"))
        # A metre is told after its bar's line: what holds at the bar's end counts, which is before
        # the next line, or the header of the next sequence.
        breaks = np.append(np.flatnonzero(within("bar") | within("start")), len(ids))
        last = breaks[np.searchsorted(breaks, line_at, side="right")] - 1
        steps = np.array([codec.bar_steps(m) for m in range(len(METERS))])
        width = steps[latest("meter", last)]
        lengths = np.array(codec.durations)
        pitch = ids[at] - v["pitch"].first
        if is_drum.any():
            pitch = np.where(is_drum, ids[at] - v["drum"].first + FIRST_DRUM, pitch)
        return cls(
            at=at,
            bar=np.searchsorted(line_at, at, side="right") - 1,
            slot=latest("slot", at),
            position=latest("position", at),
            duration=np.where(is_drum, 1, lengths[latest("duration", at)]),
            pitch=pitch,
            is_drum=is_drum,
            line_at=line_at,
            line=np.cumsum(width) - width,
            width=width,
        )

    @property
    def onset(self) -> IntArray:
        """When each note begins [N]."""
        return (self.line[self.bar] if len(self.line) else 0) + self.position
