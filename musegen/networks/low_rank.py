"""Low-rank adapters (LoRA: Hu et al., 2021): a trained network learns more in a few parameters.

Beside each linear layer, which is frozen, stands a product of two thin matrices that begins as
nothing. Merged, they leave the network of the same shape and names as before. Axes: `R` rank.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LowRank(nn.Module):
    """A linear layer [in, out] with what it has learned since: x [..., in] to [..., out]."""

    def __init__(self, linear: nn.Linear, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = linear.requires_grad_(False)
        place = linear.weight.device
        down = torch.randn(rank, linear.in_features, generator=generator)
        self.down = nn.Parameter((down * linear.in_features**-0.5).to(place))  # R in
        self.up = nn.Parameter(torch.zeros(linear.out_features, rank, device=place))  # out R

    @property
    def weight(self) -> Tensor:
        """The one matrix [out, in] that does the same."""
        merged: Tensor = self.linear.weight + self.up @ self.down
        return merged

    @property
    def bias(self) -> Tensor | None:
        return self.linear.bias

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.linear(x)
        return out + F.linear(F.linear(x, self.down), self.up)


def adapt(network: nn.Module, rank: int, generator: torch.Generator) -> dict[str, nn.Parameter]:
    """Put an adapter beside each linear layer of a network; returns what is to be trained."""
    network.requires_grad_(False)
    learned: dict[str, nn.Parameter] = {}
    for place, module in list(network.named_modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                adapter = LowRank(child, rank, generator)
                setattr(module, name, adapter)
                path = f"{place}.{name}".lstrip(".")
                learned |= {f"{path}.down": adapter.down, f"{path}.up": adapter.up}
    return learned


@torch.no_grad()
def merge(network: nn.Module) -> None:
    """Make the adapters part of the weights beside which they stand."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, LowRank):
                child.linear.weight.copy_(child.weight)
                setattr(module, name, child.linear)
