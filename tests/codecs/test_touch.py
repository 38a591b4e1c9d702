"""How a part is played: it comes back where its notes are, and is within bounds everywhere."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs.grid import GridKind
from musegen.codecs.steps import Frame
from musegen.codecs.touch import USUAL, Touch
from musegen.song import IntArray, Meter, Notes, Song

VOICES = 3
KINDS: tuple[GridKind, ...] = ("16th", "triplet")


@dataclass(frozen=True)
class Part:
    """Notes that have voices, in a frame; one note a step and voice."""

    notes: Notes
    voice: IntArray
    frame: Frame

    @property
    def step(self) -> IntArray:
        return self.frame.grid.nearest(self.notes.start)[0]

    @property
    def touch(self) -> Touch:
        return Touch.of(self.notes, self.voice, VOICES, self.frame)


def frame_of(meter: tuple[int, int] = (4, 4), kind: GridKind = "16th", clock: int = 480) -> Frame:
    """Two bars."""
    first = Meter(0, *meter)
    song = Song((), 2 * first.bar_ticks(clock), clock, meters=(first,))
    return Frame.of(song, np.zeros(0, dtype=np.int64), kind)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    meter = draw(st.sampled_from(((4, 4), (3, 4), (6, 8), (12, 8), (7, 8), (5, 4))))
    kind = draw(st.sampled_from(KINDS))
    return frame_of(meter, kind, draw(st.sampled_from((12, 96, 480))))


@st.composite
def parts(draw: st.DrawFn) -> Part:
    """Notes at any ticks before the last step's end."""
    frame = draw(frames())
    ticks = st.integers(0, int(frame.grid.ticks[-1] + frame.grid.ticks[-2]) // 2)
    rows: dict[tuple[int, int], tuple[int, int, int, int]] = {}
    of = st.tuples(ticks, st.integers(0, VOICES - 1), st.integers(1, 127))
    for tick, voice, velocity in draw(st.lists(of, min_size=1, max_size=15)):
        (step,), _ = frame.grid.nearest(np.array([tick]))
        rows.setdefault((int(step), voice), (tick, 1, 60 + voice, velocity))
    notes = Notes.of(list(rows.values()))
    return Part(notes, notes.pitch - 60, frame)


def some_touch(frame: Frame, seed: int) -> Touch:
    """Any at all, far out of bounds too."""
    rng = np.random.default_rng(seed)
    shape = (VOICES, len(frame.grid))
    return Touch(rng.uniform(-50, 250, shape), rng.uniform(-2, 2, shape))


def everywhere(touch: Touch, frame: Frame) -> tuple[IntArray, IntArray]:
    """When notes of every voice [voices, S] are played at every step, and how loud."""
    voice, step = np.indices((VOICES, len(frame.grid))).reshape(2, -1)
    ticks, velocity = touch.at(step, voice, frame)
    return ticks.reshape(VOICES, -1), velocity.reshape(VOICES, -1)


@settings(max_examples=60, deadline=None)
@given(parts())
def test_where_notes_are_they_come_back_as_they_were(part: Part) -> None:
    ticks, velocity = part.touch.at(part.step, part.voice, part.frame)
    assert ticks.tolist() == part.notes.start.tolist()
    assert velocity.tolist() == part.notes.velocity.tolist()


@settings(max_examples=40, deadline=None)
@given(parts(), st.floats(0, 1))
def test_a_touch_stays_between_those_of_its_notes(part: Part, share: float) -> None:
    touch = part.touch.blended(Touch.usual(VOICES, part.frame), share)
    assert touch.velocity.shape == touch.offset.shape == (VOICES, len(part.frame.grid))
    low, high = min(80, part.notes.velocity.min()), max(96, part.notes.velocity.max())
    assert ((touch.velocity > low - 1e-6) & (touch.velocity < high + 1e-6)).all()
    assert (np.abs(touch.offset) <= 0.5).all()


@settings(max_examples=30, deadline=None)
@given(frames(), st.integers(0, 99))
def test_a_blend_is_each_of_the_two_at_its_end(frame: Frame, seed: int) -> None:
    one, other = some_touch(frame, seed), some_touch(frame, seed + 100)
    for share, expected in ((0, one), (1, other)):
        blend = one.blended(other, share)
        assert np.array_equal(blend.velocity, expected.velocity)
        assert np.array_equal(blend.offset, expected.offset)
    assert np.allclose(one.blended(other, 0.5).offset, (one.offset + other.offset) / 2)


@settings(max_examples=40, deadline=None)
@given(frames(), st.integers(0, 99))
def test_no_note_leaves_its_step_or_its_velocities(frame: Frame, seed: int) -> None:
    ticks, velocity = everywhere(some_touch(frame, seed), frame)
    assert ((velocity >= 1) & (velocity <= 127)).all()
    step = frame.grid.ticks[:-1]
    after, before = np.diff(frame.grid.ticks), np.diff(frame.grid.ticks, prepend=0)[:-1]
    assert (2 * (ticks - step) <= after).all()
    assert (2 * (step - ticks) <= before).all()
    assert (ticks < frame.grid.ticks[-1]).all()
    assert (np.diff(ticks, axis=1) >= 0).all()


def test_between_notes_goes_a_straight_line_and_beyond_them_none() -> None:
    notes = Notes.of([(132, 9, 60, 100), (588, 9, 60, 60)])
    touch = Touch.of(notes, np.array([0, 0]), 1, frame_of())
    assert touch.velocity[0, :7].tolist() == [100, 100, 90, 80, 70, 60, 60]
    assert touch.offset[0, :7] == pytest.approx([0.1, 0.1, 0.05, 0, -0.05, -0.1, -0.1])
    assert (touch.velocity[0, 7:] == 60).all()


def test_a_silent_voice_is_played_as_the_others_are() -> None:
    notes = Notes.of([(0, 9, 60, 100), (480, 9, 61, 60)])
    touch = Touch.of(notes, np.array([0, 1]), 3, frame_of())
    assert touch.velocity[:, [0, 2, 4]].tolist() == [[100] * 3, [60] * 3, [100, 80, 60]]


def test_of_notes_at_one_step_the_loudest_counts() -> None:
    notes = Notes.of([(470, 9, 60, 30), (486, 9, 60, 90), (492, 9, 60, 50)])
    touch = Touch.of(notes, np.zeros(3, dtype=np.int64), 1, frame_of())
    ticks, velocity = touch.at(np.array([4]), np.array([0]), frame_of())
    assert (ticks.tolist(), velocity.tolist()) == ([486], [90])


def test_what_no_voice_has_is_no_trouble() -> None:
    notes = Notes.of([(0, 9, 60, 100), (480, 9, 12, 60)])
    touch = Touch.of(notes, np.array([0, -1]), 1, frame_of())
    assert (touch.velocity == 100).all()


@pytest.mark.parametrize(
    ("meter", "accents"),
    [
        ((3, 4), "Lwwwbwwwbwww"),
        ((6, 8), "Lwwwwwbwwwww"),
        ((7, 8), "Lwwwbwwwbwwwbw"),
    ],
)
def test_where_nothing_is_known_the_metre_is_played(meter: tuple[int, int], accents: str) -> None:
    frame = frame_of(meter)
    ticks, velocity = everywhere(Touch.usual(VOICES, frame), frame)
    wanted = [USUAL["Lbw".index(accent)] for accent in 2 * accents]
    assert velocity.tolist() == [wanted] * VOICES
    assert ticks.tolist() == [frame.grid.ticks[:-1].tolist()] * VOICES
