"""`musegen evaluate`: a model's held-out likelihood, and what it writes beside the data."""

from __future__ import annotations

from pathlib import Path

import click

from .console import progress
from .group import Group


@click.group("evaluate", cls=Group)
def command() -> None:
    """Measure a model on prepared data."""


_model = click.argument("model")
_data = click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder of 'data prepare'."
)
_split = click.option(
    "--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True
)


@command.command()
@_model
@_data
@_split
@click.option("--every", default=1, show_default=True, help="Take every n-th piece only.")
@click.option("--counts", is_flag=True, help="Score an order-4 count model as well.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    metavar="CORPUS=W",
    help="Weigh a corpus in the last row; the others weigh 1. Without it, as in training.",
)
@click.option("--device", default="cpu", show_default=True)
def likelihood(
    model: str,
    data: Path,
    split: str,
    every: int,
    counts: bool,
    weights: tuple[str, ...],
    device: str,
) -> None:
    """Bits per note of MODEL, in all and per corpus."""
    from musegen import models
    from musegen.data import shards
    from musegen.evaluate import Score, count_model
    from musegen.evaluate import likelihood as measure

    loaded = models.load(model, device)
    shard = shards.load(data, split)
    weight = {c.name: c.weight for c in loaded.recipe.corpora}
    if weights:
        weight = dict.fromkeys(weight, 1.0) | dict(map(_weight, weights))

    with progress(loaded.name, wanted=True, unit="windows") as report:
        tables = {loaded.name: measure(loaded, shard, device=device, every=every, report=report)}
    if counts:
        tables["order-4 counts"] = count_model(shards.load(data, "train"), shard, loaded.codec)
    click.echo(f"| {split} split, bits per note | {' | '.join(tables)} | notes | bits per bar |")
    click.echo(f"|---|{'---|' * (len(tables) + 2)}")
    first = tables[loaded.name]

    def row(name: str, scores: list[Score]) -> None:
        cells = " | ".join(f"{s.bits_per_note:.2f}" for s in scores)
        click.echo(f"| {name} | {cells} | {scores[0].notes:,} | {scores[0].bits_per_bar:.1f} |")

    for name in shard.corpora:
        if first[name].notes:
            row(name, [table[name] for table in tables.values()])
    row("all", [sum(table.values(), Score()) for table in tables.values()])
    mixed = []
    for table in tables.values():
        bits = sum(weight[name] * score.bits for name, score in table.items())
        notes = sum(weight[name] * score.notes for name, score in table.items())
        mixed.append(f"{bits / max(notes, 1):.2f}")
    said = ", ".join(weights) or "as in training"
    click.echo(f"| all, weighted {said} | {' | '.join(mixed)} | | |")


def _weight(text: str) -> tuple[str, float]:
    name, _, number = text.partition("=")
    try:
        return name, float(number)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not CORPUS=NUMBER") from None


@command.command()
@_model
@_data
@_split
@click.option("--pieces", default=20, show_default=True, help="Held-out pieces to continue.")
@click.option("--prompt", default=8, show_default=True, help="Bars that the model hears.")
@click.option("--length", default=8, show_default=True, help="Bars that it writes.")
@click.option("--temperature", default=1.0, show_default=True)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--output-dir",
    "-o",
    type=click.Path(path_type=Path),
    help="Keep prompts and takes here as MIDI.",
)
def continuations(
    model: str,
    data: Path,
    split: str,
    pieces: int,
    prompt: int,
    length: int,
    temperature: float,
    seed: int,
    output_dir: Path | None,
) -> None:
    """Statistics of MODEL's continuations beside their prompts and what the composers wrote."""
    import numpy as np

    from musegen import continue_, midi, models
    from musegen.data import shards
    from musegen.evaluate import held_out_prompts, known_share, mean_statistics
    from musegen.originality import NOTES, runs

    codec = models.load(model).codec
    chosen = held_out_prompts(shards.load(data, split), codec, pieces, prompt, length)
    known = runs(shards.load(data, "train").tokens.astype(np.int64), codec)
    takes = [
        continue_(
            song, variations=1, length=length, temperature=temperature, seed=seed, model=model
        )[0]
        for _, song, _ in chosen
    ]
    songs = {
        "prompt": [p for _, p, _ in chosen],
        "the composer's next bars": [n for _, _, n in chosen],
        "continuation": takes,
    }
    heard = f"runs of {NOTES} notes that the training split has"
    columns = {
        name: mean_statistics(group) | {heard: known_share(group, known, codec)}
        for name, group in songs.items()
    }
    click.echo(f"| mean over {len(chosen)} pieces | {' | '.join(columns)} |")
    click.echo(f"|---|{'---|' * len(columns)}")
    for name in columns["prompt"]:
        cells = " | ".join(f"{column[name]:.3f}" for column in columns.values())
        click.echo(f"| {name.replace('_', ' ')} | {cells} |")
    if output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        for i, ((corpus, song, _), take) in enumerate(zip(chosen, takes, strict=True)):
            for what, content in (("prompt", song.at_resolution(480)), ("take", take)):
                path = output_dir / f"{i:02}_{corpus}_{what}.mid"
                midi.write(content, path, overwrite=True)
