"""`musegen train`: a model by its recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from . import bundles, options
from .values import checked, word


@click.command("train")
@options.config
@click.option(
    "--data",
    required=True,
    metavar="FOLDER",
    callback=checked(word),
    help="What 'musegen data prepare' has written.",
)
@click.option(
    "--run",
    required=True,
    metavar="FOLDER",
    callback=checked(word),
    help="Where the checkpoint, log and weights go.",
)
@click.option(
    "--from",
    "base",
    metavar="MODEL",
    callback=checked(word),
    help="Begin with the weights of this model, of a network of the same shape.",
)
@options.device
@click.option("--compile", "compiled", is_flag=True, help="Compile the network first; for a GPU.")
@bundles.messages
@options.debug
def command(
    config: str,
    data: str,
    run: str,
    base: str | None,
    device: str,
    compiled: bool,
    messages: dict[str, Any],
) -> int:
    """Train the model of the recipe CONFIG.

    A run that was interrupted goes on from its last checkpoint, exactly. Under torchrun, the
    processes share the work.
    """
    from .console import show
    from .report import Report

    first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes; stdout is its own
    messages["as_json"] &= first
    with Report("train", **messages) as report:
        from musegen.train import train

        from .recipes import recipe_of

        recipe = recipe_of(config)
        weights = train(
            recipe,
            Path(data),
            Path(run),
            device=device,
            compiled=compiled,
            base=base,
            report=lambda line: report.say(progress(line, recipe.training.end)),
        )
        report.more["weights"] = str(weights)
        if first and not report.as_json:
            show([str(weights)])
    return report.exit_code


def progress(line: dict[str, Any], steps: int) -> str:
    """A line of the training log in words."""
    from .console import duration

    valid = line.get("valid_bits_per_note")
    return (
        f"step {line['step']:,} of {steps:,}: {line['train_bits_per_note']:.3f} bits per note"
        f"{'' if valid is None else f' (validation {valid:.3f})'}"
        f", {line['tokens_per_second']:,} tokens/s ({100 * line['share_of_peak']:.0f} % of the "
        f"machine's peak), {duration(line['seconds_left'])} left"
    )
