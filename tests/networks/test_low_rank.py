"""Adapters: nothing at first, then beside the weights or merged into them, which is the same."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig
from musegen.networks.low_rank import LowRank, adapt, merge

UP_DOWN = ("down", "up")
SHAPE = TransformerConfig(
    vocabulary=20, width=16, layers=2, heads=4, kv_heads=2, hidden=24, context=12
)
IDS = torch.arange(12).view(2, 6)


def build(kind: str) -> Transformer | AttentionLSTM:
    torch.manual_seed(0)
    if kind == "lstm":
        return AttentionLSTM(LSTMConfig(20, width=16, hidden=12, layers=2, attention_window=4))
    return Transformer(SHAPE)


@pytest.fixture(params=["transformer", "lstm"])
def network(request: pytest.FixtureRequest) -> Transformer | AttentionLSTM:
    return build(request.param).eval()


def learned(network: nn.Module) -> dict[str, nn.Parameter]:
    """The adapters of a network, as if they had learned something."""
    found = adapt(network, 3, torch.Generator().manual_seed(1))
    for values in found.values():
        nn.init.normal_(values, std=0.3)
    return found


@torch.inference_mode()
def test_they_begin_as_nothing(network: Transformer | AttentionLSTM) -> None:
    before = network(IDS)
    adapt(network, 3, torch.Generator().manual_seed(1))
    assert torch.equal(network(IDS), before)


@torch.no_grad()
def test_merged_they_do_what_they_did_beside(network: Transformer | AttentionLSTM) -> None:
    names, before = list(network.state_dict()), network(IDS)
    learned(network)
    beside = network(IDS)
    assert not torch.allclose(beside, before, atol=1e-2)
    last, _ = network.prefill(IDS)
    torch.testing.assert_close(last, beside[:, -1], atol=1e-5, rtol=1e-4)
    merge(network)
    assert not any(isinstance(module, LowRank) for module in network.modules())
    assert list(network.state_dict()) == names
    torch.testing.assert_close(network(IDS), beside, atol=1e-5, rtol=1e-4)


def test_all_but_them_is_frozen(network: Transformer | AttentionLSTM) -> None:
    before = {name: values.clone() for name, values in network.state_dict().items()}
    adapters = learned(network)
    network(IDS).sum().backward()
    for name, values in network.named_parameters():
        assert values.requires_grad == (name in adapters) == (values.grad is not None), name
    kept = {name.replace(".linear.", "."): v for name, v in network.state_dict().items()}
    assert all(torch.equal(kept[name], values) for name, values in before.items())


def test_every_linear_layer_of_a_transformer_has_one() -> None:
    linear = ("qkv", "attention_out", "gate_up", "feed_out")
    expected = {f"layers.{i}.{name}.{half}" for i in (0, 1) for name in linear for half in UP_DOWN}
    assert set(learned(build("transformer"))) == expected


def test_a_seed_draws_the_same() -> None:
    one, other = (adapt(build("lstm"), 2, torch.Generator().manual_seed(5)) for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
