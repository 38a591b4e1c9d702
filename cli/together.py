"""The work of a run on many inputs, several at a time: takes are written here as they come."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from musegen.verbs.batch import Batch

from .job import Job
from .report import Report

if TYPE_CHECKING:
    from musegen.verbs import Takes


class Together:
    """Has the calls of a verb for one input after the other worked on in one batch."""

    def __init__(self, report: Report, variations: int) -> None:
        self.report, self.variations = report, variations
        self._batch = Batch()
        self._left: dict[Job, int] = {}
        """Of each that has not failed: the takes that are to come, and one for the call."""
        self._asked = self._done = 0
        self._update = report.enter(report.progress(report.command, "takes", is_all=True))

    def add(
        self,
        job: Job,
        verb: Callable[..., Takes],
        numbers: Sequence[int],
        options: Mapping[str, Any],
    ) -> None:
        """Let `verb` make these variations, of which `job` makes files; most are made later."""
        own = {"variations": numbers, "progress": None, "each": partial(self._take, job)}
        self._asked += len(numbers)
        self._left[job] = len(numbers) + 1
        try:
            takes = verb(**{**options, **own}, batch=self._batch)
            job.gather(takes, numbers)
            self._count(job, len(takes) + 1)
        except Exception:
            self._asked -= len(numbers)
            self._left.pop(job, None)
            raise

    def finish(self) -> None:
        """Have all made that is left."""
        self._batch.finish()

    def _take(self, job: Job, number: int, takes: Takes) -> None:
        self._done += 1
        if self._update is not None:
            self._update(self._done, self._asked + self.report.to_come * self.variations)
        if job not in self._left:
            return
        with self.report.attempt(job.input_name, is_new=False):
            try:
                job.add(number, takes)
                self._count(job, 1)
            except Exception:
                del self._left[job]
                raise

    def _count(self, job: Job, came: int) -> None:
        """So many of what is left of a job came; tell of it if nothing is."""
        self._left[job] -= came
        if not self._left[job]:
            job.finish()
            job.tell()
