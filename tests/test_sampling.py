from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from musegen.errors import UsageError
from musegen.sampling import (
    Logits,
    Sampling,
    draw,
    filtered,
    min_p,
    numbers,
    probabilities,
    streams,
    tempered,
    top_k,
    top_p,
)

ROWS = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=30),
    elements=st.floats(-20, 20, width=32),
)
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.floats(0, 2),
    top_k=st.integers(0, 40),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 0.9),
)


def logits_of(*probabilities: float) -> Logits:
    return np.log(np.array([probabilities], dtype=np.float32))


def kept(logits: Logits) -> list[int]:
    return [int(id_) for id_ in np.flatnonzero(np.isfinite(logits[0]))]


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("temperature", -0.1, "temperature -0.1 is not between 0 and 2"),
        ("temperature", 2.1, "temperature 2.1 is not between 0 and 2"),
        ("temperature", float("nan"), "temperature nan is not between 0 and 2"),
        ("top_k", -1, r"top_k -1 is not 0 \(off\) or a whole number above"),
        ("top_p", 0.0, "top_p 0.0 is not above 0 and at most 1"),
        ("top_p", 1.5, "top_p 1.5 is not above 0 and at most 1"),
        ("min_p", 1.0, "min_p 1.0 is not at least 0 and below 1"),
        ("min_p", -0.5, "min_p -0.5 is not at least 0 and below 1"),
    ],
)
def test_settings_out_of_range_are_refused(field: str, value: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Sampling(**{field: value})  # type: ignore[arg-type]


def test_settings_are_checked_without_torch() -> None:
    code = "import sys, musegen.sampling; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_temperature_divides_the_gaps() -> None:
    logits = np.array([[3.0, 1.0, -np.inf]], dtype=np.float32)
    np.testing.assert_allclose(tempered(logits, 0.5), [[0.0, -4.0, -np.inf]])


def test_top_k_keeps_the_likeliest_and_what_equals_the_last() -> None:
    logits = logits_of(0.1, 0.4, 0.2, 0.2, 0.1)
    assert kept(top_k(logits, 1)) == [1]
    assert kept(top_k(logits, 2)) == [1, 2, 3]
    assert kept(top_k(logits, 9)) == [0, 1, 2, 3, 4]


def test_top_p_keeps_the_fewest_that_reach_it() -> None:
    logits = logits_of(0.1, 0.4, 0.3, 0.2)
    assert kept(top_p(logits, 0.3)) == [1]
    assert kept(top_p(logits, 0.5)) == [1, 2]
    assert kept(top_p(logits, 0.8)) == [1, 2, 3]
    assert kept(top_p(logits, 0.95)) == [0, 1, 2, 3]


def test_min_p_is_a_share_of_the_likeliest() -> None:
    weights = [0.2, 1.0, 0.6, 0.2]
    assert min_p(weights, 0.5) == [0.0, 1.0, 0.6, 0.0]
    assert min_p(weights, 0.2) == weights


def test_rules_apply_in_order() -> None:
    # Of all four, top_p 0.5 keeps two; of the two that top_k leaves, the first reaches it alone.
    logits = logits_of(0.35, 0.25, 0.2, 0.2)
    assert kept(filtered(logits, Sampling(top_p=0.5))) == [0, 1]
    assert kept(filtered(logits, Sampling(top_k=2, top_p=0.5))) == [0]


@settings(deadline=None)
@given(ROWS, SAMPLINGS)
def test_the_likeliest_always_stays_and_the_input_is_untouched(
    logits: Logits, sampling: Sampling
) -> None:
    before = logits.copy()
    if sampling.temperature:
        best = filtered(logits, sampling).max(axis=-1)
        assert np.isfinite(best).all()
        likeliest = np.take_along_axis(
            filtered(logits, sampling), logits.argmax(axis=-1)[:, None], axis=-1
        )
        np.testing.assert_array_equal(likeliest[:, 0], best)
    np.testing.assert_array_equal(logits, before)


@settings(deadline=None)
@given(ROWS, SAMPLINGS, st.integers(0, 2**32))
def test_only_what_the_rules_leave_is_drawn(logits: Logits, sampling: Sampling, seed: int) -> None:
    masked = logits.copy()
    masked[:, 1::2] = -np.inf
    random = streams(seed, range(len(logits)))
    ids = [draw(row, sampling, stream.random) for row, stream in zip(masked, random, strict=True)]
    if sampling.temperature == 0:
        assert ids == [int(row.argmax()) for row in masked]
    else:
        allowed = probabilities(filtered(masked, sampling)) >= max(sampling.min_p, 1e-45)
        assert all(row[id_] for row, id_ in zip(allowed, ids, strict=True))


@settings(deadline=None)
@given(ROWS, SAMPLINGS)
def test_a_row_is_ruled_by_itself_alone(logits: Logits, sampling: Sampling) -> None:
    alone = [filtered(row, sampling) for row in logits]
    np.testing.assert_array_equal(filtered(logits, sampling), alone)


def test_ids_come_as_often_as_they_are_probable() -> None:
    probabilities = np.array([0.0, 0.5, 0.0, 0.3, 0.15, 0.05, 0.0])
    with np.errstate(divide="ignore"):
        logits = np.log(probabilities).astype(np.float32)
    [stream] = streams(1, [0])
    count = 20_000
    random = stream.random
    drawn = np.bincount([draw(logits, Sampling(), random) for _ in range(count)], minlength=7)
    error = np.sqrt(probabilities * (1 - probabilities) / count)
    assert (np.abs(drawn / count - probabilities) <= 4 * error).all()


def test_one_number_a_choice_and_none_at_temperature_0() -> None:
    logits = logits_of(0.5, 0.3, 0.2)
    [used], [spare] = streams(7, [0]), streams(7, [0])
    draw(logits[0], Sampling(temperature=0), used.random)
    draw(logits[0], Sampling(top_k=2), used.random)
    spare.random()
    assert used.random() == spare.random()


def test_a_stream_depends_on_its_seed_and_number_alone() -> None:
    several = [stream.random() for stream in streams(5, range(4))]
    assert [streams(5, [k])[0].random() for k in range(4)] == several
    others = [stream.random() for seed in (6, 7) for stream in streams(seed, range(4))]
    assert len({*several, *others}) == 12


def test_numbers_are_those_of_the_stream() -> None:
    [stream], [same] = streams(3, [0]), streams(3, [0])
    random = numbers(stream)
    assert [random() for _ in range(200)] == [same.random() for _ in range(200)]


@pytest.mark.parametrize("bad", [-np.inf, np.inf, np.nan])
def test_nothing_to_choose_is_an_error(bad: float) -> None:
    [stream] = streams(0, [0])
    for logits in (np.full(3, bad, dtype=np.float32), np.zeros(0, dtype=np.float32)):
        with pytest.raises(RuntimeError, match="nothing can be chosen"):
            draw(logits, Sampling(), stream.random)
