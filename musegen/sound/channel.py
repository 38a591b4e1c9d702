"""What a track's controllers do to its notes over time, as General MIDI has it.

Sustain pedal (64), volume (7), expression (11), pan (10) and pitch bend, with the range that RPN 0
sets (101, 100, 6, 38). All else is left out: modulation wheel, pressure, other pedals, portamento,
reverb and chorus.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.song import PITCH_BEND, SUSTAIN_PEDAL, Controls, IntArray
from musegen.time import FloatArray

VOLUME, PAN, EXPRESSION = 7, 10, 11
_RPN_HIGH, _RPN_LOW, _DATA, _FINE_DATA = 101, 100, 6, 38
_RAMP = 64  # samples over which a change comes, so that it does not click


@dataclass(frozen=True, eq=False)
class Curve:
    """A value over time: `values` [C] at the samples `times` [C], on straight lines between."""

    times: IntArray
    values: FloatArray

    @classmethod
    def of(cls, changes: list[tuple[int, float]], usual: float, ramp: int = _RAMP) -> Curve:
        """From (sample, new value) in order, each reached `ramp` samples later, or at once at 0."""
        times, values = [0], [usual]
        for at, value in changes:
            if at <= times[0]:
                values[0] = value
            elif value != values[-1]:
                times += [max(at, times[-1]), max(at, times[-1]) + ramp]
                values += [values[-1], value]
        return cls(np.array(times), np.array(values))

    def over(self, start: int, stop: int, step: int = 1) -> FloatArray:
        """The values at start, start + step ...; [1] where they are all the same."""
        first, last = np.searchsorted(self.times, (start, stop))
        near = self.values[max(first - 1, 0) : last + 1]
        if (near == near[0]).all():
            return near[:1]
        return np.interp(np.arange(start, stop, step), self.times, self.values)


@dataclass(frozen=True, eq=False)
class Channel:
    """`gain` is an amplitude, `pan` -1 (left) to 1, `bend` cents; `pedal` holds [P, 2] samples."""

    gain: Curve
    pan: Curve
    bend: Curve
    pedal: IntArray

    @classmethod
    def of(cls, controls: Controls, samples: IntArray, end: int) -> Channel:
        """`samples` has the time of each of the controls; a pedal still down is lifted at `end`."""
        now = {VOLUME: 100, EXPRESSION: 127, PAN: 64, PITCH_BEND: 0, SUSTAIN_PEDAL: 0}
        now |= {_RPN_HIGH: 127, _RPN_LOW: 127}
        bend_range = 200.0
        changes: dict[int, list[tuple[int, float]]] = {VOLUME: [], PAN: [], PITCH_BEND: []}
        down, pedal = -1, []
        rows = zip(samples.tolist(), controls.number.tolist(), controls.value.tolist(), strict=True)
        for at, number, value in rows:
            now[number] = value
            if number in (VOLUME, EXPRESSION):
                # 40 log10(127 / v) dB each (SoundFont 2.04, sections 8.4.5 and 8.4.9)
                loudness = now[VOLUME] * now[EXPRESSION] / 127**2
                changes[VOLUME].append((at, loudness**2))
            elif number == PAN:
                changes[PAN].append((at, (value - 64) / 64))
            elif number in (_DATA, _FINE_DATA) and now[_RPN_HIGH] == now[_RPN_LOW] == 0:
                bend_range = 100.0 * now.get(_DATA, 2) + now.get(_FINE_DATA, 0)
            elif number == SUSTAIN_PEDAL and (value >= 64) != (down >= 0):
                if value < 64:
                    pedal.append((down, at))
                down = at if value >= 64 else -1
            if number in (PITCH_BEND, _DATA, _FINE_DATA):
                changes[PITCH_BEND].append((at, now[PITCH_BEND] / 8192 * bend_range))
        if down >= 0:
            pedal.append((down, max(end, down)))
        return cls(
            Curve.of(changes[VOLUME], (100 / 127) ** 2),
            Curve.of(changes[PAN], 0.0),
            Curve.of(changes[PITCH_BEND], 0.0, ramp=1),
            np.array(pedal, dtype=np.int64).reshape(-1, 2),
        )

    def held(self, ends: IntArray) -> IntArray:
        """When keys let go at `ends` (samples) fall silent, the pedal minded."""
        i = np.searchsorted(self.pedal[:, 0], ends) - 1  # a pedal pressed at the same time is late
        if not len(self.pedal):
            return ends
        is_held = (i >= 0) & (ends < self.pedal[i, 1])
        return np.asarray(np.where(is_held, self.pedal[i, 1], ends))

    def sides(self, start: int, stop: int, pan: float, per_pan: float) -> NDArray[np.float32]:
        """Amplitudes [2, n] left and right of what lies at `pan`, -1..1, n being 1 or all samples.

        The sum of their squares is that of `gain`; the channel's pan moves it by `per_pan`.
        """
        place = np.clip(pan + per_pan * self.pan.over(start, stop), -1, 1)
        angle = (place + 1) * (np.pi / 4)
        sides = self.gain.over(start, stop) * np.stack((np.cos(angle), np.sin(angle)))
        return np.asarray(sides, np.float32)
