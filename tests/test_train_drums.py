"""Models of drums are trained by the same loop: they learn, and go on where they were stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from test_train import KilledError, kill_at, log, with_training

from musegen import models, train
from musegen.codecs import HitsLayout
from musegen.errors import UsageError
from musegen.recipe import Recipe


@pytest.fixture(scope="module")
def data(prepare_beats: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_beats(tmp_path_factory.mktemp("data"))


@pytest.fixture(params=["groove", "drummer"])
def recipe(request: pytest.FixtureRequest) -> Recipe:
    folder: Path = request.getfixturevalue(f"tiny_{request.param}_model")
    return models.read_recipe(folder)


def with_shape(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, network=replace(recipe.network, shape=recipe.network.shape | changes))


def test_a_run_leaves_weights_that_fit(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    weights = train.train(recipe, data, tmp_path)
    stored = load_file(weights)
    expected = models.build_network(recipe).state_dict()
    assert {k: v.shape for k, v in stored.items()} == {k: v.shape for k, v in expected.items()}
    assert all(torch.isfinite(v).all() for v in stored.values())
    assert [line["step"] for line in log(tmp_path)] == [3, 6]
    assert all(4 < line["valid_bits_per_note"] < 30 for line in log(tmp_path))


def test_a_killed_run_ends_as_if_it_had_not_been(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    whole = train.train(recipe, data, tmp_path / "whole")
    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(6))
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    resumed = train.train(recipe, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    assert log(tmp_path / "cut") == log(tmp_path / "whole")


def test_it_learns(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    longer = with_training(recipe, steps=40, validate_every=20, average=0.5, validation_rows=8)
    train.train(longer, data, tmp_path)
    train.train(with_training(recipe, validation_rows=8), data, tmp_path / "short")
    bits = [log(run)[-1]["valid_bits_per_note"] for run in (tmp_path / "short", tmp_path)]
    assert bits[1] < bits[0] - 1


@pytest.mark.parametrize("changes", [{"encoder": "transformer"}, {"history": False}])
def test_other_kinds_of_groove_model_are_trained(
    changes: dict[str, Any], data: Path, tiny_groove_model: Path, tmp_path: Path
) -> None:
    recipe = with_training(models.read_recipe(tiny_groove_model), steps=2)
    assert train.train(with_shape(recipe, **changes), data, tmp_path).exists()


def test_data_of_other_styles_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    other = replace(recipe, codec=HitsLayout(("rock", "jazz")))
    with pytest.raises(UsageError, match="another codec"):
        train.train(other, data, tmp_path)
