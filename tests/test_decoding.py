from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from musegen.decoding import Row, choose, decode
from musegen.networks import AttentionLSTM, LSTMConfig, Transformer, TransformerConfig
from musegen.networks.network import Network
from musegen.sampling import Choices, Sampling, streams

AnyModule = TypeVar("AnyModule", bound=nn.Module)

VOCABULARY = 12
STOP = 11


@dataclass
class MockCache:
    rows: list[list[int]]
    columns: int

    def repeated(self, count: int) -> Self:
        rows = [list(row) for row in self.rows * count]
        return dataclasses.replace(self, rows=rows)


@dataclass
class Counter:
    """A network that has seen all and always wants the last id plus one."""

    context: int | None = None
    prefilled: list[list[list[int]]] = field(default_factory=list)
    widths: set[int] = field(default_factory=set)

    def forward(self, ids: Tensor) -> Tensor:
        raise NotImplementedError

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, MockCache]:
        dead = [0] * len(ids) if padding is None else padding.tolist()
        rows = [row[start:] for row, start in zip(ids.tolist(), dead, strict=True)]
        self.prefilled.append([list(row) for row in rows])
        return self.logits(rows), MockCache(rows, ids.shape[1])

    def step(self, ids: Tensor, cache: Any) -> Tensor:
        cache.columns += 1
        assert self.context is None or cache.columns <= self.context
        self.widths.add(len(ids))
        for row, id_ in zip(cache.rows, ids.tolist(), strict=True):
            row.append(id_)
        return self.logits(cache.rows)

    def logits(self, rows: list[list[int]]) -> Tensor:
        wanted = torch.tensor([(row[-1] + 1) % VOCABULARY for row in rows])
        return 9.0 * nn.functional.one_hot(wanted, VOCABULARY).float()


@dataclass(frozen=True)
class Alternating:
    """Even and odd ids take turns, 0 is always followed by 5, and `stop` or the length ends it.

    A state is the last id and how many there are.
    """

    length: int
    stop: int | None = STOP
    pooled: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def advance(self, state: tuple[int, int], id_: int) -> tuple[int, int]:
        return id_, state[1] + 1

    def choices(self, state: tuple[int, int]) -> Choices:
        return Choices(np.arange(1 - state[0] % 2, VOCABULARY, 2) if state[0] else np.array([5]))

    def finished(self, state: tuple[int, int]) -> bool:
        return state[0] == self.stop or state[1] >= self.length


def run(
    network: Network,
    prompts: Sequence[Sequence[int]],
    *,
    length: int = 20,
    sampling: Sampling | None = None,
    seed: int = 1,
    width: int = 4,
    keep: int = 3,
    stop: int | None = STOP,
) -> list[list[int]]:
    """Decode, and return what is appended to each prompt."""
    written: list[list[int]] = [[] for _ in prompts]
    for row, id_ in decode(
        network,
        prompts,
        Alternating(length, stop),
        [(prompt[-1], len(prompt)) for prompt in prompts],
        sampling or Sampling(),
        streams(seed, range(len(prompts))),
        width=width,
        recontext=lambda ids: ids[-keep:],
    ):
        written[row].append(id_)
    return written


def transformer(context: int = 64) -> Transformer:
    torch.manual_seed(0)
    return Transformer(TransformerConfig(VOCABULARY, 16, 2, 2, 1, 24, context)).eval()


def lstm() -> AttentionLSTM:
    torch.manual_seed(0)
    return AttentionLSTM(LSTMConfig(VOCABULARY, 16, 16, 2, attention_window=6)).eval()


def saved(network: AnyModule) -> AnyModule:
    """Round every weight to half precision, as in a saved model, which decodes otherwise."""
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(weight.half())
    return network


NETWORKS = [transformer(), transformer(context=8), lstm(), saved(transformer(8)), saved(lstm())]


def follows_the_grammar(prompt: Sequence[int], ids: Sequence[int], length: int) -> bool:
    grammar, state = Alternating(length), (prompt[-1], len(prompt))
    for id_ in ids:
        if grammar.finished(state) or id_ not in grammar.choices(state).ids:
            return False
        state = grammar.advance(state, id_)
    return grammar.finished(state)


