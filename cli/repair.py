"""`musegen repair`: a broken MIDI file made sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import options

if TYPE_CHECKING:
    from .facts import Facts
    from .names import Fields


@click.command("repair", epilog="Example: musegen repair bad.mid -o good.mid")
@options.files
@options.recursive
@options.repaired
@options.on_exists
@options.messages
@options.debug
def command(
    files: tuple[str, ...], recursive: bool, place: str, on_exists: str, messages: dict[str, Any]
) -> int:
    """Write each FILE anew as a sound MIDI file of the same music, and tell what was wrong.

    All that a file holds stays where it is, texts and system exclusive too; what is impossible is
    left out. A file that is sound is copied as it is. A FILE may be a folder, or '-' for standard
    input.
    """
    from musegen import midi

    from .facts import Facts, input_facts, sentence
    from .inputs import expand
    from .outputs import Folder
    from .report import Output, Report

    with Report("repair", **messages) as report:
        sources = expand(files, recursive=recursive)
        folder, template = _place(place, len(sources))
        paths = [source.path for source in sources if source.path is not None]
        target = Folder(folder, template, on_exists, paths)
        for source in sources:
            with report.attempt(source.name):
                data = source.data()
                reading = midi.parse(data, source.name)
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                facts = Facts.of(reading.song)
                (path,) = target.paths([_fields(source.stem, facts)])
                if target.is_skipped(path):
                    report.warn(source.name, f"{path} exists and was left as it is")
                    continue
                whole = midi.mended(data, source.name)[0] if reading.repairs else data
                path, digest = target.write(whole, path, _fields(source.stem, facts))
                target.reserve(path)
                report.outputs.append(Output.of(facts, path, source.name, digest))
    return report.exit_code


def _place(text: str, count: int) -> tuple[str, str]:
    """The folder and the template of names that `text` means: one file, or a folder."""
    from musegen.errors import UsageError

    from .names import checked_template

    path = Path(text)
    if path.suffix.lower() not in (".mid", ".midi"):
        return text, "{stem}_repaired"
    if count > 1:
        raise UsageError(f"{text}: is one file for {count} inputs; name a folder")
    try:
        literal = path.stem.replace("{", "{{").replace("}", "}}")
        return str(path.parent), checked_template(literal)
    except ValueError as error:
        raise UsageError(f"{text}: {error}") from None


def _fields(stem: str, facts: Facts) -> Fields:
    from .names import fields

    return fields(stem=stem, verb="repair", bpm=facts.bpm, key=facts.key, bars=facts.bars, seed=0)
