from __future__ import annotations

import pytest
import torch
from torch import nn

from musegen.networks.cell import Cell


@torch.inference_mode()
@pytest.mark.parametrize("known", [0, 3, 7])
def test_a_cell_is_torchs_lstm(known: int) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(7, 5, batch_first=True)
    inputs = torch.randn(12, 7)
    expected, _ = lstm(inputs[None])
    cell = Cell(lstm, inputs[:, :known])
    outputs = torch.stack([cell.step(row[known:]) for row in inputs])
    torch.testing.assert_close(outputs, expected[0])
    assert torch.equal(cell.output, outputs[-1])


@torch.inference_mode()
def test_two_cells_of_one_network_do_not_touch() -> None:
    lstm = nn.LSTM(4, 3)
    known, rest = torch.randn(2, 2), torch.randn(2, 2)
    one, other = Cell(lstm, known), Cell(lstm, known)
    first = one.step(rest[0])
    one.step(rest[1])
    assert torch.equal(other.step(rest[0]), first)
