"""What objectives of drums share: performances drawn by chance, and how much is told of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Generic, TypeVar

import numpy as np
import torch
from torch import nn

from musegen.data import drums
from musegen.data.drums import DrumSong
from musegen.models import hits_layout
from musegen.recipe import Recipe

UNKNOWN_STYLE = 0.2
"""Share of the examples in training whose style is not told."""
TEMPO_SPREAD = 0.03
"""In octaves: how far the tempo that is told may lie off."""

Example = TypeVar("Example")
Batch = TypeVar("Batch")


class Performances(ABC, Generic[Example, Batch]):
    """Examples out of performances; see `objective.Objective`."""

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        self.length, self.device = recipe.training.length, device
        self.kl_weight = recipe.training.kl_weight
        self.unknown = len(hits_layout(recipe).styles)
        weights = [c.weight for c in recipe.corpora]
        self.train, self.held_out = (drums.Lot(data, s, weights) for s in ("train", "valid"))

    def batch(self, rows: int, key: tuple[int, ...], step: int) -> Batch:
        rng = np.random.default_rng(key)
        return self._batched([self._example(song, rng) for song in self.train.drawn(rows, rng)])

    def validation(self, rows: int, key: tuple[int, ...]) -> Batch:
        rng = np.random.default_rng(key)
        songs = self.held_out.drawn(rows, rng)
        return self._batched([self._plain_example(song, rng) for song in songs])

    def finish(self, network: nn.Module) -> None:
        """Nothing is left to do."""

    @abstractmethod
    def _example(self, song: DrumSong, rng: np.random.Generator) -> Example:
        """An example of which more or less is told."""

    @abstractmethod
    def _plain_example(self, song: DrumSong, rng: np.random.Generator) -> Example:
        """An example as it is."""

    @abstractmethod
    def _batched(self, examples: list[Example]) -> Batch: ...
