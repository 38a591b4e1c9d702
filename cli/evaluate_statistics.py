"""`musegen evaluate statistics`: what a model writes beside what composers wrote, in numbers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import bundles, held_out, measuring, options
from .console import markdown
from .held_out import Takes, known, shown
from .measuring import measured

if TYPE_CHECKING:
    from .report import Report

NAMES = {
    "pitch_class_entropy_1": "pitch class entropy, 1 bar (bits)",
    "pitch_class_entropy_4": "pitch class entropy, 4 bars (bits)",
    "density": "notes a bar",
    "polyphony": "pitches at once",
    "polyphony_rate": "time with 3 pitches or more",
}
"""What a statistic is called where that is not its name."""


@click.command()
@measuring.model
@measuring.data
@measuring.split
@held_out.asked
@bundles.messages
@options.debug
def statistics(messages: dict[str, Any], **asked: Any) -> int:
    """Statistics of what MODEL writes beside what composers wrote in the same places.

    OA is the overlapped area of both distributions over the pieces, from 0 to 1, and KL their
    divergence in nats; at the end of a row, the OA of two halves of the real pieces.
    """
    return measured("statistics", messages, asked, _statistics, _page)


def _statistics(
    report: Report, model: str, data: Path, split: str, writing: dict[str, Any]
) -> dict[str, Any]:
    from musegen.evaluate_statistics import compared, curves

    takes = Takes.of(report, model, data, split, **writing)
    real, made = takes.songs
    rows = [asdict(row) for row in compared(real, made, writing["seed"])]
    return {
        "model": takes.model.name,
        "split": split,
        "pieces": len(real),
        "prompt": writing["prompt"],
        "length": writing["length"],
        "rows": [{k: v if k == "name" else known(v) for k, v in row.items()} for row in rows],
        "similarity": [asdict(point) for point in curves(real, made)],
    }


def _page(found: dict[str, Any]) -> list[str]:
    heard = f"after {found['prompt']} heard" if found["prompt"] else "from nothing"
    head = f"{found['split']} split, {found['pieces']} x {found['length']} bars {heard}"
    measures = ("real", "model", "overlapped_area", "divergence", "halves")
    rows = [
        [
            NAMES.get(row["name"], row["name"].replace("_", " ")),
            *(shown(row[measure]) for measure in measures),
        ]
        for row in found["rows"]
    ]
    points = [
        [str(p["bars"]), *(f"{p[side]:.3f}" for side in ("real", "model"))]
        for p in found["similarity"]
    ]
    return [
        *markdown([head, "composers", found["model"], "OA", "KL", "OA of real halves"], rows),
        "",
        *markdown(["similarity of bars so many apart", "composers", found["model"]], points),
    ]
