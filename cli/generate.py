"""`musegen generate`: new music from nothing."""

from __future__ import annotations

from typing import Any

import click

from . import options


@click.command("generate", epilog="Example: musegen generate --instruments piano,bass,drums")
@options.sampling("multitrack-transformer", options.length)
@options.music
@options.style
@options.output
@options.messages
@options.debug
def command(
    sampling: dict[str, Any],
    music: dict[str, Any],
    style: str | None,
    output: dict[str, Any],
    messages: dict[str, Any],
) -> int:
    """Write new music from nothing, as MIDI files of exactly --length bars.

    What is not asked for, the model chooses.
    """
    from functools import partial

    from musegen import verbs

    from .report import Report
    from .takes import Expected, Writer

    with Report("generate", dry_run=output["dry_run"], **messages) as report:
        writer = Writer("generate", report, sampling, output)
        key = None if music["key"] is None else str(music["key"])
        expected = Expected("musegen", sampling["length"], music["tempo"], key)
        with report.attempt(None):
            if report.dry_run:
                wishes = {"model": sampling["model"], "style": style, **music}
                verbs.Generation.of(sampling["length"], **wishes)
            verb = partial(verbs.generate, **music, style=style)
            writer.run(verb, expected)
    return report.exit_code
