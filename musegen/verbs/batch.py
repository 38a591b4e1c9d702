"""Takes of several calls, made together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from musegen import models
from musegen.errors import UsageError
from musegen.verbs.takes import Each

if TYPE_CHECKING:
    from musegen.index import Index
    from musegen.writing import Writing


class Batch:
    """Calls of `generate`, `continue_` and `infill` that are worked on together.

    >>> with musegen.Batch() as batch:
    ...     for n, song in enumerate(songs):
    ...         musegen.continue_(song, variations=1, seed=1, each=keep(n), batch=batch)

    It takes much less time than one call after the other, and every take is the same as without. A
    call returns before its takes are made: `each` gets them while later calls are made or, at the
    latest, when the block ends. About as many takes are in the making as memory and processor are
    best used with, so that there may be any number of calls.
    """

    def __init__(self) -> None:
        self._writings: dict[tuple[str, str], Writing] = {}
        self._indexes: dict[str, Index | None] = {}

    def writing(self, model: str, device: str) -> Writing:
        """What writes with a model, which is loaded once. ModelError or LimitError."""
        if (model, device) not in self._writings:
            loaded = models.load(model, device)

            from musegen.writing import Writing

            self._writings[model, device] = Writing(loaded)
        return self._writings[model, device]

    def index(self, model: str) -> Index | None:
        """What knows the music that a model was trained on, if anything does. ModelError."""
        if model not in self._indexes:
            from musegen.index import beside

            self._indexes[model] = beside(models.find(model))
        return self._indexes[model]

    def finish(self) -> None:
        """Make all takes that are left."""
        for writing in self._writings.values():
            writing.finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.finish()


@contextmanager
def joined(batch: Batch | None, each: Each | None) -> Iterator[Batch]:
    """The batch of a call, or one of its own. UsageError where takes would be nobody's."""
    if batch is None:
        with Batch() as own:
            yield own
    elif each is None:
        raise UsageError("a batch makes takes after its calls: give each, which gets them")
    else:
        yield batch
