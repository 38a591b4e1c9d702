"""Takes out of a model of tokens: many in the making together, whatever each was asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from musegen import limits
from musegen.batching import batched, width_for
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


class Writing:
    """Goes on with the takes of one model."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._network = model.decoder
        limit = (self._network.context or 0) // 2
        self._recontext = partial(model.codec.recent, limit=limit)
        self._takes: dict[Row[Any], Take] = {}
        """That are not finished, by the row of each."""
        self._waiting: deque[Row[Any]] = deque()
        """Those of the rows that have not begun."""
        self._width = width_for(self._network, limits.BATCH_MIB.value)
        self._steps = self._stepping()

    def add(self, takes: Iterable[Take]) -> None:
        """Go on with these too: until there is room for all that was added, or to the end."""
        if not self._network.is_steady:
            self._write(takes)
            return
        for take in takes:
            self._go_on(take)
            self._run(self._width)

    def finish(self) -> None:
        """Go on to the end of all."""
        self._run(0)

    def _run(self, left: int) -> None:
        """Go on until so many takes are left at most."""
        with few_threads():
            while len(self._takes) > left:
                row = next(self._steps)
                if row.is_finished:
                    self._go_on(self._takes.pop(row))

    def _go_on(self, take: Take) -> None:
        """Let the next row of a take wait for room."""
        for row in take:
            if not row.is_finished:
                self._takes[row] = take
                self._waiting.append(row)
                return

    def _stepping(self) -> Iterator[Row[Any]]:
        while True:
            yield from batched(self._network, self._more, self._width, self._recontext)

    def _more(self, room: int) -> list[Row[Any]]:
        return [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]

    def _write(self, takes: Iterable[Take]) -> None:
        """To the end, in groups of `WIDTH`: so each has its place, whatever others there are."""
        waiting = iter(takes)
        with few_threads():
            while group := dict(enumerate(islice(waiting, WIDTH))):
                while rows := {
                    place: row
                    for place, take in group.items()
                    if (row := next(take, None)) is not None
                }:
                    for _ in decode_group(self._network, rows, WIDTH, self._recontext):
                        pass


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
