from __future__ import annotations

import math

import numpy as np
import pytest

from musegen.overlap import BACKGROUND, Overlap, between_halves, overlap


def normal(seed: int, mean: float = 0.0, spread: float = 1.0, size: int = 4000) -> np.ndarray:
    return np.random.default_rng(seed).normal(mean, spread, size)


def test_a_sample_overlaps_itself() -> None:
    for sample in (normal(0), normal(0, 1e6), normal(0, 0, 1e-6), np.array([0.0, 0, 0, 1])):
        area, divergence = overlap(sample, sample)
        assert area == pytest.approx(1)
        assert divergence == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("apart", [0.5, 1, 2, 4])
def test_two_bells_overlap_as_the_formula_says(apart: float) -> None:
    spread = math.sqrt(1 + 4000**-0.4)  # that of the kernels is added
    area, divergence = overlap(normal(1), normal(2, apart))
    assert area == pytest.approx(1 - math.erf(apart / spread / math.sqrt(8)), abs=0.03)
    if apart < 3:  # beyond, the background counts
        assert divergence == pytest.approx((apart / spread) ** 2 / 2, rel=0.15)


def test_units_do_not_matter() -> None:
    one, other = normal(1, size=50), normal(2, 0.7, 2, 80)
    expected = overlap(one, other)
    assert overlap(3 - 1000 * one, 3 - 1000 * other) == pytest.approx(expected, abs=1e-9)
    assert overlap(other, one).area == pytest.approx(expected.area)


def test_samples_that_hardly_vary() -> None:
    same = np.zeros(100)
    nearly = same.copy()
    nearly[:3] = 0.125
    assert overlap(same, same) == Overlap(1, 0)
    assert overlap(same, same + 1) == Overlap(0, -math.log(BACKGROUND))
    assert overlap(same, nearly).area == pytest.approx(0.97, abs=1e-3)
    assert overlap(nearly, same).divergence < 0.5
    assert math.isfinite(overlap(same, np.array([5.0, 6.0])).divergence)


def test_what_is_not_defined_is_left_out() -> None:
    sample = normal(1, size=60)
    assert overlap(np.append(sample, math.nan), sample).area == pytest.approx(1)
    for few in ([], [1.0], [1.0, math.nan]):
        assert all(map(math.isnan, overlap(np.array(few), sample)))
        assert all(map(math.isnan, between_halves(np.array(few), np.random.default_rng(0))))


def test_halves_of_a_sample_are_as_alike_as_chance_lets_them() -> None:
    sizes = [between_halves(normal(1, size=n), np.random.default_rng(3)).area for n in (20, 4000)]
    assert 0.6 < sizes[0] < sizes[1] < 1
    again = between_halves(normal(1, size=20), np.random.default_rng(3))
    assert again == between_halves(normal(1, size=20), np.random.default_rng(3))
    assert isinstance(again, Overlap)
