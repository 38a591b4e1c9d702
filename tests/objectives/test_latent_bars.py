"""What a network of bars is trained for: windows of parts, what they cost, and directions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from musegen import models
from musegen.codecs.steps import ONSET, REST, SLOTS, StepsLayout
from musegen.data import steps
from musegen.data.corpora import Corpus
from musegen.data.steps import StepSong
from musegen.errors import ModelError
from musegen.networks import SequenceVAE
from musegen.objectives import OBJECTIVES, Bars, directions
from musegen.objectives.bars import KL_RISE, Batch
from musegen.recipe import NetworkRecipe, Recipe, Training

CPU = torch.device("cpu")
MELODY, DRUMS = StepsLayout("melody", (2, 4)), StepsLayout("drums", (2, 4))
SHAPE = {"latent": 8, "width": 12, "hidden": 16, "share": 8, "unheard": 0.1}


def recipe_of(layout: StepsLayout, **shape: Any) -> Recipe:
    return Recipe(
        "tiny",
        ("interpolate",),
        layout,
        NetworkRecipe("sequence-vae", SHAPE | shape),
        Training(steps=4, rows=2, length=32, learning_rate=1e-3),
        (Corpus("tunes"),),
    )


def song_of(layout: StepsLayout, seed: int, bars: int = 6) -> StepSong:
    """Something on every beat, and between some of them."""
    rng = np.random.default_rng(seed)
    beats = 4 * bars
    if layout.is_melody:
        tokens = rng.integers(0, 2, (beats, SLOTS))
        tokens[:, 0] = ONSET + rng.integers(55, 80, beats)
    else:
        tokens = rng.integers(1, 512, (beats, SLOTS))
    tokens[:, 4:] = 0
    return StepSong(0, tokens, np.full(beats, 4), np.repeat(np.arange(bars), 4))


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[[StepsLayout], Bars]:
    def make(layout: StepsLayout) -> Bars:
        folder = tmp_path_factory.mktemp(layout.part)
        steps.save([song_of(layout, seed) for seed in range(4)], folder / "train.steps.npz")
        steps.save([song_of(layout, 9)], folder / "valid.steps.npz")
        return Bars(recipe_of(layout), folder, CPU)

    return make


@pytest.fixture(scope="module", params=[MELODY, DRUMS])
def objective(request: pytest.FixtureRequest, make: Callable[[StepsLayout], Bars]) -> Bars:
    return make(request.param)


def network_of(objective: Bars, **shape: Any) -> SequenceVAE:
    torch.manual_seed(0)
    network = models.build_network(recipe_of(objective.layout, **shape))
    assert isinstance(network, SequenceVAE)
    return network


def equal(one: Batch, other: Batch) -> bool:
    return torch.equal(one.tokens, other.tokens) and torch.equal(one.slots, other.slots)


def test_a_batch_depends_on_its_key_alone(objective: Bars) -> None:
    batch = objective.batch(4, (1, 2, 0), 2)
    objective.batch(4, (5, 5, 5), 9)
    assert equal(batch, objective.batch(4, (1, 2, 0), 7))
    assert not equal(batch, objective.batch(4, (1, 3, 0), 2))
    held_out = objective.validation(2, (0, 0))
    assert equal(held_out, objective.validation(2, (0, 0)))
    assert not equal(held_out, objective.validation(2, (0, 8)))


def test_a_batch_is_windows_and_counts_their_notes(objective: Bars) -> None:
    none = objective.layout.vocabulary
    for seed in range(6):
        batch = objective.batch(4, (1, seed), 0)
        rows, count, beats = batch.slots.shape
        assert (rows * count, beats) == (16, 4)
        assert batch.tokens.shape == (rows, count, beats, SLOTS)
        assert (batch.tokens[..., :4] < none).all()
        assert (batch.tokens[..., 4:] == none).all()
        first = ONSET if objective.layout.is_melody else 1
        assert batch.notes == (batch.tokens[..., :4] >= first).sum()


def test_the_weight_of_the_divergence_rises(objective: Bars) -> None:
    weights = [objective.batch(1, (1,), at).kl_weight for at in (0, KL_RISE // 2, KL_RISE, 10**6)]
    assert weights == pytest.approx([0, 0.1, 0.2, 0.2])
    assert objective.validation(1, (1,)).kl_weight == 1


def test_validation_is_of_the_parts_as_they_are(objective: Bars) -> None:
    (song,) = objective.held_out.songs
    beats = {tuple(beat) for beat in song.tokens[:, :4].tolist()}
    drawn = objective.validation(20, (1,)).tokens[..., :4].reshape(-1, 4).tolist()
    assert {tuple(beat) for beat in drawn} <= beats
    songs = objective.train.songs
    trained = {tuple(beat) for song in songs for beat in song.tokens[:, :4].tolist()}
    drawn = objective.batch(20, (1,), 0).tokens[..., :4].reshape(-1, 4).tolist()
    assert not {tuple(beat) for beat in drawn} <= trained


def test_a_cost_is_that_of_the_true_tokens_and_of_the_latent_vector(objective: Bars) -> None:
    batch = objective.validation(2, (1,))._replace(kl_weight=0.5)
    chance = torch.manual_seed(0)
    logits = torch.randn(*batch.tokens.shape, objective.layout.vocabulary, generator=chance)
    rows = len(batch.tokens)
    mean, log_variance = torch.full((rows, 8), 0.5), torch.full((rows, 8), -1.0)
    cost = objective.cost(lambda tokens, slots: (logits, mean, log_variance), batch)
    logs = logits.log_softmax(-1)[..., :4, :]
    nats = -logs.gather(-1, batch.tokens[..., :4, None]).sum().item()
    divergence = rows * 8 * 0.5 * (0.25 + math.exp(-1) - 1 + 1)
    assert cost.nats.item() == pytest.approx(nats + divergence, rel=1e-5)
    beats = batch.slots.numel()
    assert cost.loss.item() == pytest.approx((nats + 0.5 * divergence) / beats, rel=1e-5)
    assert cost.notes == batch.notes


def test_a_latent_vector_that_says_nothing_costs_nothing(objective: Bars) -> None:
    batch = objective.validation(2, (1,))
    logits = torch.zeros(*batch.tokens.shape, objective.layout.vocabulary)
    zeros = torch.zeros(len(batch.tokens), 8)

    def forward(tokens: Tensor, slots: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return logits, zeros, zeros

    cost = objective.cost(forward, batch)
    count = 4 * batch.slots.numel()
    assert cost.nats.item() == pytest.approx(count * math.log(objective.layout.vocabulary))


@pytest.mark.parametrize("hierarchical", [False, True])
def test_the_cost_of_a_fresh_network_is_finite(objective: Bars, hierarchical: bool) -> None:
    network = network_of(objective, hierarchical=hierarchical)
    for batch in (objective.batch(3, (1,), 10**6), objective.validation(3, (1,))):
        cost = objective.cost(network, batch)
        assert cost.loss.isfinite()
        assert cost.nats > 0
    network.eval()
    once, again = (objective.cost(network, objective.validation(3, (1,))) for _ in range(2))
    assert (once.loss, once.nats) == (again.loss, again.nats)


@pytest.mark.parametrize("hierarchical", [False, True])
def test_a_network_learns_one_batch(objective: Bars, hierarchical: bool) -> None:
    network = network_of(objective, hierarchical=hierarchical, unheard=0.0).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    batch = objective.batch(1, (1,), 0)
    losses = []
    for _ in range(30):
        loss = objective.cost(network, batch).loss
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_directions_lead_from_little_of_an_attribute_to_much(
    objective: Bars, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directions, "ROWS", 32)
    monkeypatch.setattr(directions, "TRIALS", 4)
    one, other = network_of(objective), network_of(objective)
    objective.finish(one)
    objective.finish(other)
    assert torch.equal(one.directions, other.directions)
    known = len(objective.layout.attributes)
    assert (one.directions[:known].abs().amax(1) > 0).all()
    assert not one.directions[known:].any()


def test_directions_are_those_of_the_means(
    make: Callable[[StepsLayout], Bars], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directions, "ROWS", 64)
    monkeypatch.setattr(directions, "TRIALS", 4)
    objective = make(MELODY)
    network = network_of(objective)

    def posterior(tokens: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
        """The first number is the mean pitch, and the others are nothing."""
        begins = (tokens >= ONSET) & (tokens < MELODY.vocabulary)
        pitch = torch.where(begins, tokens - ONSET, 0).sum((1, 2, 3)) / begins.sum((1, 2, 3))
        return torch.nn.functional.pad(pitch[:, None], (0, 7)), torch.zeros(len(tokens), 8)

    monkeypatch.setattr(network, "posterior", posterior)
    objective.finish(network)
    register = MELODY.attributes.index("register")
    assert network.directions[register, 0] > 0.1
    assert not network.directions[:, 1:].any()


def test_silence_within_a_window_is_no_trouble(make: Callable[[StepsLayout], Bars]) -> None:
    objective = make(MELODY)
    batch = objective.validation(2, (1,))
    tokens = torch.where(batch.tokens < MELODY.vocabulary, REST, batch.tokens)
    cost = objective.cost(network_of(objective), batch._replace(tokens=tokens))
    assert cost.loss.isfinite()


def test_it_is_the_objective_of_its_networks_and_of_no_other_codec(tmp_path: Path) -> None:
    assert OBJECTIVES["sequence-vae"] is Bars
    from musegen.codecs import Layout

    with pytest.raises(ModelError, match="tiny has no latent space"):
        Bars(replace(recipe_of(MELODY), codec=Layout()), tmp_path, CPU)
