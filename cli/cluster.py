"""The work of a run on a Ray cluster: inputs times variations, written here as they come back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from musegen.spreading import cluster, spread

from .job import Job
from .report import Report

if TYPE_CHECKING:
    from musegen.verbs import Takes

TOGETHER = 64
"""Variations of one input that are made in one call, at most."""


@dataclass(frozen=True)
class Part:
    """Some variations of one input, which are one call."""

    job: Job
    call: Callable[[], Takes]
    numbers: Sequence[int]


class Cluster:
    """Gathers what there is to do, and then has it done all at once."""

    def __init__(self, report: Report, address: str, options: Mapping[str, Any]) -> None:
        """`options` are the same for every verb."""
        self.report, self.address, self.options = report, address, options
        self._asked: list[tuple[Job, Callable[..., Takes], Sequence[int]]] = []

    def add(self, job: Job, verb: Callable[..., Takes], numbers: Sequence[int]) -> None:
        """Let `verb` make these variations, of which `job` makes files."""
        self._asked.append((job, verb, numbers))

    def finish(self) -> None:
        """Have all done that was added."""
        if not self._asked:
            return
        takes = sum(len(numbers) for _, _, numbers in self._asked)
        with (
            cluster(self.address) as processors,
            self.report.progress(self.report.command, "takes", is_all=True) as update,
        ):
            parts = [*self._parts(min(TOGETHER, ceil(takes / processors)))]
            calls = [part.call for part in parts]
            left = Counter(part.job for part in parts)
            failed: set[Job] = set()
            done = 0
            for number, made in spread(calls, gpus=self.options["device"] == "cuda"):
                part = parts[number]
                job, name = part.job, part.job.input_name
                with self.report.attempt(name, is_new=False):
                    if not isinstance(made, Exception):
                        job.gather(made, part.numbers)
                    elif job not in failed:
                        failed.add(job)
                        raise made
                left[job] -= 1
                if not left[job]:
                    with self.report.attempt(name, is_new=False):
                        job.finish()
                        job.tell()
                done += len(part.numbers)
                if update is not None:
                    update(done, takes)

    def _parts(self, size: int) -> Iterator[Part]:
        for job, verb, numbers in self._asked:
            for first in range(0, len(numbers), size):
                some = numbers[first : first + size]
                call = partial(verb, **{**self.options, "variations": some})
                yield Part(job, call, some)
