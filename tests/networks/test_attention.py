"""The attention that is trained on a CPU is torch's, gradients too."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.networks.attention import BLOCK, causal_attention


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("time", [1, 7, BLOCK, BLOCK + 1, 2 * BLOCK + 30])
def test_it_is_causal_attention(groups: int, time: int) -> None:
    random = torch.Generator().manual_seed(groups * time)

    def drawn(heads: int) -> Tensor:
        return torch.randn(2, heads, time, 8, generator=random).requires_grad_()

    q, k, v, weight = drawn(4), drawn(groups), drawn(groups), drawn(4).detach()

    def outcome(mixed: Tensor) -> list[Tensor]:
        return [mixed, *torch.autograd.grad((mixed * weight).sum(), (q, k, v))]

    plain = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    for own, true in zip(outcome(causal_attention(q, k, v)), outcome(plain), strict=True):
        torch.testing.assert_close(own, true, atol=2e-5, rtol=1e-4)
