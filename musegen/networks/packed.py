"""Matrices laid out for decoding, where a few rows at a time are multiplied by each.

Weights that half precision holds exactly, as those of every saved model, are packed in half
precision where the processor has FBGEMM's kernel for it. The arithmetic stays in single precision
and adds in one fixed order, so a row's result does not depend on how many rows there are.

Half as many bytes again are those of int8, for networks that are slow by what they read: weights
are rounded to 255 levels of the largest in their row, what they are multiplied with to as many of
the largest in its own row (vector-wise quantisation, Dettmers et al. 2022), and the sums are exact.
What that costs, `evaluate likelihood --int8` tells.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

Product = Callable[[Tensor], Tensor]
"""x [B, in] to x @ weight.T + bias [B, out]."""
LEVELS = 127
"""Of int8, on each side of 0."""
TINY = 1e-30


def product(weight: Tensor, bias: Tensor | None = None) -> Product:
    """Lay out weight [out, in] and bias [out] for multiplying few rows, on the weight's device."""
    weight = weight.detach()
    if not is_packed(weight):
        return lambda x: F.linear(x, weight, bias)
    added = None if bias is None else bias.detach()
    multiply = torch.fbgemm_linear_fp16_weight_fp32_activation
    with warnings.catch_warnings():
        # torch calls these two deprecated (since 2022), each once: when they go, F.linear stays.
        # The same kernel as torch.ops.quantized.linear_dynamic_fp16 costs 6 us more a call.
        warnings.simplefilter("ignore")
        packed = torch.fbgemm_pack_gemm_matrix_fp16(weight)
        try:
            multiply(weight[:1], packed, added)
        except TypeError:  # an older torch, which cannot do without
            added = weight.new_zeros(len(weight))
            multiply(weight[:1], packed, added)
    return lambda x: multiply(x, packed, added)


def packs(weight: Tensor) -> bool:
    """Whether there is a half-precision kernel here for such a weight."""
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and hasattr(torch, "fbgemm_linear_fp16_weight_fp32_activation")
        and torch.backends.cpu.get_cpu_capability().startswith("AVX")
    )


def is_packed(weight: Tensor) -> bool:
    """Whether `product` packs such a weight, so that rows do not depend on their number."""
    return packs(weight) and torch.equal(weight.half().float(), weight)


def are_packed(network: nn.Module) -> bool:
    """Whether this is so of all that rows are multiplied by."""
    return all(is_packed(weight) for weight in network.parameters() if weight.dim() == 2)


def int8_product(weight: Tensor) -> Product:
    """Lay out weight [out, in] in int8, if that can be; else as `product`."""
    weight = weight.detach()
    return _in_int8(weight) if packs(weight) and has_int8() else product(weight)


@lru_cache
def has_int8() -> bool:
    """Whether there is a kernel here, and it is exact: without VNNI sums of two overflow."""
    ones = torch.ones(16, 64)
    try:
        return torch.allclose(_in_int8(ones)(ones[:1]), ones.sum(1))
    except (AttributeError, RuntimeError):  # another processor, another torch
        return False


def _in_int8(weight: Tensor) -> Product:
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
        if func is not F.linear:
            return func(*args, **(kwargs or {}))
        x, weight, *more = args
        if id(weight) not in self._products:
            self._products[id(weight)] = weight, int8_product(weight)
        _, multiply = self._products[id(weight)]
        found = multiply(x.reshape(-1, x.shape[-1])).view(*x.shape[:-1], -1)
        return sum((bias for bias in more if bias is not None), found)


def version(network: nn.Module) -> list[tuple[int, int]]:
    """Return what changes when a weight does: what was made of the weights is stale then."""
    return [(weight.data_ptr(), weight._version) for weight in network.parameters()]
