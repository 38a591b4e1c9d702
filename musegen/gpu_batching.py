"""Sampling on a GPU from many rows at a time, in which who is finished makes way for the next.

Nothing here knows what an id means. Axes: `B` batch, `V` vocabulary.

A step of all rows is recorded once for so many rows and columns, and replayed; the next ids are
chosen where the logits are. What goes to and fro between two steps is little: what holds at each
row, which ids may come, and which came. The more rows, and the longer, the larger the step: in the
last bit a row may depend on those beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeGuard

import numpy as np
import torch

from musegen.choosing import NOTHING, Asked, choose_all
from musegen.decoding import Recontext, Row, State, choose, numpy_of, prompt_of
from musegen.networks import Transformer
from musegen.networks.cache import Cache
from musegen.networks.resident import Resident
from musegen.networks.score import Place
from musegen.recording import recorded
from musegen.sampling import NO_CHOICE

MOST = 1024
"""Rows at a time: more wait for the processor, which looks after each."""
ROWS, COLUMNS = 4, 256
"""There is room for at least; it doubles when it is full."""


def suits(network: object) -> TypeGuard[Transformer]:
    """Whether this is for it: a transformer on a GPU."""
    return isinstance(network, Transformer) and network.embedding.weight.device.type == "cuda"


def width_for(network: Transformer, mebibytes: int) -> int:
    """How many rows at a time take so much memory at most: a power of 2, as room is made."""
    fitting = (mebibytes << 20) // network.row_bytes
    return max(ROWS, min(MOST, 1 << max(fitting.bit_length() - 1, 0)))


def batched_on_gpu(
    network: Transformer,
    more: Callable[[int], Iterable[Row[State]]],
    width: int,
    recontext: Recontext,
) -> Iterator[Row[State]]:
    """Go on from each row until it is finished: as `batching.batched` does."""
    desk: Desk[State] = Desk(network, recontext)
    while True:
        desk.add(more(width - len(desk.rows)))
        if not desk.rows:
            return
        yield from desk.step()


class Desk(Generic[State]):
    """Rows in the making, each in a place of its own on the GPU."""

    def __init__(self, network: Transformer, recontext: Recontext) -> None:
        self.network, self.recontext = network, recontext
        self.rows: dict[int, Row[State]] = {}
        self._columns: dict[int, int] = {}
        """That of the next id of each row."""
        self._places: dict[int, Place] = {}
        """Where each stands in its score, if the network reads any."""
        self._prompt: Sequence[int] = []
        self._cache: Cache | None = None
        """The last prompt that was read, and what the network made of it; of none, nothing."""
        with torch.inference_mode():
            self._lay_out(ROWS, min(COLUMNS, network.context))

    def _lay_out(self, rows: int, columns: int) -> None:
        """Make empty room, and what goes to and fro for so many rows."""
        resident = self.resident = Resident(self.network, rows, columns)
        vocabulary, score = self.network.config.vocabulary, self.network.registers
        device = resident.kv.device
        self._whole = np.zeros((4 + (score.holds if score else 0), rows), dtype=np.int64)
        self._ids, self._column, self._top_k, self._closing = self._whole[:4]
        self._held = self._whole[4:]
        self._real = np.ones((4, rows))
        self._open = np.zeros((rows, vocabulary), dtype=np.bool_)
        here = [torch.from_numpy(each) for each in (self._whole, self._real, self._open)]
        there = whole, real, open_ = [each.to(device, copy=True) for each in here]
        self._sent = [*zip(there, here, strict=True)]
        pooled, logits = torch.zeros_like(open_), resident.kv.new_zeros(rows, vocabulary)
        ids, column, top_k, closing = whole[:4]
        chosen = torch.zeros_like(ids)
        temperature, top_p, min_p, number = real
        asked = Asked(open_, pooled, closing, top_k, temperature, top_p, min_p, number)

        def work() -> None:
            logits.copy_(resident.step(ids, column, whole[4:]))
            chosen.copy_(choose_all(logits, asked))

        self._pooled, self._logits, self._chosen = pooled, logits, chosen
        self._work = work
        self._recorded: Callable[[], None] | None = None  # by the first step in this room

    @torch.inference_mode()
    def make_room(self, rows: int, columns: int) -> None:
        """Have room for so many rows and columns at least; columns no more than the context."""
        old, whole, real, pooled = self.resident, self._whole, self._real, self._pooled
        wide, long = old.rows, old.columns
        while wide < rows:
            wide *= 2
        while long < columns:
            long = min(2 * long, self.network.context)
        if (wide, long) != (old.rows, old.columns):
            self._lay_out(wide, long)
            self.resident.kv[:, :, : old.rows, :, : old.columns] = old.kv
            self._whole[:, : old.rows], self._real[:, : old.rows] = whole, real
            self._pooled[: old.rows] = pooled

    @torch.inference_mode()
    def add(self, rows: Iterable[Row[State]]) -> None:
        """Give each row a free place."""
        new = [*rows]
        self.make_room(len(self.rows) + len(new), 1)
        free = [place for place in range(self.resident.rows) if place not in self.rows]
        for place, row in zip(free, new, strict=False):
            self.rows[place] = row
            self._read(place)
            sampling, pooled = row.sampling, np.zeros_like(self._open[place])
            pooled[row.grammar.pooled] = True
            self._pooled[place].copy_(torch.from_numpy(pooled))
            self._top_k[place] = min(sampling.top_k, len(pooled))
            self._real[:3, place] = sampling.temperature, sampling.top_p, sampling.min_p

    def _read(self, place: int) -> None:
        """Read a row but for its last id, which the next step takes."""
        row, score = self.rows[place], self.network.registers
        prompt = prompt_of(row, self.network.context, self.recontext)[:-1]
        if prompt != self._prompt:  # neighbours often have the same
            self._cache = self.network.prefill(torch.tensor([prompt]))[1] if prompt else None
            self._prompt = prompt
        if self._cache is not None:
            self.make_room(1, len(prompt))
            self.resident.take(place, self._cache)
        if score is not None:
            read = score.place(()) if self._cache is None else self._cache.places[0].copy()
            self._places[place] = read
        self._columns[place] = len(prompt)

    @torch.inference_mode()
    def replay(self) -> None:
        """Let the GPU do what was sent: the network's step, and the choice."""
        if self._recorded is None:
            self._recorded = recorded(self._work, self.resident.kv.device)
        self._recorded()

    def step(self) -> Iterator[Row[State]]:
        """One more id for each row; those that are finished leave their places."""
        with torch.inference_mode():
            for place in self.rows:
                if self._columns[place] == self.network.context:
                    self._read(place)
                self.make_room(1, self._columns[place] + 1)
            leaning = {place for place in self.rows if self._ask(place)}
            for there, here in self._sent:
                there.copy_(here)
            self.replay()
            chosen = self._chosen.tolist()
            scores = numpy_of(self._logits) if leaning else None
        for place, row in [*self.rows.items()]:
            if not row.is_finished:  # it may have been given up since
                if scores is not None and place in leaning:
                    row.append(choose(scores[place], row))
                elif chosen[place] == NOTHING:
                    raise RuntimeError(NO_CHOICE)
                else:
                    row.append(chosen[place])
                yield row
            if row.is_finished:
                del self.rows[place]

    def _ask(self, place: int) -> bool:
        """Write down what holds at a row and may come; whether the processor has to choose."""
        row = self.rows[place]
        last = row.ids[-1]
        self._ids[place], self._column[place] = last, self._columns[place]
        self._columns[place] += 1
        if self._places:
            self._places[place].advance(last)
            self._held[:, place] = self._places[place].held
        ids, closing, lean = row.grammar.choices(row.state)
        self._open[place] = False
        self._open[place, ids] = True
        self._closing[place] = ids[closing] if closing >= 0 else self._open.shape[1]
        if len(ids) == 1:
            return False
        if lean is not None:
            return True
        self._real[3, place] = row.random() if row.sampling.temperature else 0.0
        return False
