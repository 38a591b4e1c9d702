"""Half the samples, and nothing but what was heard in them."""

from __future__ import annotations

import numpy as np
import pytest

from musegen.sound import halved


def tone(hertz: float, samples: int = 22_051) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    wave = np.cos(2 * np.pi * hertz * np.arange(samples) / 44_100)
    return np.stack((wave, -wave / 2), axis=1).astype(np.float32)


@pytest.mark.parametrize("hertz", [0, 55, 440, 4_000, 9_500])
def test_what_is_low_enough_stays_where_it_is(hertz: float) -> None:
    middle = slice(100, -100)
    assert halved(tone(hertz))[middle] == pytest.approx(tone(hertz)[::2][middle], abs=1e-3)


@pytest.mark.parametrize("hertz", [12_600, 15_000, 22_050])
def test_what_is_too_high_does_not_come_back_as_something_else(hertz: float) -> None:
    assert np.abs(halved(tone(hertz))[100:-100]).max() < 2e-4


@pytest.mark.parametrize("samples", [0, 1, 2, 3, 47, 48, 1_001])
def test_any_length_is_halved(samples: int) -> None:
    half = halved(tone(440, samples))
    assert half.shape == ((samples + 1) // 2, 2)
    assert half.dtype == np.float32
