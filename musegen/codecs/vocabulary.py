"""A vocabulary is a row of named ranges: token ids are offsets, values are what they mean.

After the event codec of MT3 (Gardner et al., 2022), where each event type owns a contiguous range.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Range:
    """`size` ids from `first` on; value v has the id `first + v`."""

    name: str
    first: int
    size: int

    @property
    def stop(self) -> int:
        return self.first + self.size

    def __contains__(self, token: int) -> bool:
        return self.first <= token < self.stop


class Vocabulary:
    """Ranges laid end to end, in the order given."""

    def __init__(self, sizes: Iterable[tuple[str, int]]) -> None:
        ranges: list[Range] = []
        for name, size in sizes:
            ranges.append(Range(name, ranges[-1].stop if ranges else 0, size))
        self.ranges = tuple(ranges)

    @cached_property
    def _by_name(self) -> dict[str, Range]:
        return {r.name: r for r in self.ranges}

    @cached_property
    def _by_token(self) -> list[tuple[str, int]]:
        return [(r.name, value) for r in self.ranges for value in range(r.size)]

    def __len__(self) -> int:
        return self.ranges[-1].stop

    def __getitem__(self, name: str) -> Range:
        return self._by_name[name]

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def token(self, name: str, value: int = 0) -> int:
        """The id of `value` in the range `name`; IndexError outside it."""
        found = self._by_name[name]
        if not 0 <= value < found.size:
            raise IndexError(f"{name} {value} is outside 0..{found.size - 1}")
        return found.first + value

    def meaning(self, token: int) -> tuple[str, int]:
        """The range and the value that an id stands for."""
        return self._by_token[token]
