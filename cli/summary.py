"""The table at the end of a run: with the same columns for programs, on a terminal for people."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence

from .console import shortened, table
from .written import Output

HEADS = ("file", "bars", "notes", "range", "key", "bpm", "seconds", "seed")


def row(output: Output) -> tuple[str, ...]:
    """An output as a line of the table; an estimated key has a question mark."""

    def word(value: object) -> str:
        return "-" if value is None else str(value)

    return (
        output.path,
        str(output.bars),
        word(output.notes),
        "-" if output.range is None else "-".join(output.range),
        word(output.key) + "?" * output.key_is_estimated,
        "-" if output.bpm is None else f"{output.bpm:g}",
        "-" if output.seconds is None else f"{output.seconds:.1f}",
        word(output.seed),
    )


LEAST_NAME = 24
"""Columns that a file's name has on a terminal, before other columns make room for it."""
_GIVING_WAY = ("range", "key", "bpm", "bars", "notes", "seed")
"""Heads of columns that a narrow terminal has no room for, the first to go first."""


def lines(outputs: Sequence[Output], columns: int) -> list[str]:
    """The same for a terminal so wide: what all files share is said once, above the table.

    Times are in minutes and seconds; a long name loses its middle.
    """
    heads: tuple[str, ...] = (*HEADS[:-2], "length", HEADS[-1])
    cells = [dict(zip(heads, _cells(output), strict=True)) for output in outputs]
    shared: set[str] = set()
    if len(outputs) > 1:
        shared = {name for name in heads[1:] if len({cell[name] for cell in cells}) == 1}
        heads = tuple(name for name in heads if name not in shared)
    folders = {os.path.dirname(output.path) for output in outputs}
    if len(folders) == 1:
        for cell in cells:
            cell["file"] = os.path.basename(cell["file"])
    head: list[str] = []
    if len(outputs) > 1 or folders != {""}:
        head = textwrap.wrap(_shared(outputs, cells[0], shared, folders), columns - 1)
    room = _room(heads, cells, columns)
    while room < LEAST_NAME and (giving := [name for name in _GIVING_WAY if name in heads]):
        heads = tuple(name for name in heads if name != giving[0])
        room = _room(heads, cells, columns)
    for cell in cells:
        cell["file"] = shortened(cell["file"], max(room, 8))
    rows = [[cell[name] for name in heads] for cell in cells]
    return [*head, *[""] * bool(head), *table(heads, rows)]


def _cells(output: Output) -> tuple[str, ...]:
    path, *others, _, seed = row(output)
    return (path, *others, "-" if output.seconds is None else _minutes(output.seconds), seed)


def _shared(
    outputs: Sequence[Output], cell: dict[str, str], shared: set[str], folders: set[str]
) -> str:
    """Like `4 files in takes: 16 bars, A minor, 112 bpm, 0:34, seed 7, melody-lstm`."""
    units = {"bars": "{} bars", "notes": "{} notes", "bpm": "{} bpm", "seed": "seed {}"}
    words = [
        units.get(name, "{}").format(value)
        for name, value in cell.items()
        if name in shared and value != "-"
    ]
    models = {output.model for output in outputs}
    words += [model for model in models if model is not None and len(models) == 1]
    folder = next(iter(folders)) if len(folders) == 1 else ""
    place = f" in {folder}" if folder else ""
    planned = " to be written" * all(output.sha256 is None for output in outputs)
    files = f"{len(outputs)} file{'s' * (len(outputs) > 1)}{planned}{place}"
    return ": ".join(filter(None, (files, ", ".join(words))))


def _room(heads: Sequence[str], cells: Sequence[dict[str, str]], columns: int) -> int:
    """What the other columns leave for names."""
    widths = (max(len(name), *(len(cell[name]) for cell in cells)) for name in heads[1:])
    return columns - 1 - sum(width + 2 for width in widths)


def _minutes(seconds: float) -> str:
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02}"
    return f"{whole // 3600}:{whole % 3600 // 60:02}:{whole % 60:02}"
