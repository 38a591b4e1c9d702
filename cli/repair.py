"""`musegen repair`: a broken MIDI file made sound."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import bundles, options

if TYPE_CHECKING:
    from .inputs import Input


@click.command("repair", epilog="Example: musegen repair bad.mid -o good.mid")
@options.files
@options.recursive
@options.repaired
@options.on_exists_of_one
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    recursive: bool,
    place: str,
    on_exists: str | None,
    messages: dict[str, Any],
) -> int:
    """Write each FILE anew as a sound MIDI file of the same music, and tell what was wrong.

    All that a file holds stays where it is, texts and system exclusive too; what is impossible is
    left out. A file that is sound is copied as it is, but not within its own folder. A FILE may be
    a folder, or '-' for standard input.
    """
    from musegen import midi

    from .inputs import SUFFIXES, expand
    from .report import Report
    from .singles import Singles, told

    with Report("repair", **messages) as report:
        sources = expand(files, recursive=recursive)
        singles = Singles(report, place, "{stem}_repaired", SUFFIXES, on_exists, sources)
        is_home = _is_home(place, sources)
        for source in sources:
            with report.attempt(source.name):
                data = source.data()
                reading = told(report, source, midi.parse(data, source.name))
                whole, repairs = midi.mended(data, source.name)
                if is_home and not repairs and not reading.repairs and source.path is not None:
                    report.warn(source.name, "is sound; it is not copied into its own folder")
                    continue
                path = singles.path(source, reading)
                if path is not None:
                    singles.write(whole if repairs else data, path, source, reading)
    return report.exit_code


def _is_home(place: str, sources: Sequence[Input]) -> bool:
    """Whether a file that is read lies in the folder that is written to."""
    homes = {os.path.realpath(s.path.parent) for s in sources if s.path and not s.fault}
    return os.path.isdir(place) and os.path.realpath(place) in homes
