"""The next token: for every network that reads and writes bars as tokens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.data import shards
from musegen.data.augmentation import PLAIN, Augmentation
from musegen.data.batches import Windows
from musegen.errors import UsageError
from musegen.models import bar_codec
from musegen.objectives.objective import Cost
from musegen.recipe import Recipe, Training


def augmentation(step: int, training: Training) -> Augmentation:
    """The recipe's, until the last steps: those hear the music as it is."""
    chosen = training.augmentation
    if step < training.steps * (1 - training.original_keys):
        return chosen
    return replace(chosen, transpose=0.0, velocity=0.0)


def is_long(step: int, training: Training) -> bool:
    """Whether rows are long by then."""
    return step >= training.steps * (1 - training.long)


class NextToken:
    """Windows of shards as ids [B, T + 1]; see `objective.Objective`."""

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        codec = bar_codec(recipe)
        if recipe.training.augmentation.asks and not codec.layout.controls:
            raise UsageError("augmentation that tells or hides needs a codec with controls = true")
        if recipe.training.augmentation.alone and not codec.layout.has_runs:
            raise UsageError("augmentation with tracks alone needs tracks, in the order of tracks")
        weights = {c.name: c.weight for c in recipe.corpora}
        self.training, self.device = recipe.training, device
        self.windows = Windows(shards.load(data, "train"), codec, weights)
        self.held_out = Windows(shards.load(data, "valid"), codec, weights)
        self.is_note = torch.from_numpy(self.windows.is_note).to(device)

    def batch(self, rows: int, key: tuple[int, ...], step: int) -> Tensor:
        t = self.training
        changes = augmentation(step, t)
        if is_long(step, t):
            return self._ids(self.windows, max(rows // 2, 1), 2 * t.length, key, changes)
        return self._ids(self.windows, rows, t.length, key, changes)

    def validation(self, rows: int, key: tuple[int, ...]) -> Tensor:
        return self._ids(self.held_out, rows, self.training.length, key, PLAIN)

    def _ids(
        self,
        windows: Windows,
        rows: int,
        length: int,
        key: tuple[int, ...],
        changes: Augmentation,
    ) -> Tensor:
        ids = windows.batch(rows, length + 1, key, changes)
        return torch.from_numpy(ids).to(self.device, non_blocking=True)

    def cost(self, forward: Callable[[Tensor], Tensor], batch: Tensor) -> Cost:
        inputs, targets = batch[:, :-1], batch[:, 1:]
        logits = forward(inputs)
        nats = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="sum")
        return Cost(nats / targets.numel(), nats, self.is_note[targets].sum())

    def finish(self, network: nn.Module) -> None:
        """Nothing is left to do."""
