"""`musegen evaluate`: a model's held-out likelihood, and what it writes beside the data."""

from __future__ import annotations

from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musegen import limits
from musegen.errors import OutputError, UsageError

from . import bundles, measuring, options
from .console import markdown, progress
from .evaluate_control import control
from .evaluate_drums import feel, parts
from .evaluate_infill import infill
from .evaluate_latent import attributes, interpolation, reconstruction
from .evaluate_originality import originality
from .evaluate_statistics import statistics
from .group import Group
from .measuring import measured
from .values import MAX_SEED, Number, checked, place, whole

if TYPE_CHECKING:
    from .report import Report


@click.group("evaluate", cls=Group)
def command() -> None:
    """Measure a model on held-out music."""


for other in (
    *(statistics, originality, infill, control),
    *(feel, parts),
    *(reconstruction, interpolation, attributes),
):
    command.add_command(other)


def _weights(texts: tuple[str, ...]) -> dict[str, float]:
    weights = {}
    for text in texts:
        name, sign, number = text.partition("=")
        if not sign:
            raise ValueError(f"{text!r} is not CORPUS=W")
        weights[name] = Number(float, 0, 1000)(number)
    return weights


@command.command()
@measuring.model
@measuring.data
@measuring.split
@whole("--every", 1, 100_000, 1, "Take every n-th piece only.")
@click.option("--counts", is_flag=True, help="Score an order-4 count model as well.")
@click.option("--int8", is_flag=True, help="Score MODEL in int8 as well.")
@click.option(
    "--weight",
    "weights",
    multiple=True,
    callback=checked(_weights),
    metavar="CORPUS=W",
    help="Weigh a corpus in the last row; the others weigh 1. Without it, as in training.",
)
@options.device
@bundles.messages
@options.debug
def likelihood(messages: dict[str, Any], **asked: Any) -> int:
    """Bits per note of MODEL, in all and per corpus."""
    page = partial(_likelihood_page, weights=asked["weights"])
    return measured("likelihood", messages, asked, _likelihood, page)


def _likelihood(
    report: Report,
    model: str,
    data: Path,
    split: str,
    every: int,
    counts: bool,
    int8: bool,
    weights: dict[str, float] | None,
    device: str,
) -> dict[str, Any]:
    from musegen import models
    from musegen.data import shards
    from musegen.evaluate import Score, check_int8, count_model
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
    if int8:
        check_int8(loaded, device)
    shard = shards.load(data, split)

    tables, in_int8 = {}, f"{loaded.name}, int8"
    for name in (loaded.name, in_int8) if int8 else (loaded.name,):
        with progress(name, wanted=not report.quiet, unit="windows") as update:
            tables[name] = measure(
                loaded, shard, device=device, every=every, int8=name == in_int8, report=update
            )
    if counts:
        train = shards.load(data, "train")
        tables["order-4 counts"] = count_model(train, shard, loaded.codec, every=every)

    def row(corpus: str | None, scores: dict[str, Score]) -> dict[str, Any]:
        own = scores[loaded.name]
        return {
            "corpus": corpus,
            "bits_per_note": {by: score.bits_per_note for by, score in scores.items()},
            "notes": own.notes,
            "bits_per_bar": own.bits_per_bar,
        }

    rows = [
        row(name, {by: table[name] for by, table in tables.items()})
        for name in shard.corpora
        if tables[loaded.name][name].notes
    ]
    everything = {by: sum(table.values(), Score()) for by, table in tables.items()}
    own, mixed = everything[loaded.name].bits, {}
    for by, table in tables.items():
        bits = sum(weight[name] * score.bits for name, score in table.items())
        notes = sum(weight[name] * score.notes for name, score in table.items())
        mixed[by] = bits / max(notes, 1)
    return {
        "model": loaded.name,
        "split": split,
        "rows": [*rows, row(None, everything)],
        "weighted": {"weights": weight, "bits_per_note": mixed},
        "worse_in_int8": everything[in_int8].bits / own - 1 if int8 and own else None,
    }


