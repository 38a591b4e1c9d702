"""Sampling token by token from a network, under a grammar, many rows at a time.

Nothing here knows what an id means. Axes: `B` batch, `T` time, `V` vocabulary.

Row k comes out the same however many rows are asked for: the network always runs on `width` rows,
so that its matrices keep their shape, and each row draws from its own stream of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from musegen.networks.network import Cache, Network
from musegen.sampling import Sampling, draw

State = TypeVar("State")


class Grammar(Protocol[State]):
    """Which ids may follow; a state is a value that stands for the ids of a row so far."""

    def advance(self, state: State, id_: int, /) -> State:
        """The state after one more id."""

    def allowed(self, state: State, /) -> Tensor:
        """A row [V] of 0 for each id that may come next and -inf for each other, on the CPU."""

    def forced(self, state: State, /) -> int | None:
        """The next id, where only one may come."""

    def finished(self, state: State, /) -> bool:
        """Whether nothing is to come any more."""


Recontext = Callable[[Sequence[int]], Sequence[int]]
"""All ids of a row so far to a shorter prompt that goes on from the same place."""


@dataclass
class Row(Generic[State]):
    """One sequence in the making."""

    ids: list[int]
    state: State
    stream: np.random.Generator


def decode(
    network: Network,
    prompts: Sequence[Sequence[int]],
    grammar: Grammar[State],
    states: Sequence[State],
    sampling: Sampling,
    streams: Sequence[np.random.Generator],
    *,
    width: int = 4,
    recontext: Recontext,
) -> Iterator[tuple[int, int]]:
    """Go on from each prompt until its state is finished, yielding each row and its next id.

    A prompt has one id or more; `states` are those after the prompts. Rows run in groups of
    `width`, one group after the other. A group that fills the network's context goes on from
    `recontext` of each row, cut from the left to half the context.
    """
    rows = [
        Row(list(prompt), state, stream)
        for prompt, state, stream in zip(prompts, states, streams, strict=True)
    ]
    for first in range(0, len(rows), width):
        for row, id_ in decode_group(
            network, rows[first : first + width], grammar, sampling, width, recontext
        ):
            yield first + row, id_


def decode_group(
    network: Network,
    rows: Sequence[Row[State]],
    grammar: Grammar[State],
    sampling: Sampling,
    width: int,
    recontext: Recontext,
) -> Iterator[tuple[int, int]]:
    """Decode `width` rows at most, in step; copies of the last one make up the number."""
    live = [row for row, content in enumerate(rows) if not grammar.finished(content.state)]
    if not live:
        return
    limit = network.context
    prompts = [shortened(row.ids, limit, recontext) for row in rows]
    columns = max(map(len, prompts))
    logits, cache = prefill(network, filled(prompts, width), columns)
    latest = torch.zeros(width, dtype=torch.long)
    while True:
        chosen = choose(logits, [rows[row] for row in live], live, grammar, sampling)
        for row, id_ in zip(live, chosen, strict=True):
            rows[row].ids.append(id_)
            rows[row].state = grammar.advance(rows[row].state, id_)
            latest[row] = id_
            yield row, id_
        live = [row for row in live if not grammar.finished(rows[row].state)]
        if not live:
            return
        if columns == limit:
            columns = limit // 2
            prompts = [recontext(rows[row].ids)[-columns:] for row in live]
            # each row keeps its place
            placed = [prompts[live.index(row)] if row in live else prompts[0] for row in range(width)]
            logits, cache = prefill(network, placed, columns)
        else:
            columns += 1
            with torch.inference_mode():
                logits = network.step(latest, cache)
