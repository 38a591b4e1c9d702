"""The command line: `musegen COMMAND ...`.

Nothing here imports more than click: a command's module is imported when that command runs, and the
library when the command needs it. Whatever goes wrong ends as one line and an exit code.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import click

from musegen import __version__
from musegen.errors import OutputError

from . import interrupts, options
from .group import LazyGroup

COMMANDS = {
    "generate": ("generate", "Write new music from nothing."),
    "continue": ("continue_", "Write what comes next in a MIDI file."),
    "infill": ("infill", "Fill bars of a MIDI file anew, or add a track."),
    "interpolate": ("interpolate", "Go from one clip to another in steps."),
    "groove": ("groove", "Play the drums of a MIDI file as a drummer would."),
    "drumify": ("drumify", "Write drums to a melody, a rhythm or a song."),
    "inspect": ("inspect", "Show what musegen understands of a MIDI file."),
    "repair": ("repair", "Make a broken MIDI file sound."),
    "plot": ("plot", "Draw MIDI files as piano rolls."),
    "render": ("render", "Play MIDI files into sound files."),
    "finetune": ("finetune", "Tune a model on your own songs."),
    "models": ("models", "Show the models that are installed."),
    "data": ("data", "Prepare MIDI files for training."),
    "train": ("train", "Train a model by its recipe."),
    "evaluate": ("evaluate", "Measure a model on held-out music."),
    "bench": ("bench", "Measure how fast the models are here."),
}
"""Each command: the module in this package that has it as `command`, and its help in a line."""


@dataclass
class Session:
    """What holds for one run of the program."""

    debug: bool = False
    words: tuple[str, ...] = ()
    """What the program was started with."""


class Program(LazyGroup):
    """The group of all commands. What interrupts it is told by `main`, not by click."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise click.Abort from None


@click.group(
    cls=Program,
    table=COMMANDS,
    package=__name__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="musegen %(version)s")
@options.debug
def program() -> None:
    """Generate, continue and vary MIDI on models that came with this package.

    MIDI in, MIDI out, offline. 'musegen COMMAND --help' tells more of a command.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line, by default this process's; returns the exit code.

    0 all written, 1 some inputs failed, 2 usage, 3 unreadable input, 4 output refused, 5 model
    missing or invalid, 6 limit exceeded, 130 interrupted.
    """
    # Threads that spin while they wait starve a busy machine; read when torch is imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    words = tuple(sys.argv[1:] if arguments is None else arguments)
    session = Session(words=words)
    with interrupts.remembered():
        try:
            return int(program.main(words, "musegen", standalone_mode=False, obj=session) or 0)
        except Exception as error:
            interrupts.ignore()
            from .report import Report

            report = Report(_command(error, words), as_json="--json" in words, debug=session.debug)
            report.fail(None, error)
            with suppress(OutputError):  # that is what is being told
                report.show()
            return report.exit_code


def _command(error: Exception, words: Sequence[str]) -> str:
    """The command that an error ended, such as `models list`, as far as it had been made out."""
    context = getattr(error, "ctx", None)
    if isinstance(context, click.Context):
        return context.command_path.partition(" ")[2]
    return next((word for word in words if word in COMMANDS), "")
