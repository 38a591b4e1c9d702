"""What a groove model is trained for: which stretches it hears, and what they cost."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import beat

from musegen import models
from musegen.data import drums
from musegen.data.drums import SNARE
from musegen.data.prepare_drums import encode
from musegen.networks import GrooveVAE
from musegen.networks.groove_vae import (
    Chances,
    Feel,
    Score,
    offset_middles,
    velocity_middles,
)
from musegen.objectives import Grooves, grooves, performances
from musegen.objectives.grooves import batched, costs_of, stretch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(prepare_beats: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_beats(tmp_path_factory.mktemp("hits"))


@pytest.fixture
def objective(data: Path, tiny_groove_model: Path) -> Grooves:
    return Grooves(models.read_recipe(tiny_groove_model), data, CPU)


@pytest.fixture
def network(tiny_groove_model: Path) -> GrooveVAE:
    return models.load(str(tiny_groove_model)).network_as(GrooveVAE)


def equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    pairs = [pair for a, b in zip(one, other, strict=True) for pair in zip(a, b, strict=True)]
    return all(torch.equal(a.nan_to_num(-9.0), b.nan_to_num(-9.0)) for a, b in pairs)


def test_a_batch_depends_on_its_key_alone(objective: Grooves) -> None:
    batch = objective.batch(4, (1, 2, 0), 2)
    objective.batch(4, (5, 5, 5), 9)
    assert equal(batch, objective.batch(4, (1, 2, 0), 7))
    assert not equal(batch, objective.batch(4, (1, 3, 0), 2))
    held_out = objective.validation(2, (0, 0))
    assert equal(held_out, objective.validation(2, (0, 0)))
    assert not equal(held_out, objective.validation(2, (0, 8)))


def test_two_stretches_of_one_performance_are_a_row(objective: Grooves) -> None:
    score, feel, other, other_feel = objective.batch(6, (1, 1), 0)
    for part, played in ((score, feel), (other, other_feel)):
        assert part.voice.shape == part.mask.shape == played.velocity.shape == (6, 24)
        assert part.chord.shape == (6, 24, 9)
        assert part.style.shape == part.tempo.shape == (6,)
        assert ((played.velocity >= 1) & (played.velocity <= 127)).all()
        assert (played.offset.abs() <= 0.5).all()
        assert (part.mask[:, :12] == 1).all()
    assert torch.equal(score.style, other.style)
    assert torch.equal(score.tempo, other.tempo)


def test_training_hides_some_of_what_it_tells(objective: Grooves) -> None:
    score, _, other, _ = objective.batch(300, (1, 1), 0)
    unknown = (score.style == 3).float().mean().item()
    lot = objective.train
    polkas = lot.chances[[song.style == 3 for song in lot.songs]].sum()
    assert unknown == pytest.approx(polkas + (1 - polkas) * performances.UNKNOWN_STYLE, abs=0.08)
    for taps in (score.tap_velocity, score.tap_offset):
        told = taps.isfinite().any(1).float().mean().item()
        assert told == pytest.approx(grooves.TAPPED, abs=0.08)
    snares = (other.voice == SNARE).all(1).float().mean().item()
    assert snares == pytest.approx(grooves.TAPPED, abs=0.08)
    assert not (score.voice == SNARE).all(1).any()
    assert len(set(score.tempo.tolist())) == 300


def test_validation_is_the_music_as_it_is(objective: Grooves) -> None:
    score, _, other, _ = objective.validation(50, (1, 1))
    assert len(set(score.tempo.tolist())) == 2
    assert set(score.style.tolist()) == {1, 0}
    for part in (score, other):
        assert part.tap_velocity.isnan().all()
        assert part.tap_offset.isnan().all()
        assert not (part.voice == SNARE).all(1).any()


def test_taps_tell_how_the_loudest_of_a_step_is_played(objective: Grooves) -> None:
    score, feel, *_ = objective.batch(200, (3, 3), 0)
    told = score.tap_velocity.isfinite() & (score.mask == 1)
    assert (score.tap_velocity[told] >= feel.velocity[told]).all()
    alone = told & (score.chord.sum(-1) == 1)
    assert alone.any()
    assert torch.equal(score.tap_velocity[alone], feel.velocity[alone])
    # both of a chord's hits are told, or none
    pairs = (score.gap[:, 1:] == 0) & (score.mask[:, 1:] == 1)
    assert torch.equal(told[:, 1:][pairs], told[:, :-1][pairs])


def test_a_stretch_is_the_song_from_a_hit_on() -> None:
    (song,) = encode(beat(4), 2)
    whole = stretch(song, 5, 20, 1, 0.5)
    assert whole["voice"].tolist() == song.column("voice")[5:25].tolist()
    assert whole["velocity"].tolist() == song.column("velocity")[5:25].tolist()
    assert whole["offset"].tolist() == song.offset[5:25].tolist()
    assert whole["chord"].tolist() == song.hits[5:25, -9:].tolist()
    assert [whole["style"].item(), whole["tempo"].item(), whole["step"][0].item()] == [1, 0.5, 0]
    assert whole["mask"].tolist() == [1] * 20
    end = stretch(song, len(song.hits) - 3, 10, 1, 0.5)
    assert end["mask"].tolist() == [1, 1, 1] + [0] * 7
    assert all(len(column) == 10 for column in end.values() if column.ndim)


def some_chances(hits: int) -> Chances:
    torch.manual_seed(0)
    return Chances(torch.randn(1, hits, 32), torch.randn(1, hits, 51))


def test_nats_are_those_of_the_true_bins() -> None:
    chances = some_chances(4)
    feel = Feel(torch.tensor([[1.0, 64, 65.5, 127]]), torch.tensor([[-0.5, -0.001, 0.03, 0.5]]))
    _, exact = costs_of(chances, feel, torch.ones(1, 4, dtype=torch.bool))
    logs = [c[0].log_softmax(-1) for c in chances]
    bins = [(0, 0), (16, 25), (16, 26), (31, 50)]
    expected = -sum(logs[0][i, v] + logs[1][i, o] for i, (v, o) in enumerate(bins))
    assert exact.item() == pytest.approx(float(expected), abs=1e-4)


def test_the_loss_is_against_bells_about_the_true_values() -> None:
    chances, feel = some_chances(2), Feel(torch.tensor([[90.0, 3]]), torch.tensor([[0.1, -0.4]]))
    blurred, exact = costs_of(chances, feel, torch.ones(1, 2, dtype=torch.bool))
    expected = 0.0
    for logits, values, middles in (
        (chances.velocity[0], feel.velocity[0], velocity_middles(32)),
        (chances.offset[0], feel.offset[0], offset_middles(51)),
    ):
        for row, value in zip(logits, values, strict=True):
            away = (middles - value) / ((middles[-1] - middles[0]) / (len(middles) - 1))
            bell = (-(away**2) / 2).exp()
            expected -= float((bell / bell.sum() * row.log_softmax(-1)).sum())
    assert blurred.item() == pytest.approx(expected, rel=1e-5)
    assert blurred.item() != pytest.approx(exact.item(), rel=1e-3)


def test_nobody_who_knows_nothing_pays_for_blur() -> None:
    flat = Chances(torch.zeros(1, 3, 32), torch.zeros(1, 3, 51))
    feel = Feel(torch.tensor([[20.0, 60, 100]]), torch.tensor([[0.1, 0.0, -0.2]]))
    for nats in costs_of(flat, feel, torch.ones(1, 3, dtype=torch.bool)):
        assert nats.item() == pytest.approx(3 * math.log(32 * 51), rel=1e-5)


def test_one_who_is_a_bin_off_pays_less_than_one_who_is_five_off() -> None:
    feel = Feel(torch.tensor([[63.5]]), torch.tensor([[0.0]]))
    costs = []
    for off in (0, 1, 5):
        velocity, offset = torch.zeros(1, 1, 32), torch.zeros(1, 1, 51)
        velocity[..., 16 + off] = offset[..., 25 + off] = 4.0
        blurred, _ = costs_of(Chances(velocity, offset), feel, torch.ones(1, 1, dtype=torch.bool))
        costs.append(blurred.item())
    assert costs == sorted(costs)
    assert costs[0] < costs[1] < costs[2] - 0.5


def test_padding_costs_nothing(objective: Grooves, network: GrooveVAE) -> None:
    (song,) = encode(beat(4), 2)
    score, feel = batched([stretch(song, len(song.hits) - 5, 9, 2, 0.0)], CPU)
    other = Feel(*(column.clone() for column in feel))
    other.velocity[:, 5:], other.offset[:, 5:] = 1, -0.5
    costs = []
    for played in (feel, other):
        torch.manual_seed(0)
        cost = objective.cost(network, (score, played, score, feel))
        costs.append((cost.loss.item(), cost.nats.item(), cost.notes.item()))
    assert costs[0] == costs[1]
    assert costs[0][2] == 5


@pytest.mark.parametrize("history", [True, False])
def test_a_cost_counts_hits_and_what_they_cost(
    history: bool, objective: Grooves, tiny_groove_model: Path
) -> None:
    recipe = models.read_recipe(tiny_groove_model)
    shape = recipe.network.shape | {"history": history}
    recipe = replace(recipe, network=replace(recipe.network, shape=shape))
    torch.manual_seed(1)
    network = models.build_network(recipe).eval()
    batch = objective.validation(6, (0, 0))
    torch.manual_seed(0)
    cost = objective.cost(network, batch)
    torch.manual_seed(0)
    chances, mean, log_variance = network(*batch)
    score, feel = batch[:2]
    assert cost.notes == score.mask.sum()
    told = [costs_of(c, feel, score.mask.bool()) for c in chances]
    assert len(told) == 1 + history
    assert cost.nats.item() == pytest.approx(told[-1][1].item())
    divergence = torch.distributions.kl_divergence(
        torch.distributions.Normal(mean, (log_variance / 2).exp()),
        torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean)),
    )
    expected = sum(blurred.item() for blurred, _ in told) / float(cost.notes)
    expected += 0.2 * divergence.sum().item() / (6 * 24)
    assert cost.loss.item() == pytest.approx(expected, rel=1e-5)


def test_songs_shorter_than_a_stretch_are_heard_too(
    tiny_groove_model: Path, tmp_path: Path
) -> None:
    short = encode(beat(1, 1), 0)
    drums.save(short, tmp_path / "train.drums.npz")
    drums.save(short, tmp_path / "valid.drums.npz")
    objective = Grooves(models.read_recipe(tiny_groove_model), tmp_path, CPU)
    score: Score = objective.batch(8, (1, 1), 0)[0]
    hits = len(short[0].hits)
    assert (score.mask.sum(1) <= hits).all()
    assert (score.mask.sum(1) >= 1).all()
