"""`musegen continue`: what comes next in a piece."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("continue", epilog="Example: musegen continue song.mid --variations 4")
@options.files
@bundles.inputs
@bundles.sampling("multitrack-transformer", options.length, min_p=options.TOKENS_MIN_P)
@options.tracks("A track to continue")
@options.include_input
@bundles.music
@bundles.output
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    sampling: dict[str, Any],
    tracks: tuple[str, ...],
    include_input: bool,
    music: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Write what comes next in each FILE, as MIDI files of exactly --length bars.

    The new part has the file's tempo, metre, instruments and channels, and starts at its own bar 1.
    A FILE may be a folder, or '-' for standard input.
    """
    from dataclasses import replace
    from functools import partial

    from musegen import verbs
    from musegen.time import bar_count

    from .facts import input_facts, sentence
    from .inputs import expand, paths_of, stem_of
    from .report import Report
    from .takes import Expected, Writer

    with Report("continue", dry_run=output["dry_run"], **messages) as report:
        sources = expand(files, **inputs)
        report.expected = len(sources)
        stem = stem_of(sources)
        writer = Writer(
            "continue", report, sampling, output, paths_of(sources), stem=stem, batched=True
        )
        for source in sources:
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                song = reading.song
                wishes = {"tracks": tracks, "include_input": include_input, **music}
                expected = Expected(
                    source.stem,
                    sampling["length"] + (bar_count(song) if include_input else 0),
                    music["tempo"],
                    None if music["key"] is None else str(music["key"]),
                )
                if report.dry_run:
                    plan = verbs.Continuation.of(song, model=sampling["model"], **wishes)
                    expected = replace(
                        expected, bpm=music["tempo"] or round(plan.heard.tempo.bpm, 2)
                    )
                verb = partial(verbs.continue_, song, **wishes)
                writer.run(verb, expected, source.name, None if include_input else song)
        writer.finish()
    return report.exit_code
