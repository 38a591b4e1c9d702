"""`musegen evaluate infill`: how near a model comes to bars that were hidden from it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import bundles, measuring, options
from .console import markdown, progress
from .measuring import measured
from .values import MAX_SEED, whole

if TYPE_CHECKING:
    from .report import Report

NAMES = {
    "infill": "infill",
    "continue": "continuation that cannot see ahead",
    "copy": "previous bars copied",
}
"""What each way of filling is called."""


@click.command()
@measuring.model
@measuring.data
@measuring.split
@whole("--pieces", 1, 100_000, 60, "Held-out pieces, at most.")
@whole("--bars", 1, 5, 2, "Bars that are hidden, of one track.")
@whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same gaps and takes.")
@options.device
@bundles.messages
@options.debug
def infill(messages: dict[str, Any], **asked: Any) -> int:
    """How many notes MODEL writes that are those hidden from it, beside what knows less.

    A few bars of one track are hidden, in the middle of 16. A note is right that begins when a
    hidden one does, at its pitch.
    """
    return measured("infill", messages, asked, _infill, _page)


def _infill(
    report: Report,
    model: str,
    data: Path,
    split: str,
    pieces: int,
    bars: int,
    seed: int,
    device: str,
) -> dict[str, Any]:
    from musegen import models
    from musegen.data import shards
    from musegen.errors import UsageError
    from musegen.evaluate_infill import BARS, gaps, infilling
    from musegen.verbs.takes import serving

    recipe = serving("infill", model)
    shards.check(data, recipe.codec, (corpus.name for corpus in recipe.corpora))
    chosen = list(gaps(shards.load(data, split), models.bar_codec(recipe), pieces, bars, seed))
    if not chosen:
        raise UsageError(f"no piece of this split has {BARS} bars with a part to hide")
    with progress(recipe.name, wanted=not report.quiet, unit="pieces") as update:
        found = infilling(model, chosen, device=device, seed=seed, report=update)
    return {
        "model": recipe.name,
        "split": split,
        "pieces": len(chosen),
        "bars": bars,
        "notes": found["infill"].hidden,
        "rows": [
            {
                "name": name,
                "f1": matches.f1,
                "precision": matches.precision,
                "recall": matches.recall,
                "notes": matches.written,
            }
            for name, matches in found.items()
        ],
    }


def _page(found: dict[str, Any]) -> list[str]:
    bars = f"{found['bars']} bar{'s' * (found['bars'] > 1)}"
    head = f"{found['split']} split, {found['pieces']} gaps of {bars}, {found['notes']:,} notes"
    rows = [
        [
            NAMES[row["name"]],
            *(f"{row[measure]:.3f}" for measure in ("f1", "precision", "recall")),
            f"{row['notes']:,}",
        ]
        for row in found["rows"]
    ]
    return markdown([head, "onset and pitch F1", "precision", "recall", "notes written"], rows)
