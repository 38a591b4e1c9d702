"""The command line: `musegen COMMAND ...`.

Nothing here imports more than click: a command's module is imported when that command runs, and the
library when the command needs it. Whatever goes wrong ends as one line and an exit code.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import click

from musegen import __version__
from musegen.errors import MusegenError

from . import options
from .console import say
from .group import LazyGroup

COMMANDS = {
    "generate": ("generate", "Write new music from nothing."),
    "continue": ("continue_", "Write what comes next in a MIDI file."),
    "inspect": ("inspect", "Show what musegen understands of a MIDI file."),
    "models": ("models", "Show the models that are installed."),
    "data": ("data", "Prepare MIDI files for training."),
    "train": ("train", "Train a model by its recipe."),
}
"""Each command with the module in this package that has it as `command`, and its help in a line."""

INTERRUPTED = 130


@dataclass
class Session:
    """What holds for one run of the program."""

    debug: bool = False


@click.group(cls=LazyGroup, commands_table=COMMANDS, package=__name__)
@click.version_option(__version__, message="musegen %(version)s")
@options.debug
def program() -> None:
    """Generate, continue and vary MIDI on models that came with this package.

    MIDI in, MIDI out, offline. 'musegen COMMAND --help' tells more of a command.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default this process's; returns the exit code.

    0 all written, 1 some inputs failed, 2 usage, 3 unreadable input, 4 output refused, 5 model missing
    or invalid, 6 limit exceeded, 130 interrupted.
    """
    # Waiting threads that spin starve everything else on a busy machine. Read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    session = Session()
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        result = program.main(arguments, "musegen", standalone_mode=False, obj=session)
        return int(result or 0)
    except Exception as error:
        if session.debug:
            traceback.print_exc()
        code, message = verdict(error)
    say(f"error: {message}")
    if "--json" in given:
        from .report import Report

        Report(next((word for word in given if word in COMMANDS), ""), as_json=True).fail(
            None, code, message
        ).show()
    return code


def verdict(error: BaseException) -> tuple[int, str]:
    """The exit code that an error ends with, and what is said of it."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return INTERRUPTED, "interrupted"
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    if isinstance(error, MusegenError):
        return error.exit_code, str(error)
    if isinstance(error, OSError) and error.filename is not None:
        return 4, f"{error.filename}: {error.strerror}"
    return 1, f"a fault in musegen ({type(error).__name__}: {error}); --debug shows where"
