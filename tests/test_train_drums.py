"""Models of drums are trained by the same loop: they learn, and go on where they were stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

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


def test_a_killed_run_ends_as_if_it_had_not_been(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    whole = train.train(recipe, data, tmp_path / "whole")
    stored = load_file(whole)
    expected = models.build_network(recipe).state_dict()
    assert {k: v.shape for k, v in stored.items()} == {k: v.shape for k, v in expected.items()}
    assert all(torch.isfinite(v).all() for v in stored.values())
    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(6))
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    resumed = train.train(recipe, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    assert log(tmp_path / "cut") == log(tmp_path / "whole")
    assert [line["step"] for line in log(tmp_path / "cut")] == [3, 6]


def test_it_learns(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    longer = with_training(recipe, steps=18, validate_every=3, average=0.5)
    train.train(longer, data, tmp_path)
    bits = [line["valid_bits_per_note"] for line in log(tmp_path)]
    assert bits[-1] < bits[0] - 1


def test_another_kind_of_groove_model_is_trained(
    data: Path, tiny_groove_model: Path, tmp_path: Path
) -> None:
    recipe = with_training(models.read_recipe(tiny_groove_model), steps=2)
    shape = recipe.network.shape | {"encoder": "transformer", "history": False}
    recipe = replace(recipe, network=replace(recipe.network, shape=shape))
    assert train.train(recipe, data, tmp_path).exists()


def test_data_of_other_styles_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    other = replace(recipe, codec=HitsLayout(("rock", "jazz")))
    with pytest.raises(UsageError, match="another codec"):
        train.train(other, data, tmp_path)
