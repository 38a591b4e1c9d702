"""`musegen inspect`: what musegen understands of a file, before anything is made of it."""

from __future__ import annotations

from typing import Any

import click

from . import bundles, options


@click.command("inspect", epilog="Example: musegen inspect song.mid")
@options.files
@bundles.inputs
@bundles.messages
@options.debug
def command(files: tuple[str, ...], inputs: dict[str, Any], messages: dict[str, Any]) -> int:
    """Show what musegen understands of each FILE, what it mends and what it leaves out.

    A FILE may be a folder, or '-' for standard input. Track numbers are those of --track.
    """
    from .console import show
    from .facts import all_facts, page
    from .inputs import expand
    from .report import Report

    with Report("inspect", **messages) as report:
        for source in expand(files, **inputs):
            with report.attempt(source.name):
                reading = source.read()
                report.inputs.append(all_facts(source.name, reading))
                if not report.as_json:
                    show(page(source.name, reading))
    return report.exit_code
