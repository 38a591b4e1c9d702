"""Takes out of a model of tokens: many in the making together, whatever each was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from musegen import batching, gpu_batching, limits
from musegen.codecs.grammar import BarGrammar
from musegen.decoding import Row, decode_group
from musegen.models import Model
from musegen.threads import few_threads

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""

Take = Iterator[Row[Any]]
"""One take: rows to be gone on from, one after the other. Asked for the next, it finds the last
one finished."""
WIDTH = 4
"""Rows at a time of a network whose rows depend on their number."""
Failed = Callable[[Any, Exception], None]
"""Told whose takes cannot be made, and why."""


@dataclass(eq=False)
class Call:
    """The takes that were added at once."""

    owner: Any
    is_over: bool = False
    """Whether one of them failed: the others are not made."""


class Writing:
    """Goes on with the takes of one model."""

    def __init__(self, model: Model, failed: Failed | None = None, width: int = WIDTH) -> None:
        """With `failed` an error ends what it is about and goes there; without, it is raised.

        `width` is how many rows run at a time of a network that has no better way.
        """
        self.model, self._failed = model, failed
        self._network = model.decoder
        limit = (self._network.context or 0) // 2
        self._recontext = partial(model.codec.recent, limit=limit)
        self._width = width
        self._batched: Callable[..., Iterator[Row[Any]]] | None = None
        """How rows go on together whenever they began, if they can."""
        mebibytes = limits.BATCH_MIB.value
        if gpu_batching.suits(self._network):
            self._batched = gpu_batching.batched_on_gpu
            self._width = gpu_batching.width_for(self._network, mebibytes)
        elif self._network.is_steady:
            self._batched = batching.batched
            self._width = batching.width_for(self._network, mebibytes)
        self._takes: dict[Row[Any], tuple[Take, Call]] = {}
        """That are not finished, by the row of each."""
        self._waiting: deque[Row[Any]] = deque()
        """Those of the rows that have not begun."""
        self._steps = self._stepping()
        self._is_running = False

    @property
    def is_busy(self) -> bool:
        """Whether there is something left to be made."""
        return bool(self._takes)

    def add(self, takes: Iterable[Take], owner: Any = None) -> None:
        """Begin takes, `owner`'s, and go on with all until there are no more than run at a time.

        Where rows depend on their number, these are made to the end. Whoever gets a take may add
        more.
        """
        call = Call(owner)
        if self._batched is None:
            self._write(takes, call)
            return
        for take in takes:
            self._go_on(take, call)
            self._run(self._width)
            if call.is_over:
                return

    def finish(self) -> None:
        """Go on to the end of all."""
        self._run(0)

    def _run(self, left: int) -> None:
        """Go on until so many takes are left, unless this is on the way already."""
        if self._is_running:
            return
        self._is_running = True
        try:
            with few_threads():
                while len(self._takes) > left:
                    self._step()
        finally:
            self._is_running = False

    def _step(self) -> None:
        try:
            row = next(self._steps)
        except BaseException as error:  # all that is in the making is lost
            calls = {call: None for _, call in self._takes.values()}
            self._takes.clear()
            self._waiting.clear()
            self._steps = self._stepping()
            if not isinstance(error, Exception):
                raise
            for call in calls:
                self._end(call, error)
            return
        if row.is_finished and row in self._takes:
            self._go_on(*self._takes.pop(row))

    def _go_on(self, take: Take, call: Call) -> None:
        """Let the next row of a take wait for room."""
        if (row := self._next(take, call)) is not None:
            self._takes[row] = take, call
            self._waiting.append(row)

    def _next(self, take: Take, call: Call) -> Row[Any] | None:
        """The next row of a take that is not finished before it began, if there is one."""
        try:
            return next((row for row in take if not row.is_finished), None)
        except Exception as error:
            self._end(call, error)
            return None

    def _end(self, call: Call, error: Exception) -> None:
        """Give up what is left of a call."""
        call.is_over = True
        for row in [row for row, (_, its) in self._takes.items() if its is call]:
            row.is_finished = True  # so that it makes way
            del self._takes[row]
        self._waiting = deque(row for row in self._waiting if row in self._takes)
        if self._failed is None:
            raise error
        self._failed(call.owner, error)

    def _stepping(self) -> Iterator[Row[Any]]:
        while self._batched is not None:
            yield from self._batched(self._network, self._more, self._width, self._recontext)

    def _more(self, room: int) -> list[Row[Any]]:
        return [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]

    def _write(self, takes: Iterable[Take], call: Call) -> None:
        """To the end, in groups: so each has its place, whatever others there are."""
        waiting = iter(takes)
        while group := dict(enumerate(islice(waiting, self._width))):
            while rows := {
                place: row
                for place, take in group.items()
                if not call.is_over and (row := self._next(take, call)) is not None
            }:
                try:
                    with few_threads():
                        for _ in decode_group(self._network, rows, self._width, self._recontext):
                            pass
                except Exception as error:
                    self._end(call, error)


def counter(
    grammar: BarGrammar, total: int, progress: Progress | None
) -> Callable[[int], None] | None:
    """What gets every id of a grammar and tells how many bars are written, of so many."""
    if progress is None:
        return None
    closing, done = set(grammar.pooled.tolist()), 0

    def told(id_: int) -> None:
        nonlocal done
        if id_ in closing:
            done += 1
            # A bar line is written once more than there are bars where the prompt has none yet,
            # and a take that is written anew has its bars again.
            progress(min(done, total), total)

    return told
