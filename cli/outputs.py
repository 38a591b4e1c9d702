"""Where songs go: the next free names in a folder, each file whole or not there at all."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from musegen import midi
from musegen.errors import OutputError
from musegen.song import Song

from .names import Fields, fields_of, file_name


class Folder:
    """The folder that one run of the program writes to.

    `on_exists` says what happens where a file is there already: "number", "skip", "fail" or
    "overwrite". What this run has written, and what it reads, is never replaced.
    """

    def __init__(
        self, path: str, template: str, on_exists: str, inputs: Iterable[Path] = ()
    ) -> None:
        self.path, self.template, self.on_exists = Path(path), template, on_exists
        self._inputs = {_identity(path) for path in inputs} - {None}
        self._given: set[str] = set()
        nearest = next(p for p in (self.path, *self.path.resolve().parents) if p.exists())
        if not nearest.is_dir():
            raise OutputError(f"{nearest}: is a file; --output-dir names a folder")
        if not os.access(nearest, os.W_OK):
            raise OutputError(f"{nearest}: cannot be written to; choose another --output-dir")

    @property
    def names_need_songs(self) -> bool:
        """Whether a name depends on the song itself, so that none is known before there is one."""
        return bool(fields_of(self.template) & {"bpm", "key"})

    def paths(self, takes: Sequence[Fields]) -> list[Path]:
        """A path for each take, numbered in a row from the first number where all are free."""
        first = 1
        while True:
            paths = [
                self.path / file_name(self.template, fields, n)
                for n, fields in enumerate(takes, first)
            ]
            busy = [i for i, path in enumerate(paths) if self._is_busy(path)]
            if not busy:
                return paths
            first += busy[-1] + 1

    def _is_busy(self, path: Path) -> bool:
        mine = str(path).casefold() in self._given
        return mine or (self.on_exists == "number" and os.path.lexists(path))

    def reserve(self, path: Path) -> None:
        """Give `path` away: no later take gets it."""
        self._given.add(str(path).casefold())

    def is_skipped(self, path: Path) -> bool:
        """Whether a file is there that is to stay; OutputError where it must not be there."""
        if not os.path.lexists(path):
            return False
        if self.on_exists == "fail":
            raise OutputError(f"{path}: exists; --on-exists says what to do")
        if self.on_exists == "overwrite" and _identity(path) in self._inputs:
            raise OutputError(f"{path}: is an input, which is never replaced; choose another name")
        return self.on_exists == "skip"

    def write(
        self, song: Song, path: Path, fields: Fields, *, recipe: str, program_changes: bool
    ) -> tuple[Path, str]:
        """Publish a song; returns where, and the SHA-256 of the file.

        Where another program took the name in the meantime, the next free number is used.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be made: {error.strerror}") from None
        while True:
            try:
                midi.write(
                    song,
                    path,
                    recipe=recipe,
                    program_changes=program_changes,
                    overwrite=self.on_exists == "overwrite",
                )
            except OutputError:
                if self.on_exists != "number" or not os.path.lexists(path):
                    raise
                path = self.paths([fields])[0]
            else:
                return path, hashlib.sha256(path.read_bytes()).hexdigest()


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file a path leads to, through links; None where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino
