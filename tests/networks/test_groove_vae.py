from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from musegen.networks import groove_vae
from musegen.networks.groove_vae import (
    Chances,
    Feel,
    GrooveVAE,
    GrooveVAEConfig,
    Score,
    offset_middles,
    velocity_middles,
)

CONFIG = GrooveVAEConfig(styles=3, width=12, latent=4, dropout=0.2)
VARIANTS = {
    "lstm": CONFIG,
    "one layer": replace(CONFIG, layers=1),
    "transformer": replace(CONFIG, encoder="transformer"),
    "transformer without history": replace(CONFIG, encoder="transformer", history=False),
}
assert_close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-5)


def build(config: GrooveVAEConfig = CONFIG) -> GrooveVAE:
    """One whose weights are large enough for mistakes to show."""
    torch.manual_seed(0)
    network = GrooveVAE(config).eval()
    for weight in network.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.3)
    return network


@pytest.fixture
def network() -> GrooveVAE:
    return build()


def some_score(rows: int, hits: int, seed: int = 1) -> Score:
    """Any score at all; half of its taps are told."""
    torch.manual_seed(seed)

    def below(limit: int, *shape: int) -> Tensor:
        return torch.randint(limit, (rows, *shape))

    told = torch.where(below(2, hits, 2) == 1, torch.rand(rows, hits, 2), torch.nan)
    return Score(
        voice=below(9, hits),
        phase=below(12, hits),
        beat=below(4, hits),
        gap=below(49, hits),
        voice_gap=below(49, hits),
        chord=below(2, hits, 9),
        extra=below(2, hits),
        style=below(4),
        tempo=torch.randn(rows),
        tap_velocity=told[..., 0] * 126 + 1,
        tap_offset=told[..., 1] - 0.5,
        mask=torch.ones(rows, hits),
    )


def some_feel(rows: int, hits: int, seed: int = 2) -> Feel:
    torch.manual_seed(seed)
    velocity = torch.randint(1, 128, (rows, hits)).float()
    return Feel(velocity, torch.rand(rows, hits) - 0.5)


def cut(score: Score, hits: int) -> Score:
    """The first hits of a score."""
    return score._replace(
        **{
            name: column[:, :hits]
            for name, column in score._asdict().items()
            if name not in ("style", "tempo")
        }
    )


@torch.inference_mode()
@pytest.mark.parametrize("config", [v for v in VARIANTS.values() if v.history])
@pytest.mark.parametrize("told", [True, False])
def test_hit_after_hit_equals_all_at_once(
    config: GrooveVAEConfig, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = build(replace(config, dropout=0.0)).train()
    score, feel = some_score(1, 9), some_feel(1, 9)
    monkeypatch.setattr(groove_vae, "UNHEARD", 0.0)
    monkeypatch.setattr(groove_vae, "UNTOLD", 0.0 if told else 1.0)
    torch.manual_seed(5)
    (usual, expected), mean, log_variance = network(score, feel, score, feel)
    torch.manual_seed(5)
    latent = mean + torch.randn_like(mean) * (log_variance / 2).exp()
    seen = network.seen(network.read(score), latent if told else None)
    assert_close(network.usual(seen), usual)
    performance = network.performance(seen)
    for hit in range(9):
        loud, late = feel.velocity[0, hit].item(), feel.offset[0, hit].item()
        assert_close(performance.velocity(), expected.velocity[0, hit])
        assert_close(performance.offset(loud), expected.offset[0, hit])
        performance.play(loud, late)


@torch.inference_mode()
def test_what_is_played_is_heard_from_the_next_hit_on(network: GrooveVAE) -> None:
    seen = network.seen(network.read(some_score(1, 4)))
    one, other = network.performance(seen), network.performance(seen)
    assert torch.equal(one.velocity(), other.velocity())
    assert not torch.allclose(one.offset(120), other.offset(20))
    one.play(100, 0.1)
    other.play(100, -0.1)
    assert not torch.allclose(one.velocity(), other.velocity())


@torch.inference_mode()
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_rows_do_not_touch_each_other(config: GrooveVAEConfig) -> None:
    network, score, feel = build(config), some_score(3, 8), some_feel(3, 8)
    alone = Score(*(column[1:2] for column in score))
    assert_close(network.read(score)[1:2], network.read(alone))
    means, _ = network.posterior(score, feel)
    mean, _ = network.posterior(alone, Feel(*(column[1:2] for column in feel)))
    assert_close(means[1:2], mean)


@torch.inference_mode()
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("what", [name for name in Score._fields if name != "mask"])
def test_everything_that_is_told_is_heard(config: GrooveVAEConfig, what: str) -> None:
    network, score = build(config), some_score(1, 8)
    column = getattr(score, what)
    others = {
        "style": (column + 1) % 4,
        "tempo": column + 1,
        "chord": 1 - column,
        "extra": 1 - column,
    }
    changed = score._replace(**{what: others.get(what, column.roll(1, -1))})
    assert not torch.allclose(network.read(score), network.read(changed), atol=1e-3)


@torch.inference_mode()
def test_an_unknown_feel_is_one_of_its_own(network: GrooveVAE) -> None:
    read = network.read(some_score(2, 5))
    told = network.seen(read, network.unknown.expand(2, -1))
    assert torch.equal(network.seen(read), told)
    assert not torch.allclose(
        network.usual(told).offset, network.usual(network.seen(read, torch.zeros(2, 4))).offset
    )


@torch.inference_mode()
def test_a_feel_depends_on_how_it_is_played(network: GrooveVAE) -> None:
    score, feel = some_score(1, 8), some_feel(1, 8)
    mean, log_variance = network.posterior(score, feel)
    assert mean.shape == log_variance.shape == (1, 4)
    assert (log_variance >= -8).all()
    assert (log_variance <= 4).all()
    for other in (
        feel._replace(velocity=feel.velocity / 2),
        feel._replace(offset=feel.offset + 0.1),
    ):
        assert not torch.allclose(network.posterior(score, other)[0], mean, atol=1e-3)


@torch.inference_mode()
def test_attention_goes_to_no_padding() -> None:
    network = build(VARIANTS["transformer"])
    score = some_score(2, 9)
    score.mask[:, 6:] = 0
    assert_close(network.read(score)[:, :6], network.read(cut(score, 6)))


@torch.inference_mode()
@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_how_padding_is_played_is_not_heard(config: GrooveVAEConfig) -> None:
    network, score, feel = build(config), some_score(2, 9), some_feel(2, 9)
    score.mask[:, 6:] = 0
    other = Feel(*(column.clone() for column in feel))
    other.velocity[:, 6:], other.offset[:, 6:] = 3, 0.4
    assert torch.equal(network.posterior(score, feel)[0], network.posterior(score, other)[0])


@pytest.mark.parametrize("config", VARIANTS.values(), ids=VARIANTS)
def test_gradients_reach_every_weight(config: GrooveVAEConfig) -> None:
    network = build(config).train()
    score, feel = some_score(8, 6), some_feel(8, 6)
    chances, mean, log_variance = network(score, feel, score, feel)
    assert len(chances) == 1 + config.history
    loss = mean.square().sum() + log_variance.square().sum()
    for c in chances:
        assert c.velocity.shape == (8, 6, 32)
        assert c.offset.shape == (8, 6, 51)
        loss = loss + c.velocity.log_softmax(-1)[..., 3].sum() + c.offset[..., 5].tanh().sum()
    torch.autograd.backward(loss)
    for name, weight in network.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.abs().sum() > 0, name


@torch.inference_mode()
def test_the_feel_that_is_told_is_another_stretchs(network: GrooveVAE) -> None:
    score, feel, other = some_score(2, 6), some_feel(2, 6), some_feel(2, 6, seed=9)
    _, mean, _ = network(score, feel, score, other)
    assert_close(mean, network.posterior(score, other)[0])


@torch.inference_mode()
def test_what_is_to_be_told_of_a_hit_is_not_heard_before(
    network: GrooveVAE, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groove_vae, "UNHEARD", 0.0)
    score, feel, other = some_score(1, 6), some_feel(1, 6), some_feel(1, 6, seed=8)
    both = Feel(*(torch.cat((a[:, :3], b[:, 3:]), 1) for a, b in zip(feel, other, strict=True)))
    chances: list[list[Chances]] = []
    for told in (feel, both):
        torch.manual_seed(0)
        chances.append(network(score, told, score, feel)[0])
    (usual, one), (same, two) = chances
    assert torch.equal(usual.velocity, same.velocity)
    assert torch.equal(one.velocity[:, :4], two.velocity[:, :4])
    assert torch.equal(one.offset[:, :3], two.offset[:, :3])
    assert not torch.allclose(one.offset[:, 3], two.offset[:, 3])  # it hears its velocity
    assert not torch.allclose(one.velocity[:, 4], two.velocity[:, 4])


def test_an_encoder_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="lstm and transformer"):
        GrooveVAEConfig(3, 12, encoder="gru")


def test_bins_cover_their_range() -> None:
    velocities = velocity_middles(32)
    assert velocities.shape == (32,)
    nearest = (velocities[:, None] - torch.arange(128)).abs().argmin(0)
    assert nearest.tolist() == [v // 4 for v in range(128)]
    offsets = offset_middles(51)
    assert_close(offsets[[0, 25, 50]], torch.tensor([-0.5, 0.0, 0.5]))


def test_it_learns_a_drag() -> None:
    torch.manual_seed(0)
    network = GrooveVAE(replace(CONFIG, dropout=0.0)).train()
    optimizer = torch.optim.Adam(network.parameters(), 2e-2)
    score = some_score(4, 12)
    late = score.voice % 2 * 50  # of some voices the last bin, of the others the first
    feel = Feel(torch.full((4, 12), 64.0), late / 50 - 0.5)
    losses = []
    for _ in range(20):
        chances, _, _ = network(score, feel, score, feel)
        loss = sum(
            torch.nn.functional.cross_entropy(c.offset.flatten(0, 1), late.flatten())
            for c in chances
        )
        assert isinstance(loss, Tensor)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 3
