"""`musegen repair`: a broken MIDI file made sound."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from .facts import Facts
    from .inputs import Input
    from .names import Fields


@click.command("repair", epilog="Example: musegen repair bad.mid -o good.mid")
@options.files
@options.recursive
@options.repaired
@options.on_exists_of_one
@options.messages
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

    from .facts import Facts, input_facts, sentence
    from .inputs import SUFFIXES, expand, paths_of
    from .outputs import target
    from .report import Output, Report

    with Report("repair", **messages) as report:
        sources = expand(files, recursive=recursive)
        paths = paths_of(sources)
        folder = target(place, "{stem}_repaired", SUFFIXES, on_exists, paths)
        is_home = _is_home(place, sources)
        for source in sources:
            with report.attempt(source.name):
                data = source.data()
                reading = midi.parse(data, source.name)
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                whole, repairs = midi.mended(data, source.name)
                if is_home and not repairs and not reading.repairs and source.path is not None:
                    report.warn(source.name, "is sound; it is not copied into its own folder")
                    continue
                facts = Facts.of(reading.song)
                (path,) = folder.paths([_fields(source.stem, facts)])
                if folder.is_skipped(path):
                    report.warn(source.name, f"{path} exists and was left as it is")
                    continue
                content = whole if repairs else data
                path, digest = folder.write(content, path, _fields(source.stem, facts))
                folder.reserve(path)
                report.outputs.append(Output.of(facts, path, source.name, digest))
    return report.exit_code


def _is_home(place: str, sources: Sequence[Input]) -> bool:
    """Whether a file that is read lies in the folder that is written to."""
    homes = {os.path.realpath(s.path.parent) for s in sources if s.path and not s.fault}
    return os.path.isdir(place) and os.path.realpath(place) in homes


def _fields(stem: str, facts: Facts) -> Fields:
    from .names import fields

    return fields(stem=stem, verb="repair", bpm=facts.bpm, key=facts.key, bars=facts.bars, seed=0)
