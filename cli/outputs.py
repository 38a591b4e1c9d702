"""Where files go: the next free names in a folder, each file whole or not there at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from musegen.errors import ExistsError, OutputError, UsageError
from musegen.publishing import publish

from .names import SUFFIX, Fields, fields_of, file_name

STDIN = 0


class Folder:
    """The folder that one run of the program writes to.

    `on_exists` says what happens where a file is there already: "number", "skip", "fail" or
    "overwrite". What this run has written, and what it reads, is never replaced.
    """

    def __init__(
        self,
        path: str,
        template: str,
        on_exists: str,
        inputs: Iterable[Path] = (),
        suffix: str = SUFFIX,
        beside: tuple[str, ...] = (),
    ) -> None:
        """`beside` are the suffixes of files that are to lie beside each, under its stem."""
        self.path, self.template, self.on_exists = Path(path), template, on_exists
        self.suffix, self.beside = suffix, beside
        self._inputs = _marks(STDIN).union(*map(_marks, inputs))
        self._given: set[str] = set()
        nearest = next(p for p in (self.path, *self.path.parents) if os.path.lexists(p))
        if not os.path.isdir(nearest):
            raise OutputError(f"{nearest}: is not a folder; choose another with -o")
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise OutputError(f"{nearest}: cannot be written to; choose another folder with -o")

    @property
    def names_need_songs(self) -> bool:
        """Whether a name depends on the song itself, so that none is known before there is one."""
        return bool(fields_of(self.template) & {"bpm", "key"})

    def paths(self, takes: Sequence[Fields]) -> list[Path]:
        """A path for each take, numbered in a row from the first number where all are free."""
        first = 1
        while True:
            paths = [self.path / self.name(fields, n) for n, fields in enumerate(takes, first)]
            busy, seen = 0, set()
            for i, path in enumerate(paths, 1):
                name = _folded(path)
                if name in self._given or name in seen or self._is_taken(path):
                    busy = i
                seen.add(name)
            if not busy:
                return paths
            first += busy

    def name(self, fields: Fields, n: int) -> str:
        return file_name(self.template, fields, n, self.suffix)

    def _is_taken(self, path: Path) -> bool:
        return self.on_exists == "number" and bool(self._there(path))

    def _there(self, path: Path) -> list[Path]:
        """What is there already of a file and those beside it."""
        paths = (path, *(path.with_suffix(suffix) for suffix in self.beside))
        return [path for path in paths if os.path.lexists(path)]

    def reserve(self, path: Path) -> None:
        """Give `path` away: no later take gets it."""
        self._given.add(_folded(path))

    def is_skipped(self, path: Path) -> bool:
        """Whether a file is there that is to stay; OutputError where it must not be there."""
        there = self._there(path)
        for path in there:
            if self.on_exists == "fail":
                raise OutputError(f"{path}: exists; --on-exists says what to do")
            if self.on_exists == "overwrite" and _marks(path) & self._inputs:
                raise OutputError(
                    f"{path}: is an input, which is never replaced; choose another name"
                )
        return bool(there) and self.on_exists == "skip"

    def make(self) -> None:
        """Make the folder, if it is missing. OutputError where it cannot be made."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError) as error:  # ValueError: a NUL
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputError(f"{self.path}: cannot be made: {reason}") from None

    def write(self, data: bytes, path: Path, fields: Fields) -> tuple[Path, str]:
        """Publish the bytes of a file; returns where, and their SHA-256.

        Where another program took the name in the meantime, the next free number is used.
        """
        self.make()
        while True:
            try:
                publish(path, data, overwrite=self.on_exists == "overwrite")
            except ExistsError:
                if self.on_exists != "number":
                    raise
                path = self.paths([fields])[0]
            else:
                return path, hashlib.sha256(data).hexdigest()

    def write_beside(self, data: bytes, path: Path, suffix: str) -> Path:
        """Publish what lies beside the file at `path`, under its stem; returns where."""
        place = path.with_suffix(suffix)
        publish(place, data, overwrite=self.on_exists == "overwrite")
        return place


class File(Folder):
    """One file in a folder, of exactly the name that was given; numbered only by "number"."""

    def __init__(self, path: str, on_exists: str, inputs: Iterable[Path] = ()) -> None:
        folder, self._name = os.path.split(path)
        super().__init__(folder, "", on_exists, inputs)

    def name(self, fields: Fields, n: int) -> str:
        stem, suffix = os.path.splitext(self._name)
        return self._name if n == 1 else f"{stem}_{n:02}{suffix}"


def target(
    place: str,
    template: str,
    suffixes: tuple[str, ...],
    on_exists: str | None,
    inputs: Sequence[Path],
) -> Folder:
    """The one file, or the folder, that `place` means.

    A name with one of these suffixes is a file's, and fails where there is one; files in a folder
    have the first of them, and are numbered.
    """
    name = os.path.basename(place)
    if not os.path.isdir(place) and name.lower().endswith(suffixes):
        if len(inputs) > 1:
            raise UsageError(f"{place}: is one file for {len(inputs)} inputs; name a folder")
        return File(place, on_exists or "fail", inputs)
    if not os.path.isdir(place) and (name == "-" or os.path.splitext(name)[1]):
        known = " or ".join(suffixes[:2])
        raise UsageError(f"{place}: name a {known} file, or a folder that exists or ends in /")
    return Folder(place, template, on_exists or "number", inputs, suffixes[0])


def _folded(path: Path) -> str:
    """The same for two paths that some file system takes for one."""
    return unicodedata.normalize("NFC", str(path)).casefold()


def _marks(file: Path | int) -> set[object]:
    """What tells that two paths, or open files, are one file: where links lead, and its number."""
    marks: set[object] = set() if isinstance(file, int) else {os.path.realpath(file)}
    with contextlib.suppress(OSError, ValueError):
        status = os.stat(file)
        marks.add((status.st_dev, status.st_ino))
    return marks
