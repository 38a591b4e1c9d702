"""What was asked of a part is leaned towards, and never further than it should be."""

from __future__ import annotations

import numpy as np
import pytest
from bar_songs import CONTROLLED
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import CODECS, BarCodec
from musegen.codecs.steering import LONGEST, MOST, Part, Steering
from musegen.sampling import Logits, probabilities

CODEC = BarCodec(CONTROLLED)
V = CODEC.vocabulary
LATER = np.arange(V.token("position", 13), V.token("position", 47) + 1)
LOUD = np.arange(V["velocity"].first, V["velocity"].stop)
IDS = np.sort(np.concatenate((LATER, LOUD, [V.token("bar"), V.token("slot", 1)])))
"""What may follow a note on the second quarter of 4/4."""
CHORD = np.isin(IDS, LOUD)
LEVEL: Logits = np.zeros(len(IDS), dtype=np.float32)


def part(notes: int, voices: int = 1, quarters: int = 8) -> Part:
    """After so many quarters, each with as many notes."""
    length = 12 * quarters
    return Part(length - 12, 48, notes, voices * length, length, length)


def steered(part: Part, density: float | None = None, voices: float | None = None) -> Logits:
    return Steering(CODEC, density, voices).lean(LEVEL, IDS, part, 12)


def share(logits: Logits, some: np.ndarray) -> float:
    weights = probabilities(logits)
    return float(weights[some].sum() / weights.sum())


def mean_wait(logits: Logits) -> float:
    weights = probabilities(logits)[np.isin(IDS, LATER)]
    return float((weights * np.arange(len(LATER))).sum() / weights.sum())


def test_a_part_as_it_should_be_is_left_alone() -> None:
    np.testing.assert_allclose(steered(part(16), density=2.0), LEVEL, atol=1e-6)
    np.testing.assert_allclose(steered(part(16, voices=3), voices=3.0), LEVEL, atol=1e-6)


def test_density_decides_when_the_next_note_comes() -> None:
    waits = [mean_wait(steered(part(notes), density=2.0)) for notes in (2, 8, 16, 32, 99)]
    assert waits == sorted(waits)
    assert waits[0] < 5 < mean_wait(LEVEL) < 25 < waits[-1]


def test_voices_decide_whether_another_note_joins() -> None:
    leaned = [steered(part(16, voices), voices=3.0) for voices in (1, 2, 3, 5)]
    shares = [share(each, CHORD) for each in leaned]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8 > shares[2] > 0.1 > shares[3]
    for each in leaned:
        np.testing.assert_allclose(each[~CHORD], 0, atol=1e-6)


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
    leaned = Steering(CODEC, density, voices).lean(logits, IDS, part(notes, sounding), 12)
    change = leaned - logits
    assert np.isfinite(leaned).all()
    assert np.abs(change[CHORD]).max() <= MOST + 1e-4
    assert np.ptp(change[~CHORD]) <= MOST * LONGEST + 1e-4


@pytest.mark.parametrize("kind", CODECS)
def test_every_kind_of_codec_is_steered(kind: str) -> None:
    codec = BarCodec(CODECS[kind])
    positions = codec.vocabulary["position"]
    ids = np.arange(positions.first + 1, positions.stop)
    logits: Logits = np.zeros(len(ids), dtype=np.float32)
    leaned = Steering(codec, 4.0, None).lean(logits, ids, Part(96, 48), 0)
    assert (np.diff(leaned) <= 0).all()
    assert leaned[0] > leaned[-1]


def test_notes_that_sound_together_cover_time_once() -> None:
    bar = Part().in_bar(48).with_note(0, 24).with_note(0, 24).with_note(12, 24)
    assert (bar.notes, bar.sounding, bar.covered, bar.silent_from) == (3, 72, 36, 36)
    later = bar.in_bar(48).with_note(0, 12)
    assert (later.bar, later.covered, later.silent_from) == (48, 48, 60)
