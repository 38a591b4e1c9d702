"""Encoded songs on disk, read through memory maps.

A folder holds, per split, `SPLIT.tokens.npy` (every song's header, bars and `end`, one after the
other), `SPLIT.bars.npy` (a row a bar: first token, metre value) and `SPLIT.songs.npy` (a row a
song, `SONG_FIELDS`), and one `shards.json` that says what codec wrote them, from which corpora, and
what was dropped and why.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from musegen.codecs import HitsLayout, Layout, StepsLayout
from musegen.data.corpora import SPLITS
from musegen.errors import OutputError, UnreadableError, UsageError
from musegen.publishing import publish
from musegen.song import IntArray

INFO = "shards.json"
MAX_INFO_BYTES = 1 << 24
DAMAGES = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, EOFError),
    *(BadZipFile, zlib.error),
)
"""What reading a damaged file of arrays raises."""
AnyLayout = Layout | HitsLayout | StepsLayout
SONG_FIELDS = ("corpus", "header", "body", "stop", "first_bar", "bars", "notes")
"""Columns of a song's row: index of its corpus; offsets of its header's first token, of its first
bar's and of the one after its `end`; the row of its first bar; counts of bars and of notes."""
PARTS = ("tokens", "bars", "songs")


@dataclass(frozen=True)
class Shard:
    """One split: `tokens` [N] uint16, `bars` [B, 2] int64, `songs` [S, 7] int64."""

    tokens: NDArray[np.uint16]
    bars: IntArray
    songs: IntArray
    corpora: tuple[str, ...]

    def song(self, index: int) -> dict[str, int]:
        return dict(zip(SONG_FIELDS, self.songs[index].tolist(), strict=True))


def load_info(folder: Path) -> dict[str, Any]:
    """What `shards.json` says."""
    path = folder / INFO
    remedy = "make it with 'musegen data prepare'"
    if not path.is_file():
        raise UnreadableError(f"{folder}: no prepared data there; {remedy}")
    try:
        with path.open("rb") as file:
            info = json.loads(file.read(MAX_INFO_BYTES))
        if not all(isinstance(info[part], dict) for part in ("layout", "corpora")):
            raise ValueError("no tables")
    except (*DAMAGES, RecursionError):
        raise UnreadableError(f"{path}: damaged, or of another program; {remedy}") from None
    return dict(info)


def claim(folder: Path, *parts: str) -> None:
    """OutputError where `SPLIT.PART`s that are not ours would be replaced in the folder."""
    names = [INFO, *(f"{split}.{part}" for split in SPLITS for part in parts)]
    found = [folder / name for name in names if os.path.lexists(folder / name)]
    try:
        if found:
            load_info(folder)
    except UnreadableError:
        raise OutputError(
            f"{found[0]}: would be replaced, and no {INFO} says that it is musegen's; "
            "choose a new --output"
        ) from None


def save_info(folder: Path, layout: AnyLayout, corpora: dict[str, Any]) -> dict[str, Any]:
    """Write `shards.json`, and return what it says."""
    info = {"layout": _written(layout), "corpora": corpora}
    _put(folder / INFO, json.dumps(info, indent=1).encode())
    return info


def _written(layout: AnyLayout) -> Any:
    """What the shards depend on, as JSON has it: controls are told when a batch is drawn."""
    kept = replace(layout, controls=False) if isinstance(layout, Layout) else layout
    return json.loads(json.dumps(asdict(kept)))


def save_arrays(path: Path, **arrays: Any) -> None:
    """Write the arrays as one .npz, in the place of what was there."""
    file = BytesIO()
    np.savez_compressed(file, **arrays)
    _put(path, file.getvalue())


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    publish(path, data, overwrite=True)


def check(folder: Path, layout: AnyLayout, corpora: Iterable[str]) -> None:
    """UsageError where the data was prepared for another codec, or from corpora of other names."""
    info = load_info(folder)
    if info["layout"] != _written(layout):
        raise UsageError(f"{folder}: prepared for another codec; run 'musegen data prepare' again")
    if odd := sorted(set(corpora) ^ info["corpora"].keys()):
        raise UsageError(
            f"{folder}: prepared from other corpora than the recipe's (at {odd[0]}); "
            "run 'musegen data prepare' again"
        )


def load(folder: Path, split: str) -> Shard:
    """One split, memory-mapped."""
    info = load_info(folder)
    try:
        tokens, bars, songs = (
            np.load(folder / f"{split}.{part}.npy", mmap_mode="r") for part in PARTS
        )
        if (bars.shape[1:], songs.shape[1:]) != ((2,), (len(SONG_FIELDS),)) or tokens.ndim != 1:
            raise ValueError("other tables")
    except DAMAGES:
        raise UnreadableError(f"{folder}: the split {split!r} is missing or damaged") from None
    return Shard(tokens, bars, songs, tuple(info["corpora"]))


def songs(shard: Shard) -> Iterator[IntArray]:
    """The ids of each song of a split, with its header."""
    for begin, stop in shard.songs[:, [1, 3]].tolist():
        yield np.array(shard.tokens[begin:stop], dtype=np.int64)


def chunks(shard: Shard, ids: int = 2_000_000) -> Iterator[IntArray]:
    """All songs of a split, one after the other, in arrays of about so many ids."""
    first = 0
    while first < len(shard.songs):
        begin = int(shard.songs[first, 1])
        last = max(int(np.searchsorted(shard.songs[:, 1], begin + ids)), first + 1)
        yield np.array(shard.tokens[begin : int(shard.songs[last - 1, 3])], dtype=np.int64)
        first = last


class Builder:
    """Gathers encoded songs and writes a split."""

    def __init__(self) -> None:
        self.tokens: list[NDArray[np.uint16]] = []
        self.bars: list[IntArray] = []
        self.songs: list[list[int]] = []
        self._offset = self._bar_count = 0

    def add(
        self,
        corpus: int,
        header: list[int],
        bars: list[list[int]],
        meters: list[int],
        notes: int,
        end: int,
    ) -> None:
        """One song: its header's ids, each bar's ids and metre value, and the id of `end`."""
        body = self._offset + len(header)
        starts = body + np.cumsum([0] + [len(b) for b in bars])
        stop = int(starts[-1]) + 1
        flat = [*header, *(token for bar in bars for token in bar), end]
        self.tokens.append(np.array(flat, dtype=np.uint16))
        self.bars.append(np.stack((starts[:-1], np.array(meters)), axis=1).astype(np.int64))
        self.songs.append([corpus, self._offset, body, stop, self._bar_count, len(bars), notes])
        self._offset, self._bar_count = stop, self._bar_count + len(bars)

    def write(self, folder: Path, split: str) -> None:
        tables: tuple[NDArray[Any], ...] = (
            np.concatenate(self.tokens or [np.zeros(0, np.uint16)]),
            np.concatenate(self.bars or [np.zeros((0, 2), np.int64)]),
            np.array(self.songs, dtype=np.int64).reshape(-1, len(SONG_FIELDS)),
        )
        for part, table in zip(PARTS, tables, strict=True):
            file = BytesIO()
            np.save(file, table)
            _put(folder / f"{split}.{part}.npy", file.getvalue())
