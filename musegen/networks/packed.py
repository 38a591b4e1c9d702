"""Matrices laid out for decoding, where a few rows at a time are multiplied by each.

Weights that half precision holds exactly, as those of every saved model, are packed in half
precision where the processor has FBGEMM's kernel for it. The arithmetic stays in single precision
and adds in one fixed order, so a row's result does not depend on how many rows there are.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Product = Callable[[Tensor], Tensor]
"""x [B, in] to x @ weight.T + bias [B, out]."""


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


def version(network: nn.Module) -> list[tuple[int, int]]:
    """Return what changes when a weight does: what was made of the weights is stale then."""
    return [(weight.data_ptr(), weight._version) for weight in network.parameters()]
