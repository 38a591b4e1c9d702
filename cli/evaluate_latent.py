"""`musegen evaluate reconstruction`, `interpolation` and `attributes`: latent spaces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musegen import limits

from . import bundles, measuring, options
from .console import markdown, progress
from .measuring import measured
from .values import MAX_SEED, whole

if TYPE_CHECKING:
    from musegen.codecs.steps import StepsLayout
    from musegen.data.steps import Windows
    from musegen.models import Model

    from .report import Report

PUBLISHED = {
    ("melody", 2): (0.986, 0.951),
    ("drums", 2): (0.979, 0.917),
    ("melody", 16): (0.919, 0.812),
}
"""Accuracies of MusicVAE (Roberts et al., ICML 2018), told and sampled, by part and bars."""


def held_out(windows: int) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Adds the arguments that the commands share; `windows` is how many they take."""

    def decorate(function: Callable[..., int]) -> Callable[..., int]:
        for option in (
            whole("--seed", 0, MAX_SEED, 1, "Of what is chosen by chance."),
            whole("--windows", 1, 100_000, windows, "How many, or pairs of them."),
            measuring.split,
            measuring.data,
            measuring.model,
        ):
            function = option(function)
        return function

    return decorate


def _loaded(model: str, data: Path, split: str) -> tuple[Model, StepsLayout, Windows]:
    from musegen import models
    from musegen.data import shards
    from musegen.data.steps import Windows

    loaded = models.load(model)
    layout = models.steps_layout(loaded.recipe)
    shards.check(data, layout, (c.name for c in loaded.recipe.corpora))
    weights = [1.0] * len(loaded.recipe.corpora)
    return loaded, layout, Windows(data, split, layout, weights)


@click.command()
@held_out(1000)
@bundles.messages
@options.debug
def reconstruction(messages: dict[str, Any], **asked: Any) -> int:
    """How much of held-out bars MODEL makes again from their latent vector."""
    return measured("reconstruction", messages, asked, _reconstruction, _reconstruction_page)


def _reconstruction(
    report: Report, model: str, data: Path, split: str, windows: int, seed: int
) -> dict[str, Any]:
    from musegen.evaluate_latent import reconstruction as measure

    loaded, layout, lot = _loaded(model, data, split)
    rows = []
    for bars in layout.bars:
        with progress(f"{bars} bars", wanted=not report.quiet, unit="windows") as update:
            rows.append(asdict(measure(loaded, lot, bars, windows, seed, update)))
    return {"model": loaded.name, "split": split, "part": layout.part, "rows": rows}


def _reconstruction_page(found: dict[str, Any]) -> list[str]:
    rows = []
    for row in found["rows"]:
        shares = (row["told"], row["sampled"], row["greedy"], row["notes"])
        name = f"{row['bars']} bars, {row['windows']:,} windows"
        rows.append([name, *(f"{share:.3f}" for share in shares)])
        if published := PUBLISHED.get((found["part"], row["bars"])):
            told, sampled = (f"{share:.3f}" for share in published)
            rows.append(["MusicVAE, on its own data", told, sampled, "", ""])
    return [
        *markdown(["", "told the steps before", "sampled", "greedy", "F1 of greedy notes"], rows),
        "",
        f"The {found['split']} split. Shares of the steps that are right. MusicVAE's are "
        "published, on another and larger corpus, of about 1.5 million files.",
    ]


@click.command()
@held_out(200)
@whole("--bars", 1, 16, 4, "Bars of each window.")
@whole("--steps", 3, limits.STEPS, 5, "Steps of the way.")
@click.option("--judge", metavar="MODEL", help="A model of tokens that says how likely they are.")
@click.option("--no-leaning", is_flag=True, help="Let melodies lean to no scale on the way.")
@options.temperature_of_road
@bundles.messages
@options.debug
def interpolation(messages: dict[str, Any], **asked: Any) -> int:
    """What lies between held-out bars in the latent space of MODEL."""
    return measured("interpolation", messages, asked, _interpolation, _interpolation_page)


def _interpolation(
    report: Report,
    model: str,
    data: Path,
    split: str,
    windows: int,
    seed: int,
    bars: int,
    steps: int,
    judge: str | None,
    no_leaning: bool,
    temperature: float,
) -> dict[str, Any]:
    from musegen import models
    from musegen.evaluate_latent import roads
    from musegen.sampling import Sampling

    loaded, _, lot = _loaded(model, data, split)
    with progress(loaded.name, wanted=not report.quiet, unit="pairs") as update:
        road = roads(
            loaded,
            lot,
            bars,
            windows,
            steps,
            seed,
            Sampling(temperature),
            None if judge is None else models.load(judge),
            update,
            leaning=not no_leaning,
        )
    return {"model": loaded.name, "split": split, "bars": bars, **asdict(road)}


def _interpolation_page(found: dict[str, Any]) -> list[str]:
    rows = [
        ["distance to A rises", f"{found['away']:.3f}"],
        ["distance to B falls", f"{found['nearer']:.3f}"],
        ["nothing changes", f"{found['still']:.3f}"],
    ]
    rows += [[f"bits per note, {name}", f"{b:.2f}"] for name, b in found["bits"].items()]
    rows += [[f"notes in one scale, {name}", f"{s:.3f}"] for name, s in found["in_key"].items()]
    what = f"{found['pairs']} pairs of {found['bars']} bars, {found['steps']} steps"
    return markdown(["", f"{what}, {found['split']} split"], rows)


@click.command()
@held_out(300)
@whole("--bars", 1, 16, 4, "Bars of each window.")
@bundles.messages
@options.debug
def attributes(messages: dict[str, Any], **asked: Any) -> int:
    """What --more and --less of each attribute do to held-out bars, in standard deviations."""
    return measured("attributes", messages, asked, _attributes, _attributes_page)


def _attributes(
    report: Report, model: str, data: Path, split: str, windows: int, seed: int, bars: int
) -> dict[str, Any]:
    from musegen.evaluate_latent import movements

    loaded, _, lot = _loaded(model, data, split)
    with progress(loaded.name, wanted=not report.quiet, unit="windows") as update:
        moves = movements(loaded, lot, bars, windows, seed, update)
    rows = [asdict(move) for move in moves]
    return {"model": loaded.name, "split": split, "bars": bars, "rows": rows}


def _attributes_page(found: dict[str, Any]) -> list[str]:
    rows = [
        [f"{word} {row['name']}", *(f"{c:+.2f}" for c in row[word].values()), f"{row['moved']:.3f}"]
        for row in found["rows"]
        for word in ("more", "less")
    ]
    names = [row["name"] for row in found["rows"]]
    return markdown(["", *names, "more is more than less"], rows)
