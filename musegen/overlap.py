"""How alike two samples of a number are: the overlapped area of their densities, and the KL.

After mgeval (Yang & Lerch, 2018): Gaussian kernels with a bandwidth by Scott's rule. Two things
differ, so that a sample that hardly varies does not upset them: both densities have one bandwidth,
of the spread inside the samples, and areas reach as far as the kernels do, so that a sample
overlaps itself wholly. And what is compared are the numbers themselves, as most papers have it
since; mgeval compares the distances between them.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from musegen.time import FloatArray

REACH = 5.0
"""Bandwidths beyond the outermost values."""
POINTS = 6.0
"""Per bandwidth."""
BACKGROUND = 1e-6
"""Share of a density that is put everywhere alike, so that the KL from it is finite."""
HALVINGS = 20


class Overlap(NamedTuple):
    area: float
    """0 where the densities do not meet, 1 where they are the same."""
    divergence: float
    """The Kullback-Leibler divergence of the first from the second, in nats."""


NONE = Overlap(math.nan, math.nan)


def overlap(first: FloatArray, second: FloatArray) -> Overlap:
    """Of two samples [N] and [M], without what is nan; nan where one has fewer than two numbers."""
    first, second = (values[~np.isnan(values)] for values in (first, second))
    if min(len(first), len(second)) < 2:
        return NONE
    spread = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    size = (len(first) + len(second)) / 2
    bandwidth = spread * size**-0.2
    both = np.concatenate((first, second))
    low, high = float(both.min()), float(both.max())
    if bandwidth <= 1e-9 * max(abs(low), abs(high)):
        return Overlap(1.0, 0.0) if low == high else Overlap(0.0, -math.log(BACKGROUND))
    low, high = low - REACH * bandwidth, high + REACH * bandwidth
    at = np.linspace(low, high, math.ceil((high - low) / bandwidth * POINTS) + 1)
    one, other = (_density(values, at, bandwidth) for values in (first, second))
    covered = (1 - BACKGROUND) * other + BACKGROUND / len(at)
    heard = one > 0
    divergence = float((one[heard] * np.log(one[heard] / covered[heard])).sum())
    return Overlap(float(np.minimum(one, other).sum()), max(divergence, 0.0))


def _density(values: FloatArray, at: FloatArray, bandwidth: float) -> FloatArray:
    """The share of a sample [N] that is at each point [P], all together 1."""
    heights = np.zeros(len(at))
    for value in values:
        heights += np.exp(-0.5 * ((at - value) / bandwidth) ** 2)
    return np.asarray(heights / heights.sum())


def between_halves(values: FloatArray, rng: np.random.Generator) -> Overlap:
    """What two halves of one sample, drawn by chance, have: what chance alone takes away.

    The mean of some such halvings.
    """
    values = values[~np.isnan(values)]
    half = len(values) // 2
    found = []
    for _ in range(HALVINGS):
        mixed = rng.permutation(values)
        found.append(overlap(mixed[:half], mixed[half:]))
    return Overlap(*np.mean(found, axis=0).tolist())
