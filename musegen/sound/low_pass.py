"""The resonant low-pass filter of a voice, whose cutoff moves while it sounds.

Two poles (SoundFont 2.04, section 8.1.3, generators 8 and 9). A recursive filter is a loop over
samples; here short overlapping frames are multiplied with its frequency response instead.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from musegen.sound.envelope import Floats

HOP = 256
"""Samples from one cutoff to the next; between two the sound is faded over."""

_SIZE = 4 * HOP  # two hops of sound and two for what rings after them
_STEP = 50  # cents between the cutoffs that are told apart
_Q_STEP = 5  # cB
_AT_ONCE = 64  # frames, for the processor's cache


def low_pass(sound: Floats, cutoff: Floats, resonance: int, rate: int) -> Floats:
    """[N] samples through the filter.

    `cutoff` has absolute cents (0 is 8.176 Hz) at each `HOP` samples from 0 on, at least
    N // HOP + 2 of them; `resonance` is cB above the flat response.
    """
    open_from = 1200 * np.log2(0.45 * rate / 8.176)
    if len(sound) == 0 or (resonance <= 0 and cutoff.min() >= open_from):
        return sound * np.float32(_gain(0))
    steps = np.clip(np.rint(cutoff / _STEP), 1_500 // _STEP, open_from // _STEP).astype(int)
    frames = len(sound) // HOP + 2
    padded = np.zeros((frames + 2) * HOP, np.float32)
    padded[HOP : HOP + len(sound)] = sound
    ramp = (np.arange(HOP, dtype=np.float32) + np.float32(0.5)) / HOP
    window = np.concatenate((ramp, ramp[::-1]))
    out = np.zeros((frames + 4, HOP), np.float32)
    hops = padded.reshape(-1, HOP)
    q = min(max(round(resonance / _Q_STEP), 0), 960 // _Q_STEP)
    for first in range(0, frames, _AT_ONCE):
        last = min(first + _AT_ONCE, frames)
        pieces = np.zeros((last - first, _SIZE), np.float32)
        pieces[:, :HOP] = hops[first:last]
        pieces[:, HOP : 2 * HOP] = hops[first + 1 : last + 1]
        pieces[:, : 2 * HOP] *= window
        spectra = np.fft.rfft(pieces)
        spectra *= _responses(steps[first:last].tobytes(), q, rate)
        pieces = np.fft.irfft(spectra, _SIZE).astype(np.float32, copy=False)
        for part in range(4):
            out[first + part : last + part] += pieces[:, part * HOP : (part + 1) * HOP]
    return out.reshape(-1)[HOP : HOP + len(sound)]


def _responses(steps: bytes, q: int, rate: int) -> NDArray[np.complex64]:
    rows = np.frombuffer(steps, int)
    if (rows == rows[0]).all():
        return _response(int(rows[0]), q, rate)
    return np.stack([_response(step, q, rate) for step in rows.tolist()])


@lru_cache(maxsize=4096)
def _response(step: int, q: int, rate: int) -> NDArray[np.complex64]:
    """[_SIZE / 2 + 1]: a two-pole low-pass by the bilinear transform, 3 dB down without resonance.

    R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients"; as resonance
    rises, all is turned down by half of it in dB (section 8.1.3, generator 9).
    """
    omega = 2 * np.pi * min(8.176 * 2 ** (step * _STEP / 1200), 0.45 * rate) / rate
    quality = _quality(q)
    alpha = np.sin(omega) / (2 * quality)
    z = np.exp(-1j * np.linspace(0, np.pi, _SIZE // 2 + 1))
    above = (1 - np.cos(omega)) / 2 * (1 + z) ** 2 * _gain(q)
    below = (1 + alpha) - 2 * np.cos(omega) * z + (1 - alpha) * z**2
    return np.asarray(above / below, dtype=np.complex64)


def _quality(q: int) -> float:
    return float(10 ** ((q * _Q_STEP / 10 - 3.01) / 20))


def _gain(q: int) -> float:
    return float(1 / np.sqrt(_quality(q)))
