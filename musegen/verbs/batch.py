"""Takes of several calls, made together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

from musegen import index, models
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

    It takes less time than one call after the other, and every take is the same as without; on a
    GPU, but for rounding. A call returns before its takes are made: `each` gets them while later
    calls are made or, at the latest, when the block ends. No more takes are in the making than
    memory and processor are best used with, so that there may be any number of calls. (On
    processors without FBGEMM's kernels, and with an LSTM on a GPU, each call is made to its end;
    the model is loaded but once.)

    An error in a take, or in `each`, ends its call. It goes to `failed`, with the `each` of that
    call, and what other calls asked for goes on; without `failed` it is raised where it happens,
    which may be in a later call.
    """

    def __init__(self, failed: Callable[[Each, Exception], None] | None = None) -> None:
        self._failed = failed
        self._writings: dict[tuple[str, str], Writing] = {}
        self._indexes: dict[str, Index | None] = {}

    def writing(self, model: str, device: str) -> Writing:
        """What writes with a model, which is loaded once. ModelError or LimitError."""
        if (model, device) not in self._writings:
            loaded = models.load(model, device)

            from musegen.writing import Writing

            self._writings[model, device] = Writing(loaded, self._failed)
        return self._writings[model, device]

    def index(self, model: str) -> Index | None:
        """What knows the music that a model was trained on, if anything does. ModelError."""
        if model not in self._indexes:
            self._indexes[model] = index.beside(models.find(model))
        return self._indexes[model]

    def finish(self) -> None:
        """Make all takes that are left, and those that are asked for on the way."""
        while busy := [writing for writing in self._writings.values() if writing.is_busy]:
            for writing in busy:
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
