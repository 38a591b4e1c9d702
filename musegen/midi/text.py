"""Texts in MIDI files: names in unknown charsets, made fit to be shown and written."""

from __future__ import annotations

import re

NAME_LENGTH = 64
RECIPE = "musegen "
"""How the text event begins that says how musegen made a file."""


_WAY_UP = re.compile(r"\.\.+[/\\]+")


def printable(text: str, length: int = NAME_LENGTH) -> str:
    """`text` as a name: one line of at most `length`, no control characters, no way up a path."""
    line = "".join(c for c in text[: 16 * length] if c.isprintable() or c.isspace())
    return " ".join(_WAY_UP.sub("", line).split())[:length].rstrip()


def decoded(data: bytes) -> str:
    """A name in UTF-16 if it says so, UTF-8, else Shift-JIS, else Latin-1, as Windows has them."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return printable(data.decode("utf-16", "replace"))
    for charset in ("utf-8", "cp932"):
        try:
            text = data.decode(charset)
        except UnicodeDecodeError:
            continue
        # "Bläser" in Latin-1 is also valid Shift-JIS, with one stray kanji among ASCII letters.
        if charset == "utf-8" or 2 * sum(not c.isascii() for c in text) >= len(text):
            return printable(text)
    return printable(data.decode("cp1252", "replace"))
