"""Sampling token by token from a network, under a grammar, some rows at a time.

Nothing here knows what an id means. Axes: `B` batch, `T` time, `V` vocabulary.

Row k comes out the same however many rows are asked for: the network always runs on `width` rows,
so that its matrices keep their shape, and each row draws from its own stream of random numbers.
A network whose rows do not depend on their number does better: see `batching`.
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
from musegen.sampling import Choices, Logits, Sampling, draw, numbers, together

State = TypeVar("State")


class Grammar(Protocol[State]):
    """Which ids may follow; a state is a value that stands for the ids of a row so far."""

    @property
    def pooled(self) -> NDArray[np.int64]:
        """Ids that are one choice to the network, of which the grammar says which one stands.

        That one gets the probability of them all.
        """

    def advance(self, state: State, id_: int, /) -> State:
        """Return the state after one more id."""

    def choices(self, state: State, /) -> Choices:
        """Return the ids that may come next; of a single one nothing is drawn."""

    def finished(self, state: State, /) -> bool:
        """Whether nothing is to come any more."""


Recontext = Callable[[Sequence[int]], Sequence[int]]
"""All ids of a row so far to a shorter prompt that goes on from the same place."""


@dataclass(eq=False)
class Row(Generic[State]):
    """One sequence in the making."""

    ids: list[int]
    """The prompt, and what has come since."""
    grammar: Grammar[State]
    state: State
    """What stands for them."""
    sampling: Sampling
    random: Callable[[], float]
    """Numbers of its own, 0 to below 1."""
    told: Callable[[int], None] | None = None
    """Gets each id that comes."""

    def __post_init__(self) -> None:
        self.is_finished = self.grammar.finished(self.state)
        self._prompt = len(self.ids)

    @property
    def written(self) -> list[int]:
        """What has come since the prompt."""
        return self.ids[self._prompt :]

    def append(self, id_: int) -> None:
        self.ids.append(id_)
        self.state = self.grammar.advance(self.state, id_)
        self.is_finished = self.grammar.finished(self.state)
        if self.told is not None:
            self.told(id_)


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
    asked = zip(prompts, states, streams, strict=True)
    rows = [
        Row(list(prompt), grammar, state, sampling, numbers(stream))
        for prompt, state, stream in asked
    ]
    for first in range(0, len(rows), width):
        group = dict(enumerate(rows[first : first + width]))
        for place in decode_group(network, group, width, recontext):
            yield first + place, group[place].ids[-1]


def decode_group(
    network: Network, group: Mapping[int, Row[State]], width: int, recontext: Recontext
) -> Iterator[int]:
    """Decode at most `width` rows in step, yielding the place of each whenever it has one more id.

    Each keeps its place, 0 to width - 1: what the network computes may depend on it in the last
    bit.
    """
    live = {place: row for place, row in group.items() if not row.is_finished}
    if not live:
        return
    limit = network.context
    inference = torch.inference_mode()  # one for all steps: making it costs as much as using it
    logits, cache, columns = begin(network, live, width, recontext)
    latest = np.zeros(width, dtype=np.int64)  # a dead row repeats its last id
    while True:
        scores = numpy_of(logits)
        for place, row in live.items():
            latest[place] = choose(scores[place], row)
            row.append(int(latest[place]))
            yield place
        live = {place: row for place, row in live.items() if not row.is_finished}
        if not live:
            return
        if columns == limit:
            columns = limit // 2
            shorter = {place: recontext(row.ids)[-columns:] for place, row in live.items()}
            logits, cache = prefill(network, shorter, width, columns)
        else:
            columns += 1
            with inference:
                logits = network.step(torch.from_numpy(latest), cache)


def begin(
    network: Network, group: Mapping[int, Row[State]], width: int, recontext: Recontext
) -> tuple[Tensor, Cache, int]:
    """Read the prompts of a group: logits [width, V], the cache, and its columns so far."""
    prompts = {place: prompt_of(row, network.context, recontext) for place, row in group.items()}
    first = next(iter(prompts.values()))
    columns = max(map(len, prompts.values()))
    if any(prompt != first for prompt in prompts.values()):
        return *prefill(network, prompts, width, columns), columns
    with torch.inference_mode():
        logits, cache = network.prefill(torch.tensor([first]))
        return logits.expand(width, -1), cache.repeated(width), columns


def prompt_of(row: Row[State], context: int | None, recontext: Recontext) -> Sequence[int]:
    """What a network of so long a context, if it has a limit, reads of a row."""
    if context is None or len(row.ids) <= context:
        return row.ids
    return recontext(row.ids)[-(context // 2) :]


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


def numpy_of(logits: Tensor) -> Logits:
    """The same numbers, as `choose` has them."""
    scores: Logits = (logits if logits.is_cpu else logits.cpu()).numpy()
    return scores


def choose(scores: Logits, row: Row[State]) -> int:
    """Choose the next id of a row from its logits [V], by drawing where there is a choice."""
    ids, closing, lean = row.grammar.choices(row.state)
    if len(ids) == 1:
        return int(ids[0])
    open_scores = scores.take(ids)
    if closing >= 0:
        open_scores[closing] = together(scores.take(row.grammar.pooled))
    if lean is not None:
        open_scores = lean(open_scores)
    return int(ids[draw(open_scores, row.sampling, row.random)])
