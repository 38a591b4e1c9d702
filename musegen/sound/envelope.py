"""How a note's loudness and brightness go over its time: envelopes and oscillators of a zone.

Sections are of the SoundFont 2.04 specification. Times are seconds from the note's start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.sound.soundfont import G, Zone

Floats = NDArray[np.float32]

RANGE = 100.0  # dB that decay and release times are for (section 8.1.3, generators 36 and 38)
_SHORTEST_RELEASE = 0.005  # s; less is a click
_AT_ONCE = 1 << 15  # samples, for the processor's cache
_LONGEST = 8_000  # timecents: 102 s


def seconds(timecents: float) -> float:
    """2^(timecents / 1200); 0 from the shortest time that the format can say on."""
    return 0.0 if timecents <= -12_000 else float(2 ** (min(timecents, _LONGEST) / 1200))


@dataclass(frozen=True)
class Volume:
    """Delay, attack, hold, decay, sustain, release. All in seconds, `sustain` in dB below full."""

    delay: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float

    @classmethod
    def of(cls, zone: Zone, key: int) -> Volume:
        return cls(
            seconds(zone[G.DELAY]),
            seconds(zone[G.ATTACK]),
            seconds(zone[G.HOLD] + (60 - key) * zone[G.KEY_TO_HOLD]),
            seconds(zone[G.DECAY] + (60 - key) * zone[G.KEY_TO_DECAY]),
            min(max(zone[G.SUSTAIN] / 10, 0.0), RANGE),
            max(seconds(zone[G.RELEASE]), _SHORTEST_RELEASE),
        )

    def level(self, time: Floats) -> Floats:
        """The amplitude 0..1 of a key held down: linear up, then linear down in dB."""
        since = time - np.float32(self.delay)
        fallen = (since - np.float32(self.attack + self.hold)) * np.float32(
            RANGE / max(self.decay, 1e-4)
        )
        np.clip(fallen, 0.0, self.sustain, out=fallen)
        level = np.exp(fallen * np.float32(-np.log(10) / 20))
        level *= np.clip(since / np.float32(max(self.attack, 1e-6)), 0.0, 1.0)
        return np.asarray(level, np.float32)

    def over(self, count: int, rate: int) -> Floats:
        """`level` at each of `count` samples."""
        level = np.empty(count, np.float32)
        for first in range(0, count, _AT_ONCE):
            last = min(first + _AT_ONCE, count)
            level[first:last] = self.level(
                np.arange(first, last, dtype=np.float32) / np.float32(rate)
            )
        return level

    def silent_from(self, drop: NDArray[np.float64]) -> NDArray[np.float64]:
        """[V] seconds until a key held down has lost `drop` dB; inf where it never does."""
        fallen = self.delay + self.attack + self.hold + self.decay * drop / RANGE
        return np.where(drop > self.sustain, np.inf, fallen)


def falling(count: int, release: float, rate: int) -> Floats:
    """The amplitudes [count] of a release, from 1 on: `RANGE` dB in `release` seconds."""
    slope = -np.log(10) / 20 * RANGE / (release * rate)
    return np.asarray(np.exp(np.arange(count, dtype=np.float32) * np.float32(slope)))


def modulation(zone: Zone, key: int, time: Floats) -> Floats:
    """The modulation envelope of a key held down, 0..1 (section 8.1.3, generators 25 to 29).

    Its attack is convex, its decay linear; its release is left out.
    """
    since = time - np.float32(seconds(zone[G.MOD_DELAY]))
    attack = seconds(zone[G.MOD_ATTACK])
    decay_from = attack + seconds(zone[G.MOD_HOLD] + (60 - key) * zone[G.KEY_TO_MOD_HOLD])
    decay = seconds(zone[G.MOD_DECAY] + (60 - key) * zone[G.KEY_TO_MOD_DECAY])
    lost = min(max(zone[G.MOD_SUSTAIN] / 1000, 0.0), 1.0)
    level = 1 - np.clip((since - np.float32(decay_from)) / np.float32(max(decay, 1e-4)), 0.0, lost)
    rising = np.clip(since / np.float32(max(attack, 1e-6)), 1e-6, 1.0)
    convex = np.clip(1 + np.log10(rising) / np.float32(2.4), 0.0, 1.0)
    return np.asarray(np.where(since < attack, convex, level), dtype=np.float32)


def oscillation(delay: int, frequency: int, time: Floats) -> Floats:
    """A low-frequency triangle, -1..1, from 0 upwards at its delay (timecents, cents; 21 to 24)."""
    hertz = np.float32(8.176 * 2 ** (min(max(frequency, -16_000), 4_500) / 1200))
    phase = np.maximum(time - np.float32(seconds(delay)), 0) * hertz
    return np.asarray(np.abs((phase - np.float32(0.25)) % 1 * 4 - 2) - np.float32(1))
