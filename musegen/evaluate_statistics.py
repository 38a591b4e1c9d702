"""What a model writes beside what composers wrote, by the field's usual statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from musegen.analysis import FURTHEST, Statistics, bar_similarity, statistics
from musegen.overlap import between_halves, overlap
from musegen.song import Song
from musegen.time import FloatArray


@dataclass(frozen=True)
class Row:
    """One statistic of real pieces and of a model's; nan where there are too few numbers."""

    name: str
    real: float
    """Mean over the pieces in which it is defined."""
    model: float
    overlapped_area: float
    divergence: float
    """The Kullback-Leibler divergence of the real from the model's, in nats."""
    halves: float
    """The overlapped area of two halves of the real: what chance leaves of it."""


def compared(real: Sequence[Song], made: Sequence[Song], seed: int = 0) -> list[Row]:
    """A row for each of `Statistics`."""
    tables = [[statistics(song) for song in songs] for songs in (real, made)]
    rows = []
    for field in fields(Statistics):
        ours, theirs = (np.array([getattr(s, field.name) for s in table]) for table in tables)
        found = overlap(ours, theirs)
        halves = between_halves(ours, np.random.default_rng(seed))
        rows.append(Row(field.name, _mean(ours), _mean(theirs), *found, halves.area))
    return rows


@dataclass(frozen=True)
class Similarity:
    """How alike bars are, by how many bars they are apart (Museformer: Yu et al., 2022)."""

    bars: int
    real: float
    model: float


def curves(real: Sequence[Song], made: Sequence[Song]) -> list[Similarity]:
    """The mean of `bar_similarity` over the pieces, as far as both of them reach."""
    tables = [np.array([bar_similarity(song) for song in songs]) for songs in (real, made)]
    found = (
        Similarity(apart, *(_mean(table[:, apart - 1]) for table in tables))
        for apart in range(1, FURTHEST + 1)
    )
    return [point for point in found if not np.isnan((point.real, point.model)).any()]


def _mean(values: FloatArray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else float("nan")
