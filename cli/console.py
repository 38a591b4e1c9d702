"""What reaches the terminal: messages on stderr, results on stdout, no control codes from files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, TextIO

from musegen.errors import OutputError

AGAIN = 0.1
"""Seconds after which a line of progress is written anew."""
SOON = 2
"""Seconds after which it says how long the rest may take."""
SOUND, TAKES = "of the sound", "of the takes"
"""What has no number of its own; it is told in percent."""

_line = ""
"""What `progress` has written last and not yet taken away."""


class Progress(Protocol):
    """Told how many bars are done, of how many."""

    def __call__(self, done: int, total: int, /) -> None: ...


def clean(text: str) -> str:
    """`text` on one line; what does not print, escape codes above all, becomes `?`."""
    return "".join(c if c.isprintable() else "?" for c in text)


def say(message: str) -> None:
    """A line for the person at the terminal. If nobody can hear it, it is lost."""
    if _line:
        _replace_line("")
    with contextlib.suppress(OSError):
        _write(sys.stderr, clean(message) + "\n")


def show(lines: Iterable[str]) -> None:
    """Lines of the result. OutputError where stdout cannot take them; a reader may stop early."""
    try:
        _write(sys.stdout, "".join(f"{clean(line)}\n" for line in lines))
    except BrokenPipeError:
        pass
    except OSError as error:
        raise OutputError(f"standard output: cannot be written: {error.strerror}") from None


def _write(stream: TextIO | None, text: str) -> None:
    """OSError where the stream cannot take it; Python has None for one that was closed."""
    if stream is None or stream.closed:
        raise OSError(errno.EBADF, "it is closed")
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except OSError:
        forget(stream)
        raise


def forget(stream: TextIO) -> None:
    """Send what is still buffered nowhere, so that it cannot fail again when Python ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> list[str]:
    """Columns under their heads, two spaces apart: the first `left` to the left, others right."""
    cells = [[clean(cell) for cell in row] for row in (heads, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]

    def line(row: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()

    return [line(row) for row in cells]


def entries(heads: tuple[str, str], texts: Mapping[str, str], width: int) -> list[str]:
    """Words under their heads, each with its text beside it, in as many lines as that takes."""
    left = max(map(len, (heads[0], *texts))) + 2
    lines = [f"{heads[0]:<{left}}{heads[1]}"]
    for word, text in texts.items():
        first, *more = textwrap.wrap(text, max(width - left, 20), break_on_hyphens=False)
        lines += [f"{word:<{left}}{first}", *(" " * left + line for line in more)]
    return lines


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The same as a table in Markdown."""
    head, *body = (
        "|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in (heads, *rows)
    )
    return [head, f"|{'---|' * len(heads)}", *body]


@contextlib.contextmanager
def progress(
    what: str,
    *,
    wanted: bool,
    unit: str = "bars",
    whole: Callable[[float], float] | None = None,
) -> Iterator[Progress | None]:
    """A line that says how far the work is and how long it may take, or None off a terminal.

    Where this is a part of more, `whole` makes the seconds left for all out of those left for it.
    """
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    began, told = time.monotonic(), 0.0
    room = shutil.get_terminal_size().columns - 1

    def update(done: int, total: int) -> None:
        nonlocal told
        now = time.monotonic()
        if told and now - told < AGAIN and done < total:
            return
        told, spent, left = now, now - began, ""
        if done and spent > SOON:
            rest = spent * (total - done) / done
            rest = rest if whole is None else whole(rest)
            left = f", {duration(rest)} left" if rest >= 1 else ""
        amount = f"{100 * done // total} %" if unit in (SOUND, TAKES) else f"{done} of {total}"
        tail = f": {amount} {unit}{left}"
        _replace_line(shortened(what, room - len(tail)) + tail)

    try:
        yield update
    finally:
        _replace_line("")


def percent(update: Progress | None) -> Callable[[float], None] | None:
    """`update` for what tells the share, from 0 to 1, that is done."""
    return None if update is None else lambda share: update(round(100 * share), 100)


def _replace_line(text: str) -> None:
    """Write over what `progress` has written last; "" takes it away."""
    global _line
    before, _line = _line, clean(text)
    end = "" if _line else "\r"
    with contextlib.suppress(OSError):
        _write(sys.stderr, f"\r{_line.ljust(len(before))}{end}")


def shortened(text: str, room: int) -> str:
    """`text` without its middle, where it takes more than `room` characters."""
    text = clean(text)
    if len(text) <= room:
        return text
    kept = max(room - 1, 0)
    return f"{text[: kept // 2]}…{text[len(text) - (kept - kept // 2) :]}"[: max(room, 0)]


def columns() -> int:
    """How wide the terminal is, or would be."""
    return max(shutil.get_terminal_size().columns, 40)


def duration(seconds: float) -> str:
    """A time in the two units that matter: "42 s", "3 min 05 s", "2 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
