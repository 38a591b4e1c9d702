"""What was asked of a part is leaned towards, and never further than it should be."""

from __future__ import annotations

import numpy as np
import pytest
from bar_songs import CONTROLLED
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from musegen.codecs import CODECS, BarCodec
from musegen.codecs.layout import DRUM_KIT, METERS
from musegen.codecs.state import Gap, Part, State
from musegen.codecs.steering import CHORDS, LONGEST, MOST, SHORTEST, Steering
from musegen.general_midi import instrument
from musegen.sampling import Logits

CODEC = BarCodec(CONTROLLED)
V = CODEC.vocabulary
LATER = np.arange(V.token("position", 13), V.token("position", 47) + 1)
LOUD = np.arange(V["velocity"].first, V["velocity"].stop)
IDS = np.sort(np.concatenate((LATER, LOUD, [V.token("bar"), V.token("slot", 1)])))
"""What may follow a note on the second quarter of 4/4."""
CHORD = np.isin(IDS, LOUD)
LEVEL: Logits = np.zeros(len(IDS), dtype=np.float32)
FOUR = METERS.index((4, 4))


def part(notes: int, voices: int = 1, quarters: int = 8) -> Part:
    """After so many quarters, in which as many notes sounded."""
    length = 12 * quarters
    return Part(length - 12, 48, notes, voices * length, length, length)


def after(*parts: Part, program: int = 0) -> State:
    """A state after a note of the first part, on the second quarter."""
    instruments = (program, 33)[: len(parts)]
    return State("pitch", FOUR, instruments, 3, 0, 0, 12, 60, 1, True, True, parts=parts)


def steered(
    part: Part, density: float | None = None, voices: float | None = None, program: int = 0
) -> Logits:
    return Steering(CODEC, density, voices, ()).lean(LEVEL, IDS, after(part, program=program))


def share(logits: Logits, some: NDArray[np.bool_]) -> float:
    weights = np.exp(logits)
    return float(weights[some].sum() / weights.sum())


def mean_wait(logits: Logits) -> float:
    weights = np.exp(logits)[np.isin(IDS, LATER)]
    return float((weights * np.arange(len(LATER))).sum() / weights.sum())


def test_a_part_as_it_should_be_is_left_alone() -> None:
    np.testing.assert_allclose(steered(part(16), density=2.0), LEVEL, atol=1e-6)
    np.testing.assert_allclose(steered(part(16, voices=3), voices=3.0), LEVEL, atol=1e-6)


def test_density_decides_when_the_next_note_comes() -> None:
    leaned = [steered(part(notes), density=2.0) for notes in (2, 8, 16, 32, 99)]
    waits = [mean_wait(each) for each in leaned]
    assert waits == sorted(waits)
    assert waits[0] < 5 < mean_wait(LEVEL) < 22 < waits[-1]
    assert leaned[-1].argmax() >= np.flatnonzero(~np.isin(IDS, LATER) & ~CHORD).min()  # a bar line


def test_voices_decide_whether_another_note_joins() -> None:
    leaned = [steered(part(16, voices), voices=3.0) for voices in (1, 2, 3, 5)]
    shares = [share(each, CHORD) for each in leaned]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8 > shares[2] > 0.1 > shares[3]
    for each in leaned:
        np.testing.assert_allclose(each[~CHORD], 0, atol=1e-6)


@pytest.mark.parametrize("name", ["flute", "electric bass", "drums"])
def test_who_plays_no_chords_is_left_to_the_cap(name: str) -> None:
    program, is_drum = instrument("electric bass finger" if "bass" in name else name)
    of = DRUM_KIT if is_drum else program
    np.testing.assert_array_equal(steered(part(16), voices=4.0, program=of), LEVEL)


def test_more_notes_are_no_chords_of_who_plays_none() -> None:
    keys, flute = (steered(part(2), density=2.0, program=of)[CHORD] for of in (0, 73))
    assert keys.min() > 0 == flute.max()
    assert steered(part(99), density=2.0, program=73)[CHORD].max() < 0


