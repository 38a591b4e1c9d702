from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from musegen.networks.lstm import AttentionLSTM, LSTMConfig

CONFIG = LSTMConfig(vocabulary=50, width=32, hidden=24, layers=2, attention_window=7)
assert_close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)


def build(config: LSTMConfig = CONFIG) -> AttentionLSTM:
    """One whose weights are large enough for mistakes to show."""
    torch.manual_seed(0)
    network = AttentionLSTM(config).eval()
    for weight in network.parameters():
        weight.data.add_(torch.randn_like(weight), alpha=0.3)
    return network


@pytest.fixture
def network() -> AttentionLSTM:
    return build()


def some_ids(rows: int, columns: int) -> Tensor:
    return torch.randint(CONFIG.vocabulary, (rows, columns), generator=torch.manual_seed(1))


@torch.inference_mode()
def stepped(
    network: AttentionLSTM, ids: Tensor, prompt: int, padding: Tensor | None = None
) -> Tensor:
    """Logits from the prompt's last column on, [B, T - prompt + 1, V]."""
    logits, cache = network.prefill(ids[:, :prompt], padding)
    rows = [logits, *(network.step(ids[:, t], cache) for t in range(prompt, ids.shape[1]))]
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("prompt", [1, 7, 15])
def test_cached_equals_uncached(layers: int, prompt: int) -> None:
    network = build(LSTMConfig(50, 32, 24, layers, attention_window=7))
    ids = some_ids(3, 30)
    with torch.inference_mode():
        full = network(ids)
    assert_close(stepped(network, ids, prompt), full[:, prompt - 1 :])


def test_the_lean_cell_is_torchs(network: AttentionLSTM) -> None:
    ids = some_ids(2, 12)
    with torch.inference_mode():
        _, cache = network.prefill(ids[:, :5])
        for t in range(5, 12):
            network.step(ids[:, t], cache)
        _, (last, state) = network.lstm(network.embedding(ids))
    for layer in range(CONFIG.layers):
        assert_close(cache.inputs[layer][:, -CONFIG.hidden :], last[layer])
        assert_close(cache.states[layer], state[layer])


def test_padding_makes_no_difference(network: AttentionLSTM) -> None:
    ids, padding = some_ids(3, 25), torch.tensor([0, 3, 8])
    logits = stepped(network, ids, 9, padding)
    for row, dead in enumerate(padding.tolist()):
        with torch.inference_mode():
            alone = network(ids[row : row + 1, dead:])[0, 8 - dead :]
        assert_close(logits[row], alone)


def test_the_state_after_padding_is_exactly_that_of_the_rest(network: AttentionLSTM) -> None:
    ids = some_ids(2, 9)
    with torch.inference_mode():
        _, padded = network.prefill(ids, torch.tensor([4, 0]))
        _, alone = network.prefill(ids[:1, 4:])
    for layer in range(CONFIG.layers):
        assert torch.equal(padded.states[layer][:1], alone.states[layer])
        assert torch.equal(padded.inputs[layer][:1], alone.inputs[layer])


def test_no_look_ahead(network: AttentionLSTM) -> None:
    ids = some_ids(2, 24)
    other = ids.clone()
    other[:, 12:] = (other[:, 12:] + 1) % CONFIG.vocabulary
    with torch.inference_mode():
        before, after = network(ids), network(other)
    assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:], atol=1e-2)


def test_attention_ends_at_the_window(network: AttentionLSTM) -> None:
    ids = some_ids(1, 20)
    with torch.inference_mode():
        _, cache = network.prefill(ids)
        # what the ring holds is the keys of the last outputs, and no others
        outputs, _ = network.lstm(network.embedding(ids))
        keys = network.qkv(outputs[0])[:, CONFIG.width : 2 * CONFIG.width].view(20, 4, -1)
    for t in range(13, 20):
        assert_close(cache.ring[0, :, t % 7], keys[t])


@pytest.mark.parametrize("padding", [None, torch.tensor([2, 0, 5, 1])])
def test_rows_do_not_touch_each_other(network: AttentionLSTM, padding: Tensor | None) -> None:
    ids = some_ids(4, 20)
    other = ids.flip(1)
    other[2] = ids[2]
    first, second = (stepped(network, rows, 8, padding) for rows in (ids, other))
    assert torch.equal(first[2], second[2])
    assert not torch.equal(first[1], second[1])


@pytest.mark.parametrize("padding", [None, torch.tensor([3])])
def test_a_repeated_cache_goes_on_like_a_batch(
    network: AttentionLSTM, padding: Tensor | None
) -> None:
    prompt, then = some_ids(1, 5), some_ids(3, 9)
    both = torch.cat((prompt.expand(3, -1), then), dim=1)
    expected = stepped(network, both, 5, None if padding is None else padding.expand(3))
    with torch.inference_mode():
        _, cache = network.prefill(prompt, padding)
        rows = cache.repeated(3)
        logits = torch.stack([network.step(then[:, t], rows) for t in range(9)], dim=1)
        assert_close(logits, expected[:, 1:])
        # the one it was repeated from is untouched
        again = stepped(network, both[:1], 5, padding)[:, 1]
        assert_close(network.step(then[:1, 0], cache), again)


def test_forget_gates_begin_open() -> None:
    for layer in AttentionLSTM(CONFIG).lstm.all_weights:
        forget = (layer[2] + layer[3])[CONFIG.hidden : 2 * CONFIG.hidden]
        assert (forget == 1).all()


def test_there_is_no_limit(network: AttentionLSTM) -> None:
    assert network.context is None


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match="does not divide"):
        LSTMConfig(50, 30, 24, 2, attention_window=7)


def test_it_learns_a_sequence() -> None:
    torch.manual_seed(0)
    network = AttentionLSTM(LSTMConfig(50, 32, 24, 2, attention_window=7, dropout=0.1))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    ids = some_ids(4, 17)
    losses = []
    for _ in range(60):
        logits = network(ids[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
