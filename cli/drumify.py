"""`musegen drumify`: drums to a melody, a rhythm or a song."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("drumify", epilog="Example: musegen drumify song.mid --style rock --with-input")
@options.files
@bundles.inputs
@bundles.sampling("drummer-lstm", options.length_of_input)
@bundles.drumming
@bundles.audio
@bundles.output
@bundles.messages
@options.debug
def command(
    files: tuple[str, ...],
    inputs: dict[str, Any],
    sampling: dict[str, Any],
    wishes: dict[str, Any],
    audio: dict[str, Any],
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Write drums to what each FILE plays, in its tempo and metre, as long as it is.

    A FILE may be a MIDI file, a folder of them, '-' for standard input, or audio: a rhythm that
    was tapped or played (wav, flac, ogg, aiff, mp3).
    """
    from functools import partial

    from musegen import verbs
    from musegen.time import bar_count
    from musegen.verbs.drums import GROOVE_MODEL, style_number
    from musegen.verbs.takes import serving

    from .inputs import expand, paths_of, stem_of
    from .listening import Listening, check_audio
    from .report import Report
    from .takes import Expected, Writer

    with Report("drumify", dry_run=output["dry_run"], **messages) as report:
        style_number(serving("drumify", sampling["model"]), wishes["style"])
        sources = expand(files, **inputs)
        report.expected = len(sources)
        paths = paths_of(sources)
        check_audio(audio, paths)
        # The one model plays what the other writes.
        writer = Writer(
            "drumify",
            report,
            sampling,
            output,
            paths,
            also=[GROOVE_MODEL],
            stem=stem_of(sources),
        )
        for source in sources:
            with report.attempt(source.name):
                heard = Listening.of(source, audio)
                report.inputs.append(heard.facts)
                report.say(heard.words)
                song, length = heard.song, sampling["length"]
                if report.dry_run:
                    verbs.Drumming.of(song, model=sampling["model"], length=length, **wishes)
                expected = Expected(
                    source.stem, length or bar_count(song), round(song.tempos[0].bpm, 2), None
                )
                verb = partial(verbs.drumify, song, **wishes)
                writer.run(verb, expected, source.name, None if wishes["include_input"] else song)
        writer.finish()
    return report.exit_code
