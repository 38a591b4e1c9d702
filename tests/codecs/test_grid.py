"""The steps of a piece: where they lie in every metre, and which quarters are in triplets."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs.grid import QUARTER, Grid, GridKind
from musegen.errors import UsageError
from musegen.song import Meter, Song

CLOCKS = (24, 96, 480, 960)


def song_of(*meters: tuple[int, int, int], clock: int = 480) -> Song:
    """An empty song of (bars, numerator, denominator), one after the other."""
    found, tick = [], 0
    for bars, numerator, denominator in meters:
        found.append(Meter(tick, numerator, denominator))
        tick += bars * found[-1].bar_ticks(clock)
    return Song((), tick, clock, meters=tuple(found))


def grid_of(song: Song, *quarters: float, kind: GridKind = "auto") -> Grid:
    """The grid for onsets at these places, in quarters from the beginning."""
    onsets = np.rint(np.array(quarters) * song.ticks_per_quarter).astype(np.int64)
    return Grid.of(song, onsets, kind)


def triplets(grid: Grid) -> list[int]:
    """The quarters of a song in 4/4 that are in triplets."""
    thirds = np.flatnonzero(grid.place % QUARTER == 4)
    return [int(quarter) for quarter in (4 * grid.bar + grid.place // QUARTER)[thirds]]


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(
    ("meter", "straight", "triplet"),
    [
        ((4, 4), [0, 3, 6, 9] * 4, [0, 2, 4, 6, 8, 10] * 4),
        ((3, 4), [0, 3, 6, 9] * 3, [0, 2, 4, 6, 8, 10] * 3),
        ((5, 4), [0, 3, 6, 9] * 5, [0, 2, 4, 6, 8, 10] * 5),
        ((6, 8), [0, 3, 6, 9] * 3, [0, 2, 4, 6, 8, 10] * 3),
        ((7, 8), [0, 3, 6, 9] * 3 + [0, 3], [0, 2, 4, 6, 8, 10] * 3 + [0, 2, 4]),
        ((1, 8), [0, 3], [0, 2, 4]),
        ((3, 16), [0, 3, 6], [0, 2, 4, 6, 8]),
    ],
)
def test_a_bar_has_its_steps(
    meter: tuple[int, int], straight: list[int], triplet: list[int], clock: int
) -> None:
    song = song_of((2, *meter), clock=clock)
    wanted: dict[GridKind, list[int]] = {"16th": straight, "triplet": triplet}
    for kind, steps in wanted.items():
        grid = grid_of(song, kind=kind)
        assert len(grid) == 2 * len(steps)
        assert (grid.place[:-1] % QUARTER).tolist() == 2 * steps
        assert grid.bar.tolist() == [0] * len(steps) + [1] * len(steps) + [2]
        bar = song.length // 2
        assert (grid.place[:-1] * clock // QUARTER + bar * grid.bar[:-1]).tolist() == (
            grid.ticks[:-1].tolist()
        )
        assert (grid.ticks[-1], grid.place[-1]) == (song.length, 0)
        assert grid.sixteenth == clock // 4


def test_quarters_are_counted_from_each_bar_line() -> None:
    grid = grid_of(song_of((1, 7, 8), (2, 3, 4), (1, 5, 8)))
    assert np.flatnonzero(grid.place[:-1] == 0).tolist() == [0, 14, 26, 38]
    assert grid.ticks[[0, 14, 26, 38, 48]].tolist() == [0, 1680, 3120, 4560, 5760]
    assert grid.bar[[0, 13, 14, 26, 38, 48]].tolist() == [0, 0, 1, 2, 3, 4]


def test_a_bar_cut_by_a_metre_change_ends_there() -> None:
    pickup = Song((), 480 + 1920, meters=(Meter(0, 4, 4), Meter(480, 4, 4)))
    grid = grid_of(pickup)
    assert grid.ticks[:6].tolist() == [0, 120, 240, 360, 480, 600]
    assert grid.place[:6].tolist() == [36, 39, 42, 45, 0, 3]  # a pick-up
    assert grid.bar[:6].tolist() == [0, 0, 0, 0, 1, 1]


METERS = st.lists(
    st.tuples(
        st.integers(1, 3), st.sampled_from((1, 2, 3, 4, 5, 7, 12)), st.sampled_from((2, 4, 8, 16))
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(
    meters=METERS,
    clock=st.sampled_from(CLOCKS),
    cut=st.lists(st.integers(1, 200), max_size=3),
    kind=st.sampled_from(("16th", "triplet", "auto")),
    onsets=st.lists(st.integers(0, 5000), max_size=30),
)
def test_every_grid_is_in_order_and_every_step_is_its_own_nearest(
    meters: list[tuple[int, int, int]],
    clock: int,
    cut: list[int],
    kind: GridKind,
    onsets: list[int],
) -> None:
    song = song_of(*meters, clock=clock)
    # A few metre changes that are on no bar line, nor on any step.
    changes = {m.tick: m for m in song.meters} | {t: Meter(t, 3, 4) for t in cut if t < song.length}
    song = Song((), song.length, clock, meters=tuple(changes[t] for t in sorted(changes)))
    grid = Grid.of(song, np.array(onsets, dtype=np.int64) % song.length, kind)
    assert (np.diff(grid.ticks) > 0).all()
    assert (np.diff(grid.bar) >= 0).all()
    assert len(np.unique(grid.bar)) == grid.bar[-1] + 1
    assert grid.ticks[0] == 0
    assert grid.ticks[-1] >= song.length
    step, offset = grid.nearest(grid.ticks)
    assert step.tolist() == list(range(len(grid) + 1))
    assert not offset.any()


@settings(max_examples=60, deadline=None)
@given(
    meters=METERS,
    clock=st.sampled_from(CLOCKS),
    kind=st.sampled_from(("16th", "triplet", "auto")),
    shares=st.lists(st.floats(0, 1, exclude_max=True), max_size=30),
)
def test_a_step_and_a_distance_say_where_an_onset_is(
    meters: list[tuple[int, int, int]], clock: int, kind: GridKind, shares: list[float]
) -> None:
    song = song_of(*meters, clock=clock)
    onsets = np.array([int(share * song.length) for share in shares], dtype=np.int64)
    grid = Grid.of(song, onsets, kind)
    step, offset = grid.nearest(onsets)
    assert (np.abs(offset) <= 0.5).all()
    assert (grid.ticks[step] + np.rint(offset * grid.sixteenth) == onsets).all()
    away = np.abs(onsets[:, None] - grid.ticks)
    assert (np.abs(onsets - grid.ticks[step]) == away.min(1, initial=10**9)).all()


def test_half_way_is_early() -> None:
    step, offset = grid_of(song_of((1, 4, 4))).nearest(np.array([59, 60, 61, 1860, 1919]))
    assert step.tolist() == [0, 0, 1, 15, 16]
    assert offset.tolist() == [59 / 120, 0.5, -59 / 120, 0.5, -1 / 120]


@pytest.mark.parametrize("clock", CLOCKS)
def test_straight_playing_stays_on_16ths(clock: int) -> None:
    song = song_of((4, 4, 4), clock=clock)
    assert triplets(grid_of(song, *np.arange(0, 16, 0.25))) == []
    assert triplets(grid_of(song, *np.arange(0, 16, 0.5))) == []
    assert triplets(grid_of(song, *range(16))) == []
    assert triplets(grid_of(song)) == []


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("quarter", [0, 6, 15])
def test_one_quarter_in_triplets_is_found(quarter: int, clock: int) -> None:
    eighths = [e for e in np.arange(0, 16, 0.5) if not quarter < e < quarter + 1]
    thirds = [quarter + 1 / 3, quarter + 2 / 3]
    grid = grid_of(song_of((4, 4, 4), clock=clock), *eighths, *thirds)
    assert triplets(grid) == [quarter]


@pytest.mark.parametrize("seed", range(3))
def test_a_loosely_played_shuffle_is_triplets_and_loose_16ths_are_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    song = song_of((8, 4, 4))
    shuffle = np.sort([*range(1, 32), *(np.arange(32) + 2 / 3)])
    straight = np.arange(1, 128) / 4
    for quarters, expected in ((shuffle, list(range(32))), (straight, [])):
        played = quarters + rng.normal(0, 0.02, len(quarters))
        assert triplets(grid_of(song, *played)) == expected


def test_more_steps_must_fit_better_than_by_chance() -> None:
    found = 0
    for seed in range(5):
        sloppy = np.arange(1, 128) / 4 + np.random.default_rng(seed).normal(0, 0.06, 127)
        found += len(triplets(grid_of(song_of((8, 4, 4)), *sloppy)))
    assert found < 0.1 * 5 * 32


def test_what_comes_just_before_a_quarter_is_early_and_no_triplet() -> None:
    early = [max(q - 0.06, 0) for q in range(16)]
    assert triplets(grid_of(song_of((4, 4, 4)), *early)) == []


def test_a_grid_that_is_asked_for_is_taken() -> None:
    song = song_of((1, 4, 4))
    assert triplets(grid_of(song, 1 / 3, 2 / 3, kind="16th")) == []
    assert triplets(grid_of(song, 0.25, 0.75, kind="triplet")) == [0, 1, 2, 3]
    with pytest.raises(UsageError, match="there are: auto, 16th, triplet"):
        grid_of(song, kind="8th")  # type: ignore[arg-type]


def test_steps_are_evenly_apart_but_at_a_cut() -> None:
    grid = grid_of(song_of((2, 4, 4)), 1 / 3, 2 / 3)
    gaps = [b - a for a, b in pairwise(grid.ticks.tolist())]
    assert gaps == [80] * 6 + [120] * 28
