"""The words of a run as one line for a shell."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence


def command_line(
    words: Sequence[str], verb: str, seed: int | None = None, *, windows: bool = os.name == "nt"
) -> str:
    """`musegen` and the words, with `--seed` if one was drawn, so that it makes the same again."""
    words = list(words)
    if seed is not None and verb in words:
        # Right behind the verb: behind "--" an option would be a file.
        at = words.index(verb) + 1
        words[at:at] = ["--seed", str(seed)]
    return " ".join(map(_quoted_on_windows if windows else _quoted, ("musegen", *words)))


def _quoted(word: str) -> str:
    """What does not print is written in letters, as bash and zsh read it."""
    if word.isprintable():
        return shlex.quote(word)
    letters = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    )
    return f"$'{letters}'"


def _quoted_on_windows(word: str) -> str:
    """Names have no quotation marks there."""
    return word if re.fullmatch(r"[\w.,:=/\\+-]+", word) else f'"{word}"'
