"""Causal attention for training on a CPU.

The fused kernel of torch spends half a training step there. This computes the same thing as plain
bf16 matrix products over blocks of queries, each with only the columns that it may see, and the
gradients of keys and values in place.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 128
"""Queries a block; measured fastest of 128, 256, 512 at 1,024 columns."""


def causal_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Q [B, H, T, C], k and v [B, G, T, C] to [B, H, T, C]; G divides H."""
    mixed: Tensor = _Attention.apply(q, k, v)  # type: ignore[no-untyped-call]
    return mixed


class _Attention(torch.autograd.Function):
    """In `BG` rows of batch and group; `R` queries share a key."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        batch, heads, time, width = q.shape
        groups = k.shape[1]
        q = (q * width**-0.5).reshape(batch * groups, heads // groups, time, width)
        k, v = k.flatten(0, 1), v.flatten(0, 1)  # BG T C
        future = torch.full((BLOCK, BLOCK), -torch.inf, dtype=q.dtype, device=q.device).triu(1)
        mixed, shares = torch.empty_like(q), []
        for first in range(0, time, BLOCK):
            last = min(first + BLOCK, time)
            n = last - first
            rows = q[:, :, first:last].reshape(batch * groups, -1, width)  # BG R*N C
            scores = rows @ k[:, :last].transpose(1, 2)  # BG R*N last
            scores.view(len(scores), -1, n, last)[..., first:] += future[:n, :n]
            shares.append(scores.softmax(-1))
            mixed[:, :, first:last] = (shares[-1] @ v[:, :last]).view(batch * groups, -1, n, width)
        ctx.save_for_backward(q, k, v, *shares)
        return mixed.view(batch, heads, time, width)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v, *shares = ctx.saved_tensors
        rows, _, time, width = q.shape
        batch = len(gradient)
        gradient = gradient.reshape(q.shape)
        to_q, to_k, to_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for first, share in zip(range(0, time, BLOCK), shares, strict=True):
            last = min(first + BLOCK, time)
            own = q[:, :, first:last].reshape(rows, -1, width)  # BG R*N C
            out = gradient[:, :, first:last].reshape(rows, -1, width)
            to_v[:, :last].baddbmm_(share.transpose(1, 2), out)
            scores = torch.ops.aten._softmax_backward_data(
                out @ v[:, :last].transpose(1, 2), share, -1, share.dtype
            )  # BG R*N last
            to_k[:, :last].baddbmm_(scores.transpose(1, 2), own)
            to_q[:, :, first:last] = (scores @ k[:, :last]).view(rows, -1, last - first, width)
        shape = (batch, -1, time, width)
        return (to_q * width**-0.5).view(shape), to_k.view(shape), to_v.view(shape)
