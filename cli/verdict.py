"""How an error ends the program: an exit code and one line."""

from __future__ import annotations

import click

from musegen.errors import MusegenError

INTERRUPTED = 130


def verdict(error: BaseException) -> tuple[int, str]:
    """The exit code that an error ends with, and what is said of it."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return INTERRUPTED, "interrupted"
    if isinstance(error, click.ClickException):
        return error.exit_code, error.format_message()
    if isinstance(error, MusegenError):
        return error.exit_code, str(error)
    if isinstance(error, OSError) and error.strerror:
        # Inputs, models and data answer for themselves; what is left was to be written.
        return 4, f"{error.filename or 'a file cannot be written'}: {error.strerror}"
    kind = type(error).__name__
    if isinstance(error, MemoryError) or kind == "OutOfMemoryError":  # torch's, of a GPU
        return 6, "not enough memory; ask for less at a time"
    return 1, f"a fault in musegen ({kind}: {error}); --debug shows where; please report it"
