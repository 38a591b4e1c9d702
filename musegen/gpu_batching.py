"""Sampling on a GPU from many rows at a time, in which who is finished makes way for the next.

Nothing here knows what an id means. Axes: `B` batch, `V` vocabulary.

A step of all rows is recorded once for so many rows and columns, and replayed; the next ids are
chosen where the logits are. What goes to and fro between two steps is little: what holds at each
row, which ids may come, and which came. Rows that are few, or short, take a smaller step, so in the
last bit a row may depend on those beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, TypeGuard

import numpy as np
import torch

from musegen.choosing import NOTHING, Asked
from musegen.choosing import choose as choose_all
from musegen.decoding import Recontext, Row, State, choose, numpy_of, prompt_of
from musegen.networks import Transformer
from musegen.networks.resident import Resident
from musegen.networks.score import Place
from musegen.networks.transformer import Cache
from musegen.recording import recorded

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
        self._prompt: Sequence[int] = ()
        """The last one that was read."""
        with torch.inference_mode():
            self._lay_out(Resident(network, ROWS, min(COLUMNS, network.context)))

    def _lay_out(self, resident: Resident) -> None:
        """Make what goes to and fro for so many rows, and record the step."""
        self.resident = resident
        rows, vocabulary = resident.rows, self.network.config.vocabulary
        score, device = self.network.registers, resident.kv.device
        held = 0 if score is None else score.registers + score.fields + 2
        self._whole = np.zeros((4 + held, rows), dtype=np.int64)
        self._ids, self._column, self._closing, self._top_k = self._whole[:4]
        self._held = self._whole[4:]
        self._real = np.ones((4, rows))
        self._masks = np.zeros((2, rows, vocabulary), dtype=np.bool_)
        self._closing[:] = vocabulary
        here = [torch.from_numpy(each) for each in (self._whole, self._real, self._masks)]
        there = [each.to(device, copy=True) for each in here]
        self._sent = [*zip(there, here, strict=True)]
        whole, real, masks = there
        ids, column, closing, top_k = whole[:4]
        open_, pooled = masks
        temperature, top_p, min_p, number = real
        asked = Asked(open_, pooled, closing, top_k, temperature, top_p, min_p, number)
        self._logits = resident.kv.new_zeros(rows, vocabulary)
        self._chosen = torch.zeros_like(ids)

        def work() -> None:
            self._logits.copy_(resident.step(ids, column, whole[4:]))
            self._chosen.copy_(choose_all(self._logits, asked))

        self._replay = recorded(work, device)
        for place in self.rows:
            self._settle(place)

    def _settle(self, place: int) -> None:
        """Write down what of a row stays as it is."""
        row, sampling = self.rows[place], self.rows[place].sampling
        self._masks[1, place] = False
        self._masks[1, place, row.grammar.pooled] = True
        self._top_k[place] = sampling.top_k
        self._real[:3, place] = sampling.temperature, sampling.top_p, sampling.min_p

    @torch.inference_mode()
    def add(self, rows: Iterable[Row[State]]) -> None:
        """Give each row a free place."""
        free = (place for place in range(MOST) if place not in self.rows)
        for place, row in zip(free, rows, strict=False):
            self.rows[place] = row
            self._read(place)
            self._settle(place)

    def _read(self, place: int) -> None:
        """Read a row but for its last id, which the next step takes."""
        row, network = self.rows[place], self.network
        prompt = prompt_of(row, network.context, self.recontext)[:-1]
        self._make_room(place, len(prompt))
        cache = self._cache_of(prompt)
        if cache is not None:
            self.resident.take(place, cache)
        if network.registers is not None:
            there = network.registers.place(()) if cache is None else cache.places[0].copy()
            self._places[place] = there
        self._columns[place] = len(prompt)

    def _cache_of(self, prompt: Sequence[int]) -> Cache | None:
        """What the network makes of a prompt; neighbours often have the same."""
        if prompt != self._prompt:
            self._cache = self.network.prefill(torch.tensor([prompt]))[1] if prompt else None
            self._prompt = prompt
        return self._cache

    def _make_room(self, place: int, column: int) -> None:
        rows, columns = self.resident.rows, self.resident.columns
        while rows <= place:
            rows *= 2
        while columns <= column:
            columns = min(2 * columns, self.network.context)
        if (rows, columns) != (self.resident.rows, self.resident.columns):
            self._lay_out(self.resident.grown(rows, columns))

    @torch.inference_mode()
    def work(self) -> None:
        """Let the GPU do what was sent: the network's step, and the choice."""
        self._replay()

    def step(self) -> Iterator[Row[State]]:
        """One more id for each row; those that are finished leave their places."""
        with torch.inference_mode():
            for place in self.rows:
                if self._columns[place] == self.network.context:
                    self._read(place)
                self._make_room(place, self._columns[place])
            leaning = [place for place in self.rows if self._ask(place)]
            for there, here in self._sent:
                there.copy_(here)
            self.work()
            chosen = self._chosen.tolist()
            scores = {place: numpy_of(self._logits[place]) for place in leaning}
        for place, row in [*self.rows.items()]:
            if not row.is_finished:  # it may have been given up since
                if place in scores:
                    row.append(choose(scores[place], row))
                elif chosen[place] == NOTHING:
                    raise RuntimeError("nothing can be chosen: the logits are not finite")
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
            there = self._places[place]
            there.advance(last)
            self._held[:, place] = [*there.rows, there.bar, there.position]
        open_, closing, lean = row.grammar.choices(row.state)
        self._masks[0, place] = False
        self._masks[0, place, open_] = True
        self._closing[place] = open_[closing] if closing >= 0 else self._masks.shape[-1]
        if lean is not None:
            return True
        is_drawn = len(open_) > 1 and row.sampling.temperature
        self._real[3, place] = row.random() if is_drawn else 0.0
        return False
