"""`musegen evaluate feel` and `parts`: models of drums beside drummers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import bundles, measuring, options
from .console import markdown, progress
from .measuring import measured
from .values import MAX_SEED, Number, checked, place

if TYPE_CHECKING:
    from .report import Report


def held_out(function: Callable[..., int]) -> Callable[..., int]:
    """Adds the arguments of both commands."""
    seed = checked(Number(int, 0, MAX_SEED))
    for option in (
        click.option("--seed", type=str, callback=seed, default=1, show_default=True, metavar="N"),
        measuring.split,
        click.option(
            "--splits",
            required=True,
            metavar="FILE",
            callback=checked(place),
            help="A CSV table with the columns corpus, file, split.",
        ),
        click.option(
            "--from",
            "folder",
            required=True,
            metavar="FOLDER",
            callback=checked(place),
            help="Where the recipe's corpora lie, each a folder or a zip of its name.",
        ),
        measuring.model,
    ):
        function = option(function)
    return function


@click.command()
@held_out
@bundles.messages
@options.debug
def feel(messages: dict[str, Any], **asked: Any) -> int:
    """How near MODEL plays held-out performances to their drummers, told style and tempo.

    Performances in 4/4, on 16ths, one hit a voice and step. All their notes are also played through
    the verb, and counted.
    """
    return measured("feel", messages, asked, _feel, _feel_page)


def _feel(
    report: Report, model: str, folder: Path, splits: Path, split: str, seed: int
) -> dict[str, Any]:
    from musegen import evaluate_drums as evaluate
    from musegen import groove, models
    from musegen.sampling import Sampling

    loaded = models.load(model)
    train, songs = (
        evaluate.performances(loaded.recipe, folder, splits, s) for s in ("train", split)
    )
    feels = evaluate.feel_baselines(train, songs)
    for name, temperature in (("usual", 0.0), ("sampled", 1.0)):
        with progress(name, wanted=not report.quiet, unit="performances") as update:
            sampling = Sampling(temperature)
            feels[f"{loaded.name}, {name}"] = evaluate.feels(loaded, songs, sampling, seed, update)
    names = ("on its own", "with the feel of the first half (--from)")
    halves = evaluate.borrowed(loaded, songs)
    floor = evaluate.divergences(songs, train)
    kept = 0
    for song in songs:
        take = groove(song.song, variations=1, seed=seed, model=model)[0]
        kept += all(
            sorted(a.notes.pitch) == sorted(b.notes.pitch)
            for a, b in zip(song.song.tracks, take.tracks, strict=True)
        )
    return {
        "model": loaded.name,
        "split": split,
        "performances": len(songs),
        "hits": sum(len(song.hits) for song in songs),
        "notes": sum(len(song.hits.notes) for song in songs),
        "between_splits": {"timing_kl": floor[0], "velocity_kl": floor[1]},
        "rows": [{"name": n, **asdict(evaluate.score_feel(songs, f))} for n, f in feels.items()],
        "second_halves": [{"name": n, **asdict(s)} for n, s in zip(names, halves, strict=False)],
        "kept": kept,
    }


FEEL = {
    "timing_ms": ("timing MAE, ms", "{:.2f}"),
    "timing_mse": ("MSE, 16ths²", "{:.4f}"),
    "timing_kl": ("timing KL", "{:.3f}"),
    "velocity": ("velocity MAE", "{:.2f}"),
    "velocity_kl": ("velocity KL", "{:.3f}"),
    "notes_ms": ("all notes: MAE, ms", "{:.2f}"),
    "notes_mse": ("MSE, 16ths²", "{:.4f}"),
}
"""The head of each measure, and how it is written."""


def _feel_page(found: dict[str, Any]) -> list[str]:
    from musegen.evaluate_drums import OFFSET_BINS, VELOCITY_BINS

    def table(rows: list[dict[str, Any]]) -> list[str]:
        cells = [[r["name"], *(f.format(r[k]) for k, (_, f) in FEEL.items())] for r in rows]
        return markdown(["", *(head for head, _ in FEEL.values())], cells)

    floor = found["between_splits"]
    lines = [
        f"{found['split']} split on 16ths: {found['performances']} performances, "
        f"{found['hits']:,} hits, one a voice and step, of {found['notes']:,} notes.",
        f"KL: pooled histograms of {OFFSET_BINS} bins of offset, {VELOCITY_BINS} of velocity, each "
        "with one more than it holds.",
        "Between this split and the training split: "
        f"{floor['timing_kl']:.3f}, {floor['velocity_kl']:.3f}.",
        "",
        *table(found["rows"]),
    ]
    if found["second_halves"]:
        said = "The second half of every performance of 8 bars or more, by what is usual:"
        lines += ["", said, "", *table(found["second_halves"])]
    kept = f"{found['kept']} of {found['performances']}"
    return [*lines, "", f"Songs of which 'groove' kept every note: {kept}."]


@click.command()
@held_out
@bundles.messages
@options.debug
def parts(messages: dict[str, Any], **asked: Any) -> int:
    """What MODEL plays to the taps of held-out performances, beside what was played.

    The taps are all onsets, with the velocity and timing of the loudest voice. Performances in 4/4,
    on 16ths; F1 over steps and voices.
    """
    return measured("parts", messages, asked, _parts, _parts_page)


def _parts(
    report: Report, model: str, folder: Path, splits: Path, split: str, seed: int
) -> dict[str, Any]:
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
        with progress(name, wanted=not report.quiet, unit="performances") as update:
            sampling = Sampling(temperature)
            found[f"{loaded.name}, {name}"] = evaluate.parts(loaded, songs, sampling, seed, update)

    def row(name: str, score: evaluate.PartScore) -> dict[str, Any]:
        voices = {voice: share for (voice, *_), share in zip(VOICES, score.voices, strict=True)}
        return {"name": name, **asdict(score), "voices": voices}

    return {
        "model": loaded.name,
        "split": split,
        "performances": len(songs),
        "hits": sum(len(song.hits) for song in songs),
        "rows": [row(name, evaluate.score_part(songs, part)) for name, part in found.items()],
    }


def _parts_page(found: dict[str, Any]) -> list[str]:
    rows = []
    for row in found["rows"]:
        voices = row["voices"].values()
        numbers = (row["onsets"], row["hits"], *voices, sum(voices) / len(voices))
        numbers += (row["density"], row["empty_bars"], row["repeated_bars"])
        rows.append([row["name"], *(f"{number:.3f}" for number in numbers)])
    heads = ["", "onset F1", "hit F1", *found["rows"][0]["voices"], "mean of voices"]
    heads += ["hits a bar", "empty bars", "repeated bars"]
    return [
        f"{found['split']} split on 16ths: {found['performances']} performances, "
        f"{found['hits']:,} hits.",
        "",
        *markdown(heads, rows),
    ]