def test_greedy_takes_what_the_network_wants() -> None:
    assert run(Counter(), [[1]], sampling=Sampling(temperature=0)) == [
        [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    ]


def test_rows_come_in_step_and_end_by_themselves() -> None:
    order = [
        row
        for row, _ in decode(
            Counter(),
            [[8], [9], [11]],
            Alternating(20),
            [(8, 1), (9, 1), (11, 1)],
            Sampling(temperature=0),
            streams(0, range(3)),
            recontext=list,
        )
    ]
    assert order == [0, 1, 0, 1, 0]  # 8 to 9, 10, 11; 9 to 10, 11; 11 is finished already


def test_a_shared_prompt_is_read_once_and_the_width_never_changes() -> None:
    network = Counter()
    run(network, [[3, 4]] * 6)
    assert network.prefilled == [[[3, 4]], [[3, 4]]]  # once a group of four
    assert network.widths == {4}


def test_different_prompts_are_aligned_at_the_right() -> None:
    network = Counter()
    written = run(network, [[1], [2, 3, 4]], sampling=Sampling(temperature=0))
    assert network.prefilled == [[[1], [2, 3, 4], [1], [1]]]
    assert [ids[0] for ids in written] == [2, 5]


def test_a_forced_id_takes_no_random_number() -> None:
    numbers, grammar = iter([0.5]), Alternating(20)
    # only 5 may come, then one choice
    row = Row([0], grammar, (0, 1), Sampling(), lambda: next(numbers))
    for left in (1, 0):
        scores = Counter().logits([row.ids])[0].numpy()
        row.append(choose(scores, row))
        assert len([*copy(numbers)]) == left
    assert row.ids[:2] == [0, 5]
    assert row.written == row.ids[1:]


def test_a_full_context_is_made_again_from_each_row() -> None:
    network = Counter(context=8)
    # Greedy from 1 would stop at 11, so begin late and let 0 be forced to 5 on the way.
    run(network, [[1], [3]], sampling=Sampling(temperature=0), length=30, keep=3)
    first, *later = network.prefilled
    assert first == [[1], [3], [1], [1]]
    # 1 column and 7 steps fill the context: row 0 is at 9; row 1 reached 11 and is done.
    assert later == [[[7, 8, 9]] * 4]


def test_a_recontext_that_is_too_long_is_cut_from_the_left() -> None:
    network = Counter(context=8)
    run(network, [[1]], sampling=Sampling(temperature=0), keep=100)
    assert network.prefilled[1] == [[6, 7, 8, 9]] * 4


def test_a_prompt_longer_than_the_context_is_shortened() -> None:
    network = Counter(context=8)
    run(network, [[1, 2] * 9], length=20, keep=3)
    assert network.prefilled[0] == [[2, 1, 2]]


def test_a_prompt_that_fills_the_context_is_read_whole() -> None:
    network = Counter(context=4)
    run(network, [[1, 2, 3, 4]], length=8, keep=2)
    assert network.prefilled[0] == [[1, 2, 3, 4]]
    assert network.prefilled[1][0][0] == 4


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_a_row_is_the_same_however_many_are_asked_for(network: Network, count: int) -> None:
    for stop in (STOP, None):  # rows that end at different times, and long ones
        many = run(network, [[1, 2, 3]] * 6, length=60, stop=stop)
        assert run(network, [[1, 2, 3]] * count, length=60, stop=stop) == many[:count]
        assert len({tuple(ids) for ids in many}) == 6


@pytest.mark.parametrize("network", [Counter(), *NETWORKS])
@pytest.mark.parametrize("temperature", [0.0, 1.0, 2.0])
def test_the_grammar_is_never_violated(network: Network, temperature: float) -> None:
    prompts = [[1], [2, 3, 4], [0], [5, 6], [7], [11]]
    written = run(network, prompts, length=50, sampling=Sampling(temperature))
    for prompt, ids in zip(prompts, written, strict=True):
        assert follows_the_grammar(prompt, ids, 50)
    assert written[5] == []


@pytest.mark.parametrize("network", [transformer(), lstm(), saved(transformer()), saved(lstm())])
def test_greedy_is_what_the_uncached_network_would_say(network: Network) -> None:
    prompts = [[1, 2], [3, 4, 5]]
    grammar = Alternating(20)
    for prompt, ids in zip(prompts, run(network, prompts, sampling=Sampling(0.0)), strict=True):
        known = list(prompt)
        for id_ in ids:
            with torch.inference_mode():
                logits = network.forward(torch.tensor([known]))[0, -1]
            open_ids = grammar.choices((known[-1], len(known))).ids
            assert id_ in open_ids
            assert logits[id_] >= logits[open_ids].max() - 1e-5
            known.append(id_)


@pytest.mark.parametrize("keep", [2, 4, 9])
def test_beyond_the_context_greedy_goes_on_from_the_new_prompt(keep: int) -> None:
    network, grammar = transformer(context=8), Alternating(40, None)
    [ids] = run(network, [[1, 2]], sampling=Sampling(0.0), length=40, keep=keep, stop=None)
    known, window, columns = [1, 2], [1, 2], 2
    for id_ in ids:
        with torch.inference_mode():
            logits = network(torch.tensor([window]))[0, -1]
        open_ids = grammar.choices((known[-1], len(known))).ids
        assert id_ in open_ids
        assert logits[id_] >= logits[open_ids].max() - 1e-5
        known.append(id_)
        window, columns = [*window, id_], columns + 1
        if columns > 8:
            window, columns = known[-min(keep, 4) :], 4
    assert len(known) == 40


def test_seeds_differ() -> None:
    network = transformer()
    assert run(network, [[1]], length=40) == run(network, [[1]], length=40)
    assert run(network, [[1]], length=40) != run(network, [[1]], length=40, seed=2)


def test_pooled_ids_count_as_one_choice() -> None:
    class Torn(Counter):
        def logits(self, rows: list[list[int]]) -> Tensor:
            row = torch.full((VOCABULARY,), -9.0)
            row[2], row[3], row[4] = math.log(0.4), math.log(0.35), math.log(0.25)
            return row.expand(len(rows), -1)

    @dataclass(frozen=True)
    class Open(Alternating):
        def choices(self, state: tuple[int, int]) -> Choices:
            return Choices(np.delete(np.arange(VOCABULARY), 4), 3 if len(self.pooled) else -1)

    def first(pooled: list[int]) -> int:
        grammar = Open(2, pooled=np.array(pooled, dtype=np.int64))
        sampling = Sampling(temperature=0)
        return next(
            decode(Torn(), [[1]], grammar, [(1, 1)], sampling, streams(0, [0]), recontext=list)
        )[1]

    assert first([]) == 2
    assert first([3, 4]) == 3


def test_a_grammar_with_no_way_on_is_an_error() -> None:
    class Closed(Alternating):
        def choices(self, state: tuple[int, int]) -> Choices:
            return Choices(np.arange(0))

    with pytest.raises(RuntimeError, match="nothing can be chosen"):
        list(
            decode(
                Counter(), [[1]], Closed(9), [(1, 1)], Sampling(), streams(0, [0]), recontext=list
            )
        )
