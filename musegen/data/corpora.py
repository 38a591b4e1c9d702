"""Corpora as they lie on disk: a folder or a zip of MIDI files, and a table of splits."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from musegen.errors import UnreadableError, UsageError

SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class Corpus:
    """One corpus in a model's recipe.

    `weight` scales how often its tokens are drawn. `style` labels its songs, or what the first
    group of the regular expression `style_pattern` finds in a file's name. `tracks` names the
    tracks to take by the beginning of their names ("first" takes the first with notes; empty takes
    all), each as a song of its own where the codec has one voice. `beats` is the name of a beat
    annotation beside each file. `drum_map` "td11" maps Roland's pitches to General MIDI. `index`
    and `licenses` keep only the files whose row of that CSV file has a licence that begins with one
    of these.
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


def find(name: str, folder: Path) -> Path:
    """The corpus `name` in `folder`: NAME.zip or NAME/."""
    for path in (folder / f"{name}.zip", folder / name):
        if path.is_file() and not zipfile.is_zipfile(path):
            raise UnreadableError(f"{path}: not a zip archive, or damaged; fetch it again")
        if path.exists():
            return path
    raise UnreadableError(f"{folder}: no corpus {name}.zip or {name}/ there")


def opener(path: Path) -> Callable[[str], bytes]:
    """A function from a file's name inside a corpus to its bytes; KeyError where there is none."""
    if path.is_dir():

        def read(name: str) -> bytes:
            try:
                return (path / name).read_bytes()
            except OSError as error:
                raise KeyError(name) from error

        return read
    return zipfile.ZipFile(path).read


def marks(path: Path, names: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Two numbers for each of these files that is there; they differ once it has changed.

    In a folder they are the size and the time of the last change, in a zip the size and the CRC.
    """
    if path.is_dir():
        stats = {name: (path / name).stat() for name in names if (path / name).is_file()}
        return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}
    with zipfile.ZipFile(path) as archive:
        infos = {info.filename: info for info in archive.infolist()}
    return {name: (infos[name].file_size, infos[name].CRC) for name in names if name in infos}


def splits(path: Path, corpus: str) -> dict[str, str]:
    """File to split, from a CSV table with the columns corpus, file, split."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableError(f"{path}: no CSV table in UTF-8 ({error})") from None
    if not rows or not {"corpus", "file", "split"} <= rows[0].keys():
        raise UsageError(f"{path}: needs the columns corpus, file, split")
    found = {row["file"]: row["split"] for row in rows if row["corpus"] == corpus}
    unknown = sorted(set(found.values()) - set(SPLITS))
    if unknown:
        raise UsageError(f"{path}: split {unknown[0]!r} is not one of {', '.join(SPLITS)}")
    return found


def unlicensed(corpus: Corpus, read: Callable[[str], bytes]) -> frozenset[str]:
    """The files whose licence in the corpus's index is not one of those wanted."""
    if corpus.index is None:
        return frozenset()
    rows = csv.DictReader(io.StringIO(read(corpus.index).decode("utf-8")))
    return frozenset(r["file"] for r in rows if not r["license"].startswith(corpus.licenses))
