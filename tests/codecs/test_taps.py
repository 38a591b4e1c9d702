"""Any part as a rhythm: its onsets, and what its loudness and timing tell."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs.grid import Grid
from musegen.codecs.taps import EXACT, Taps, places
from musegen.song import Meter, Notes, Song


def taps(*rows: tuple[int, int, int], bars: int = 1, duration: int = 60) -> Taps:
    """(start, pitch, velocity) in 4/4 on 16ths, on a clock of 480."""
    notes = Notes.of([(start, duration, pitch, velocity) for start, pitch, velocity in rows])
    return Taps.of(notes, Grid.of(Song((), bars * 1920), notes.start, "16th"))


def test_a_tap_has_its_step_its_velocity_and_its_offset() -> None:
    heard = taps((12, 60, 90), (480, 62, 50), (1428, 60, 70))
    assert np.flatnonzero(heard.onset).tolist() == [0, 4, 12]
    assert heard.velocity[heard.onset].tolist() == [90, 50, 70]
    assert heard.offset[heard.onset].tolist() == [0.1, 0.0, -0.1]
    assert np.isnan(heard.velocity[~heard.onset]).all()
    assert np.isnan(heard.offset[~heard.onset]).all()


def test_the_loudest_onset_of_a_step_is_heard() -> None:
    heard = taps((486, 40, 60), (474, 72, 110), (492, 76, 20), (960, 72, 60))
    assert np.flatnonzero(heard.onset).tolist() == [4, 8]
    assert heard.velocity[4] == 110
    assert heard.offset[4] == -0.05


def test_one_loudness_tells_nothing() -> None:
    heard = taps((10, 60, 80), (490, 60, 80))
    assert heard.onset.sum() == 2
    assert np.isnan(heard.velocity).all()
    assert np.isfinite(heard.offset).sum() == 2


def test_what_is_written_tells_no_timing() -> None:
    assert EXACT == 0.01
    heard = taps((0, 60, 80), (481, 60, 90))  # 0.0083 of a 16th late: a clock's rounding
    assert np.isnan(heard.offset).all()
    assert np.isfinite(heard.velocity).sum() == 2
    heard = taps((0, 60, 80), (482, 60, 90))
    assert np.isfinite(heard.offset).sum() == 2


def test_only_where_a_note_begins_does_it_count() -> None:
    short, held = (taps((0, 60, 80), (960, 60, 90), bars=4, duration=d) for d in (1, 6000))
    assert (short.onset == held.onset).all()
    assert short.onset.sum() == 2


def test_what_belongs_to_the_bar_behind_the_end_is_not_heard() -> None:
    heard = taps((0, 60, 80), (1900, 60, 90), (100, 60, 70))
    assert np.flatnonzero(heard.onset).tolist() == [0, 1]
    # nor does it tell anything
    assert np.isnan(taps((0, 60, 80), (1900, 60, 80)).offset).all()
    assert np.isnan(taps((0, 60, 80), (1900, 60, 90)).velocity).all()


def test_silence_is_a_rhythm_without_onsets() -> None:
    silence = taps(bars=2)
    assert silence.onset.shape == silence.velocity.shape == silence.offset.shape == (32,)
    assert not silence.onset.any()
    assert np.isnan([silence.velocity, silence.offset]).all()


ROWS = st.lists(
    st.tuples(st.integers(0, 3359), st.integers(0, 127), st.integers(1, 127)), max_size=40
)


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_there_is_a_tap_wherever_something_begins(rows: list[tuple[int, int, int]]) -> None:
    notes = Notes.of([(start, 60, pitch, velocity) for start, pitch, velocity in rows])
    grid = Grid.of(Song((), 3360, meters=(Meter(0, 7, 8),)), notes.start)
    heard = Taps.of(notes, grid)
    step, _ = grid.nearest(notes.start)
    assert set(np.flatnonzero(heard.onset)) == set(step.tolist()) - {len(grid)}
    for told, least, most in ((heard.velocity, 1, 127), (heard.offset, -0.5, 0.5)):
        assert (np.isfinite(told) == heard.onset).all() or np.isnan(told).all()
        assert ((told >= least) & (told <= most))[np.isfinite(told)].all()


def test_a_place_is_a_phase_and_a_beat() -> None:
    phase, beat = places(np.array([0, 3, 11, 12, 36, 48, 62]))
    assert phase.tolist() == [0, 3, 11, 0, 0, 0, 2]
    assert beat.tolist() == [0, 0, 0, 1, 3, 3, 3]
