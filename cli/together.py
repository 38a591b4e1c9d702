"""The work of a run on many inputs, several at a time: takes are written here as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from musegen.verbs.batch import Batch
from musegen.verbs.takes import Each

from .console import TAKES, percent
from .interrupts import held_back
from .job import Job
from .report import Report

if TYPE_CHECKING:
    from musegen.verbs import Takes


@dataclass(eq=False)
class Call:
    """Gets the takes of one input."""

    job: Job
    left: int
    """Takes that are to come, and one for the end of the call; none if it failed."""
    share: float = 0.0
    """How much of it is done."""

    def __call__(self, number: int, takes: Takes) -> None:
        self.job.add(number, takes)
        self.came()

    def came(self) -> None:
        """One more of what was left; with the last, tell of it."""
        self.left -= 1
        if not self.left:
            self.job.finish()
            self.job.tell()


class Together:
    """Has the calls of a verb for one input after the other worked on in one batch."""

    def __init__(self, report: Report, options: Mapping[str, Any]) -> None:
        """`options` are the same for every call."""
        self.report, self.options = report, options
        self._batch = Batch(self._fail)
        self._calls, self._done = 0, 0.0
        """How many there were, and how much of them is done."""
        self._update = percent(report.enter(report.progress(report.command, TAKES, is_all=True)))

    def add(self, job: Job, verb: Callable[..., Takes], numbers: Sequence[int]) -> None:
        """Let `verb` make these variations, of which `job` makes files; most are made later."""
        with held_back():
            import torch  # noqa: F401 (broken off in the middle, it takes Python along)
        call = Call(job, len(numbers) + 1)
        self._calls += 1

        def progress(done: int, total: int) -> None:
            self._told(call, done / total)

        own = {"variations": numbers, "progress": progress, "each": call, "batch": self._batch}
        try:
            takes = verb(**{**self.options, **own})
        except Exception:
            self._told(call, 1)
            raise
        if call.left > 0:
            job.gather(takes, numbers)
            call.came()

    def finish(self) -> None:
        """Have all made that is left."""
        self._batch.finish()

    def _fail(self, call: Each, error: Exception) -> None:
        assert isinstance(call, Call)
        call.left = 0
        self._told(call, 1)
        with self.report.attempt(call.job.input_name, is_new=False):
            raise error

    def _told(self, call: Call, share: float) -> None:
        self._done += share - call.share
        call.share = share
        if self._update is not None:
            others = self.report.attempts - self._calls  # that could not be read, or are there
            self._update((self._done + others) / self.report.expected)
