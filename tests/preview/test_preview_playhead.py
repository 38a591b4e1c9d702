"""Where the playhead is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from preview_pages import BAR, changing, tune

from musegen.preview.playhead import MAX_BARS, MAX_KNOTS, Playhead
from musegen.song import Song, Tempo
from musegen.time import bar_lines, ticks_to_seconds

tempos = st.lists(
    st.tuples(st.integers(1, 40_000), st.floats(20, 400)),
    max_size=20,
    unique_by=lambda change: change[0],
).map(
    lambda changes: (
        Tempo.from_bpm(120),
        *(Tempo.from_bpm(bpm, tick) for tick, bpm in sorted(changes)),
    )
)


def ticks(playhead: Playhead, seconds: object) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """As the page reads the knots."""
    at, where = zip(*playhead.knots, strict=True)
    return np.asarray(np.interp(np.asarray(seconds), at, where))


def test_it_follows_the_tempo() -> None:
    playhead = Playhead.of(changing())
    assert playhead.knots == ((0.0, 0), (4.0, 2 * BAR), (12.0, 4 * BAR))
    assert playhead.bars == (0.0, 2.0, 4.0, 8.0)
    assert ticks(playhead, [2.0, 8.0]).tolist() == [BAR, 3 * BAR]


@settings(deadline=None)
@given(tempos, st.integers(1, 20))
def test_it_is_where_the_song_is(changes: tuple[Tempo, ...], bars: int) -> None:
    song = tune(bars, tempos=changes)
    playhead = Playhead.of(song)
    at, where = zip(*playhead.knots, strict=True)
    assert list(at) == sorted(at)
    assert list(where) == sorted(set(where))
    assert (where[0], where[-1]) == (0, bars * BAR)
    probes = np.linspace(0, bars * BAR, 200)
    seconds = ticks_to_seconds(song, probes)
    rate = 480 * 400 / 60  # ticks a second at 400 bpm
    assert np.abs(ticks(playhead, seconds) - probes).max() <= 2e-4 * rate + 1e-6
    lines, _ = bar_lines(song)
    assert playhead.bars == pytest.approx(ticks_to_seconds(song, lines[:-1]), abs=1e-3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_of_very_many_changes_it_keeps_what_can_be_seen(seed: int) -> None:
    rng = np.random.default_rng(seed)
    at = np.unique(rng.integers(1, 64 * BAR, 3_000))
    changes = (Tempo(0), *(Tempo.from_bpm(float(rng.uniform(40, 240)), int(t)) for t in at))
    song = tune(64, tempos=changes)
    playhead = Playhead.of(song)
    assert len(playhead.knots) <= MAX_KNOTS
    probes = np.linspace(0, 64 * BAR, 500)
    wrong = np.abs(ticks(playhead, ticks_to_seconds(song, probes)) - probes)
    assert wrong.max() <= 64 * BAR / (MAX_KNOTS - 1) + 2


def test_of_very_many_bars_it_has_some() -> None:
    playhead = Playhead.of(tune(5_000))
    assert playhead.bar_step == 4
    assert len(playhead.bars) == 1_250 <= MAX_BARS
    assert Playhead.of(tune(MAX_BARS)).bar_step == 1


def test_a_song_without_any_length() -> None:
    playhead = Playhead.of(Song((), 0))
    assert (playhead.knots[0], len(playhead.bars)) == ((0.0, 0), 0)
