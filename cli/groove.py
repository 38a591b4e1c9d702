"""`musegen groove`: drums as a drummer would play them."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("groove", epilog="Example: musegen groove beat.mid --style funk --strength 0.8")
@options.files
@bundles.inputs
@bundles.sampling("groove-vae")
@bundles.grooving
@options.feel
@bundles.audio
@bundles.output
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    sampling: dict[str, Any],
    wishes: dict[str, Any],
    feel: str | None,
    audio: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Play the drums of each FILE as a drummer would, with all else as it is.

    Every hit stays in its place in the pattern; when exactly it comes, and how loud, changes. A
    FILE may be a folder, or '-' for standard input. With --from, the feel is that of another
    performance: of a MIDI file, or of audio (wav, flac, ogg, aiff, mp3).
    """
    from functools import partial

    from musegen import verbs
    from musegen.errors import UsageError
    from musegen.time import bar_count
    from musegen.verbs.drums import style_number
    from musegen.verbs.takes import serving

    from .facts import input_facts, sentence
    from .inputs import expand, named, paths_of, stem_of
    from .listening import check_audio, performance
    from .report import Report
    from .takes import Expected, Writer

    with Report("groove", dry_run=output["dry_run"], **messages) as report:
        style_number(serving("groove", sampling["model"]), wishes["style"])
        sources = expand(files, **inputs)
        report.expected = len(sources)
        lenders = [] if feel is None else [named(feel)]
        if feel == "-" and "-" in files:
            raise UsageError("standard input is one file; name another for --from")
        check_audio(audio, paths_of(lenders))
        paths = paths_of([*sources, *lenders])
        writer = Writer("groove", report, sampling, output, paths, stem=stem_of(sources))
        borrowed = report.more["from"] = None
        for lender in lenders:
            heard = performance(lender, audio, wishes["grid"])
            report.more["from"] = heard.facts
            report.say(heard.words)
            borrowed = heard.song
        for source in sources:
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(input_facts(source.name, reading))
                report.say(sentence(source.name, reading))
                song = reading.song
                if report.dry_run:
                    verbs.Grooving.of(song, model=sampling["model"], feel=borrowed, **wishes)
                expected = Expected(
                    source.stem, bar_count(song), round(song.tempos[0].bpm, 2), None
                )
                verb = partial(verbs.groove, song, feel=borrowed, **wishes)
                writer.run(verb, expected, source.name, song)
        writer.finish()
    return report.exit_code
