from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from musegen.errors import UsageError
from musegen.sampling import COLDEST, Logits, Sampling, draw, numbers, streams, together, weights

SPREAD = [(n + 0.5) / 200 for n in range(200)]
LOGITS = hnp.arrays(
    np.float32, st.integers(1, 40), elements=st.floats(-20, 20, width=32) | st.just(-np.inf)
).filter(lambda logits: bool(np.isfinite(logits).any()))
SAMPLINGS = st.builds(
    Sampling,
    temperature=st.floats(0, 2),
    top_k=st.integers(0, 40),
    top_p=st.floats(0.01, 1),
    min_p=st.floats(0, 0.9),
)


def logits_of(*probabilities: float) -> Logits:
    return np.log(np.array(probabilities, dtype=np.float32))


def kept(logits: Logits, **settings: float) -> list[int]:
    """What can be drawn."""
    drawn = {draw(logits, Sampling(**settings), iter([n]).__next__) for n in SPREAD}  # type: ignore[arg-type]
    return sorted(drawn)


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
    found = weights([3.0, 1.0, -math.inf], Sampling(temperature=0.5))
    assert found == pytest.approx([1.0, math.exp(-4), 0.0])


def test_top_k_keeps_the_likeliest() -> None:
    logits = logits_of(0.1, 0.4, 0.25, 0.2, 0.05)
    assert kept(logits, top_k=1) == [1]
    assert kept(logits, top_k=3) == [1, 2, 3]
    assert kept(logits, top_k=9) == [0, 1, 2, 3, 4]


def test_top_p_keeps_the_fewest_that_reach_it() -> None:
    logits = logits_of(0.1, 0.4, 0.3, 0.2)
    assert kept(logits, top_p=0.3) == [1]
    assert kept(logits, top_p=0.5) == [1, 2]
    assert kept(logits, top_p=0.8) == [1, 2, 3]
    assert kept(logits, top_p=0.95) == [0, 1, 2, 3]


def test_min_p_is_a_share_of_the_likeliest() -> None:
    logits = logits_of(0.1, 0.5, 0.3, 0.1)
    assert kept(logits, min_p=0.5) == [1, 2]
    assert kept(logits, min_p=0.1) == [0, 1, 2, 3]
    assert kept(logits, min_p=0.5, temperature=2) == [1, 2]
    assert kept(logits, min_p=0.4, temperature=2) == [0, 1, 2, 3]
    assert kept(logits, min_p=0.5, top_p=0.99) == [1, 2]


def test_rules_apply_in_order() -> None:
    # Of all four, top_p 0.5 keeps two; of the two that top_k leaves, the first reaches it alone.
    logits = logits_of(0.35, 0.25, 0.2, 0.2)
    assert kept(logits, top_p=0.5) == [0, 1]
    assert kept(logits, top_k=2, top_p=0.5) == [0]


@settings(deadline=None)
@given(LOGITS, SAMPLINGS, st.floats(0, 1, exclude_max=True))
def test_what_is_drawn_is_what_the_rules_leave(
    logits: Logits, sampling: Sampling, number: float
) -> None:
    before = logits.copy()
    drawn = draw(logits, sampling, iter([number]).__next__)
    np.testing.assert_array_equal(logits, before)
    if sampling.temperature == 0:
        assert drawn == logits.argmax()
        return
    likelier = np.sort(logits[logits > logits[drawn]])[::-1].astype(np.float64)
    assert np.isfinite(logits[drawn])
    if not len(likelier):
        return
    temperature = max(sampling.temperature, COLDEST)
    assert len(likelier) < (sampling.top_k or math.inf)
    assert (logits[drawn] - likelier[0]) / temperature >= math.log(sampling.min_p or 1e-30) - 1e-6
    falling = np.sort(logits)[::-1][: sampling.top_k or None].astype(np.float64)
    shares = np.exp((falling - falling[0]) / temperature)
    assert shares[: len(likelier)].sum() <= sampling.top_p * shares.sum() + 1e-6


@pytest.mark.parametrize("number", [0.0, 0.5, 1 - 2**-53])
def test_what_cannot_come_is_never_drawn(number: float) -> None:
    logits = np.array([-np.inf, 1.0, -np.inf, 0.0, -np.inf], dtype=np.float32)
    assert draw(logits, Sampling(), iter([number]).__next__) in (1, 3)


def test_what_is_one_choice_has_the_probability_of_all() -> None:
    assert math.exp(together(logits_of(0.1, 0.3, 0.2))) == pytest.approx(0.6)


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
    draw(logits, Sampling(temperature=0), used.random)
    draw(logits, Sampling(top_k=2), used.random)
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


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0}, {"min_p": 0.1}, {"top_p": 0.9}, {"top_k": 2}]
)
@pytest.mark.parametrize(
    "bad", [[-np.inf] * 3, [np.inf] * 3, [np.nan] * 3, [0.0, np.nan, 1.0], [0.0, np.inf, 1.0], []]
)
def test_nothing_to_choose_is_an_error(bad: list[float], settings: dict[str, float]) -> None:
    [stream] = streams(0, [0])
    logits = np.array(bad, dtype=np.float32)
    with pytest.raises(RuntimeError, match="nothing can be chosen"):
        draw(logits, Sampling(**settings), stream.random)  # type: ignore[arg-type]
