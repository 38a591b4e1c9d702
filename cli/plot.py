"""`musegen plot`: pictures of MIDI files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from .outputs import Folder

SUFFIXES = (".svg", ".png")


@click.command("plot", epilog="Example: musegen plot song.mid -o song.png --theme dark")
@options.files
@options.inputs
@options.pictured
@options.on_exists_of_one
@options.picture
@options.messages
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
    from .facts import Facts, input_facts, sentence
    from .inputs import expand, paths_of
    from .names import fields
    from .outputs import target
    from .report import Output, Report

    with Report("plot", **messages) as report:
        sources = expand(files, **inputs)
        folder: Folder | None = None
        if not picture["terminal"]:
            order = SUFFIXES if picture["format"] == "svg" else SUFFIXES[::-1]
            folder = target(place, "{stem}", order, on_exists, paths_of(sources))
        for source in sources:
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                if folder is None:
                    if not report.as_json:
                        show(plot.terminal(reading.song, columns(), title=source.name))
                    continue
                facts = Facts.of(reading.song)
                named = fields(
                    stem=source.stem,
                    verb="plot",
                    bpm=facts.bpm,
                    key=facts.key,
                    bars=facts.bars,
                    seed=0,
                )
                (path,) = folder.paths([named])
                if folder.is_skipped(path):
                    report.warn(source.name, f"{path} exists and was left as it is")
                    continue
                drawing = plot.drawing(reading.song, title=reading.song.name or source.stem)
                if path.suffix.lower() == ".png":
                    data = plot.png(drawing, theme=picture["theme"])
                else:
                    data = plot.svg(drawing).encode()
                path, digest = folder.write(data, path, named)
                folder.reserve(path)
                report.outputs.append(Output.of(facts, path, source.name, digest))
    return report.exit_code
