"""`musegen evaluate control`: whether a model does what it is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from . import bundles, measuring, options
from .console import markdown, progress
from .held_out import known, shown
from .measuring import measured
from .values import MAX_SEED, whole

if TYPE_CHECKING:
    from .report import Report


@click.command()
@measuring.model
@options.variations_of(4, "pieces of each kind")
@whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same pieces.")
@options.device
@bundles.messages
@options.debug
def control(messages: dict[str, Any], **asked: Any) -> int:
    """How MODEL's pieces follow the density, polyphony, scale, chords and length asked for."""
    return measured("control", messages, asked, _control, _page)


def _control(report: Report, model: str, variations: int, seed: int, device: str) -> dict[str, Any]:
    from musegen.evaluate_control import LENGTH
    from musegen.evaluate_control import control as measure
    from musegen.verbs.takes import serving

    recipe = serving("generate", model)
    with progress(recipe.name, wanted=not report.quiet, unit="pieces") as update:
        found = measure(model, variations, device=device, seed=seed, report=update)

    def means(by: Mapping[float, float]) -> list[dict[str, float | None]]:
        return [{"asked": asked, "measured": known(mean)} for asked, mean in by.items()]

    return {
        "model": recipe.name,
        "split": None,
        "variations": variations,
        "length": LENGTH,
        "density": {
            "correlation": known(found.density),
            "means": means(found.densities),
        },
        "polyphony": {
            "correlation": known(found.polyphony),
            "kept": known(found.polyphony_kept),
            "means": means(found.polyphonies),
        },
        "scale": known(found.scale),
        "chords": known(found.chords),
        "bars": known(found.bars),
    }


def _page(found: dict[str, Any]) -> list[str]:
    density, polyphony = found["density"], found["polyphony"]
    rows = {
        "density: correlation of asked and measured": density["correlation"],
        "polyphony: correlation of asked and measured": polyphony["correlation"],
        "polyphony: tracks that keep to it": polyphony["kept"],
        "scale: notes that are in it": found["scale"],
        "chords: notes on the beats that are theirs": found["chords"],
        f"length: pieces of exactly {found['length']} bars": found["bars"],
    }

    def curve(head: str, measured: str, means: list[dict[str, float | None]]) -> list[str]:
        asked = [f"{mean['asked']:.3g}" for mean in means]
        return markdown([head, *asked], [[measured, *(shown(m["measured"], 2) for m in means)]])

    many = found["variations"]
    each = f"{many} piece{'s' * (many > 1)} for each thing asked"
    return [
        *markdown([each, found["model"]], [[name, shown(value)] for name, value in rows.items()]),
        "",
        *curve("density asked", "notes a quarter of a track", density["means"]),
        "",
        *curve("polyphony asked", "notes at once", polyphony["means"]),
    ]
