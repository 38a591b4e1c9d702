"""How much of a machine's arithmetic a step of training uses."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

SIDE = {"cpu": 2048, "cuda": 8192}
"""Of the square matrices whose product shows what a device can do."""
TIMES, ENOUGH = 5, 0.5
"""Products at most, and seconds after which no more are made: bf16 is slow on some processors."""


def operations(loss: Callable[[], Tensor]) -> int:
    """Floating-point operations of a loss and its gradients; no random number is used up.

    Those of products are counted, all others are few beside them; attention is made of products,
    for not every torch can count that of few key heads.
    """
    with (
        torch.random.fork_rng(),
        sdpa_kernel(SDPBackend.MATH),
        FlopCounterMode(display=False) as counter,
    ):
        loss().backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops())


def peak(device: torch.device) -> float:
    """Operations a second of the fastest of some products of large bf16 matrices."""
    side = SIDE[device.type]
    matrix = torch.ones(side, side, dtype=torch.bfloat16, device=device)
    seconds = []
    for _ in range(TIMES):
        began = _now(device)
        matrix @ matrix
        seconds.append(_now(device) - began)
        if sum(seconds) > ENOUGH:
            break
    return 2 * side**3 / min(seconds)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
