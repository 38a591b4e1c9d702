"""Sampling token by token from a network, under a grammar, many rows at a time.

Nothing here knows what an id means. Axes: `B` batch, `T` time, `V` vocabulary.

Row k comes out the same however many rows are asked for: the network always runs on `width` rows,
so that its matrices keep their shape, and each row draws from its own stream of random numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.networks.network import Cache, Network
from musegen.sampling import Sampling, draw

State = TypeVar("State")


class Grammar(Protocol[State]):
    """Which ids may follow; a state is a value that stands for the ids of a row so far."""

    @property
    def pooled(self) -> NDArray[np.int64]:
        """Ids that are one choice to the network, of which the grammar says which one stands.

        Each gets the probability of them all, so the mask should leave one of them at most.
        """

    def advance(self, state: State, id_: int, /) -> State:
        """Return the state after one more id."""

    def allowed(self, state: State, /) -> Tensor:
        """Return [V], 0 for each id that may come next and -inf for each other, on the CPU."""

    def forced(self, state: State, /) -> int | None:
        """Return the next id where only one may come."""

    def finished(self, state: State, /) -> bool:
        """Whether nothing is to come any more."""


Recontext = Callable[[Sequence[int]], Sequence[int]]
"""All ids of a row so far to a shorter prompt that goes on from the same place."""


@dataclass
class Row(Generic[State]):
    """One sequence in the making."""

    index: int
    """Among all rows that were asked for."""
    place: int
    """Among the rows of its group; what the network computes may depend on it in the last bit."""
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
    """Go on from each prompt until its state is finished, yielding each row's number and next id.

    A prompt has one id or more; `states` are those after the prompts. Rows run in groups of
    `width`, one group after the other. A group that fills the network's context goes on from
    `recontext` of each row, cut from the left to half the context.
    """
    rows = [
        Row(index, index % width, list(prompt), state, stream)
        for index, (prompt, state, stream) in enumerate(zip(prompts, states, streams, strict=True))
    ]
    for first in range(0, len(rows), width):
        group = rows[first : first + width]
        yield from decode_group(network, group, grammar, sampling, width, recontext)


def decode_group(
    network: Network,
    group: Sequence[Row[State]],
    grammar: Grammar[State],
    sampling: Sampling,
    width: int,
    recontext: Recontext,
) -> Iterator[tuple[int, int]]:
    """Decode at most `width` rows in step."""
    live = [row for row in group if not grammar.finished(row.state)]
    if not live:
        return
    limit = network.context
    logits, cache, columns = begin(network, group, width, recontext)
    latest = np.zeros(width, dtype=np.int64)  # a dead row repeats its last id
    while True:
        for row, id_ in zip(live, choose(logits, live, grammar, sampling), strict=True):
            row.ids.append(id_)
            row.state = grammar.advance(row.state, id_)
            latest[row.place] = id_
            yield row.index, id_
        live = [row for row in live if not grammar.finished(row.state)]
        if not live:
            return
        if columns == limit:
            columns = limit // 2
            shorter = {row.place: recontext(row.ids)[-columns:] for row in live}
            logits, cache = prefill(network, shorter, width, columns)
        else:
            columns += 1
            with torch.inference_mode():
                logits = network.step(torch.from_numpy(latest), cache)


def begin(
    network: Network, group: Sequence[Row[State]], width: int, recontext: Recontext
) -> tuple[Tensor, Cache, int]:
    """Read the prompts of a group: logits [width, V], the cache, and its columns so far."""
    limit = network.context
    prompts = {
        row.place: recontext(row.ids)[-(limit // 2) :]
        if limit and len(row.ids) > limit
        else row.ids
        for row in group
    }
    first = prompts[0]
    columns = max(map(len, prompts.values()))
    if any(prompt != first for prompt in prompts.values()):
        return *prefill(network, prompts, width, columns), columns
    with torch.inference_mode():
        logits, cache = network.prefill(torch.tensor([first]))
        return logits.expand(width, -1), cache.repeated(width), columns


def prefill(
    network: Network, prompts: Mapping[int, Sequence[int]], width: int, columns: int
) -> tuple[Tensor, Cache]:
    """Read the prompt of each place, aligned at the right in `columns` columns.

    There are always `width` rows, copies of some prompt where no row is, and always padding, so
    that what comes out for a prompt does not depend on the others.
    """
    some = next(iter(prompts.values()))
    ids = torch.zeros(width, columns, dtype=torch.long)
    padding = torch.zeros(width, dtype=torch.long)
    for place in range(width):
        prompt = prompts.get(place, some)
        padding[place] = columns - len(prompt)
        ids[place, padding[place] :] = torch.tensor(prompt)
    with torch.inference_mode():
        return network.prefill(ids, padding)


def choose(
    logits: Tensor, rows: Sequence[Row[State]], grammar: Grammar[State], sampling: Sampling
) -> list[int]:
    """Choose the next id of each row from logits [width, V], by drawing where there is a choice."""
    forced = {row.place: grammar.forced(row.state) for row in rows}
    drawing = [row for row in rows if forced[row.place] is None]
    drawn: list[int] = []
    if drawing:
        scores = logits.float().cpu().numpy()[[row.place for row in drawing]]  # a copy
        if len(grammar.pooled):
            together = scores[:, grammar.pooled]
            highest = together.max(axis=-1, keepdims=True)
            scores[:, grammar.pooled] = highest + np.log(
                np.exp(together - highest).sum(axis=-1, keepdims=True)
            )
        for score, row in zip(scores, drawing, strict=True):
            score += grammar.allowed(row.state).numpy()
        drawn = draw(scores, sampling, [row.stream for row in drawing])
    chosen = forced | {row.place: id_ for row, id_ in zip(drawing, drawn, strict=True)}
    return [id_ for id_ in chosen.values() if id_ is not None]
