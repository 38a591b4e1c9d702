"""An LSTM of one layer, one row and one step at a time, for decoding.

nn.LSTM would lay its weights out anew at every call, and multiply again what was known before.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Cell:
    """`lstm` over `known` [T, K], the first K columns of its input, and what comes step by step.

    It begins with zeros, or with a given output and state of the cell [D].
    """

    def __init__(
        self, lstm: nn.LSTM, known: Tensor, begin: tuple[Tensor, Tensor] | None = None
    ) -> None:
        weights: dict[str, Tensor] = dict(lstm.named_parameters())
        entry, recurrent = weights["weight_ih_l0"], weights["weight_hh_l0"]
        bias = weights["bias_ih_l0"] + weights["bias_hh_l0"]
        self._gates = F.linear(known, entry[:, : known.shape[-1]], bias)  # T 4D
        self._inward = torch.cat((entry[:, known.shape[-1] :], recurrent), 1)  # 4D R+D
        zeros = known.new_zeros(lstm.hidden_size)
        self.output, self._cell = begin or (zeros, zeros)
        self._step = 0

    def step(self, rest: Tensor) -> Tensor:
        """The output [D] at the next step, whose other columns are `rest` [R]."""
        inward = torch.cat((rest, self.output))
        gates = torch.addmv(self._gates[self._step], self._inward, inward)
        entering, forgetting, cell, leaving = gates.chunk(4)
        self._cell = forgetting.sigmoid() * self._cell + entering.sigmoid() * cell.tanh()
        self.output = leaving.sigmoid() * self._cell.tanh()
        self._step += 1
        return self.output
