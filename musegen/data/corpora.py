"""Corpora as they lie on disk: a folder or a zip of MIDI files, and a table of splits.

They come from anywhere: no name in one leads out of it, and no file is read beyond a limit.
"""

from __future__ import annotations

import contextlib
import csv
import io
import math
import os
import re
import reprlib
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from musegen.errors import UnreadableError, UsageError
from musegen.limits import MIDI_MIB
from musegen.midi import data_of

SPLITS = ("train", "valid", "test")
MAX_NAME = 100
"""Of a corpus, in characters."""
MAX_TABLE_BYTES = 1 << 24


@dataclass(frozen=True)
class Corpus:
    """One corpus in a model's recipe.

    `name` is a file's as well, and so one part of a path. `weight` scales how often its tokens are
    drawn. `style` labels its songs, or what the first group of the regular expression
    `style_pattern` finds in a file's name. `tracks` names the tracks to take by the beginning of
    their names ("first" takes the first with notes; empty takes all), each as a song of its own
    where the codec has one voice. `beats` is the name of a beat annotation beside each file.
    `drum_map` "td11" maps Roland's pitches to General MIDI. `index` and `licenses` keep only the
    files whose row of that CSV file has a licence that begins with one of these.
    """

    name: str
    weight: float = 1.0
    style: str | None = None
    style_pattern: str | None = None
    tracks: tuple[str, ...] = ()
    beats: str | None = None
    drum_map: str | None = None
    index: str | None = None
    licenses: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not is_part(self.name):
            raise ValueError(
                f"name {reprlib.repr(self.name)}: should be 1 to {MAX_NAME} printable characters "
                "without / \\ and :, the first no dot"
            )
        if not 0 <= self.weight < math.inf:
            raise ValueError(f"weight should be a number from 0, and is {self.weight}")
        try:
            groups = re.compile(self.style_pattern or "()").groups
        except (re.error, OverflowError, RecursionError) as error:
            raise ValueError(f"style_pattern: no regular expression ({error})") from None
        if not groups:
            raise ValueError("style_pattern: needs a group in parentheses, the style")


def is_part(name: str) -> bool:
    """Whether a name is one part of a path on every system, and can stand in a message."""
    plain = name.isprintable() and not name.startswith(".") and not set(name) & set("/\\:")
    return plain and 0 < len(name) <= MAX_NAME


def find(name: str, folder: Path) -> Path:
    """The corpus `name` in `folder`: NAME.zip or NAME/."""
    for path in (folder / f"{name}.zip", folder / name):
        if os.path.isfile(path):
            _archive(path).close()
            return path
        if os.path.isdir(path):
            return path
    raise UnreadableError(f"{folder}: no corpus {name}.zip or {name}/ there")


def _archive(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        raise UnreadableError(f"{path}: not a zip archive, or damaged; fetch it again") from None


def located(
    wanted: Iterable[Corpus], folder: Path, table: Path
) -> list[tuple[Corpus, Path, dict[str, str]]]:
    """Each corpus with its place in `folder` and its files by the table of splits."""
    return [(c, find(c.name, folder), splits(table, c.name)) for c in wanted]


def opener(path: Path) -> Callable[[str], bytes]:
    """A function from a file's name inside a corpus to its bytes.

    It raises KeyError where there is no such file, or the name leads out of the corpus, LimitError
    where it is larger than a MIDI file may be, and UnreadableError where it is damaged.
    """
    if path.is_dir():

        def read(name: str) -> bytes:
            try:
                with _inside(path, name).open("rb") as file:
                    return _bounded(file, name)
            except (OSError, ValueError) as error:  # ValueError: no name that can be encoded
                raise KeyError(name) from error

        return read
    archive = _archive(path)

    def unzip(name: str) -> bytes:
        info = archive.getinfo(name)
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableError(f"{name}: compressed in a way that is not read; use deflate")
        try:
            with archive.open(info) as file:
                return _bounded(file, name)
        except (
            *(zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError),
            RuntimeError,  # encrypted, or of a later version
        ) as error:
            raise UnreadableError(f"{name}: damaged in {path} ({error}); fetch it again") from None

    return unzip


def _inside(folder: Path, name: str) -> Path:
    """The regular file `name` in a folder; KeyError where there is none, or it is outside."""
    if Path(name).anchor or ".." in Path(name).parts or not (folder / name).is_file():
        raise KeyError(name)
    return folder / name


def _bounded(file: IO[bytes], name: str) -> bytes:
    """All of a file; LimitError, when that much was read, where it is larger."""
    data = data_of(cast(BinaryIO, file), name)
    MIDI_MIB.check(len(data) / 2**20, name)
    return data


def marks(path: Path, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Two numbers for each of these files that is there; they differ once it has changed.

    In a folder they are the size and the time of the last change, in a zip the size and the CRC.
    """
    found = {}
    if path.is_dir():
        for name in names:
            with contextlib.suppress(KeyError, OSError, ValueError):
                stat = _inside(path, name).stat()
                found[name] = (stat.st_size, stat.st_mtime_ns)
        return found
    with _archive(path) as archive:
        infos = {info.filename: info for info in archive.infolist()}
    return {name: (infos[name].file_size, infos[name].CRC) for name in names if name in infos}


def splits(path: Path, corpus: str) -> dict[str, str]:
    """File to split, from a CSV table with the columns corpus, file, split."""
    if path.exists() and not path.is_file():
        raise UnreadableError(f"{path}: not a file; name a CSV table")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_TABLE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{path}: cannot be read ({reason})") from None
    if len(data) > MAX_TABLE_BYTES:
        raise UnreadableError(f"{path}: more than {MAX_TABLE_BYTES:,} bytes; is it the right file?")
    found = {}
    for line, (owner, file_name, split) in _rows(data, ("corpus", "file", "split"), str(path)):
        if owner == corpus:
            if split not in SPLITS:
                known = ", ".join(SPLITS)
                raise UsageError(f"{path}: line {line}: split {split!r} is not one of {known}")
            found[file_name] = split
    return found


def _rows(data: bytes, columns: tuple[str, ...], where: str) -> Iterator[tuple[int, list[str]]]:
    """The line's number and the values of these columns, for each row of a CSV table."""
    try:
        table = csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""))
        if not set(columns) <= set(table.fieldnames or ()):
            raise UsageError(f"{where}: needs the columns {', '.join(columns)}")
        for row in table:
            values = [row[column] for column in columns]
            if None in values:
                line = table.line_num
                raise UsageError(f"{where}: line {line}: has fewer columns than the table's head")
            yield table.line_num, values
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{where}: no CSV table in UTF-8 ({error})") from None


def unlicensed(corpus: Corpus, path: Path) -> frozenset[str]:
    """The files whose licence in the index of the corpus at `path` is not one of those wanted."""
    if corpus.index is None:
        return frozenset()
    try:
        data = opener(path)(corpus.index)
    except KeyError:
        raise UsageError(f"{path}: no index {corpus.index!r} there; mend the recipe") from None
    rows = _rows(data, ("file", "license"), f"{path}: {corpus.index}")
    return frozenset(name for _, (name, held) in rows if not held.startswith(corpus.licenses))
