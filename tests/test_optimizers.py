"""Which parameter has which optimizer, and that a run goes on with their state as if never cut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from musegen import models, runs, train
from musegen.optimizers import MOMENTS, Optimizers
from musegen.recipe import Optimizer, Recipe, Training

BOTH: tuple[Optimizer, ...] = ("adamw", "muon")
TRAINING = Training(steps=10, rows=1, length=1, learning_rate=1e-2, weight_decay=0.5)


class Net(nn.Module):
    """An embedding, two layers with biases, a norm."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(2))
        self.norm = nn.LayerNorm(4)

    def forward(self, ids: Tensor) -> Tensor:
        x: Tensor = self.embedding(ids)
        for layer in self.layers:
            x = torch.tanh(layer(x))
        out: Tensor = self.norm(x)
        return out.square().mean() + out[:, 0].mean()


def made(kind: Optimizer) -> tuple[Net, Optimizers]:
    torch.manual_seed(3)
    net = Net()
    return net, Optimizers(net, replace(TRAINING, optimizer=kind), fused=False)


def stepped(net: Net, optimizers: Optimizers, times: int) -> None:
    for time in range(times):
        torch.autograd.backward(net(torch.arange(5)))
        optimizers.step(1e-2 / (time + 1))


def weights(net: nn.Module) -> list[Tensor]:
    return [value.clone() for value in net.state_dict().values()]


def kept(optimizers: Optimizers) -> dict[str, set[str]]:
    """What is known of each parameter."""
    found: dict[str, set[str]] = {}
    for key in optimizers.tensors():
        name, what = key.rsplit(".", 1)
        found.setdefault(name, set()).add(what)
    return found


def test_muon_has_the_matrices_of_layers_and_adamw_all_else() -> None:
    net, optimizers = made("muon")
    stepped(net, optimizers, 1)
    adamw, muon = MOMENTS
    assert kept(optimizers) == {
        name: muon if name in ("layers.0.weight", "layers.1.weight") else adamw
        for name, _ in net.named_parameters()
    }
    net, optimizers = made("adamw")
    stepped(net, optimizers, 1)
    assert kept(optimizers) == {name: adamw for name, _ in net.named_parameters()}


@pytest.mark.parametrize("kind", BOTH)
def test_every_parameter_moves_and_gradients_are_forgotten(kind: Optimizer) -> None:
    net, optimizers = made(kind)
    before = weights(net)
    stepped(net, optimizers, 1)
    assert not any(torch.equal(a, b) for a, b in zip(before, weights(net), strict=True))
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("kind", BOTH)
def test_matrices_decay_and_vectors_do_not(kind: Optimizer) -> None:
    net, optimizers = made(kind)
    before = weights(net)
    for p in net.parameters():
        p.grad = torch.zeros_like(p)
    optimizers.step(1e-2)
    for old, new in zip(before, weights(net), strict=True):
        torch.testing.assert_close(new, old * (1 - 1e-2 * 0.5) if old.dim() > 1 else old)


@pytest.mark.parametrize("kind", BOTH)
def test_what_goes_on_from_its_tensors_goes_on_exactly(kind: Optimizer) -> None:
    net, optimizers = made(kind)
    stepped(net, optimizers, 3)
    tensors = {name: value.clone() for name, value in optimizers.tensors().items()}
    state = {name: value.clone() for name, value in net.state_dict().items()}
    stepped(net, optimizers, 3)

    again, others = made(kind)
    again.load_state_dict(state)
    others.take(tensors)
    stepped(again, others, 3)
    assert all(torch.equal(a, b) for a, b in zip(weights(net), weights(again), strict=True))


@pytest.mark.parametrize("kind", BOTH)
def test_nothing_to_take_is_a_beginning(kind: Optimizer) -> None:
    net, optimizers = made(kind)
    assert optimizers.tensors() == {}
    optimizers.take({})
    stepped(net, optimizers, 1)


@pytest.mark.parametrize("kind", BOTH)
def test_the_state_of_another_network_is_refused(kind: Optimizer) -> None:
    net, optimizers = made(kind)
    stepped(net, optimizers, 1)
    tensors = optimizers.tensors()
    moment = "layers.0.weight." + ("momentum_buffer" if kind == "muon" else "exp_avg")
    for odd in (
        {"nowhere.exp_avg": torch.zeros(4)},
        {moment: torch.zeros(4, 5)},
        {moment: tensors[moment].double()},
        {"layers.0.weight.more": torch.zeros(4, 4)},
    ):
        _, fresh = made(kind)
        with pytest.raises(ValueError, match=r"another|no parameter"):
            fresh.take(tensors | odd)


def test_the_state_of_the_other_optimizer_is_refused() -> None:
    for kind, other in (BOTH, BOTH[::-1]):
        net, optimizers = made(kind)
        stepped(net, optimizers, 1)
        with pytest.raises(ValueError, match="another optimizer's state"):
            made(other)[1].take(optimizers.tensors())


# Whole runs


class KilledError(Exception):
    pass


def kill(line: dict[str, float]) -> None:
    if line["step"] == 6:
        raise KilledError


@pytest.fixture
def recipe(tiny_controlled_model: Path) -> Recipe:
    """Muon, controls, gaps, registers."""
    recipe = models.read_recipe(tiny_controlled_model)
    assert recipe.training.optimizer == "muon"
    assert recipe.training.augmentation.hide
    return recipe


def test_a_run_with_muon_that_was_killed_ends_as_if_it_had_not_been(
    recipe: Recipe, prepare_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    data = prepare_tunes(tmp_path / "data")
    whole = train.train(recipe, data, tmp_path / "whole")
    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill)
    assert (tmp_path / "cut" / runs.CHECKPOINT).exists()
    resumed = train.train(recipe, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
