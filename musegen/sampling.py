"""Choosing one id from logits: temperature, top-k, top-p, min-p, and the random numbers.

Between two steps of a network little of this is in a processor's caches: a choice costs by how much
code it runs through. So some hundred logits are plain numbers in lists here; only the top-k is left
to numpy. The settings can be checked before torch is loaded.

Axes: `V` vocabulary, or what of it may come.
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
NO_CHOICE = "nothing can be chosen: the logits are not finite, or all are masked"
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


def together(logits: Logits) -> float:
    """The logit of what is as probable as all of these [P]."""
    values: list[float] = logits.tolist()
    highest = max(values)
    return highest + math.log(sum([math.exp(value - highest) for value in values]))


def draw(logits: Logits, sampling: Sampling, random: Callable[[], float]) -> int:
    """Choose an id from logits [V], with one number 0..1; at temperature 0 with none."""
    if not len(logits):
        raise RuntimeError(NO_CHOICE)
    if sampling.temperature == 0:
        likeliest = int(logits.argmax())  # what is not a number, if there is any
        if not math.isfinite(logits[likeliest]):
            raise RuntimeError(NO_CHOICE)
        return likeliest
    places = None
    if 0 < sampling.top_k < len(logits):
        places = top_k(logits, sampling.top_k)
        logits = logits.take(places)
    totals = list(accumulate(weights(logits.tolist(), sampling)))
    if not math.isfinite(totals[-1]):
        raise RuntimeError(NO_CHOICE)
    # 1 - random() is above 0, so that what has no probability is never reached.
    drawn = bisect_left(totals, (1.0 - random()) * totals[-1])
    return drawn if places is None else int(places[drawn])


def top_k(logits: Logits, k: int) -> NDArray[np.intp]:
    """Where the k largest stand [k], rising; of equals at the end of them any."""
    places = logits.argpartition(-k)[-k:]
    places.sort()
    return places


def weights(logits: list[float], sampling: Sampling) -> list[float]:
    """How probable each is beside the likeliest; 0 where a rule but top-k leaves it out.

    One at least is not finite where a logit is not, -inf aside, or none is more than that.
    """
    highest, temperature = max(logits), max(sampling.temperature, COLDEST)
    min_p = sampling.min_p
    if sampling.top_p < 1:
        found = [math.exp((logit - highest) / temperature) for logit in logits]
        least = max(top_p(found, sampling.top_p), min_p)
        return [0.0 if weight < least else weight for weight in found]
    least = highest + temperature * math.log(min_p) if min_p else -math.inf
    return [0.0 if x < least else math.exp((x - highest) / temperature) for x in logits]


def top_p(weights: Iterable[float], p: float) -> float:
    """The least of the fewest that reach a share p of the sum of all, the largest first.

    The source is Holtzman et al. 2020 (nucleus sampling).
    """
    falling = sorted(weights, reverse=True)
    totals = list(accumulate(falling))
    return falling[bisect_left(totals, p * totals[-1])]
