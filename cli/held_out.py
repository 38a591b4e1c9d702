"""What commands ask that let a model write in the place of what composers wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import limits

from . import bundles, options
from .console import progress
from .values import MAX_SEED, whole

if TYPE_CHECKING:
    from musegen.data.shards import Shard
    from musegen.models import Model
    from musegen.song import IntArray, Song

    from .report import Report

asked = bundles.bundle(
    "writing",
    whole("--pieces", 1, 100_000, 200, "Held-out pieces, at most."),
    whole("--prompt", 0, limits.LENGTH, 8, "Bars that the model hears; 0 to begin from nothing."),
    whole("--length", 1, limits.LENGTH, 8, "Bars that it writes."),
    options.temperature,
    options.min_p_of_tokens,
    whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same takes."),
    options.device,
)
"""Without a prompt, the model is told the piece's style, tempo, key, metre and instruments."""


@dataclass(frozen=True)
class Takes:
    """What composers and a model wrote in the same places, as ids with a header."""

    model: Model
    shard: Shard
    composers: list[IntArray]
    takes: list[IntArray]

    @classmethod
    def of(
        cls,
        report: Report,
        model: str,
        data: Path,
        split: str,
        *,
        pieces: int,
        prompt: int,
        length: int,
        temperature: float,
        min_p: float,
        seed: int,
        device: str,
    ) -> Takes:
        """UsageError where no piece of the split is long enough."""
        import numpy as np

        from musegen import models
        from musegen.data import shards
        from musegen.errors import UsageError
        from musegen.held_out import excerpts, ids_of, written
        from musegen.sampling import Sampling

        loaded = models.load(model, device)
        codec = models.bar_codec(loaded.recipe)
        shards.check(data, loaded.recipe.codec, (c.name for c in loaded.recipe.corpora))
        shard = shards.load(data, split)
        chosen = excerpts(shard, codec, pieces, prompt, length, seed)
        if not chosen:
            raise UsageError(f"no piece of this split has {prompt + length} bars")
        with progress(loaded.name, wanted=not report.quiet) as update:
            rows = written(loaded, chosen, length, Sampling(temperature, min_p=min_p), seed, update)
        real = [ids_of(piece.following, piece.header, codec) for piece in chosen]
        return cls(loaded, shard, *([np.array(ids) for ids in group] for group in (real, rows)))

    @property
    def songs(self) -> tuple[list[Song], list[Song]]:
        """The same as songs."""
        decode: Callable[[Any], Song] = self.model.codec.decode
        real, made = ([decode(ids.tolist()) for ids in g] for g in (self.composers, self.takes))
        return real, made


def known(number: float) -> float | None:
    """A number as JSON has it, which has no word for one that is not defined."""
    return number if isfinite(number) else None


def shown(number: float | None, places: int = 3) -> str:
    return "-" if number is None else f"{number:.{places}f}"
