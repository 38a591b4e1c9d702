from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig
from musegen.networks.packed import packs, product, version

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


def test_a_kernel_that_needs_a_bias_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    weight, _, x = weight_and_input(half=True)
    if not packs(weight):
        pytest.skip("no half-precision kernel on this machine")
    expected, kernel = product(weight)(x), torch.fbgemm_linear_fp16_weight_fp32_activation

    def older(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        if bias is None:
            raise TypeError("argument 'bias' must be Tensor, not NoneType")
        return kernel(x, weight, bias)

    monkeypatch.setattr(torch, "fbgemm_linear_fp16_weight_fp32_activation", older)
    assert torch.equal(product(weight)(x), expected)


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
