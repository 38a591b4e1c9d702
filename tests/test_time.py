"""Ticks, seconds and bars."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.song import Meter, Song, Tempo
from musegen.time import (
    bar_count,
    bar_line_from,
    bar_lines,
    seconds,
    ticks_to_seconds,
)

SLOWING = Song(length=3840, tempos=(Tempo(0, 500_000), Tempo(960, 1_000_000)))


def test_ticks_to_seconds_follows_the_tempo_map() -> None:
    assert ticks_to_seconds(SLOWING, [0, 480, 960, 1440]).tolist() == [0.0, 0.5, 1.0, 2.0]


def test_seconds_is_the_length_of_the_song() -> None:
    assert seconds(SLOWING) == pytest.approx(1 + 6)


@given(
    st.lists(
        st.tuples(st.integers(1, 10_000), st.integers(60_000, 12_000_000)),
        max_size=8,
        unique_by=lambda t: t[0],
    ),
    st.lists(st.integers(0, 20_000), min_size=1, max_size=20),
    st.sampled_from([24, 220, 480, 960]),
)
def test_seconds_are_the_sum_of_the_ticks_before(
    changes: list[tuple[int, int]], ticks: list[int], ticks_per_quarter: int
) -> None:
    tempos = (Tempo(0), *(Tempo(*change) for change in sorted(changes)))
    song = Song(ticks_per_quarter=ticks_per_quarter, tempos=tempos)
    lasts = np.zeros(20_000)
    for tempo in tempos:
        lasts[tempo.tick :] = tempo.microseconds * 1e-6 / ticks_per_quarter
    expected = [lasts[:tick].sum() for tick in ticks]
    assert ticks_to_seconds(song, ticks).tolist() == pytest.approx(expected)


def test_bar_lines_follow_the_metre() -> None:
    song = Song(length=1920 + 2 * 1440, meters=(Meter(0), Meter(1920, 3, 4)))
    lines, meters = bar_lines(song)
    assert lines.tolist() == [0, 1920, 3360, 4800]
    assert [str(meter) for meter in meters] == ["4/4", "3/4", "3/4"]


def test_the_last_bar_line_is_at_or_after_the_end() -> None:
    assert bar_lines(Song(length=1))[0].tolist() == [0, 1920]
    assert bar_lines(Song(length=1920))[0].tolist() == [0, 1920]


def test_a_metre_change_off_the_bar_line_cuts_the_bar() -> None:
    song = Song(length=480 + 1920, meters=(Meter(0), Meter(480, 4, 4)))
    assert bar_lines(song)[0].tolist() == [0, 480, 2400]


def test_a_pickup_bar_in_its_own_metre() -> None:
    song = Song(length=480 + 1440, meters=(Meter(0, 1, 4), Meter(480, 3, 4)))
    assert bar_lines(song)[0].tolist() == [0, 480, 1920]
    assert bar_count(song) == 2


def test_an_empty_song_has_no_bars() -> None:
    assert bar_count(Song()) == 0
    assert bar_lines(Song())[0].tolist() == [0]


METERS = st.lists(
    st.tuples(st.integers(1, 9000), st.sampled_from([(4, 4), (3, 4), (6, 8), (5, 16), (1, 64)])),
    max_size=4,
    unique_by=lambda m: m[0],
)


@given(METERS, st.integers(0, 10_000))
def test_bar_count_counts_the_bar_lines(
    changes: list[tuple[int, tuple[int, int]]], length: int
) -> None:
    meters = (Meter(0), *(Meter(tick, *fraction) for tick, fraction in sorted(changes)))
    song = Song(length=length, meters=meters)
    assert bar_count(song) == len(bar_lines(song)[0]) - 1


@given(METERS, st.integers(9001, 20_000))
def test_bar_line_from_is_the_first_at_or_after(
    changes: list[tuple[int, tuple[int, int]]], tick: int
) -> None:
    meters = (Meter(0), *(Meter(at, *fraction) for at, fraction in sorted(changes)))
    lines = bar_lines(Song(length=tick, meters=meters))[0]
    assert bar_line_from(meters, 480, tick) == lines[np.searchsorted(lines, tick)]
