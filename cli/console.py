"""What reaches the terminal: messages on stderr, results on stdout, no control codes from files."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, TextIO

from musegen.errors import OutputError


class Progress(Protocol):
    """Told how many bars are done, of how many."""

    def __call__(self, done: int, total: int, /) -> None: ...


def clean(text: str) -> str:
    """`text` on one line; what does not print, escape codes above all, becomes `?`."""
    return "".join(c if c.isprintable() else "?" for c in text)


def say(message: str) -> None:
    """A line for the person at the terminal. If nobody can hear it, it is lost."""
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


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The same as a table in Markdown."""
    head, *body = (
        "|" + "".join(f" {cell} |" if cell else " |" for cell in row) for row in (heads, *rows)
    )
    return [head, f"|{'---|' * len(heads)}", *body]


@contextlib.contextmanager
def progress(what: str, *, wanted: bool, unit: str = "bars") -> Iterator[Progress | None]:
    """A line that says how far the work is and how long it may take, or None off a terminal."""
    if not wanted or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    began, width = time.monotonic(), 0
    columns = shutil.get_terminal_size().columns - 1

    def update(done: int, total: int) -> None:
        nonlocal width
        spent = time.monotonic() - began
        left = f", {duration(spent * (total - done) / done)} left" if done and spent > 2 else ""
        line = clean(f"{what}: {done} of {total} {unit}{left}")[-columns:]
        width = max(width, len(line))
        tell("\r" + line.ljust(width))

    def tell(text: str) -> None:
        with contextlib.suppress(OSError):
            _write(sys.stderr, text)

    try:
        yield update
    finally:
        tell("\r" + " " * width + "\r")


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
