"""`musegen data index`: the index beside a model's weights, by which it knows what is a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from . import bundles, options
from .values import checked, place


@click.command("index")
@options.config
@click.option(
    "--data",
    required=True,
    metavar="FOLDER",
    callback=checked(place),
    help="Folder of 'data prepare'.",
)
@click.option(
    "--output",
    required=True,
    metavar="FILE",
    callback=checked(place),
    help="Where it goes: index.safetensors in the model's folder.",
)
@bundles.messages
@options.debug
def index(config: str, data: Path, output: Path, messages: dict[str, Any]) -> int:
    """Index the training split of CONFIG, so that the model can tell what it copies.

    How much new music may share with it is learned from the valid split.
    """
    from .console import show
    from .report import Report

    with Report("data index", **messages) as report:
        found = _indexed(config, data, output)
        report.more |= found
        if not report.as_json:
            show(
                [
                    found["index"],
                    f"{found['runs']:,} runs in {found['bytes'] / 1e6:.1f} MB, "
                    f"{found['mistaken']:.2%} of others taken for one of them",
                    f"a copy shares more than {found['allowed']} notes: of {found['windows']:,} "
                    f"held-out windows {found['refused']:.2%} do",
                ]
            )
    return report.exit_code


def _indexed(config: str, data: Path, output: Path) -> dict[str, Any]:
    from musegen import models
    from musegen.data import shards
    from musegen.errors import UsageError
    from musegen.index import Index, copied, windows

    from .recipes import recipe_of

    recipe = recipe_of(config)
    codec = models.bar_codec(recipe)
    shards.check(data, recipe.codec, (corpus.name for corpus in recipe.corpora))
    train, valid = (shards.load(data, split) for split in ("train", "valid"))
    held_out = [window for ids in shards.songs(valid) for window in windows(ids, codec)]
    if not held_out:
        raise UsageError(f"{data}: its valid split is empty, and tells nothing about new music")
    made = Index.of(shards.chunks(train), held_out, codec)
    made.save(output)
    refused = sum(bool(copied(ids, codec, made)) for ids in held_out)
    return {
        "index": str(output),
        "bytes": len(made.filter),
        "runs": made.runs,
        "mistaken": made.mistaken,
        "allowed": made.allowed,
        "windows": len(held_out),
        "refused": refused / len(held_out),
    }
