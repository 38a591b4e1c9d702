"""What a verb is told, checked before a model is loaded."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from musegen import limits
from musegen.codecs.layout import METERS
from musegen.errors import UsageError
from musegen.general_midi import instrument
from musegen.sampling import Sampling
from musegen.song import Key, Meter

TEMPO_RANGE = (20.0, 400.0)


Variations = int | Sequence[int]
"""How many, or the numbers of those wanted, from 0 on: each is the same either way."""


@dataclass(frozen=True)
class Options:
    """What all verbs share."""

    numbers: tuple[int, ...]
    """Of the variations that are wanted, each once, rising from 0."""
    seed: int
    sampling: Sampling

    @classmethod
    def checked(
        cls,
        variations: Variations,
        seed: int | None,
        temperature: float,
        top_k: int,
        top_p: float,
        min_p: float,
    ) -> Options:
        """The options, with a seed drawn if there is none. UsageError or LimitError."""
        if not isinstance(variations, Sequence):
            check_count("variations", variations)
            variations = range(variations)
        elif not variations or any(not isinstance(n, int) or n < 0 for n in variations):
            raise UsageError("variations are numbers from 0 on, one or more")
        limits.VARIATIONS.check(len(variations), f"{len(variations):,} variations")
        if seed is not None and (not isinstance(seed, int) or seed < 0):
            raise UsageError(f"seed {seed} is not a whole number from 0 on")
        drawn = secrets.randbelow(2**32) if seed is None else seed
        numbers = tuple(sorted(set(variations)))
        return cls(numbers, drawn, Sampling(temperature, top_k, top_p, min_p))

    @property
    def remarks(self) -> tuple[str, ...]:
        if self.sampling.temperature == 0 and len(self.numbers) > 1:
            return ("at temperature 0 all variations are the same",)
        return ()


def check_count(what: str, number: int) -> None:
    if not isinstance(number, int) or number < 1:
        raise UsageError(f"{what} {number} is not a whole number from 1 on")


def check_length(bars: int) -> None:
    check_count("length", bars)
    limits.LENGTH.check(bars, f"a length of {bars:,} bars")


def parse_meter(meter: Meter | str | None) -> Meter | None:
    """A metre such as "3/4", of those the models know."""
    if isinstance(meter, str):
        found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", meter)
        meter = Meter(0, int(found[1]), int(found[2])) if found else Meter(0, 0, 0)
        if (meter.numerator, meter.denominator) not in METERS:
            known = " ".join(f"{n}/{d}" for n, d in METERS)
            raise UsageError(f"metre must be one of {known}")
    return meter


def parse_key(key: Key | str | None) -> Key | None:
    if isinstance(key, str):
        try:
            return Key.parse(key)
        except ValueError as error:
            raise UsageError(str(error)) from None
    return key


def parse_names(names: Sequence[str] | str) -> tuple[str, ...]:
    """Names as a tuple; one alone may come as itself."""
    return (names,) if isinstance(names, str) else tuple(names)


def parse_instruments(names: Sequence[str] | str | None) -> tuple[tuple[int, bool], ...] | None:
    """(program, is_drum) of names or numbers of instruments; at most one kit of drums."""
    if names is None:
        return None
    found = tuple(instrument(name) for name in parse_names(names))
    if not found or sum(is_drum for _, is_drum in found) > 1:
        raise UsageError("instruments must be one or more, with one drum kit at most")
    return found


def check_tempo(tempo: float | None) -> None:
    low, high = TEMPO_RANGE
    if tempo is not None and not low <= tempo <= high:
        raise UsageError(f"tempo {tempo:g} is not between {low:g} and {high:g} bpm")
