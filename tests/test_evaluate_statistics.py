from __future__ import annotations

import math

import numpy as np
import pytest
from conftest import tune

from musegen.analysis import Statistics
from musegen.evaluate_statistics import compared, curves
from musegen.song import Song

REAL = [tune(seed) for seed in range(30)]


def test_what_a_composer_wrote_is_like_itself() -> None:
    rows = compared(REAL, REAL)
    assert [row.name for row in rows] == list(Statistics.__dataclass_fields__)
    for row in rows:
        assert row.real == row.model
        assert row.overlapped_area == pytest.approx(1)
        assert row.divergence == pytest.approx(0, abs=1e-6)
        assert 0 < row.halves <= 1


def test_what_is_otherwise_is_not() -> None:
    rows = {row.name: row for row in compared(REAL, [tune(s, meter=(3, 4)) for s in range(30)])}
    assert (rows["density"].real, rows["density"].model) == (9, 7)
    assert rows["density"].overlapped_area == 0
    assert rows["scale_consistency"].overlapped_area == 1  # which is all that they have in common
    assert 0.7 < rows["bar_similarity"].halves < 1


def test_what_too_few_have_is_not_compared() -> None:
    row = compared(REAL[:1], REAL)[0]
    assert row.real > 0
    assert all(map(math.isnan, (row.overlapped_area, row.divergence, row.halves)))
    assert math.isnan(compared([], REAL)[0].real)


def test_the_curve_goes_as_far_as_both() -> None:
    curve = curves(REAL, [tune(seed, bars=6) for seed in range(5)])
    assert [point.bars for point in curve] == [1, 2, 3, 4, 5]
    assert curves(REAL, REAL)[-1].bars == 11
    drone: Song = tune(0)
    still = [Song(drone.tracks[1:], drone.length)]
    assert np.allclose([point.real for point in curves(still, still)], 1)
