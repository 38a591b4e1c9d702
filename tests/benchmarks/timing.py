"""What the benchmarks share: things that take turns, and figures beside what they should reach."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """A figure and its bound: the most, or with `least` the least, that it should be."""

    what: str
    figure: float
    bound: float
    least: bool = False

    @property
    def line(self) -> str:
        reached = self.figure >= self.bound if self.least else self.figure <= self.bound
        bound = f"{'at least' if self.least else 'at most'} {self.bound:.3g}"
        return f"{self.what:<64}{self.figure:8.3f}   {bound:<15}{'' if reached else 'missed'}"


def show(goals: Sequence[Goal]) -> None:
    """Print figures beside their targets, where there are any."""
    if not goals:
        return
    print(f"\n{'':<64}{'figure':>8}   target")
    for goal in goals:
        print(goal.line.rstrip())


def in_turns(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, float]:
    """The median seconds of each, after one run that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            began = clock()
            run()
            if repeat:
                seconds[name].append(clock() - began)
    return {name: statistics.median(each) for name, each in seconds.items()}


def table(title: str, rows: Sequence[tuple[str, float, int]], tokens: int) -> None:
    """Print names, ms a step, and tokens a second of so many rows; seconds are of all steps."""
    print(f"\n{title:<46}{'ms/step':>9}{'tokens/s':>10}")
    for name, seconds, count in rows:
        print(f"{name:<46}{seconds / tokens * 1e3:9.3f}{count * tokens / seconds:10.0f}")
