"""Matrices laid out in int8, for networks that are slow by how much they read.

Weights are rounded to 255 levels of the largest in their row, what they are multiplied with to as
many of the largest in its own row (vector-wise quantisation, Dettmers et al. 2022). The sums are
exact, so here too a row's result does not depend on how many rows there are. What the rounding
costs, `evaluate likelihood --int8` tells.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from musegen.networks.packed import Product, packs, product

LEVELS = 127
"""On each side of 0."""
TINY = 1e-30
"""What is smaller is as good as 0."""


def int8_product(weight: Tensor) -> Product:
    """Lay out weight [out, in] in int8, if that can be; else as `product`."""
    weight = weight.detach()
    return _rounded(weight) if packs(weight) and has_int8() else product(weight)


@lru_cache
def has_int8() -> bool:
    """Whether there is a kernel here, and an exact one: without VNNI sums of two overflow."""
    ones = torch.ones(16, 64)
    try:
        return torch.allclose(_rounded(ones)(ones[:1]), ones.sum(1))
    except (AttributeError, RuntimeError):  # another processor, another torch
        return False


def _rounded(weight: Tensor) -> Product:
    quantized = torch.ops.quantized
    multiply = quantized.linear_with_input_q_dq_qweight_dq_output_fp32.default
    scales = weight.abs().amax(1).clamp(min=TINY).double() / LEVELS
    zeros = torch.zeros(len(weight), dtype=torch.long)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls its quantised tensors deprecated
        rounded = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
        packed = quantized.linear_prepack(rounded, None)

    def of(x: Tensor) -> Tensor:
        largest = x.abs().amax(-1, keepdim=True).clamp_(min=TINY)  # B 1
        found: Tensor = multiply(x / largest, 1 / LEVELS, LEVELS + 1, packed)
        return found.mul_(largest)

    return of


class InInt8(TorchFunctionMode):
    """While in here all of a network's linear products, of any number of rows, are in int8."""

    def __init__(self) -> None:
        super().__init__()
        self._products: dict[int, tuple[Tensor, Product]] = {}

    def __torch_function__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        return (self._linear if func is F.linear else func)(*args, **(kwargs or {}))

    def _linear(self, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if id(weight) not in self._products:
            self._products[id(weight)] = weight, int8_product(weight)
        _, multiply = self._products[id(weight)]
        rows = multiply(input.reshape(-1, input.shape[-1]))
        found = rows.view(*input.shape[:-1], len(weight))
        return found if bias is None else found + bias
