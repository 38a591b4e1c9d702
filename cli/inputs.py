"""What to read: files, folders and standard input, named as the person named them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musegen import midi
from musegen.errors import UnreadableError
from musegen.midi import Reading

SUFFIXES = (".mid", ".midi", ".kar", ".smf")
"""Which files of a folder are taken; a file that is named is read whatever it is called."""


@dataclass(frozen=True)
class Input:
    """One input; `path` is None for standard input, the others are as in `midi.read`."""

    name: str
    path: Path | None
    strict: bool = False
    sequence: int | None = None

    @property
    def stem(self) -> str:
        """What the files made from it begin with."""
        return "stdin" if self.path is None else self.path.stem

    def read(self) -> Reading:
        """UnreadableError or LimitError where it cannot be read."""
        return midi.parse(self.data(), self.name, strict=self.strict, sequence=self.sequence)

    def data(self) -> bytes:
        """Its bytes, unread beyond the limit; the same errors."""
        if self.path is None:
            if sys.stdin is None or sys.stdin.isatty():
                raise UnreadableError("standard input: nothing is piped in; name a file")
            return midi.data_of(sys.stdin.buffer, self.name)
        if self.path.is_dir():
            raise UnreadableError(
                f"{self.name}: no MIDI files in this folder; --recursive searches those within it"
            )
        return midi.data_of(self.path, self.name)


def named(word: str, **reading: Any) -> Input:
    """The one input that a word means: a file, or standard input. UnreadableError of a folder."""
    if word == "-":
        return Input("standard input", None, **reading)
    if Path(word).is_dir():
        raise UnreadableError(f"{word}: is a folder; name one file")
    return Input(word, Path(word), **reading)


def expand(words: Iterable[str], *, recursive: bool, **reading: Any) -> list[Input]:
    """The inputs that the words of a command line mean, each once.

    A folder stands for the MIDI files in it, in order of name, or for itself where it has none.
    """
    found: dict[str, Input] = {}
    for word in words:
        if word == "-":
            found["-"] = named(word, **reading)
            continue
        path = Path(word)
        files = _files(path, recursive) if path.is_dir() else []
        for file in files or [path]:
            found.setdefault(os.path.realpath(file), Input(str(file), file, **reading))
    return list(found.values())


def _files(folder: Path, recursive: bool) -> list[Path]:
    files = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(f for f in folders if recursive and not f.startswith("."))
        files += [
            Path(place) / name
            for name in sorted(names)
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    return files
