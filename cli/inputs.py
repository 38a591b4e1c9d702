"""What to read: files, folders and standard input, named as the person named them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
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
    """One input; `path` is None for standard input, the others are as in `midi.read`.

    `fault` says why it is not even tried.
    """

    name: str
    path: Path | None
    fault: str = ""
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
        if self.fault:
            raise UnreadableError(f"{self.name}: {self.fault}")
        return midi.data_of(self.path, self.name)


def named(word: str, **reading: Any) -> Input:
    """The one input that a word means: a file, or standard input. UnreadableError of a folder."""
    if word == "-":
        return Input("standard input", None, **reading)
    if os.path.isdir(word):
        raise UnreadableError(f"{word}: is a folder; name one file")
    return Input(word, Path(word), **reading)


def expand(words: Iterable[str], *, recursive: bool, **reading: Any) -> list[Input]:
    """The inputs that the words of a command line mean, each once.

    A folder stands for the MIDI files in it, in order of name. What of it cannot be read, and a
    folder without any, is an input with a fault.
    """
    found: dict[str, Input] = {}
    for word in words:
        if word == "-":
            found["-"] = named(word, **reading)
            continue
        path = Path(word)
        files = _files(path, recursive) if os.path.isdir(path) else {path: ""}
        for file, fault in files.items():
            found.setdefault(os.path.realpath(file), Input(str(file), file, fault, **reading))
    return list(found.values())


def stem_of(sources: Sequence[Input]) -> str:
    """What a file made from all of them begins with."""
    return sources[0].stem if len(sources) == 1 else "musegen"


def paths_of(sources: Iterable[Input]) -> list[Path]:
    """Where they lie, standard input aside."""
    return [source.path for source in sources if source.path is not None]


def _files(folder: Path, recursive: bool) -> dict[Path, str]:
    """What to read of a folder, and why it cannot be read where that is known."""
    files = {}

    def unlisted(error: OSError) -> None:
        files[Path(error.filename)] = f"cannot be read: {error.strerror}"

    for place, folders, names in os.walk(folder, onerror=unlisted):
        folders[:] = sorted(f for f in folders if recursive and not f.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                path = Path(place) / name
                is_odd = os.path.exists(path) and not os.path.isfile(path)
                files[path] = "is not a regular file; to read it, name it" * is_odd
    none = "no MIDI files in this folder; --recursive searches those within it"
    return files or {folder: none}
