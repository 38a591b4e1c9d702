"""How a part is played, apart from its notes: how loud and how late, anywhere in its bars.

Models of steps say neither: it is carried over from the parts that they read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musegen.codecs.steps import Frame
from musegen.song import IntArray, Notes
from musegen.time import FloatArray

USUAL = (96, 88, 80)
"""Velocities where nothing is known: at a bar line, on another beat, between the beats."""


@dataclass(frozen=True, eq=False)
class Touch:
    """Of each step and voice: `velocity` 1..127, `offset` in 16ths [voices, S]."""

    velocity: FloatArray
    offset: FloatArray

    @classmethod
    def of(cls, notes: Notes, voice: IntArray, voices: int, frame: Frame) -> Touch:
        """That of notes which have these voices [N]; between a voice's notes, a straight line.

        A voice that is silent is played as the others are. Of notes at one step, the loudest
        counts.
        """
        if not len(notes):
            return cls.usual(voices, frame)
        step, offset = frame.grid.nearest(notes.start)
        steps = np.arange(len(frame.grid))
        softest_first = np.argsort(notes.velocity, kind="stable")

        def line(values: FloatArray, mine: IntArray) -> FloatArray:
            loudest = dict(zip(step[mine].tolist(), values[mine].tolist(), strict=True))
            at = np.array(sorted(loudest))
            return np.asarray(np.interp(steps, at, [loudest[a] for a in at.tolist()]))

        lines = []
        for number in range(voices):
            mine = softest_first[voice[softest_first] == number]
            mine = mine if len(mine) else softest_first
            lines.append([line(v, mine) for v in (notes.velocity.astype(np.float64), offset)])
        velocity, late = np.array(lines).transpose(1, 0, 2)  # 2 voices S
        return cls(velocity, late)

    @classmethod
    def usual(cls, voices: int, frame: Frame) -> Touch:
        """On the grid, with the accents of the metre."""
        slot = np.broadcast_to(np.arange(frame.is_step.shape[1]), frame.is_step.shape)
        on_beat = slot[frame.is_step] == 0
        at_line = on_beat & (np.repeat(frame.place, frame.slots) == 0)
        velocity = np.select([at_line, on_beat], USUAL[:2], USUAL[2]).astype(np.float64)
        return cls(np.tile(velocity, (voices, 1)), np.zeros((voices, len(velocity))))

    def blended(self, other: Touch, share: float) -> Touch:
        """What lies between: at share 0 it is this one, at 1 the other."""
        return Touch(
            (1 - share) * self.velocity + share * other.velocity,
            (1 - share) * self.offset + share * other.offset,
        )

    def at(self, step: IntArray, voice: IntArray, frame: Frame) -> tuple[IntArray, IntArray]:
        """When notes at these steps are played, in ticks, and how loud [N]."""
        ticks = frame.grid.ticks
        half = np.minimum(np.diff(ticks), frame.grid.sixteenth) // 2
        late = np.rint(self.offset[voice, step] * frame.grid.sixteenth).astype(np.int64)
        late = np.clip(late, -np.where(step > 0, half[step - 1], 0), half[step])
        velocity = np.clip(np.rint(self.velocity[voice, step]), 1, 127).astype(np.int64)
        return ticks[step] + late, velocity
