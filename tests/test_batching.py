from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import pytest
import torch
from test_decoding import Alternating, lstm, run, saved, transformer
from torch import Tensor

from musegen import models
from musegen.batching import LEAST, MOST, batched, width_for
from musegen.decoding import Row
from musegen.networks import AttentionLSTM, Transformer, TransformerConfig
from musegen.networks.cache import Cache
from musegen.sampling import Sampling, numbers, streams

NETWORKS: dict[str, Transformer | AttentionLSTM] = {
    "transformer": saved(transformer()),
    "short transformer": saved(transformer(context=8)),
    "lstm": saved(lstm()),
}
steady = pytest.mark.skipif(
    not NETWORKS["lstm"].is_steady, reason="rows depend on their number on this processor"
)
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


Rows = Iterator[Row[tuple[int, int]]]


def rows_of(prompts: Sequence[Sequence[int]], length: int) -> Rows:
    for prompt, stream in zip(prompts, streams(1, range(len(prompts))), strict=True):
        state = prompt[-1], len(prompt)
        yield Row(list(prompt), Alternating(length), state, Sampling(), numbers(stream))


def given(rows: Rows) -> Callable[[int], Rows]:
    """What gives them as there is room."""
    return lambda room: islice(rows, room)


def batch(
    network: Transformer | AttentionLSTM,
    prompts: Sequence[Sequence[int]],
    width: int,
    length: int = 40,
) -> list[list[int]]:
    """What is appended to each prompt."""
    rows = [*rows_of(prompts, length)]
    for _ in batched(network, given(iter(rows)), width, lambda ids: ids[-3:]):
        pass
    assert all(row.is_finished for row in rows)
    return [row.written for row in rows]


@steady
@each_network
def test_a_row_is_the_same_whatever_rows_are_beside_it(
    network: Transformer | AttentionLSTM,
) -> None:
    prompts = [[1, 2, 3]] * 9 + [[4, 5], [1, 2, 3], [7]] * 3
    alone = batch(network, prompts, 1)
    assert len({*map(tuple, alone)}) > 12
    assert len({*map(len, alone)}) > 4  # they make way at different times
    for width in (2, 4, 7, 64):
        assert batch(network, prompts, width) == alone
    for count in (1, 5, 10):
        assert batch(network, prompts[:count], 4) == alone[:count]


@steady
@pytest.mark.parametrize("name", ["transformer", "lstm"])
def test_it_writes_what_rows_in_groups_of_four_do(name: str) -> None:
    prompts = [[1, 2, 3]] * 6
    assert batch(NETWORKS[name], prompts, 3) == run(NETWORKS[name], prompts, length=40)


@steady
def test_logits_are_the_same_to_the_bit_in_any_company(tiny_model: Path) -> None:
    network = models.load(str(tiny_model)).decoder
    assert isinstance(network, Transformer)
    ids = torch.randint(1, 50, (24, 9), generator=torch.manual_seed(1))
    with torch.inference_mode():
        _, cache = network.prefill(torch.tensor([[1, 2, 3]]))
        alone = [cache.repeated(1) for _ in range(9)]
        # Rows 0..4 begin together, 5..8 ten columns later; 1, 0 and 7 end early.
        groups: list[tuple[Cache, list[int], int]] = [(cache.repeated(5), [*range(5)], 0)]
        for t in range(24):
            if t == 10:
                groups.append((cache.repeated(4), [*range(5, 9)], 10))
            for late, row in ((6, 1), (7, 0), (15, 7)):
                for group, rows, _ in groups:
                    if t == late and row in rows:
                        group.drop(rows.index(row))
                        rows[rows.index(row)] = rows[-1]
                        rows.pop()
            told = torch.cat([ids[t - since, rows] for _, rows, since in groups])
            logits = network.step(told, *(group for group, _, _ in groups))
            expected = [
                network.step(ids[t - since, row : row + 1], alone[row])
                for _, rows, since in groups
                for row in rows
            ]
            assert torch.equal(logits, torch.cat(expected))


@steady
@pytest.mark.parametrize("int8", [False, True])
@pytest.mark.parametrize(("width", "heads"), [(40, 4), (20, 2), (18, 3), (48, 8), (24, 6)])
def test_odd_heads_are_the_same_in_any_company(width: int, heads: int, int8: bool) -> None:
    network = saved(Transformer(TransformerConfig(50, width, 3, heads, 1, 64, 40, int8=int8)))
    prompts = torch.randint(50, (6, 5), generator=torch.manual_seed(1))
    with torch.inference_mode():
        alone = [network.prefill(prompt[None])[1] for prompt in prompts]
        beside = [cache.repeated(1) for cache in alone]
        for ids in torch.randint(50, (12, 6), generator=torch.manual_seed(2)):
            each = [network.step(id_[None], cache) for id_, cache in zip(ids, alone, strict=True)]
            assert torch.equal(network.step(ids, *beside), torch.cat(each))


@pytest.mark.parametrize("network", [saved(transformer()), saved(lstm())])
def test_a_dropped_row_takes_its_padding_along(network: Transformer | AttentionLSTM) -> None:
    ids = torch.tensor([[0, 0, 3], [0, 5, 6], [7, 8, 9]])
    with torch.inference_mode():
        _, cache = network.prefill(ids, torch.tensor([2, 1, 0]))
        cache.drop(0)
        logits = network.step(torch.tensor([1, 2]), cache)  # type: ignore[arg-type]
        for row, prompt, id_ in ((0, [7, 8, 9], 1), (1, [5, 6], 2)):
            _, own = network.prefill(torch.tensor([prompt]))
            expected = network.step(torch.tensor([id_]), own)  # type: ignore[arg-type]
            torch.testing.assert_close(logits[row : row + 1], expected, rtol=1e-4, atol=1e-5)


class Watched(Transformer):
    """A transformer that remembers how many rows there were at most, and how much they took."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(transformer().config)
        self.most = self.most_bytes = self.steps = self.prefilled = 0

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Cache]:
        self.prefilled += 1
        return super().prefill(ids, padding)

    def step(self, ids: Tensor, *caches: Cache) -> Tensor:
        self.steps += 1
        self.most = max(self.most, len(ids))
        taken = sum(cache.kv.untyped_storage().nbytes() for cache in caches)
        self.most_bytes = max(self.most_bytes, taken)
        return super().step(ids, *caches)


def test_no_more_rows_are_taken_than_there_is_room_for() -> None:
    network, taken, finished, most = Watched().eval(), 0, 0, 0

    def rows() -> Rows:
        nonlocal taken
        for row in rows_of([[1, 2, 3]] * 50, 40):
            taken += 1
            yield row

    for row in batched(network, given(rows()), 6, list):
        most = max(most, taken - finished)
        finished += row.is_finished
    assert finished == 50
    assert most == network.most == 6
    assert network.most_bytes <= 2 * 6 * network.row_bytes
    assert network.prefilled == 1  # they have one prompt


def test_who_is_finished_makes_way() -> None:
    network = Watched().eval()
    lengths = [len(ids) for ids in batch(network, [[1, 2, 3]] * 40, width=8, length=60)]
    in_groups = sum(max(lengths[first : first + 8]) for first in range(0, 40, 8))
    assert network.steps < 0.8 * in_groups


def test_the_width_fits_the_memory() -> None:
    network = transformer(context=64 * 128)  # of which a row takes a mebibyte
    assert network.row_bytes == 1 << 20
    assert width_for(network, 20) == 10
    assert width_for(network, 1) == LEAST
    assert width_for(network, 10_000) == MOST