def test_a_track_with_too_few_notes_is_pulled_out_of_its_rest() -> None:
    ids = np.array([V.token("bar"), V.token("slot", 0), V.token("slot", 1)])
    logits: Logits = np.zeros(3, dtype=np.float32)
    order = np.argsort(ids)
    steering = Steering(CODEC, 2.0, None, ())

    def leaned(first: Part, second: Part) -> dict[int, float]:
        state = State("bar", FOUR, (0, 33), 4, parts=(first, second))
        found = steering.lean(logits, ids[order], state)
        return dict(zip(ids[order].tolist(), found.tolist(), strict=True))

    line, first, second = ids.tolist()
    usual = leaned(part(16), part(16))
    assert set(usual.values()) == {0.0}
    poor = leaned(part(2), part(16))
    assert poor[first] == 0 > poor[second] == poor[line]
    assert leaned(part(99), part(99)) == usual  # too many are no reason to rest
    assert leaned(Part(), Part()) == usual  # who has not begun yet may wait


@settings(deadline=None)
@given(
    st.integers(0, 9999),
    st.integers(1, 16),
    st.none() | st.floats(0.1, 9),
    st.none() | st.floats(0.5, 16),
    st.integers(0, 99),
)
def test_no_lean_is_stronger_than_it_may_be(
    notes: int, sounding: int, density: float | None, voices: float | None, seed: int
) -> None:
    logits: Logits = np.random.default_rng(seed).normal(0, 3, len(IDS)).astype(np.float32)
    leaned = Steering(CODEC, density, voices, ()).lean(logits, IDS, after(part(notes, sounding)))
    change = leaned - logits
    assert np.isfinite(leaned).all()
    assert np.abs(change[CHORD]).max() <= (MOST if voices is not None else CHORDS * MOST) + 1e-4
    assert np.ptp(change[~CHORD]) <= MOST * np.log2(LONGEST / SHORTEST) + 1e-4


@pytest.mark.parametrize("kind", CODECS)
def test_every_kind_of_codec_is_steered(kind: str) -> None:
    codec = BarCodec(CODECS[kind])
    positions = codec.vocabulary["position"]
    ids = np.arange(positions.first + 1, positions.stop)
    logits: Logits = np.zeros(len(ids), dtype=np.float32)
    state = State("pitch", FOUR, (0,), 3, 0, 0, 0, parts=(Part(96, 48),))
    leaned = Steering(codec, 4.0, None, ()).lean(logits, ids, state)
    assert (np.diff(leaned) <= 0).all()
    assert leaned[0] > leaned[-1]


# What is known of parts


def test_notes_that_sound_together_cover_time_once() -> None:
    bar = Part().in_bar(48).with_note(0, 24).with_note(0, 24).with_note(12, 24)
    assert (bar.notes, bar.sounding, bar.covered, bar.silent_from) == (3, 72, 36, 36)
    later = bar.in_bar(48).with_note(0, 12)
    assert (later.bar, later.covered, later.silent_from) == (48, 48, 60)


def followed(steering: Steering, state: State, *tokens: tuple[str, int]) -> State:
    for name, value in tokens:
        state = steering.after(state.after(name, value, steering.gaps), name, value)
    return state


NOTE = (("position", 12), ("velocity", 3), ("duration", 3), ("pitch", 60))


def test_time_counts_from_the_bar_in_which_a_track_begins() -> None:
    steering = Steering(CODEC, 1.0, None, ())
    begun = steering.begun(State("start", FOUR))
    head = (("meter", FOUR), ("instrument", 0), ("instrument", 33))
    state = followed(steering, begun, *head, ("bar", 0), ("slot", 1), *NOTE, ("bar", 0))
    assert state.parts == (Part(), Part(48, 48, 1, 4, 4, 16))
    three = METERS.index((3, 4))
    state = followed(steering, state, ("meter", three), ("slot", 0), *NOTE, ("bar", 0))
    assert [each[:3] for each in state.parts] == [
        (36, 36, 1),
        (84, 36, 1),
    ]


def test_one_voice_counts_from_the_first_bar() -> None:
    steering = Steering(BarCodec(CODECS["melody"]), 1.0, None, ())
    state = steering.begun(State("bar", FOUR, bars=3))
    state = followed(steering, state, *NOTE, ("bar", 0))
    assert [each[:3] for each in state.parts] == [(48, 48, 1)]


def test_of_answers_only_the_track_that_is_filled_goes_on() -> None:
    gaps = (Gap(1, FOUR, 1), Gap(1, FOUR, 2))
    steering = Steering(CODEC, 1.0, None, gaps)
    begun = steering.begun(State("bar", FOUR, (0, 33), 2))
    answer = (("slot", 1), *NOTE)
    state = followed(steering, begun, ("answer", 0), *answer, ("answer", 1))
    assert [each[:3] for each in state.parts] == [(0, 0, 0), (48, 48, 1)]
