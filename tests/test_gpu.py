"""Every tensor is on the model's device wherever it is used: the verbs, on a pretended GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import beat, tune
from pretended_gpu import There, pretended_gpu

import musegen
from musegen import gpu_batching, midi, models
from musegen.data import shards
from musegen.evaluate import Score, likelihood
from musegen.models import Model
from musegen.networks import Transformer
from musegen.song import Song


def told(x: Any) -> Any:
    return midi.to_bytes(x) if isinstance(x, Song) else x


def same(run: Callable[..., Any]) -> None:
    """What a call makes there is what it makes here."""
    here = run(device="cpu")
    with pretended_gpu():
        there = run(device="cuda")
    assert list(map(told, there)) == list(map(told, here))


def loud(load: Callable[[str, str], Model], name: str, device: str = "cpu") -> Model:
    """A model in which all that was heard makes a difference."""
    model = load(name, device)
    for weight in model.decoder.parameters():
        weight.mul_(8)
    return model


def test_the_pretended_gpu_refuses_company() -> None:
    with pretended_gpu():
        there = torch.ones(3, device="cuda")
        assert isinstance(there, There)
        assert (2 * there + torch.tensor(1)).cpu().tolist() == [3, 3, 3]
        with pytest.raises(AssertionError, match="two devices"):
            there + torch.ones(3)
        layer = torch.nn.Linear(3, 2).to("cuda")
        assert layer(there).device.type == "cuda"
        with pytest.raises(AssertionError, match="two devices"):
            layer(torch.ones(3))


def test_writing(
    tiny_controlled_model: Path, tiny_melody_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "load", partial(loud, models.load))
    song = tune(0, bars=6)
    two: dict[str, Any] = {"variations": 2, "seed": 1}
    model = str(tiny_controlled_model)
    same(partial(musegen.continue_, song, length=2, model=model, density=0.5, **two))
    same(partial(musegen.continue_, song, length=2, model=str(tiny_melody_model), **two))
    same(partial(musegen.generate, length=2, model=model, **two))
    same(partial(musegen.infill, song, bars=(3, 4), model=model, **two))
    # Longer than there is room for at first and than the context, and more than run at a time.
    monkeypatch.setattr(gpu_batching, "ROWS", 1)
    monkeypatch.setattr(gpu_batching, "COLUMNS", 16)
    monkeypatch.setattr(gpu_batching, "width_for", lambda network, mebibytes: 3)
    monkeypatch.setattr(Transformer, "context", 48)
    same(partial(musegen.generate, length=6, model=model, variations=5, seed=3))


def test_playing(tiny_groove_model: Path, tiny_drummer_model: Path) -> None:
    same(partial(musegen.groove, beat(0), model=str(tiny_groove_model), seed=1))
    same(partial(musegen.drumify, tune(0, bars=2), model=str(tiny_drummer_model), seed=1))


@pytest.mark.usefixtures("own_shelf")
def test_latent_spaces() -> None:
    one, other = (replace(tune(seed), tracks=tune(seed).tracks[:1]) for seed in (0, 1))
    same(partial(musegen.interpolate, one, other, length=2, seed=1))
    same(partial(musegen.similar, one, length=2, seed=1))


def test_likelihood(tiny_controlled_model: Path, long_tunes: Path) -> None:
    def measured(device: str) -> float:
        model = models.load(str(tiny_controlled_model), device)
        scores = likelihood(model, shards.load(long_tunes, "valid"), device=device)
        return sum(scores.values(), Score()).bits_per_note

    with pretended_gpu():
        there = measured("cuda")
    assert there == pytest.approx(measured("cpu"), rel=0.01)  # which is in half precision
