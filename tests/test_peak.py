"""Operations are those that one counts by hand."""

from __future__ import annotations

import torch
from torch import nn

from musegen.networks import Transformer, TransformerConfig
from musegen.peak import operations, peak


def test_a_product_and_its_gradients_are_three_products() -> None:
    layer, x = nn.Linear(8, 16, bias=False), torch.randn(4, 8, requires_grad=True)
    assert operations(lambda: layer(x).sum()) == 3 * 2 * 4 * 8 * 16


def test_a_transformer_takes_six_for_each_weight_and_token_and_more_for_attention() -> None:
    network = Transformer(TransformerConfig(50, 32, 2, 4, 2, 48, 64))
    ids = torch.randint(50, (3, 64))
    weights = sum(weight.numel() for weight in network.parameters() if weight.dim() == 2)
    found = operations(lambda: network(ids).sum())
    assert 6 * weights * ids.numel() < found < 10 * weights * ids.numel()


def test_counting_uses_up_no_random_number() -> None:
    layer, x = nn.Linear(8, 8), torch.randn(4, 8)
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    operations(lambda: nn.functional.dropout(layer(x)).sum())
    assert torch.rand(1) == expected


def test_a_machine_does_something() -> None:
    assert peak(torch.device("cpu")) > 1e8