def _likelihood_page(found: dict[str, Any], weights: dict[str, float] | None) -> list[str]:
    mixed = found["weighted"]["bits_per_note"]
    rows = [
        [
            row["corpus"] or "all",
            *(f"{bits:.2f}" for bits in row["bits_per_note"].values()),
            f"{row['notes']:,}",
            f"{row['bits_per_bar']:.1f}",
        ]
        for row in found["rows"]
    ]
    said = ", ".join(f"{name}={w:g}" for name, w in (weights or {}).items()) or "as in training"
    rows.append([f"all, weighted {said}", *(f"{bits:.2f}" for bits in mixed.values()), "", ""])
    if found["worse_in_int8"] is not None:
        counts = [""] * (len(mixed) - 2)
        rows.append(["all, in int8", "", f"{found['worse_in_int8']:+.2%}", *counts, "", ""])
    return markdown(
        [f"{found['split']} split, bits per note", *mixed, "notes", "bits per bar"], rows
    )


@command.command()
@measuring.model
@measuring.data
@measuring.split
@whole("--pieces", 1, 100_000, 20, "Held-out pieces to continue.")
@whole("--prompt", 1, limits.LENGTH, 8, "Bars that the model hears.")
@whole("--length", 1, limits.LENGTH, 8, "Bars that it writes.")
@options.temperature
@whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same takes.")
@click.option(
    "--output-dir",
    "-o",
    metavar="FOLDER",
    callback=checked(place),
    help="Keep prompts and takes here as MIDI.",
)
@bundles.messages
@options.debug
def continuations(messages: dict[str, Any], **asked: Any) -> int:
    """Statistics of MODEL's continuations beside their prompts and what the composers wrote."""
    return measured("continuations", messages, asked, _continuations, _continuations_page)


def _continuations(
    report: Report,
    model: str,
    data: Path,
    split: str,
    pieces: int,
    prompt: int,
    length: int,
    temperature: float,
    seed: int,
    output_dir: Path | None,
) -> dict[str, Any]:
    import numpy as np

    from musegen import continue_, midi, models
    from musegen.data import shards
    from musegen.evaluate import known_share, mean_statistics
    from musegen.held_out import excerpts
    from musegen.originality import runs

    if output_dir is not None and output_dir.is_dir() and any(output_dir.iterdir()):
        raise OutputError(f"{output_dir}: is not empty; name a new folder")
    loaded = models.load(model)
    codec = loaded.codec
    shards.check(data, loaded.recipe.codec, (corpus.name for corpus in loaded.recipe.corpora))
    chosen = [
        (piece.corpus, piece.prompt, piece.following)
        for piece in excerpts(shards.load(data, split), codec, pieces, prompt, length)
        if piece.prompt is not None
    ]
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
    rows = []
    for name, group in songs.items():
        means = mean_statistics(group) | {"known_runs": known_share(group, known, codec)}
        # JSON has no word for a mean over nothing.
        rows.append({"name": name} | {k: None if isnan(m) else m for k, m in means.items()})
    files = []
    if output_dir is not None:
        output_dir.mkdir(parents=True, exist_ok=True)
        for i, ((corpus, song, _), take) in enumerate(zip(chosen, takes, strict=True)):
            for what, content in (("prompt", song.at_resolution(480)), ("take", take)):
                path = output_dir / f"{i:02}_{corpus}_{what}.mid"
                files.append(str(midi.write(content, path)))
    return {
        "model": loaded.name,
        "split": split,
        "pieces": len(chosen),
        "rows": rows,
        "files": files,
    }


def _continuations_page(found: dict[str, Any]) -> list[str]:
    from musegen.originality import NOTES

    def label(name: str) -> str:
        if name == "known_runs":
            return f"runs of {NOTES} notes that the training split has"
        return name.replace("_", " ")

    rows = found["rows"]
    return markdown(
        [f"mean over {found['pieces']} pieces", *(row["name"] for row in rows)],
        [
            [label(what), *("-" if row[what] is None else f"{row[what]:.3f}" for row in rows)]
            for what in rows[0]
            if what != "name"
        ],
    )
