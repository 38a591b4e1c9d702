"""`musegen evaluate reconstruction`, `interpolation` and `attributes`: latent spaces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options
from .console import progress
from .evaluate_drums import table
from .values import MAX_SEED, whole

if TYPE_CHECKING:
    from musegen.codecs.steps import StepsLayout
    from musegen.data.steps import Windows
    from musegen.models import Model

PUBLISHED = {
    ("melody", 2): (0.986, 0.951),
    ("drums", 2): (0.979, 0.917),
    ("melody", 16): (0.919, 0.812),
}
"""Accuracies of MusicVAE (Roberts et al., ICML 2018), told and sampled, by part and bars."""


def held_out(windows: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Adds the arguments that the commands share; `windows` is how many they take."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        for option in (
            whole("--seed", 0, MAX_SEED, 1, "Of what is chosen by chance."),
            whole("--windows", 1, 100_000, windows, "How many, or pairs of them."),
            click.option(
                "--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True
            ),
            click.option(
                "--data",
                type=click.Path(path_type=Path),
                required=True,
                help="Folder of 'data prepare'.",
            ),
            click.argument("model"),
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
@options.debug
def reconstruction(model: str, data: Path, split: str, windows: int, seed: int) -> None:
    """How much of held-out bars MODEL makes again from their latent vector."""
    from musegen.evaluate_latent import reconstruction as measure

    loaded, layout, lot = _loaded(model, data, split)
    rows = []
    for bars in layout.bars:
        with progress(f"{bars} bars", wanted=True, unit="windows") as report:
            r = measure(loaded, lot, bars, windows, seed, report)
        shares = (r.told, r.sampled, r.greedy, r.notes)
        rows.append((f"{bars} bars, {r.windows:,} windows", [f"{s:.3f}" for s in shares]))
        if published := PUBLISHED.get((layout.part, bars)):
            told, sampled = (f"{s:.3f}" for s in published)
            rows.append(("MusicVAE, on its own data", [told, sampled, "", ""]))
    table(("told the steps before", "sampled", "greedy", "F1 of greedy notes"), rows)
    click.echo(
        f"\nThe {split} split. Shares of the steps that are right. MusicVAE's are published, on "
        "another and larger corpus, of about 1.5 million files."
    )


@click.command()
@held_out(200)
@whole("--bars", 1, 16, 4, "Bars of each window.")
@whole("--steps", 3, 64, 5, "Steps of the way.")
@click.option("--judge", metavar="MODEL", help="A model of tokens that says how likely they are.")
@click.option("--no-leaning", is_flag=True, help="Let melodies lean to no scale on the way.")
@options.temperature_of_road
@options.debug
def interpolation(
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
) -> None:
    """What lies between held-out bars in the latent space of MODEL."""
    from musegen import models
    from musegen.evaluate_latent import roads
    from musegen.sampling import Sampling

    loaded, _, lot = _loaded(model, data, split)
    with progress(loaded.name, wanted=True, unit="pairs") as report:
        road = roads(
            loaded,
            lot,
            bars,
            windows,
            steps,
            seed,
            Sampling(temperature),
            None if judge is None else models.load(judge),
            report,
            leaning=not no_leaning,
        )
    rows = [
        ("distance to A rises", [f"{road.away:.3f}"]),
        ("distance to B falls", [f"{road.nearer:.3f}"]),
        ("nothing changes", [f"{road.still:.3f}"]),
    ]
    rows += [(f"bits per note, {name}", [f"{b:.2f}"]) for name, b in road.bits.items()]
    rows += [(f"notes in one scale, {name}", [f"{s:.3f}"]) for name, s in road.in_key.items()]
    table((f"{road.pairs} pairs of {bars} bars, {road.steps} steps, {split} split",), rows)


@click.command()
@held_out(300)
@whole("--bars", 1, 16, 4, "Bars of each window.")
@options.debug
def attributes(model: str, data: Path, split: str, windows: int, seed: int, bars: int) -> None:
    """What --more and --less of each attribute do to held-out bars, in standard deviations."""
    from musegen.evaluate_latent import movements

    loaded, layout, lot = _loaded(model, data, split)
    with progress(loaded.name, wanted=True, unit="windows") as report:
        moves = movements(loaded, lot, bars, windows, seed, report)
    rows = []
    for move in moves:
        for word, changes in (("more", move.more), ("less", move.less)):
            cells = [f"{changes[name]:+.2f}" for name in layout.attributes]
            rows.append((f"{word} {move.name}", [*cells, f"{move.moved:.3f}"]))
    table((*layout.attributes, "more is more than less"), rows)
