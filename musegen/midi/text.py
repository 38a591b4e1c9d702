"""Texts in MIDI files: names in unknown charsets, made fit to be shown and written."""

from __future__ import annotations

NAME_LENGTH = 64
RECIPE = "musegen "
"""How the text event begins that says how musegen made a file."""


def printable(text: str, length: int = NAME_LENGTH) -> str:
    """`text` as a name: one line of at most `length`, no control characters, no way up a path."""
    line = "".join(c for c in text[: 16 * length] if c.isprintable() or c.isspace())
    while "../" in line or "..\\" in line:
        line = line.replace("../", "").replace("..\\", "")
    return " ".join(line.split())[:length].rstrip()


def decoded(data: bytes) -> str:
    """A name in UTF-8, else Shift-JIS, else Latin-1."""
    for charset in ("utf-8", "shift_jis"):
        try:
            text = data.decode(charset)
        except UnicodeDecodeError:
            continue
        # "Bläser" in Latin-1 is also valid Shift-JIS, with one stray kanji among ASCII letters.
        if charset == "utf-8" or 2 * sum(not c.isascii() for c in text) >= len(text):
            return printable(text)
    return printable(data.decode("latin-1"))
