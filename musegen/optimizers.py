"""The optimizers of a run as one: which parameter has which, and their state as named tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from musegen.errors import UsageError
from musegen.recipe import Training

MOMENTS = ({"step", "exp_avg", "exp_avg_sq"}, {"momentum_buffer"})
"""What AdamW and Muon keep of a parameter: `step` is a number, the others have its shape."""


class Optimizers:
    """AdamW for all parameters, or Muon for the matrices of the layers and AdamW for the others.

    Muon is Jordan et al., 2024, with updates of AdamW's size (Liu et al., 2025), so that both have
    one learning rate. Matrices decay, vectors do not.
    """

    def __init__(self, network: nn.Module, training: Training, *, fused: bool) -> None:
        self._names: dict[Tensor, str] = {p: name for name, p in network.named_parameters()}
        inner: list[Tensor] = []
        if training.optimizer == "muon":
            inner = [p for p, name in self._names.items() if p.dim() == 2 and "layers." in name]
        inside = set(inner)
        others = [p for p in self._names if p not in inside]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in others if p.dim() > 1], "weight_decay": training.weight_decay},
            {"params": [p for p in others if p.dim() <= 1], "weight_decay": 0.0},
        ]
        self._each: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(groups, betas=(0.9, 0.95), fused=fused)
        ]
        if inner:
            if not hasattr(torch.optim, "Muon"):
                raise UsageError("optimizer muon needs torch 2.9 or newer")
            muon = torch.optim.Muon(
                inner, weight_decay=training.weight_decay, adjust_lr_fn="match_rms_adamw"
            )
            self._each.append(muon)

    def step(self, learning_rate: float) -> None:
        """Move the parameters by their gradients, and forget these."""
        for optimizer in self._each:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The state, by a parameter's name and what is known of it."""
        return {
            f"{self._names[p]}.{what}": value if isinstance(value, Tensor) else torch.tensor(value)
            for optimizer in self._each
            for p, state in optimizer.state.items()
            for what, value in state.items()
        }

    def take(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave. ValueError where it is another network's."""
        state: dict[str, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            name, what = key.rsplit(".", 1)
            state.setdefault(name, {})[what] = value
        for optimizer, moments in zip(self._each, MOMENTS, strict=False):
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            plain = optimizer.state_dict()
            for place, p in enumerate(parameters):
                own = state.pop(self._names[p], None)
                if own is None:
                    continue
                if own.keys() != moments:
                    raise ValueError(f"{self._names[p]} has another optimizer's state")
                for what, value in own.items():
                    like = torch.zeros(()) if what == "step" else p
                    if (value.shape, value.dtype) != (like.shape, like.dtype):
                        raise ValueError(f"{self._names[p]}.{what} has another shape or type")
                plain["state"][place] = own
            optimizer.load_state_dict(plain)
        if state:
            raise ValueError(f"no parameter {next(iter(state))}")
