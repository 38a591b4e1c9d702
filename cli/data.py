"""`musegen data`: files of MIDI to what `musegen train` reads, and an index of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import bundles, options
from .data_index import index
from .group import Group
from .values import Number, checked, word


@click.group("data", cls=Group)
def command() -> None:
    """Prepare MIDI files for training."""


command.add_command(index)


@command.command("prepare")
@options.config
@click.option(
    "--from",
    "folder",
    required=True,
    metavar="FOLDER",
    callback=checked(word),
    help="Where the recipe's corpora lie, each a folder or a zip of its name.",
)
@click.option(
    "--splits",
    required=True,
    metavar="FILE",
    callback=checked(word),
    help="A CSV table with the columns corpus, file, split: train, valid or test.",
)
@click.option(
    "--output", required=True, metavar="FOLDER", callback=checked(word), help="Where the shards go."
)
@click.option(
    "--workers",
    type=str,
    callback=checked(Number(int, 1, 256)),
    metavar="N",
    help="Processes, for a model of tokens; by default one a core.",
)
@bundles.messages
@options.debug
def prepare(
    config: str,
    folder: str,
    splits: str,
    output: str,
    workers: int | None,
    messages: dict[str, Any],
) -> int:
    """Encode the corpora of the recipe CONFIG for training.

    An interrupted run of a model of tokens goes on where it was. The counts, and why files were
    dropped, are in OUTPUT/shards.json.
    """
    from .console import show
    from .report import Report

    with Report("data prepare", **messages) as report:
        from musegen.codecs import HitsLayout, StepsLayout
        from musegen.data.prepare import prepare
        from musegen.data.prepare_drums import prepare_drums
        from musegen.data.prepare_steps import prepare_steps

        from .recipes import recipe_of

        recipe, say = recipe_of(config), report.say
        places = Path(folder), Path(splits), Path(output)
        if isinstance(recipe.codec, HitsLayout):
            made = prepare_drums(recipe.corpora, recipe.codec, *places, report=say)
        elif isinstance(recipe.codec, StepsLayout):
            made = prepare_steps(recipe.corpora, recipe.codec, *places, workers=workers, report=say)
        else:
            made = prepare(recipe.corpora, recipe.codec, *places, workers=workers, report=say)
        shards = str(Path(output) / "shards.json")
        report.more |= {"shards": shards, "corpora": made["corpora"]}
        if not report.as_json:
            show([shards])
    return report.exit_code
