"""Tiny models with random weights: every verb runs on them in a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

RECIPE = """
name = "{name}"
verbs = ["generate", "continue"]

[codec]
max_tracks = {max_tracks}
velocity_bins = 8

[network]
kind = "{kind}"

[network.shape]
{shape}

[training]
steps = 6
rows = 4
length = 64
learning_rate = 1e-3
warmup = 2
validate_every = 3
validation_rows = 2

[[corpora]]
name = "tunes"
style = "folk"
"""

TRANSFORMER = "width = 32\nlayers = 2\nheads = 2\nkv_heads = 1\nhidden = 64\ncontext = 256"
LSTM = "width = 16\nhidden = 24\nlayers = 2\nattention_window = 16"


def write_model(folder: Path, name: str, kind: str, shape: str, max_tracks: int) -> Path:
    """A model folder with random weights."""
    import torch

    from musegen import models

    folder.mkdir()
    text = RECIPE.format(name=name, kind=kind, shape=shape, max_tracks=max_tracks)
    (folder / models.CONFIG).write_text(text)
    torch.manual_seed(7)
    models.save_weights(models.build_network(models.read_recipe(folder)), folder / models.WEIGHTS)
    return folder


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(name: str, kind: str, shape: str, max_tracks: int) -> Path:
        folder = tmp_path_factory.mktemp("models") / name
        return write_model(folder, name, kind, shape, max_tracks)

    return make


@pytest.fixture(scope="session")
def tiny_model(make_model: Callable[..., Path]) -> Path:
    """A multi-track Transformer."""
    return make_model("tiny-transformer", "transformer", TRANSFORMER, 16)


@pytest.fixture(scope="session")
def tiny_melody_model(make_model: Callable[..., Path]) -> Path:
    """A one-voice LSTM."""
    return make_model("tiny-lstm", "lstm", LSTM, 0)
