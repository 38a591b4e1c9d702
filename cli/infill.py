"""`musegen infill`: bars of a piece anew, or a track that joins in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import bundles, options

if TYPE_CHECKING:
    from musegen.verbs import Takes


@click.command("infill", epilog="Example: musegen infill song.mid --bars 5-8 --track Bass")
@options.files
@bundles.inputs
@options.bars
@options.tracks("A track to fill, by default all")
@options.add_track
@bundles.sampling("multitrack-transformer", min_p=options.TOKENS_MIN_P)
@bundles.harmony
@bundles.output
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    bars: tuple[int, int] | None,
    tracks: tuple[str, ...],
    add_track: str | None,
    sampling: dict[str, Any],
    harmony: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Write new notes into bars of each FILE, which join what stands before and after.

    The rest of the file stays as it is, byte for byte. With --add-track, a new track joins in. A
    FILE may be a folder, or '-' for standard input.
    """
    from dataclasses import replace
    from functools import partial

    from musegen import midi, verbs
    from musegen.errors import UsageError
    from musegen.time import bar_count, usual_tempo

    from .facts import input_facts, sentence
    from .inputs import expand, paths_of, stem_of
    from .report import Report
    from .takes import Expected, Writer

    with Report("infill", dry_run=output["dry_run"], **messages) as report:
        if bars is None and not tracks and add_track is None:
            raise UsageError("nothing to fill: give --bars, --track or --add-track")
        if tracks and add_track is not None:
            raise UsageError("--track does not go with --add-track: the new track is filled alone")
        sources = expand(files, **inputs)
        report.expected = len(sources)
        stem = stem_of(sources)
        writer = Writer(
            "infill", report, sampling, output, paths_of(sources), stem=stem, batched=True
        )
        wishes = {"bars": bars, "tracks": tracks, "add_track": add_track, **harmony}
        for source in sources:
            with report.attempt(source.name):
                data = source.data()
                reading = midi.parse(
                    data, source.name, strict=source.strict, sequence=source.sequence
                )
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                song = reading.song
                key = None if song.key is None else str(song.key)
                expected = Expected(source.stem, bar_count(song), None, key)
                if report.dry_run:
                    verbs.Infilling.of(song, model=sampling["model"], **wishes)
                    expected = replace(expected, bpm=round(usual_tempo(song).bpm, 2))
                writer.run(
                    partial(verbs.infill, song, **wishes),
                    expected,
                    source.name,
                    song,
                    None if output["no_program"] else partial(_patched, data),
                )
        writer.finish()
    return report.exit_code


def _patched(data: bytes, takes: Takes, number: int) -> bytes | None:
    """The file of a take, with all the bytes of the input that it need not change."""
    from musegen.verbs import Filled

    return takes.patched(data, number) if isinstance(takes, Filled) else None
