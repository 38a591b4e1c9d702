"""`musegen finetune`: a model in the style of one's own songs."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import bundles, options
from .values import MAX_SEED, Number, checked, place, whole

if TYPE_CHECKING:
    from musegen.codecs import BarCodec
    from musegen.data.folder import Own, Piece
    from musegen.finetune import Tuned

    from .inputs import Input
    from .report import Report


@click.command("finetune", epilog="Example: musegen finetune my_songs/ --out my-style")
@options.files
@click.option(
    "--from",
    "base",
    default="multitrack-transformer",
    show_default=True,
    metavar="NAME|FOLDER",
    help="The model to start from ('musegen models list').",
)
@click.option(
    "--out",
    "--output",
    "-o",
    "folder",
    required=True,
    metavar="FOLDER",
    callback=checked(place),
    help="The folder of the new model, which must not be there yet.",
)
@click.option(
    "--minutes",
    type=str,
    callback=checked(Number(float, 0, 1440, above=True)),
    default=5,
    show_default=True,
    metavar="N",
    help="When so many are over, the best step so far is kept.",
)
@whole("--steps", 1, 100_000, 2000, "The most steps to make.")
@whole("--seed", 0, MAX_SEED, 1, "The same seed makes the same model, unless time is over first.")
@options.device
@bundles.messages
@options.debug
def command(files: tuple[str, ...], messages: dict[str, Any], **asked: Any) -> int:
    """Tune a model on your own songs: each FILE is a MIDI file or a folder of them.

    Some songs are held out, and the tuning ends when it helps no more with those. The new model is
    for every command that takes --model: --model my-style. Where nothing was gained, none is
    written.
    """
    from .report import Report

    with Report("finetune", **messages) as report:
        _finetune(report, files, **asked)
    return report.exit_code


def _finetune(
    report: Report,
    files: tuple[str, ...],
    base: str,
    folder: Path,
    device: str,
    **limits: Any,
) -> None:
    from musegen import folders, models, tuned
    from musegen.data.folder import divided, tunable
    from musegen.weights import check_weights

    from .console import show
    from .inputs import expand
    from .interrupts import held_back

    tuned.name_of(folder)
    folders.claim(folder)
    home = models.find(base)
    codec = tunable(models.read_recipe(home))
    check_weights(home)
    pieces = _read(expand(files, recursive=True), codec, report)
    if report.exit_code and not pieces:
        return
    own = divided(pieces, codec)
    for line in _division(own, len(pieces)):
        report.say(line)
    with held_back():  # torch, broken off in the middle, takes Python along
        from musegen.finetune import Tuning, tune
    made = tune(
        models.load(str(home), device),
        own,
        Tuning(**limits),
        report=lambda line: report.say(_progress(line)),
    )
    report.more["tuned"] = _facts(made, own, folder)
    tuned.save(made, own, home, folder)
    report.more["tuned"]["path"] = str(folder)
    if not report.as_json:
        show(_table(report.more["tuned"]))


def _read(sources: Sequence[Input], codec: BarCodec, report: Report) -> list[Piece]:
    """What there is to learn from; said is what was mended, and what is left out and why."""
    from musegen.data.folder import piece
    from musegen.errors import UnreadableError

    from .console import progress
    from .facts import input_facts, sentence

    pieces = []
    with progress("reading", wanted=not report.quiet, unit="files") as update:
        for number, source in enumerate(sources):
            if update is not None:
                update(number, len(sources))
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(input_facts(source.name, reading))
                if reading.repairs:
                    report.say(sentence(source.name, reading))
                try:
                    pieces.append(piece(reading.song, codec))
                except UnreadableError as error:
                    report.warn(source.name, f"left out: {error}")
    return pieces


def _division(own: Own, read: int) -> list[str]:
    """How the songs were divided, in words."""
    from .facts import counted

    learned, held_out = (counted(n, "note") for n in own.notes)
    lines = []
    if own.repeated:
        lines.append(f"{own.repeated:,} of {read:,} files have the notes of others and count once")
    if own.is_cut:
        files = counted(own.files[0], "file")
        lines.append(
            f"{files} of one song: {learned} to learn from, its last quarter held out ({held_out})"
        )
    else:
        files = counted(own.files[0], "file")
        lines.append(f"{files} to learn from ({learned}), {own.files[1]:,} held out ({held_out})")
    return lines


def _progress(line: dict[str, Any]) -> str:
    from .console import duration

    return (
        f"step {line['step']:,}: {line['bits_per_note']:.3f} bits per note of what is held out "
        f"({line['before']:.3f} before), {duration(line['seconds_left'])} left at most"
    )


def _facts(made: Tuned, own: Own, folder: Path) -> dict[str, Any]:
    """What became of it, for JSON; where it lies is known once it is written."""
    return {
        "name": folder.name,
        "path": None,
        "base": made.model.name,
        "files": dict(zip(("learned", "held_out"), own.files, strict=True)),
        "notes": dict(zip(("learned", "held_out"), own.notes, strict=True)),
        "is_cut": own.is_cut,
        "bits_per_note": {"before": round(made.before, 4), "after": round(made.after, 4)},
        "step": made.step,
        "steps": made.steps,
        "seconds": round(made.seconds, 1),
        "seed": made.tuning.seed,
        "curve": [
            {"step": step, "bits_per_note": round(bits, 4)}
            for step, bits in made.curve
            if isfinite(bits)
        ],
    }


def _table(facts: dict[str, Any]) -> list[str]:
    from .console import duration, table

    heads = ("model", "files", "notes", "held out", "before", "after", "step", "time", "seed")
    cells = (
        facts["path"],
        f"{facts['files']['learned']:,}",
        f"{facts['notes']['learned']:,}",
        f"{facts['notes']['held_out']:,}",
        *(f"{facts['bits_per_note'][when]:.3f}" for when in ("before", "after")),
        f"{facts['step']:,}",
        duration(facts["seconds"]),
        str(facts["seed"]),
    )
    return table(heads, [cells])
