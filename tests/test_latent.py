"""Bars into a latent space and out of it, window by window, and the ways between points there."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from musegen import latent
from musegen.codecs.grid import GridKind
from musegen.codecs.steps import HOLD, ONSET, SLOTS, Frame, StepsLayout
from musegen.networks.sequence_vae import SequenceVAE, SequenceVAEConfig
from musegen.sampling import Sampling, streams
from musegen.song import IntArray, Meter, Song

LAYOUT = StepsLayout("melody", (2, 4))
BARS = 6
WINDOWS = [(0, 4), (4, 2)]
assert_close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


def build(hierarchical: bool = False) -> SequenceVAE:
    torch.manual_seed(0)
    config = SequenceVAEConfig(
        LAYOUT.vocabulary, 4, 8, width=10, hidden=12, share=6, hierarchical=hierarchical
    )
    network = SequenceVAE(config).eval().requires_grad_(False)
    for weight in network.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.1)
    return network


@pytest.fixture(params=[False, True])
def network(request: pytest.FixtureRequest) -> SequenceVAE:
    return build(request.param)


def frame_of(meter: tuple[int, int] = (4, 4), kind: GridKind = "16th") -> Frame:
    first = Meter(0, *meter)
    song = Song((), BARS * first.bar_ticks(480), meters=(first,))
    return Frame.of(song, np.zeros(0, dtype=np.int64), kind)


def some_tokens(frame: Frame) -> IntArray:
    rng = np.random.default_rng(1)
    tokens = rng.integers(ONSET + 50, ONSET + 70, (len(frame), SLOTS))
    return np.where(frame.is_step & (rng.random(tokens.shape) < 0.5), tokens, HOLD)


def points(seed: int = 2, rows: int = 2) -> Tensor:
    torch.manual_seed(seed)
    return torch.randn(rows, 8)


# Windows


@pytest.mark.parametrize(
    ("bars", "sizes", "expected"),
    [
        (4, (2, 4), [(0, 4)]),
        (6, (2, 4), [(0, 4), (4, 2)]),
        (10, (4, 2), [(0, 4), (4, 4), (8, 2)]),
        (22, (2, 4, 8, 16), [(0, 16), (16, 4), (20, 2)]),
        (3, (1,), [(0, 1), (1, 1), (2, 1)]),
        (0, (2,), []),
    ],
)
def test_bars_are_windows_of_the_sizes_that_there_are(
    bars: int, sizes: tuple[int, ...], expected: list[latent.Span]
) -> None:
    assert latent.spans(bars, sizes) == expected


def test_bars_that_no_windows_make_up_are_refused() -> None:
    with pytest.raises(ValueError, match=r"5 bars are not made of windows of \(2, 4\)"):
        latent.spans(5, (2, 4))


# In and out


@torch.inference_mode()
def test_each_window_lies_where_it_would_alone(network: SequenceVAE) -> None:
    frame = frame_of()
    tokens = some_tokens(frame)
    found = latent.encode(network, tokens, frame, WINDOWS)
    assert found.shape == (2, 8)
    for row, span in enumerate(WINDOWS):
        assert torch.equal(latent.encode(network, tokens, frame, [span])[0], found[row])
    other = tokens.copy()
    other[-1, 0] = ONSET + 20
    moved = latent.encode(network, other, frame, WINDOWS)
    assert torch.equal(moved[0], found[0])
    assert not torch.equal(moved[1], found[1])


@torch.inference_mode()
@pytest.mark.parametrize("kind", ["16th", "triplet"])
def test_what_stands_where_no_step_is_is_not_heard(kind: GridKind) -> None:
    frame = frame_of((7, 8), kind)
    tokens = some_tokens(frame)
    other = np.where(frame.is_step, tokens, ONSET + 33)
    one, two = (latent.encode(build(), t, frame, WINDOWS) for t in (tokens, other))
    assert torch.equal(one, two)


@torch.inference_mode()
def test_a_window_lies_at_the_mean_of_its_posterior(network: SequenceVAE) -> None:
    frame = frame_of((3, 4))
    tokens = some_tokens(frame)
    ids = np.where(frame.is_step, tokens, LAYOUT.vocabulary)[:12].reshape(1, 4, 3, SLOTS)
    mean, _ = network.posterior(torch.from_numpy(ids), torch.full((1, 4, 3), 4))
    assert torch.equal(latent.encode(network, tokens, frame, [(0, 4)]), mean)


@torch.inference_mode()
@pytest.mark.parametrize("meter", [(4, 4), (7, 8), (6, 8)])
def test_what_is_written_are_tokens_of_the_frame(
    network: SequenceVAE, meter: tuple[int, int]
) -> None:
    frame = frame_of(meter)
    tokens = latent.decode(network, points(), frame, WINDOWS, Sampling(), streams(1, [0])[0])
    assert tokens.shape == (len(frame), SLOTS)
    assert not tokens[~frame.is_step].any()
    assert ((tokens >= 0) & (tokens < LAYOUT.vocabulary)).all()
    assert tokens.any(1).all()


@torch.inference_mode()
def test_what_is_written_depends_on_its_stream_alone(network: SequenceVAE) -> None:
    frame = frame_of((2, 4))

    def written(seed: int, sampling: Sampling) -> list[list[int]]:
        stream = streams(seed, [0])[0]
        tokens: list[list[int]] = latent.decode(
            network, points(), frame, WINDOWS, sampling, stream
        ).tolist()
        return tokens

    assert written(1, Sampling()) == written(1, Sampling())
    assert written(1, Sampling()) != written(2, Sampling())
    assert written(1, Sampling(0)) == written(2, Sampling(0))


@torch.inference_mode()
@pytest.mark.parametrize("temperature", [0, 1])
def test_a_window_does_not_depend_on_the_others_points(
    network: SequenceVAE, temperature: float
) -> None:
    frame = frame_of((2, 4))
    other = points()
    other[0] += 1
    one, two = (
        latent.decode(network, at, frame, WINDOWS, Sampling(temperature), streams(1, [0])[0])
        for at in (points(), other)
    )
    own = frame.bar >= 4
    assert np.array_equal(one[own], two[own])
    assert not np.array_equal(one[~own], two[~own])


@torch.inference_mode()
def test_the_likeliest_is_taken_where_nothing_is_drawn(network: SequenceVAE) -> None:
    frame = frame_of((2, 4))
    stream = streams(1, [0])[0]
    tokens = latent.decode(network, points(rows=1), frame, [(0, 2)], Sampling(0), stream)
    ids = np.where(frame.is_step, tokens, LAYOUT.vocabulary)[:4].reshape(1, 2, 2, SLOTS)
    slots = torch.full((1, 2, 2), 4)
    best = network.logits(points(rows=1), torch.from_numpy(ids), slots).argmax(-1)
    assert best[..., :4].tolist() == ids[..., :4].tolist()


# Ways

SHARES = st.floats(0, 1)


@pytest.mark.parametrize("spherical", [False, True])
def test_a_way_begins_and_ends_at_its_ends(spherical: bool) -> None:
    a, b = points(1, 50), points(2, 50)
    assert torch.equal(latent.between(a, b, 0.0, spherical=spherical), a)
    assert torch.equal(latent.between(a, b, 1.0, spherical=spherical), b)


@settings(max_examples=30, deadline=None)
@given(share=SHARES, spherical=st.booleans())
def test_a_way_back_is_the_same_way(share: float, spherical: bool) -> None:
    a, b = points(1, 9), points(2, 9)
    there = latent.between(a, b, share, spherical=spherical)
    assert_close(there, latent.between(b, a, 1 - share, spherical=spherical))
    # and every row goes by itself
    assert_close(latent.between(a[3:4], b[3:4], share, spherical=spherical), there[3:4])


@settings(max_examples=30, deadline=None)
@given(share=SHARES)
def test_a_circle_stays_as_far_from_the_origin_and_a_line_does_not(share: float) -> None:
    a, b = (p / p.norm(dim=-1, keepdim=True) for p in (points(1, 9), points(2, 9)))
    assert_close(latent.between(a, b, share).norm(dim=-1), torch.ones(9))
    straight = latent.between(a, b, share, spherical=False)
    assert_close(straight, (1 - share) * a + share * b)
    assert (straight.norm(dim=-1) <= 1 + 1e-5).all()


@settings(max_examples=30, deadline=None)
@given(share=SHARES, length=st.floats(0.1, 10))
def test_at_right_angles_the_distance_from_the_origin_is_between(
    share: float, length: float
) -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, length]])
    norm = float(latent.between(a, b, share).norm())
    assert min(1, length) - 1e-5 <= norm <= max(1, length) + 1e-5


def test_half_way_round_is_half_the_angle() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    third = latent.between(a, b, 1 / 3)
    assert_close(third, torch.tensor([[3**0.5 / 2, 0.5]]))
    assert_close(latent.between(a, b, 0.5, spherical=False), torch.tensor([[0.5, 0.5]]))


@pytest.mark.parametrize("times", [1.0, 2.0, -1.0, 0.0])
def test_between_points_in_line_with_the_origin_the_way_is_straight(times: float) -> None:
    a = points(1, 4)
    for share in (0.0, 0.3, 1.0):
        found = latent.between(a, times * a, share)
        assert found.isfinite().all()
        if times:
            assert_close(found, torch.lerp(a, times * a, share))


def test_random_points_are_those_of_a_stream() -> None:
    one, same, other = (
        latent.random_point(points(rows=400), streams(seed, [0])[0]) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert (one.shape, one.dtype) == ((400, 8), torch.float32)
    assert float(one.mean()) == pytest.approx(0, abs=0.1)
    assert float(one.std()) == pytest.approx(1, abs=0.1)


def test_half_way_a_melody_leans_to_the_scale_that_both_ends_have_most_of() -> None:
    in_c = np.array([[ONSET + pitch for pitch in (60, 62, 64, 65, 67, 69)]])
    in_d = np.array([[ONSET + pitch for pitch in (62, 64, 66, 67, 69, 71)]])
    vocabulary = ONSET + 128
    middle = latent.leaning_to_a_scale(in_c, in_d, 0.5, vocabulary)
    outside = {pitch % 12 for pitch in range(128) if middle[ONSET + pitch] < 0}
    assert len(outside) == 5
    assert not outside & {2, 4, 7, 9}  # what they share
    assert not middle[:ONSET].any()
    for share in (0, 1):
        assert not latent.leaning_to_a_scale(in_c, in_d, share, vocabulary).any()
    near_c = latent.leaning_to_a_scale(in_c, in_d, 0.1, vocabulary)
    assert near_c[ONSET + 66] < 0 == near_c[ONSET + 65]
    assert near_c.min() > middle.min()
