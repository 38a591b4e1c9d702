"""`musegen plot`: pictures of MIDI files."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options

SUFFIXES = (".svg", ".png")


@click.command("plot", epilog="Example: musegen plot song.mid -o song.png --theme dark")
@options.files
@bundles.inputs
@options.pictured
@options.on_exists_of_one
@bundles.picture
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    place: str,
    on_exists: str | None,
    picture: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Draw each FILE: a piano roll over drum lanes, by bars.

    A louder note is darker, a continuation is tinted. A FILE may be a folder, or '-' for standard
    input.
    """
    from musegen import plot

    from .console import columns, show
    from .inputs import expand
    from .report import Report
    from .singles import Singles, told

    with Report("plot", **messages) as report:
        sources = expand(files, **inputs)
        order = SUFFIXES if picture["format"] == "svg" else SUFFIXES[::-1]
        singles = None
        if not picture["terminal"]:
            singles = Singles(report, place, "{stem}", order, on_exists, sources)
        for source in sources:
            with report.attempt(source.name):
                reading = told(report, source, source.read())
                if singles is None:
                    if not report.as_json:
                        show(plot.terminal(reading.song, columns(), title=source.name))
                    continue
                path = singles.path(source, reading)
                if path is None:
                    continue
                drawing = plot.drawing(reading.song, title=reading.song.name or source.stem)
                if path.suffix.lower() == ".png":
                    data = plot.png(drawing, theme=picture["theme"])
                else:
                    data = plot.svg(drawing).encode()
                singles.write(data, path, source, reading)
    return report.exit_code
