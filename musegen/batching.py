"""Sampling from a network on many rows at a time, in which who is finished makes way for the next.

Nothing here knows what an id means. Axes: `B` batch, `V` vocabulary.

A row comes out the same, to the last bit, whatever rows are beside it and however many. The network
multiplies all rows by its matrices together, of which no row takes notice (see `networks.packed`),
but attention adds up as many columns as there are, so rows go through it in groups that began
together and are as long as each other. A row that is finished is dropped from its group; where
there is room, others begin a group of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from musegen.decoding import Recontext, Row, State, choose, numpy_of, prompt_of
from musegen.networks.network import BatchCache, BatchNetwork

MOST = 64
"""Rows at a time: a processor is no faster with more."""
LEAST = 4
"""Even where there is little memory."""
PATIENCE = 4
"""A group begins when so small a part of the batch is free: each costs time at every step."""


@dataclass(eq=False)
class Group(Generic[State]):
    """Rows that began together."""

    rows: list[Row[State]]
    cache: BatchCache

    def drop_finished(self) -> None:
        if all(row.is_finished for row in self.rows):
            self.rows = []
        for place in reversed(range(len(self.rows))):
            if self.rows[place].is_finished:
                self.cache.drop(place)
                self.rows[place] = self.rows[-1]
                self.rows.pop()


def width_for(network: BatchNetwork, mebibytes: int) -> int:
    """How many rows at a time take so much memory at most.

    A group keeps room for twice as many rows as it has.
    """
    return max(LEAST, min(MOST, (mebibytes << 20) // (2 * network.row_bytes)))


def batched(
    network: BatchNetwork,
    more: Callable[[int], Iterable[Row[State]]],
    width: int,
    recontext: Recontext,
) -> Iterator[Row[State]]:
    """Go on from each row until it is finished, yielding it whenever it has one more id.

    `width` rows run at a time. `more` gives at most so many that are to begin, none of them
    finished; it is asked again and again, and for the last time when no row is left. A row that
    fills the network's context goes on from `recontext` of it, cut from the left to half of that.
    """
    start = Start(network, recontext)
    groups: list[Group[State]] = []
    inference = torch.inference_mode()  # one for all steps: making it costs as much as using it
    while True:
        full = [group for group in groups if group.cache.column == network.context]
        groups = [group for group in groups if group not in full]
        starting = [row for group in full for row in group.rows]
        room = width - len(starting) - sum(len(group.rows) for group in groups)
        if room * PATIENCE >= width or not (groups or starting):
            starting += more(room)
        if not groups and not starting:
            return
        with inference:
            logits = []  # B V, of the rows of all groups in turn
            if groups:
                latest = [row.ids[-1] for group in groups for row in group.rows]
                ids = torch.from_numpy(np.array(latest, dtype=np.int64))
                logits.append(network.step(ids, *(group.cache for group in groups)))
            for group, first in start.groups(starting):
                groups.append(group)
                logits.append(first.expand(len(group.rows), -1))
            scores = numpy_of(logits[0] if len(logits) == 1 else torch.cat(logits))
        live = [row for group in groups for row in group.rows]
        for row, logits_of_row in zip(live, scores, strict=True):
            if not row.is_finished:  # it may have been given up since
                row.append(choose(logits_of_row, row))
                yield row
        if any(row.is_finished for row in live):
            with inference:
                for group in groups:
                    group.drop_finished()
            groups = [group for group in groups if group.rows]


class Start:
    """Reads prompts, each by itself, and the same prompt once as long as no other comes between."""

    def __init__(self, network: BatchNetwork, recontext: Recontext) -> None:
        self.network, self.recontext = network, recontext
        self.prompt: list[int] = []

    def groups(self, rows: Iterable[Row[State]]) -> Iterator[tuple[Group[State], Tensor]]:
        """Neighbours of one prompt as a group, with the logits [1, V] of what comes next."""
        context = self.network.context
        for prompt, same in groupby(rows, lambda row: [*prompt_of(row, context, self.recontext)]):
            if prompt != self.prompt:
                self.logits, self.cache = self.network.prefill(torch.tensor([prompt]))
                self.prompt = prompt
            members = [*same]
            yield Group(members, self.cache.repeated(len(members))), self.logits
