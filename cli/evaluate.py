"""`musegen evaluate`: a model's held-out likelihood, and what it writes beside the data."""

from __future__ import annotations

from pathlib import Path

import click

from musegen.errors import UsageError

from . import options
from .console import progress
from .evaluate_drums import feel, parts
from .evaluate_latent import attributes, interpolation, reconstruction
from .group import Group
from .values import MAX_SEED, Number, checked, whole


@click.group("evaluate", cls=Group)
def command() -> None:
    """Measure a model on held-out music."""


for other in (feel, parts, reconstruction, interpolation, attributes):
    command.add_command(other)


_model = click.argument("model")
_data = click.option(
    "--data", type=click.Path(path_type=Path), required=True, help="Folder of 'data prepare'."
)
_split = click.option(
    "--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True
)


def _weights(texts: tuple[str, ...]) -> dict[str, float]:
    weights = {}
    for text in texts:
        name, sign, number = text.partition("=")
        if not sign:
            raise ValueError(f"{text!r} is not CORPUS=W")
        weights[name] = Number(float, 0, 1000)(number)
    return weights


@command.command()
@_model
@_data
@_split
@whole("--every", 1, 100_000, 1, "Take every n-th piece only.")
@click.option("--counts", is_flag=True, help="Score an order-4 count model as well.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    callback=checked(_weights),
    metavar="CORPUS=W",
    help="Weigh a corpus in the last row; the others weigh 1. Without it, as in training.",
)
@options.device
def likelihood(
    model: str,
    data: Path,
    split: str,
    every: int,
    counts: bool,
    weights: dict[str, float] | None,
    device: str,
) -> None:
    """Bits per note of MODEL, in all and per corpus."""
    from musegen import models
    from musegen.data import shards
    from musegen.evaluate import Score, count_model
    from musegen.evaluate import likelihood as measure

    loaded = models.load(model, device)
    weight = {c.name: c.weight for c in loaded.recipe.corpora}
    models.bar_codec(loaded.recipe)  # of no other model is there a likelihood of tokens
    shards.check(data, loaded.recipe.codec, weight)
    if weights:
        if unknown := weights.keys() - weight:
            known = ", ".join(weight)
            raise UsageError(f"--weight: no corpus {min(unknown)!r}; there are {known}")
        weight = dict.fromkeys(weight, 1.0) | weights
    shard = shards.load(data, split)

    with progress(loaded.name, wanted=True, unit="windows") as report:
        tables = {loaded.name: measure(loaded, shard, device=device, every=every, report=report)}
    if counts:
        train = shards.load(data, "train")
        tables["order-4 counts"] = count_model(train, shard, loaded.codec, every=every)
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
    said = ", ".join(f"{name}={w:g}" for name, w in (weights or {}).items()) or "as in training"
    click.echo(f"| all, weighted {said} | {' | '.join(mixed)} | | |")


@command.command()
@_model
@_data
@_split
@whole("--pieces", 1, 100_000, 20, "Held-out pieces to continue.")
@whole("--prompt", 1, 1024, 8, "Bars that the model hears.")
@whole("--length", 1, 1024, 8, "Bars that it writes.")
@options.temperature
@whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same takes.")
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

    loaded = models.load(model)
    codec = loaded.codec
    shards.check(data, loaded.recipe.codec, (corpus.name for corpus in loaded.recipe.corpora))
    chosen = held_out_prompts(shards.load(data, split), codec, pieces, prompt, length)
    known = np.unique(runs(shards.load(data, "train").tokens.astype(np.int64), codec))
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
