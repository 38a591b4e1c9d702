"""What the training loop asks of an objective: batches, and what they cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn


class Cost(NamedTuple):
    """Of one batch."""

    loss: Tensor
    """What training makes less."""
    nats: Tensor
    """How many nats it takes to tell the notes, in all."""
    notes: Tensor
    """How many notes there are."""


class Objective(Protocol):
    """Data of one recipe, and what its network is to learn from it."""

    def batch(self, rows: int, key: tuple[int, ...], step: int) -> Any:
        """A batch to train on at `step`; it depends on these three alone."""

    def validation(self, rows: int, key: tuple[int, ...]) -> Any:
        """A batch of the validation split, as it is."""

    def cost(self, forward: Callable[..., Any], batch: Any) -> Cost:
        """`forward` is the network's, on any number of processes."""

    def finish(self, network: nn.Module) -> None:
        """Put into the trained network what it and the data tell together."""
