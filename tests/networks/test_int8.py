from __future__ import annotations

import pytest
import torch

from musegen.networks import Transformer, TransformerConfig, int8
from musegen.networks.int8 import InInt8, has_int8, int8_product
from musegen.networks.packed import product

needs_int8 = pytest.mark.skipif(not has_int8(), reason="no exact int8 kernel on this machine")


def weight_and_input() -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.manual_seed(0)
    weight = torch.randn(70, 48, generator=random).half().float()
    return weight, torch.randn(8, 48, generator=random)


@needs_int8
def test_rows_in_int8_are_close_and_do_not_depend_on_their_number() -> None:
    weight, x = weight_and_input()
    x *= torch.logspace(-3, 3, len(x))[:, None]  # each has a scale of its own
    x[0], weight[0] = 0, 0
    multiply = int8_product(weight)
    found, exact = multiply(x), x @ weight.T
    assert torch.equal(found, torch.cat([multiply(row[None]) for row in x]))
    assert torch.equal(found[0], exact[0])
    assert torch.equal(found[:, 0], exact[:, 0])
    wrong = (found - exact).norm(dim=1) / exact.norm(dim=1).clamp(min=1e-9)
    assert 0 < wrong.max() < 0.02


@needs_int8
def test_the_largest_sums_in_int8_do_not_overflow() -> None:
    ones = torch.ones(3, 4096)
    torch.testing.assert_close(int8_product(ones)(ones), ones @ ones.T)


@needs_int8
def test_a_bias_is_added_as_it_is() -> None:
    layer, x = torch.nn.Linear(48, 70), weight_and_input()[1].view(2, 4, 48)
    layer.bias.data += 1e6
    with torch.inference_mode():
        exact = layer(x)
        with InInt8():
            torch.testing.assert_close(layer(x), exact, rtol=1e-4, atol=1)
            by_name = torch.nn.functional.linear(x, weight=layer.weight, bias=layer.bias)
            torch.testing.assert_close(by_name, exact, rtol=1e-4, atol=1)


def test_without_a_kernel_for_int8_half_precision_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, x = weight_and_input()
    monkeypatch.setattr(int8, "has_int8", lambda: False)
    assert torch.equal(int8_product(weight)(x), product(weight)(x))


@needs_int8
def test_a_network_steps_in_int8_as_it_is_judged() -> None:
    torch.manual_seed(0)
    network = Transformer(TransformerConfig(50, 32, 2, 4, 2, 48, 24, int8=True)).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_((weight + 0.3 * torch.randn_like(weight)).half())
    ids = torch.randint(50, (4, 20), generator=torch.manual_seed(1))
    with torch.inference_mode():
        exact = network(ids)
        with InInt8():
            full = network(ids)
            _, cache = network.prefill(ids[:, :1])
        for t in range(1, 20):
            logits = network.step(ids[:, t], cache)
            torch.testing.assert_close(logits, full[:, t], rtol=1e-4, atol=0.05)
    assert 0.003 < (full - exact).norm() / exact.norm() < 0.1
