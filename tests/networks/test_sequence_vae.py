"""Bars into a latent vector and out of it: who hears what, and step after step the same."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from musegen.networks.sequence_vae import SequenceVAE, SequenceVAEConfig

CONFIG = SequenceVAEConfig(11, bars=3, latent=7, width=10, hidden=12, share=6, beats=4)
FLAT, BY_BARS = CONFIG, replace(CONFIG, hierarchical=True)
DRUMS = replace(CONFIG, vocabulary=8, voices=3)
ALL = pytest.mark.parametrize("config", [FLAT, BY_BARS, DRUMS])
assert_close = partial(torch.testing.assert_close, rtol=1e-5, atol=1e-5)


def build(config: SequenceVAEConfig = CONFIG) -> SequenceVAE:
    """One whose weights are large enough for mistakes to show."""
    torch.manual_seed(0)
    network = SequenceVAE(config).eval()
    for weight in network.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.1)
    return network


def some_bars(
    config: SequenceVAEConfig = CONFIG, rows: int = 2, bars: int = 3, beats: int = 3
) -> tuple[Tensor, Tensor]:
    """Tokens [B, N, K, S] and slots [B, N, K]: any at all, in beats of 4 and of 6 steps."""
    torch.manual_seed(1)
    slots = 4 + 2 * torch.randint(2, (rows, bars, beats))
    tokens = torch.randint(config.vocabulary, (rows, bars, beats, config.slots))
    behind = torch.arange(config.slots) >= slots[..., None]
    return tokens.masked_fill(behind, config.vocabulary), slots


def points(rows: int = 2) -> Tensor:
    torch.manual_seed(2)
    return torch.randn(rows, CONFIG.latent)


def real(slots: Tensor) -> Tensor:
    """Which slots are steps [B, N, K, S]."""
    return torch.arange(CONFIG.slots) < slots[..., None]


def changed(tokens: Tensor, bar: int, beat: int, slot: int) -> Tensor:
    other = tokens.clone()
    other[:, bar, beat, slot] = (other[:, bar, beat, slot] + 1) % 8
    return other


# Who hears what


@torch.inference_mode()
@ALL
@pytest.mark.parametrize("at", [(0, 0, 0), (0, 2, 3), (1, 0, 0), (1, 1, 2), (2, 2, 2)])
def test_a_token_is_heard_from_the_next_step_on(
    config: SequenceVAEConfig, at: tuple[int, int, int]
) -> None:
    network = build(config)
    tokens, slots = some_bars(config)
    one, two = (network.logits(points(), t, slots) for t in (tokens, changed(tokens, *at)))
    assert one.shape == (2, 3, 3, 6, config.vocabulary)
    place = (at[0] * 3 + at[1]) * 6 + at[2]
    steps, others = one.flatten(1, 3), two.flatten(1, 3)
    assert torch.equal(steps[:, : place + 1], others[:, : place + 1])
    after = at[2] + 1
    if after < 4:
        assert not torch.allclose(one[:, *at[:2], after], two[:, *at[:2], after])
    elif at[1] < 2:
        assert not torch.allclose(one[:, at[0], at[1] + 1, 0], two[:, at[0], at[1] + 1, 0])


@torch.inference_mode()
def test_the_next_bar_hears_a_token_but_where_bars_are_by_themselves() -> None:
    for config, heard in ((FLAT, True), (BY_BARS, False)):
        network = build(config)
        tokens, slots = some_bars(config)
        other = changed(tokens, 0, 1, 2)
        one, two = (network.logits(points(), t, slots) for t in (tokens, other))
        assert not torch.equal(one[:, 0], two[:, 0])
        assert torch.equal(one[:, 1:], two[:, 1:]) != heard


@torch.inference_mode()
@ALL
def test_every_token_is_heard_in_the_latent_vector(config: SequenceVAEConfig) -> None:
    network = build(config)
    tokens, slots = some_bars(config)
    mean, log_variance = network.posterior(tokens, slots)
    assert mean.shape == log_variance.shape == (2, 7)
    for at in ((0, 0, 0), (1, 2, 3), (2, 2, 1)):
        other_mean, other_variance = network.posterior(changed(tokens, *at), slots)
        assert ((other_mean - mean).abs().amax(1) > 1e-4).all()
        assert ((other_variance - log_variance).abs().amax(1) > 1e-5).all()


@torch.inference_mode()
@ALL
def test_every_bar_is_told_of_the_latent_vector(config: SequenceVAEConfig) -> None:
    network = build(config)
    tokens, slots = some_bars(config)
    for part in range(7):
        other = points()
        other[:, part] += 1
        one, two = (network.logits(point, tokens, slots) for point in (points(), other))
        assert ((one - two).abs().amax((2, 3, 4)) > 1e-5).all()


@torch.inference_mode()
@ALL
def test_forward_is_what_lies_at_the_mean(config: SequenceVAEConfig) -> None:
    network = build(config)
    tokens, slots = some_bars(config)
    logits, mean, log_variance = network(tokens, slots)
    expected = network.posterior(tokens, slots)
    assert torch.equal(mean, expected[0])
    assert torch.equal(log_variance, expected[1])
    assert torch.equal(logits, network.logits(mean, tokens, slots))


@torch.inference_mode()
@ALL
def test_rows_do_not_touch_each_other(config: SequenceVAEConfig) -> None:
    network = build(config)
    tokens, slots = some_bars(config, rows=3)
    for whole, alone in zip(network(tokens, slots), network(tokens[1:2], slots[1:2]), strict=True):
        assert_close(whole[1:2], alone)


@torch.inference_mode()
def test_how_many_steps_a_beat_has_is_heard() -> None:
    network = build()
    tokens, slots = some_bars()
    other = slots.clone()
    other[:, 1, 1] = 10 - other[:, 1, 1]
    for one, two in zip(network(tokens, slots), network(tokens, other), strict=True):
        assert not torch.allclose(one, two)


# Step after step


@torch.inference_mode()
@ALL
@pytest.mark.parametrize(("bars", "beats"), [(3, 4), (2, 3), (1, 1)])
def test_step_after_step_equals_all_at_once(
    config: SequenceVAEConfig, bars: int, beats: int
) -> None:
    network = build(config)
    tokens, slots = some_bars(config, 1, bars, beats)
    expected = network.logits(points(1), tokens, slots)
    writing = network.writing(points(1)[0], slots[0])
    for token, logits in zip(tokens[real(slots)].tolist(), expected[real(slots)], strict=True):
        assert_close(writing.chances(), logits)
        writing.write(token)


@torch.inference_mode()
def test_two_pieces_of_one_network_do_not_touch() -> None:
    network = build(BY_BARS)
    _, slots = some_bars(BY_BARS, 1)
    alone, one, other = (network.writing(points()[0], slots[0]) for _ in range(3))
    for token in (3, 1, 4, 1, 5, 2, 6, 5):
        alone.write(token)
        one.write(token)
        other.write(0)
    assert torch.equal(alone.chances(), one.chances())
    assert not torch.equal(alone.chances(), other.chances())


# In training


@torch.inference_mode()
@ALL
def test_out_of_training_nothing_is_drawn(config: SequenceVAEConfig) -> None:
    network = build(replace(config, unheard=0.5))
    bars = some_bars(config)
    before = torch.get_rng_state()
    first = network(*bars)[0]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(network(*bars)[0], first)
    network.train()
    assert not torch.equal(network(*bars)[0], first)


@torch.inference_mode()
@ALL
def test_what_is_unheard_is_not_heard_again(config: SequenceVAEConfig) -> None:
    network = build(replace(config, unheard=1.0)).train()
    tokens, slots = some_bars(config)
    other = changed(tokens, 0, 0, 0)
    assert torch.equal(*(network.logits(points(), t, slots) for t in (tokens, other)))


@ALL
def test_gradients_reach_every_weight(config: SequenceVAEConfig) -> None:
    network = build(config).train()
    tokens, slots = some_bars(config, 6, 3, 4)
    logits, mean, log_variance = network(tokens, slots)
    nats = -logits.log_softmax(-1)[..., 5].sum()
    torch.autograd.backward(nats + (mean**2).sum() + log_variance.exp().sum())
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


def test_to_begin_with_each_bar_has_a_part_of_the_latent_vector_to_itself() -> None:
    torch.manual_seed(0)
    network = SequenceVAE(replace(CONFIG, share=16, latent=12))
    told = network.from_latent.weight.view(3, 16, 12)
    for bar in range(3):
        parts = told[bar].view(16, 3, 4).norm(dim=(0, 2))
        assert int(parts.argmax()) == bar
        assert parts[bar] > 5 * parts.sort().values[1]


@ALL
def test_it_learns_a_few_bars(config: SequenceVAEConfig) -> None:
    torch.manual_seed(0)
    network = SequenceVAE(config).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    tokens, slots = some_bars(config, 4, 2, 2)
    losses = []
    for _ in range(30):
        logits = network(tokens, slots)[0]
        wanted = real(slots)
        loss = torch.nn.functional.cross_entropy(logits[wanted], tokens[wanted])
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3


# Configs and weights


def test_voices_and_vocabulary_must_fit() -> None:
    with pytest.raises(ValueError, match="3 voices have 8 combinations"):
        SequenceVAEConfig(9, bars=2, latent=4, voices=3)


@pytest.mark.parametrize("config", [DRUMS])
def test_combinations_that_share_voices_are_embedded_alike(config: SequenceVAEConfig) -> None:
    torch.manual_seed(0)
    network = SequenceVAE(config)
    assert network.token.voices is not None
    network.token.own.data.zero_()
    table = network.token.table()
    assert table.shape == (9, 64)
    assert not table[0].any()
    assert not table[8].any()  # no step
    assert_close(table[0b101], table[0b100] + table[0b001])


@ALL
def test_directions_are_kept_with_the_weights_and_masks_are_not(
    config: SequenceVAEConfig,
) -> None:
    network = build(config)
    kept = network.state_dict()
    assert kept["directions"].shape == (3, 7)
    assert not kept["directions"].any()
    assert "earlier" not in kept
    assert ("conductor.weight_ih_l0" in kept) == config.hierarchical
