"""How far a long piece of work is, told as the share of it that is done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float], None]
"""Told the share, from 0 to 1."""


def part(progress: Progress | None, first: float, last: float) -> Progress | None:
    """For a part of the work: its 0 is `first` of the whole, its 1 is `last`."""
    if progress is None:
        return None
    return lambda share: progress(first + (last - first) * share)
