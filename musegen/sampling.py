"""Choosing one id from logits: temperature, top-k, top-p, min-p, and the random numbers.

Arrays here are numpy's: a few hundred logits cost less there than in torch, and the settings can be
checked before torch is loaded. Axes: `V` vocabulary, or what of it may come; other axes stand
before it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate, chain, count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from musegen.errors import UsageError

Logits = NDArray[np.float32]


class Choices(NamedTuple):
    """What may come next."""

    ids: NDArray[np.int64]
    """Each once."""
    closing: int = -1
    """The index in `ids` of what stands for all that the network takes for one, or -1."""
    lean: Callable[[Logits], Logits] | None = None
    """Makes some of their logits higher, others lower."""


BLOCK = 64
"""Random numbers made at once."""
COLDEST = 1e-6
"""Temperatures above 0 act as this at least, or the gaps between logits would overflow."""


@dataclass(frozen=True)
class Sampling:
    """How adventurous the choice is; the rules are applied in this order."""

    temperature: float = 1.0
    """0 to 2: lower is safer, higher is wilder, 0 always takes the likeliest."""
    top_k: int = 0
    """Keep only so many of the likeliest; 0 keeps all."""
    top_p: float = 1.0
    """Keep the likeliest that reach this share of the probability together, above 0 to 1."""
    min_p: float = 0.0
    """Keep what is at least this fraction as probable as the likeliest, 0 to below 1."""

    def __post_init__(self) -> None:
        if not 0 <= self.temperature <= 2:
            raise UsageError(f"temperature {self.temperature} is not between 0 and 2")
        if not isinstance(self.top_k, int) or self.top_k < 0:
            raise UsageError(f"top_k {self.top_k} is not 0 (off) or a whole number above")
        if not 0 < self.top_p <= 1:
            raise UsageError(f"top_p {self.top_p} is not above 0 and at most 1")
        if not 0 <= self.min_p < 1:
            raise UsageError(f"min_p {self.min_p} is not at least 0 and below 1")


def streams(seed: int, indices: Iterable[int], attempt: int = 0) -> list[np.random.Generator]:
    """One stream of random numbers per variation; number k depends on `seed` and k alone.

    Each further `attempt` at a variation has another.
    """
    keys = ((k, attempt) if attempt else (k,) for k in indices)
    return [
        np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key)))
        for key in keys
    ]


def numbers(stream: np.random.Generator) -> Callable[[], float]:
    """What gives the stream's numbers one by one; they are made many at a time."""
    return chain.from_iterable(stream.random(BLOCK).tolist() for _ in count()).__next__


def together(logits: Logits) -> np.float32:
    """The logit of what is as probable as all of these [P]."""
    highest = logits.max()
    return np.float32(highest + np.log(np.exp(logits - highest).sum()))


def draw(logits: Logits, sampling: Sampling, random: Callable[[], float]) -> int:
    """Choose an id from logits [V], with one number 0..1; at temperature 0 with none.

    Between two steps of a network little of this is in a processor's caches: it costs by how much
    code it runs through, hence plain lists.
    """
    if not logits.size or not math.isfinite(logits[logits.argmax()]):
        raise RuntimeError("nothing can be chosen: the logits are not finite, or all are masked")
    if sampling.temperature == 0:
        return int(logits.argmax())
    kept = filtered(logits, sampling)
    weights = np.exp(kept - kept[kept.argmax()]).tolist()
    if sampling.min_p:
        weights = min_p(weights, sampling.min_p)
    totals = list(accumulate(weights))
    # 1 - random() is above 0, so that what has no probability is never reached.
    return bisect_left(totals, (1.0 - random()) * totals[-1])


def filtered(logits: Logits, sampling: Sampling) -> Logits:
    """Apply the rules but min-p to logits [..., V]; what they rule out becomes -inf."""
    if sampling.temperature != 1:
        logits = tempered(logits, sampling.temperature)
    if sampling.top_k:
        logits = top_k(logits, sampling.top_k)
    if sampling.top_p < 1:
        logits = top_p(logits, sampling.top_p)
    return logits


def tempered(logits: Logits, temperature: float) -> Logits:
    """Widen or narrow the gaps between logits [..., V]; the likeliest stands at 0."""
    gaps: Logits = logits - logits.max(axis=-1, keepdims=True)
    return gaps / np.float32(max(temperature, COLDEST))


def top_k(logits: Logits, k: int) -> Logits:
    """Keep the k largest of each row [..., V], and what equals the least of them."""
    if k >= logits.shape[-1]:
        return logits
    return at_least(logits, np.partition(logits, -k, axis=-1)[..., -k, None])


def top_p(logits: Logits, p: float) -> Logits:
    """Keep the fewest of the likeliest of each row [..., V] that reach probability p together.

    What equals the least of them stays too. The source is Holtzman et al. 2020 (nucleus sampling).
    """
    falling = np.sort(logits, axis=-1)[..., ::-1]
    totals = probabilities(falling).cumsum(axis=-1)
    needed = (totals < p * totals[..., -1:]).sum(axis=-1, keepdims=True)  # how many, less 1
    return at_least(logits, np.take_along_axis(falling, needed, axis=-1))


def min_p(weights: list[float], p: float) -> list[float]:
    """Keep what is at least p times as probable as the likeliest, whose weight is 1."""
    return [weight if weight >= p else 0.0 for weight in weights]


def at_least(logits: Logits, least: Logits) -> Logits:
    """Rule out what is below `least` [..., 1]."""
    return np.where(logits >= least, logits, np.float32(-np.inf))


def probabilities(logits: Logits) -> Logits:
    """Probabilities [..., V], the likeliest taken as 1: they are not divided by their sum."""
    gaps: Logits = logits - logits.max(axis=-1, keepdims=True)
    return np.exp(gaps)
