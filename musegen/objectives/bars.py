"""Bars of a melody or of drums, told whole by a latent vector, by a `SequenceVAE`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.codecs.steps import begins
from musegen.data.steps import Windows
from musegen.models import steps_layout
from musegen.networks import SequenceVAE
from musegen.objectives.directions import directions
from musegen.objectives.objective import Cost
from musegen.recipe import Recipe

KL_RISE = 3000
"""Steps over which the divergence's weight rises from nothing: a latent vector must first be of
use."""


class Batch(NamedTuple):
    """Windows: tokens [B, N, K, S] and slots [B, N, K]; how many notes begin; the KL's weight."""

    tokens: Tensor
    slots: Tensor
    notes: Tensor
    kl_weight: float


class Bars:
    """Windows out of parts; see `objective.Objective`."""

    def __init__(self, recipe: Recipe, data: Path, device: torch.device) -> None:
        self.layout, self.device = steps_layout(recipe), device
        self.kl_weight = recipe.training.kl_weight
        weights = [c.weight for c in recipe.corpora]
        self.train, self.held_out = (
            Windows(data, split, self.layout, weights) for split in ("train", "valid")
        )

    def batch(self, rows: int, key: tuple[int, ...], step: int) -> Batch:
        rng = np.random.default_rng(key)
        windows = self.train.tokens(*self.train.drawn(rows, rng), rng)
        return self._batched(*windows, self.kl_weight * min(step / KL_RISE, 1.0))

    def validation(self, rows: int, key: tuple[int, ...]) -> Batch:
        rng = np.random.default_rng(key)
        return self._batched(*self.held_out.tokens(*self.held_out.drawn(rows, rng)), 1.0)

    def _batched(self, tokens: Any, slots: Any, kl_weight: float) -> Batch:
        notes = torch.tensor(int(begins(tokens, self.layout).sum()))
        ids, counts = (torch.from_numpy(a).to(self.device) for a in (tokens, slots))
        return Batch(ids, counts, notes, kl_weight)

    def cost(self, forward: Callable[..., Any], batch: Batch) -> Cost:
        """Its nats are those of the bars, told the latent vector, and of the vector itself."""
        logits, mean, log_variance = forward(batch.tokens, batch.slots)
        real = batch.tokens < self.layout.vocabulary
        nats = F.cross_entropy(logits[real].float(), batch.tokens[real], reduction="sum")
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()
        loss = (nats + batch.kl_weight * divergence) / batch.slots.numel()
        return Cost(loss, nats + divergence, batch.notes)

    def finish(self, network: nn.Module) -> None:
        """Give the latent space a direction for each attribute."""
        assert isinstance(network, SequenceVAE)
        network.eval()
        found = directions(network, self.train, self.layout)
        network.directions[: len(found)] = found
