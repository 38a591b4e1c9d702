"""Drum performances on disk, as tables of hits.

A folder holds, per split, `SPLIT.drums.npz`, and one `shards.json`, as for tokens. A song stands
there twice where it swings: on its own grid, and on one of 16ths with the swing as offsets; so a
model knows both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.hits import FEATURES
from musegen.data.shards import DAMAGES, save_arrays
from musegen.errors import UnreadableError
from musegen.general_midi import VOICES
from musegen.song import IntArray

SNARE = [name for name, *_ in VOICES].index("snare")
COLUMNS = (
    "step",
    *(f for f in FEATURES if f != "chord"),
    "velocity",
    *(name for name, *_ in VOICES),
)
"""Of a table of hits, all whole numbers; the last ones are `chord`. Offsets stand beside it."""


@dataclass(frozen=True, eq=False)
class DrumSong:
    """One performance on one grid.

    `hits` [H, COLUMNS], `offset` [H] in 16ths, `place` [S] and `bar` [S] of the grid's steps.
    """

    corpus: int
    style: int
    bpm: float
    weight: float
    hits: IntArray
    offset: NDArray[np.float32]
    place: IntArray
    bar: IntArray

    def column(self, name: str) -> IntArray:
        return self.hits[:, COLUMNS.index(name)]

    @cached_property
    def loudest(self) -> IntArray:
        """The loudest hit at each hit's step [H]."""
        step = self.column("step")
        order = np.lexsort((-self.column("velocity"), step))
        first = np.searchsorted(step, step)
        return np.asarray(order[first])

    @cached_property
    def tapped(self) -> DrumSong:
        """The performance as one stick taps it: only the loudest hit at each step, on the snare."""
        alone = self.loudest == np.arange(len(self.hits))
        hits = self.hits[alone]
        step = self.column("step")
        gap = self.column("gap")[np.searchsorted(step, step[alone])]  # of the step's first hit
        hits[:, COLUMNS.index("voice")] = SNARE
        hits[:, [COLUMNS.index("gap"), COLUMNS.index("voice_gap")]] = gap[:, None]
        hits[:, COLUMNS.index("extra")] = 0
        hits[:, -len(VOICES) :] = np.arange(len(VOICES)) == SNARE
        return replace(self, hits=hits, offset=self.offset[alone])

    @cached_property
    def played(self) -> NDArray[np.bool_]:
        """Which voices sound at which step [S, voices]."""
        table = np.zeros((len(self.place) + 1, len(VOICES)), dtype=bool)
        table[self.column("step"), self.column("voice")] = True
        return table[:-1]

    @cached_property
    def taps(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Velocity and offset of the loudest hit at each step [S], NaN where there is none."""
        velocity, offset = np.full((2, len(self.place) + 1), np.nan, dtype=np.float32)
        velocity[self.column("step")] = self.column("velocity")[self.loudest]
        offset[self.column("step")] = self.offset[self.loudest]
        return velocity[:-1], offset[:-1]


def chances(songs: Sequence[DrumSong], weights: Sequence[float]) -> NDArray[np.float64]:
    """How likely each song is to be drawn: by its hits, on all its grids together.

    `weights` are those of the corpora.
    """
    hits = np.array([len(s.hits) * s.weight * weights[s.corpus] for s in songs])
    return np.asarray(hits / hits.sum())


class Lot:
    """The performances of one split, to draw from; `weights` are those of the corpora."""

    def __init__(self, folder: Path, split: str, weights: Sequence[float]) -> None:
        self.songs = load(folder, split)
        self.chances = chances(self.songs, weights)

    def drawn(self, count: int, rng: np.random.Generator) -> list[DrumSong]:
        return [self.songs[i] for i in rng.choice(len(self.songs), count, p=self.chances)]


def load(folder: Path, split: str) -> list[DrumSong]:
    """The songs of one split."""
    try:
        with open(folder / f"{split}.drums.npz", "rb") as file, np.load(file) as arrays:
            table, hits, offset, place, bar = (
                arrays[name] for name in ("songs", "hits", "offset", "place", "bar")
            )
    except DAMAGES:
        raise UnreadableError(f"{folder}: the split {split!r} is missing or damaged") from None
    songs, hit, step = [], 0, 0
    for corpus, style, bpm, weight, hit_count, step_count in table.tolist():
        h, s = slice(hit, hit + int(hit_count)), slice(step, step + int(step_count))
        songs.append(
            DrumSong(
                int(corpus),
                int(style),
                bpm,
                weight,
                hits[h].astype(np.int64),
                offset[h],
                place[s].astype(np.int64),
                bar[s].astype(np.int64),
            )
        )
        hit, step = h.stop, s.stop
    return songs


def save(songs: Sequence[DrumSong], path: Path) -> None:
    def joined(arrays: list[NDArray[Any]], empty: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate(arrays) if arrays else empty

    table = [(s.corpus, s.style, s.bpm, s.weight, len(s.hits), len(s.place)) for s in songs]
    save_arrays(
        path,
        songs=np.array(table, dtype=np.float64).reshape(-1, 6),
        hits=joined([s.hits for s in songs], np.zeros((0, len(COLUMNS)))).astype(np.int32),
        offset=joined([s.offset for s in songs], np.zeros(0)).astype(np.float32),
        place=joined([s.place for s in songs], np.zeros(0)).astype(np.int16),
        bar=joined([s.bar for s in songs], np.zeros(0)).astype(np.int32),
    )
