"""What a network may take while it is built.

A network is built from the numbers in a config before its shapes can be compared with those of a
file of weights. Numbers that the weights were never made for must not take memory, or time, first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

SPARE_VALUES = 1 << 22
"""For buffers that are in no file."""
CALLS, SPARE_CALLS = 32, 4096
"""Of torch, for each tensor in the file and beside those; what ships makes 6 calls a tensor."""
FACTORIES = (torch.empty, torch.zeros, torch.ones, torch.randn)
"""What parameters and the largest of the buffers are made by."""
RANDOM = (nn.init.kaiming_uniform_, nn.init.normal_, nn.init.orthogonal_, nn.init.uniform_)
"""What fills parameters, which take time and are then replaced by those of the file."""


class Allowance(TorchFunctionMode):
    """A ValueError comes before a tensor is made that a file of so many tensors and values is not
    enough for, or after far too many calls. Random numbers are not drawn.
    """

    def __init__(self, tensors: int, values: int) -> None:
        super().__init__()
        self._calls = CALLS * tensors + SPARE_CALLS
        self._values = values + SPARE_VALUES

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if function is torch._C._set_grad_enabled:
            # Also the end of a `no_grad` that an error leaves: gradients would stay off for good.
            return function(*args, **(kwargs or {}))
        self._calls -= 1
        if function in RANDOM:
            return args[0] if args else (kwargs or {})["tensor"]
        if function in FACTORIES:
            self._values -= torch.empty(*args, device="meta").numel()  # shapes alone, no memory
        elif function is torch.Tensor.clone:
            self._values -= args[0].numel()
        if min(self._calls, self._values) < 0:
            raise ValueError("it asks for more than there are weights")
        if function is torch.randn:
            function = torch.empty
        return function(*args, **(kwargs or {}))
