from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig, packed
from musegen.networks.packed import InInt8, has_int8, int8_product, packs, product, version

needs_int8 = pytest.mark.skipif(not has_int8(), reason="no exact int8 kernel on this machine")
NETS = [
    Transformer(TransformerConfig(50, 32, 2, 4, 2, 48, 24)),
    AttentionLSTM(LSTMConfig(50, 32, 24, 2, attention_window=7)),
]


def weight_and_input(half: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    random = torch.manual_seed(0)
    weight = torch.randn(70, 48, generator=random)
    weight = weight.half().float() if half else weight
    return weight, torch.randn(70, generator=random), torch.randn(8, 48, generator=random)


@pytest.mark.parametrize("half", [False, True])
def test_a_product_is_linear(half: bool) -> None:
    weight, bias, x = weight_and_input(half)
    torch.testing.assert_close(product(weight)(x), F.linear(x, weight), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        product(weight, bias)(x), F.linear(x, weight, bias), rtol=1e-5, atol=1e-5
    )


def test_packed_rows_do_not_depend_on_their_number() -> None:
    weight, bias, x = weight_and_input(half=True)
    if not packs(weight):
        pytest.skip("no half-precision kernel on this machine")
    multiply = product(weight, bias)
    rows = torch.cat([multiply(x[row : row + 1]) for row in range(len(x))])
    assert torch.equal(multiply(x), rows)


def test_weights_that_half_precision_cannot_hold_are_kept_as_they_are() -> None:
    weight, _, x = weight_and_input(half=False)
    assert torch.equal(product(weight)(x), F.linear(x, weight))


@needs_int8
def test_rows_in_int8_are_close_and_do_not_depend_on_their_number() -> None:
    weight, _, x = weight_and_input(half=True)
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


def test_without_a_kernel_for_int8_half_precision_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, _, x = weight_and_input(half=True)
    monkeypatch.setattr(packed, "has_int8", lambda: False)
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


@pytest.mark.parametrize("network", NETS, ids=["transformer", "lstm"])
def test_stepping_with_packed_weights_equals_forward(
    network: Transformer | AttentionLSTM,
) -> None:
    with torch.no_grad():
        for weight in network.eval().parameters():
            weight.copy_((weight + 0.3 * torch.randn_like(weight)).half())
    ids = torch.randint(50, (4, 20), generator=torch.manual_seed(1))
    with torch.inference_mode():
        full = network(ids)
        _, cache = network.prefill(ids[:, :3])
        for t in range(3, 20):
            logits = network.step(ids[:, t], cache)  # type: ignore[arg-type]
            torch.testing.assert_close(logits, full[:, t], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("network", NETS, ids=["transformer", "lstm"])
def test_what_was_made_of_the_weights_is_made_again_when_they_change(
    network: Transformer | AttentionLSTM,
) -> None:
    ids = torch.tensor([[3]])
    made, before = network.lean(), version(network)
    assert network.lean() is made
    with torch.no_grad():
        network.embedding.weight.mul_(2)
    assert version(network) != before
    assert network.lean() is not made
    with torch.inference_mode():
        _, cache = network.prefill(ids)
        logits = network.step(ids[0], cache)  # type: ignore[arg-type]
        expected = network(torch.tensor([[3, 3]]))[:, -1]
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
