from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from musegen.networks.score import Roles
from musegen.networks.transformer import Transformer, TransformerConfig, turning

CONFIG = TransformerConfig(
    vocabulary=50, width=32, layers=2, heads=4, kv_heads=2, hidden=48, context=24
)
assert_close = partial(torch.testing.assert_close, rtol=1e-4, atol=1e-4)


@pytest.fixture
def network() -> Transformer:
    """One whose weights are large enough for mistakes to show."""
    torch.manual_seed(0)
    network = Transformer(CONFIG).eval()
    for weight in network.parameters():
        weight.data.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3)
    return network


def some_ids(rows: int, columns: int) -> Tensor:
    return torch.randint(CONFIG.vocabulary, (rows, columns), generator=torch.manual_seed(1))


@torch.inference_mode()
def stepped(
    network: Transformer, ids: Tensor, prompt: int, padding: Tensor | None = None
) -> Tensor:
    """Logits from the prompt's last column on, [B, T - prompt + 1, V]."""
    logits, cache = network.prefill(ids[:, :prompt], padding)
    rows = [logits, *(network.step(ids[:, t], cache) for t in range(prompt, ids.shape[1]))]
    return torch.stack(rows, dim=1)


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("prompt", [1, 7, 24])
def test_cached_equals_uncached(kv_heads: int, prompt: int) -> None:
    torch.manual_seed(0)
    network = Transformer(
        TransformerConfig(
            vocabulary=50, width=32, layers=2, heads=4, kv_heads=kv_heads, hidden=48, context=24
        )
    )
    ids = some_ids(3, 24)
    with torch.inference_mode():
        full = network.eval()(ids)
    assert_close(stepped(network, ids, prompt), full[:, prompt - 1 :])


def test_training_and_inference_forward_agree(network: Transformer) -> None:
    ids = some_ids(2, 24)
    with torch.inference_mode():
        assert_close(network.train()(ids), network.eval()(ids))


def test_padding_makes_no_difference(network: Transformer) -> None:
    ids, padding = some_ids(3, 20), torch.tensor([0, 3, 6])
    logits = stepped(network, ids, 9, padding)
    for row, dead in enumerate(padding.tolist()):
        with torch.inference_mode():
            alone = network(ids[row : row + 1, dead:])[0, 8 - dead :]
        assert_close(logits[row], alone)


def test_what_stands_in_the_padding_makes_no_difference(network: Transformer) -> None:
    ids, padding = some_ids(2, 12), torch.tensor([4, 1])
    other = ids.clone()
    other[0, :4], other[1, :1] = 7, 9
    assert torch.equal(stepped(network, ids, 8, padding), stepped(network, other, 8, padding))


def test_no_look_ahead(network: Transformer) -> None:
    ids = some_ids(2, 24)
    other = ids.clone()
    other[:, 12:] = (other[:, 12:] + 1) % CONFIG.vocabulary
    with torch.inference_mode():
        before, after = network(ids), network(other)
    assert_close(before[:, :12], after[:, :12])
    assert not torch.allclose(before[:, 12:], after[:, 12:], atol=1e-2)


@pytest.mark.parametrize("padding", [None, torch.tensor([2, 0, 5, 1])])
def test_rows_do_not_touch_each_other(network: Transformer, padding: Tensor | None) -> None:
    ids = some_ids(4, 20)
    other = ids.flip(1)
    other[2] = ids[2]
    first, second = (stepped(network, rows, 8, padding) for rows in (ids, other))
    assert torch.equal(first[2], second[2])
    assert not torch.equal(first[1], second[1])


@pytest.mark.parametrize("padding", [None, torch.tensor([3])])
def test_a_repeated_cache_goes_on_like_a_batch(
    network: Transformer, padding: Tensor | None
) -> None:
    prompt, then = some_ids(1, 8), some_ids(3, 5)
    both = torch.cat((prompt.expand(3, -1), then), dim=1)
    expected = stepped(network, both, 8, None if padding is None else padding.expand(3))
    with torch.inference_mode():
        _, cache = network.prefill(prompt, padding)
        rows = cache.repeated(3)
        logits = torch.stack([network.step(then[:, t], rows) for t in range(5)], dim=1)
    assert_close(logits, expected[:, 1:])
    assert cache.column == 8


def test_the_context_ends(network: Transformer) -> None:
    with torch.inference_mode():
        _, cache = network.prefill(some_ids(1, 24))
        with pytest.raises(ValueError, match="24 tokens is full"):
            network.step(torch.tensor([0]), cache)
    with pytest.raises(ValueError, match="25 tokens do not fit a context of 24"):
        network(some_ids(1, 25))


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="heads of even width"):
        TransformerConfig(50, 33, 1, 4, 2, 48, 24)
    with pytest.raises(ValueError, match="does not divide"):
        TransformerConfig(50, 32, 1, 4, 3, 48, 24)


# Scores

ROLES = Roles(
    start=(0, 1),
    bar=(1, 5),
    position=(5, 20),
    track=(20, 24),
    slot=(24, 28),
    fill=(28, 30),
    answer=(30, 32),
)
TWO_REGISTERS = replace(CONFIG, registers=(((10, 20),), ((10, 20), (30, 45))))
SCORE = replace(TWO_REGISTERS, tracks=(((20, 24),), ((40, 50),)), clock=True, roles=ROLES)


@pytest.fixture(params=[TWO_REGISTERS, SCORE], ids=["registers", "score"])
def registered(request: pytest.FixtureRequest) -> Transformer:
    """One that is told much of what holds at a token."""
    torch.manual_seed(0)
    network = Transformer(request.param).eval()
    for weight in network.parameters():
        weight.data.normal_(1.0 if weight.dim() == 1 else 0.0, 0.3)
    return network


@pytest.mark.parametrize("prompt", [1, 7, 24])
def test_cached_equals_uncached_with_registers(registered: Transformer, prompt: int) -> None:
    ids = some_ids(3, 24)
    with torch.inference_mode():
        full = registered(ids)
    assert_close(stepped(registered, ids, prompt), full[:, prompt - 1 :])


def test_padding_makes_no_difference_to_registers(registered: Transformer) -> None:
    ids, padding = some_ids(3, 20), torch.tensor([0, 3, 6])
    logits = stepped(registered, ids, 9, padding)
    for row, dead in enumerate(padding.tolist()):
        with torch.inference_mode():
            alone = registered(ids[row : row + 1, dead:])[0, 8 - dead :]
        assert_close(logits[row], alone)


@pytest.mark.parametrize("padding", [None, torch.tensor([3])])
def test_a_repeated_cache_has_registers_of_its_own(
    registered: Transformer, padding: Tensor | None
) -> None:
    prompt, then = some_ids(1, 8), some_ids(3, 5)
    prompt[0, :3] = 0
    both = torch.cat((prompt.expand(3, -1), then), dim=1)
    expected = stepped(registered, both, 8, None if padding is None else padding.expand(3))
    with torch.inference_mode():
        _, cache = registered.prefill(prompt, padding)
        held = [place.rows for place in cache.places]
        rows = cache.repeated(3)
        logits = torch.stack([registered.step(then[:, t], rows) for t in range(5)], dim=1)
    assert_close(logits, expected[:, 1:])
    assert held
    assert [place.rows for place in cache.places] == held


def test_registers_say_something_and_begin_with_nothing() -> None:
    torch.manual_seed(0)
    plain = Transformer(CONFIG).eval()
    torch.manual_seed(0)
    fresh = Transformer(TWO_REGISTERS).eval()
    ids = some_ids(2, 24)
    with torch.inference_mode():
        assert torch.equal(plain(ids), fresh(ids))
        assert fresh.registers is not None
        fresh.registers.rows.data.normal_()
        assert not torch.allclose(plain(ids), fresh(ids), atol=1e-2)


def test_registers_are_stored_as_rows_alone(registered: Transformer) -> None:
    names = [name for name in registered.state_dict() if name.startswith("registers")]
    assert names == ["registers.rows"]


