"""`musegen evaluate originality`: what a model, or a file, has in common with the training data."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musegen.errors import UsageError

from . import bundles, held_out, measuring, options
from .console import markdown
from .held_out import Takes, known, shown
from .measuring import measured
from .values import checked, place, word

if TYPE_CHECKING:
    from musegen.originality import Shared

    from .report import Report

MEASURES = {
    "longest": ("longest run, mean (notes)", 1),
    "longest_median": ("longest run, median", 1),
    "longest_95": ("longest run, 95 % have less", 1),
    "known_runs": ("runs of 8 notes", 3),
    "shingles_2": ("2 bars of a track", 3),
    "shingles_4": ("4 bars of a track", 3),
    "shingles_8": ("8 bars of a track", 3),
    "copies": ("copies, as the index has it", 3),
}
"""What each measure is called, and its places behind the point."""


@click.command()
@measuring.model
@click.option("--data", metavar="FOLDER", callback=checked(place), help="Folder of 'data prepare'.")
@click.option(
    "--piece",
    metavar="FILE",
    callback=checked(word),
    help="One MIDI file instead, by the index beside the weights.",
)
@measuring.split
@held_out.asked
@bundles.messages
@options.debug
def originality(messages: dict[str, Any], **asked: Any) -> int:
    """How much of what MODEL writes stands in the training split, beside held-out human music.

    The longest run of notes of a track's upper voice, as intervals and rhythm, and the share of
    runs and of whole bars that are found there, in any key. With --piece, of one file.
    """
    if (asked["data"] is None) == (asked["piece"] is None):
        context = click.get_current_context()
        raise click.UsageError("give --data, for the model, or --piece, for a file", context)
    if asked["piece"] is not None:
        piece = partial(_piece, model=asked["model"], name=asked["piece"])
        return measured("originality", messages, {}, piece, _piece_page)
    del asked["piece"]
    return measured("originality", messages, asked, _originality, _page)


def _originality(
    report: Report, model: str, data: Path, split: str, writing: dict[str, Any]
) -> dict[str, Any]:
    from musegen import index, models
    from musegen.data import shards
    from musegen.originality import measured as hold

    takes = Takes.of(report, model, data, split, **writing)
    codec, train = takes.model.codec, shards.load(data, "train")
    found = index.beside(models.find(model))
    both = hold([*takes.composers, *takes.takes], shards.chunks(train), codec)
    half = len(takes.composers)
    rows = []
    for name, group, part in (
        ("composers", takes.composers, slice(half)),
        (takes.model.name, takes.takes, slice(half, None)),
    ):
        row = _row(both, part)
        if found is not None:
            copies = [bool(index.copied(ids, codec, found)) for ids in group]
            row["copies"] = sum(copies) / len(copies)
        rows.append({"name": name, **row})
    return {
        "model": takes.model.name,
        "split": split,
        "pieces": half,
        "prompt": writing["prompt"],
        "length": writing["length"],
        "rows": rows,
    }


def _row(shared: Shared, part: slice) -> dict[str, float | None]:
    """Of some of the pieces, those left out in which a measure is not defined."""
    import numpy as np

    def over(values: Any, what: Any = np.mean) -> float | None:
        defined = values[part][~np.isnan(values[part])]
        return known(float(what(defined))) if len(defined) else None

    return {
        "longest": over(shared.longest),
        "longest_median": over(shared.longest, np.median),
        "longest_95": over(shared.longest, partial(np.quantile, q=0.95)),
        "known_runs": over(shared.runs),
        **{f"shingles_{bars}": over(values) for bars, values in shared.shingles.items()},
        "copies": None,
    }


def _page(found: dict[str, Any]) -> list[str]:
    heard = f"after {found['prompt']} heard" if found["prompt"] else "from nothing"
    head = f"in the training split, of {found['pieces']} x {found['length']} bars {heard}"
    rows = [
        [label, *(shown(row[name], places) for row in found["rows"])]
        for name, (label, places) in MEASURES.items()
    ]
    return markdown([head, *(row["name"] for row in found["rows"])], rows)


def _piece(report: Report, model: str, name: str) -> dict[str, Any]:
    import numpy as np

    from musegen import index, models
    from musegen.clips import quantised, whole_bars

    from .facts import input_facts
    from .inputs import named

    folder = models.find(model)
    recipe = models.read_recipe(folder)
    codec, found = models.bar_codec(recipe), index.beside(folder)
    if found is None:
        raise UsageError(f"{recipe.name} has no {index.INDEX}: make it with 'musegen data index'")
    source = named(name)
    reading = source.read()
    report.inputs.append(input_facts(source.name, reading))
    clip = codec.clip(whole_bars(quantised(reading.song, codec.layout.steps_per_quarter)))
    longest = found.longest(np.array(codec.encode(clip)), codec)
    return {
        "model": recipe.name,
        "split": None,
        "longest": longest,
        "allowed": found.allowed,
        "copied": longest > found.allowed,
    }


def _piece_page(found: dict[str, Any]) -> list[str]:
    longest = f"{found['longest']} notes" if found["longest"] else "nothing that tells a tune"
    verdict = "a copy" if found["copied"] else "no copy"
    return [
        f"longest stretch that {found['model']} has learned from: {longest}",
        f"as much as new music may have: {found['allowed']} notes, so it is {verdict}",
    ]
