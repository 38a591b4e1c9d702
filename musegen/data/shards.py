"""Encoded songs on disk, read through memory maps.

A folder holds, per split, `SPLIT.tokens.npy` (every song's header, bars and `end`, one after the
other), `SPLIT.bars.npy` (a row a bar: first token, metre value) and `SPLIT.songs.npy` (a row a
song, `SONG_FIELDS`), and one `shards.json` that says what codec wrote them, from which corpora, and
what was dropped and why.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.codecs import HitsLayout, Layout, StepsLayout
from musegen.errors import UnreadableError, UsageError
from musegen.song import IntArray

AnyLayout = Layout | HitsLayout | StepsLayout
SONG_FIELDS = ("corpus", "header", "body", "stop", "first_bar", "bars", "notes")
"""Columns of a song's row: index of its corpus; offsets of its header's first token, of its first
bar's and of the one after its `end`; the row of its first bar; counts of bars and of notes."""


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
    path = folder / "shards.json"
    try:
        info: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UnreadableError(
            f"{folder}: no prepared data there; make it with 'musegen data prepare'"
        ) from None
    return info


def save_info(folder: Path, layout: AnyLayout, corpora: dict[str, Any]) -> dict[str, Any]:
    """Write `shards.json`, and return what it says."""
    info = {"layout": asdict(layout), "corpora": corpora}
    temporary = folder / "shards.json.new"
    temporary.write_text(json.dumps(info, indent=1), encoding="utf-8")
    os.replace(temporary, folder / "shards.json")
    return info


def check(folder: Path, layout: AnyLayout, corpora: Iterable[str]) -> None:
    """UsageError where the data was prepared for another codec, or from corpora of other names."""
    info = load_info(folder)
    if info["layout"] != json.loads(json.dumps(asdict(layout))):
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
            np.load(folder / f"{split}.{part}.npy", mmap_mode="r")
            for part in ("tokens", "bars", "songs")
        )
    except (OSError, ValueError):
        raise UnreadableError(f"{folder}: the split {split!r} is missing or damaged") from None
    return Shard(tokens, bars, songs, tuple(info["corpora"]))


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
        np.save(
            folder / f"{split}.tokens.npy", np.concatenate(self.tokens or [np.zeros(0, np.uint16)])
        )
        np.save(
            folder / f"{split}.bars.npy", np.concatenate(self.bars or [np.zeros((0, 2), np.int64)])
        )
        np.save(
            folder / f"{split}.songs.npy",
            np.array(self.songs, dtype=np.int64).reshape(-1, len(SONG_FIELDS)),
        )