def test_a_clock_turns_half_of_a_head_by_bars_and_positions() -> None:
    by, speeds = turning(replace(SCORE, width=64))
    assert by.tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert_close(math.tau / speeds[4:], torch.tensor([2.0, 4.0, 3.0, 6.0]))
    plain, _ = turning(CONFIG)
    assert plain.tolist() == [0, 0, 0, 0]


def test_tracks_and_clock_need_roles() -> None:
    for change in ({"clock": True}, {"tracks": SCORE.tracks}):
        with pytest.raises(ValueError, match="need roles"):
            replace(CONFIG, **change)


@pytest.mark.parametrize("ids", [(40, 51), (-1, 3), (7, 7)])
def test_registers_of_ids_that_are_not_there_are_refused(ids: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="not in the vocabulary"):
        replace(CONFIG, registers=((ids,),))


def test_it_learns_a_sequence() -> None:
    torch.manual_seed(0)
    network = Transformer(CONFIG)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    ids = some_ids(4, 17)
    losses = []
    for _ in range(30):
        logits = network(ids[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(torch.log(torch.tensor(50.0)).item(), abs=0.1)
    assert losses[-1] < 1.0


# What copies of one row share


@pytest.fixture
def sharing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short prompts are shared too."""
    monkeypatch.setattr("musegen.networks.cache.SHARED", 4)


@pytest.mark.usefixtures("sharing")
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_what_copies_share_is_kept_once(kv_heads: int, count: int) -> None:
    torch.manual_seed(0)
    network = Transformer(replace(CONFIG, kv_heads=kv_heads)).eval()
    prompt, then = some_ids(1, 8), some_ids(count, 16)
    with torch.inference_mode():
        expected = network(torch.cat((prompt.expand(count, -1), then), dim=1))[:, 8:]
        rows = network.prefill(prompt)[1].repeated(count)
        assert rows.kv.shape[4] == CONFIG.context - 8
        logits = torch.stack([network.step(then[:, t], rows) for t in range(16)], dim=1)
    assert_close(logits, expected)


@pytest.mark.usefixtures("sharing")
def test_rows_that_share_may_go_and_be_copied(network: Transformer) -> None:
    prompt, then = some_ids(1, 8), some_ids(3, 6)
    with torch.inference_mode():
        expected = network(torch.cat((prompt.expand(3, -1), then), dim=1))[:, -1]
        rows = network.prefill(prompt)[1].repeated(3)
        for t in range(3):
            network.step(then[:, t], rows)
        rows.drop(0)  # row 2 takes its place
        for t in (3, 4):
            network.step(then[[2, 1], t], rows)
        rows.drop(0)
        copies = rows.repeated(2)
        logits = network.step(then[1:2, 5].expand(2), copies)
    assert_close(logits, expected[1].expand(2, -1))


@pytest.mark.usefixtures("sharing")
def test_rows_with_dead_columns_share_nothing(network: Transformer) -> None:
    with torch.inference_mode():
        _, cache = network.prefill(some_ids(1, 8), torch.tensor([3]))
        assert cache.repeated(2).shared is None


def test_rows_that_share_are_the_same_to_the_bit_however_many() -> None:
    torch.manual_seed(0)
    wide = replace(CONFIG, width=256, layers=1, context=400)
    network = Transformer(wide).eval()
    for weight in network.parameters():
        weight.data = weight.data.half().float()
    if not network.is_steady:
        pytest.skip("rows depend on their number on this processor")
    prompt, then = some_ids(1, 301), some_ids(64, 40)
    with torch.inference_mode():
        _, cache = network.prefill(prompt)
        counts = (64, 33, 16, 7, 4, 2, 1)
        all_rows = {count: cache.repeated(count) for count in counts}
        assert all(rows.shared is not None for rows in all_rows.values())
        for ids in then.T:
            logits = [network.step(ids[:count], rows) for count, rows in all_rows.items()]
            for some in logits:
                assert torch.equal(some, logits[0][: len(some)])
