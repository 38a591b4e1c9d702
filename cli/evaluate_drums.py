"""`musegen evaluate feel` and `parts`: models of drums beside drummers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from .console import progress
from .values import MAX_SEED, Number, checked


def held_out(function: Callable[..., None]) -> Callable[..., None]:
    """Adds the arguments of both commands."""
    seed = checked(Number(int, 0, MAX_SEED))
    for option in (
        click.option("--seed", type=str, callback=seed, default=1, show_default=True, metavar="N"),
        click.option(
            "--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True
        ),
        click.option(
            "--splits",
            type=click.Path(path_type=Path),
            required=True,
            help="A CSV table with the columns corpus, file, split.",
        ),
        click.option(
            "--from",
            "folder",
            type=click.Path(path_type=Path),
            required=True,
            help="Where the recipe's corpora lie, each a folder or a zip of its name.",
        ),
        click.argument("model"),
    ):
        function = option(function)
    return function


def table(heads: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> None:
    """A table in Markdown."""
    click.echo(f"| | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, cells in rows:
        click.echo(f"| {name} | {' | '.join(cells)} |")


@click.command()
@held_out
def feel(model: str, folder: Path, splits: Path, split: str, seed: int) -> None:
    """How near MODEL plays held-out performances to their drummers, told style and tempo.

    Performances in 4/4, on 16ths, one hit a voice and step. All their notes are also played through
    the verb, and counted.
    """
    from dataclasses import astuple

    from musegen import evaluate_drums as evaluate
    from musegen import groove, models
    from musegen.sampling import Sampling

    loaded = models.load(model)
    train, songs = (
        evaluate.performances(loaded.recipe, folder, splits, s) for s in ("train", split)
    )
    feels = evaluate.feel_baselines(train, songs)
    for name, temperature in (("usual", 0.0), ("sampled", 1.0)):
        with progress(name, wanted=True, unit="performances") as report:
            sampling = Sampling(temperature)
            feels[f"{loaded.name}, {name}"] = evaluate.feels(loaded, songs, sampling, seed, report)
    hits = sum(len(song.hits) for song in songs)
    notes = [song.hits.notes for song in songs]
    click.echo(
        f"{split} split on 16ths: {len(songs)} performances, {hits:,} hits, one a voice and step, "
        f"of {sum(map(len, notes)):,} notes.\nKL: pooled histograms of {evaluate.OFFSET_BINS} bins "
        f"of offset, {evaluate.VELOCITY_BINS} of velocity, each with one more than it holds."
    )
    floor = evaluate.divergences(songs, train)
    click.echo(f"Between this split and the training split: {floor[0]:.3f}, {floor[1]:.3f}.\n")
    heads = ["timing MAE, ms", "MSE, 16ths²", "timing KL", "velocity MAE", "velocity KL"]
    heads += ["all notes: MAE, ms", "MSE, 16ths²"]
    formats = ("{:.2f}", "{:.4f}", "{:.3f}", "{:.2f}", "{:.3f}", "{:.2f}", "{:.4f}")

    def cells(score: Any) -> list[str]:
        return [f.format(value) for f, value in zip(formats, astuple(score), strict=True)]

    table(heads, ((n, cells(evaluate.score_feel(songs, f))) for n, f in feels.items()))
    if halves := evaluate.borrowed(loaded, songs):
        click.echo("\nThe second half of every performance of 8 bars or more, by what is usual:\n")
        names = ("on its own", "with the feel of the first half (--from)")
        table(heads, ((name, cells(score)) for name, score in zip(names, halves, strict=True)))
    kept = 0
    for song in songs:
        take = groove(song.song, variations=1, seed=seed, model=model)[0]
        kept += sum(
            sorted(a.notes.pitch) == sorted(b.notes.pitch)
            for a, b in zip(song.song.tracks, take.tracks, strict=True)
        )
    click.echo(f"\nSongs of which 'groove' kept every note: {kept} of {len(songs)}.")


@click.command()
@held_out
def parts(model: str, folder: Path, splits: Path, split: str, seed: int) -> None:
    """What MODEL plays to the taps of held-out performances, beside what was played.

    The taps are all onsets, with the velocity and timing of the loudest voice. Performances in 4/4,
    on 16ths; F1 over steps and voices.
    """
    from musegen import evaluate_drums as evaluate
    from musegen import models
    from musegen.general_midi import VOICES
    from musegen.sampling import Sampling

    loaded = models.load(model)
    train, songs = (
        evaluate.performances(loaded.recipe, folder, splits, s) for s in ("train", split)
    )
    found = {"the drummers": [song.played for song in songs]}
    found |= evaluate.part_baselines(train, songs)
    for name, temperature in (("likeliest", 0.0), ("sampled", 1.0)):
        with progress(name, wanted=True, unit="performances") as report:
            sampling = Sampling(temperature)
            found[f"{loaded.name}, {name}"] = evaluate.parts(loaded, songs, sampling, seed, report)
    hits = sum(int(song.played.sum()) for song in songs)
    click.echo(f"{split} split on 16ths: {len(songs)} performances, {hits:,} hits.\n")
    heads = ["onset F1", "hit F1", *(name for name, *_ in VOICES), "mean of voices"]
    heads += ["hits a bar", "empty bars", "repeated bars"]

    def cells(score: evaluate.PartScore) -> list[str]:
        mean = sum(score.voices) / len(score.voices)
        numbers = (score.onsets, score.hits, *score.voices, mean, score.density)
        return [*(f"{n:.3f}" for n in (*numbers, score.empty_bars, score.repeated_bars))]

    table(heads, ((name, cells(evaluate.score_part(songs, p))) for name, p in found.items()))
