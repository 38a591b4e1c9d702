"""Melodies and drum parts on disk, as tokens of steps, and windows of a few bars out of them.

A folder holds, per split, `SPLIT.steps.npz`, and one `shards.json`, as for other codecs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from musegen.codecs.steps import BEATS, ONSET, SLOTS, StepsLayout, begins
from musegen.data.shards import DAMAGES, save_arrays
from musegen.errors import UnreadableError
from musegen.song import IntArray

LOWEST, HIGHEST = 36, 96
"""Transposition keeps pitches in these bounds."""
MAX_SHIFT = 6
MIXED = 0.25
"""Share of the windows of drums in which some voices play what they do in another window."""
HEARD_BARS = 0.75
"""Least share of a window's bars in which something begins."""
ONSETS_A_BAR = 2
"""Fewest in a window, on average."""


@dataclass(frozen=True, eq=False)
class StepSong:
    """One part of one piece: `tokens` [T, SLOTS], and of its beats `slots` [T] and `bar` [T]."""

    corpus: int
    tokens: IntArray
    slots: IntArray
    bar: IntArray


def save(songs: Sequence[StepSong], path: Path) -> None:
    save_arrays(
        path,
        songs=np.array([(s.corpus, len(s.slots)) for s in songs], np.int64).reshape(-1, 2),
        tokens=np.concatenate([np.zeros((0, SLOTS), int), *(s.tokens for s in songs)]).astype("i2"),
        slots=np.concatenate([np.zeros(0, int), *(s.slots for s in songs)]).astype("u1"),
        bar=np.concatenate([np.zeros(0, int), *(s.bar for s in songs)]).astype("i4"),
    )


def load(folder: Path, split: str) -> list[StepSong]:
    """The songs of one split."""
    try:
        with open(folder / f"{split}.steps.npz", "rb") as file, np.load(file) as arrays:
            table, *columns = (arrays[name] for name in ("songs", "tokens", "slots", "bar"))
    except DAMAGES:
        raise UnreadableError(f"{folder}: the split {split!r} is missing or damaged") from None
    songs, first = [], 0
    for corpus, beats in table.tolist():
        part = slice(first, first + beats)
        songs.append(StepSong(corpus, *(c[part].astype(np.int64) for c in columns)))
        first = part.stop
    return songs


@dataclass(frozen=True, eq=False)
class Shape:
    """Windows of `bars` bars of `beats` beats each: the song of each [W] and its first beat [W]."""

    bars: int
    beats: int
    song: IntArray
    first: IntArray


class Windows:
    """All windows of some numbers of bars in one split, in each of which something happens.

    `weights` are those of the corpora. The bars of a window have equally many beats.
    """

    def __init__(self, folder: Path, split: str, layout: StepsLayout, weights: Sequence[float]):
        self.layout = layout
        self.songs = load(folder, split)
        found: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for number, song in enumerate(self.songs):
            for bars in layout.bars:
                for beats, first in _windows(song, bars, layout):
                    found.setdefault((bars, beats), []).append((number, first))
        self.shapes = [Shape(*s, *np.array(w, np.int64).T) for s, w in sorted(found.items())]
        if not self.shapes:
            raise UnreadableError(f"{folder}: no window of {min(layout.bars)} bars in {split!r}")
        weight = np.array([weights[s.corpus] for s in self.songs])
        self._sums = [np.cumsum(weight[shape.song]) for shape in self.shapes]
        mass = np.array([sums[-1] for sums in self._sums])
        self._chances = mass / mass.sum()

    def drawn(
        self, rows: int, rng: np.random.Generator, bars: int | None = None
    ) -> tuple[Shape, IntArray]:
        """A shape, of `bars` bars if that is given, and `rows` windows of it; more of shorter ones.

        UnreadableError where there is none that a weight allows.
        """
        chances = self._chances
        if bars is not None:
            chances = chances * [shape.bars == bars for shape in self.shapes]
            if not chances.any():
                raise UnreadableError(f"no window of {bars} bars to draw from")
            chances = chances / chances.sum()
        place = int(rng.choice(len(self.shapes), p=chances))
        shape, sums = self.shapes[place], self._sums[place]
        count = rows * max(self.layout.bars) // shape.bars
        return shape, np.searchsorted(sums, rng.random(count) * sums[-1], "right")

    def tokens(
        self, shape: Shape, windows: IntArray, rng: np.random.Generator | None = None
    ) -> tuple[IntArray, IntArray]:
        """Tokens [B, N, K, SLOTS] and slots [B, N, K] of windows [B]; by chance, `augmented`."""
        beats = shape.first[windows][:, None] + np.arange(shape.bars * shape.beats)
        pairs = list(zip(shape.song[windows], beats, strict=True))
        tokens = np.stack([self.songs[song].tokens[at] for song, at in pairs])  # B T SLOTS
        slots = np.stack([self.songs[song].slots[at] for song, at in pairs])  # B T
        if rng is not None:
            tokens = augmented(tokens, slots, self.layout, rng)
        none = self.layout.vocabulary
        tokens = np.where(np.arange(SLOTS) < slots[..., None], tokens, none)
        shaped = (len(windows), shape.bars, shape.beats)
        return tokens.reshape(*shaped, SLOTS), slots.reshape(shaped)  # B N K SLOTS, B N K


def _windows(song: StepSong, bars: int, layout: StepsLayout) -> list[tuple[int, int]]:
    """Beats a bar and first beat of each window of `bars` bars."""
    lines = np.flatnonzero(np.diff(song.bar, prepend=-1, append=song.bar[-1:] + 1))
    widths = np.diff(lines)
    onsets = begins(song.tokens, layout).sum(1)
    a_bar = np.add.reduceat(onsets, lines[:-1]) if len(widths) else onsets
    found = []
    for bar in range(len(widths) - bars + 1):
        part = slice(bar, bar + bars)
        alike = (widths[part] == widths[bar]).all()
        heard = (a_bar[part] > 0).mean() >= HEARD_BARS
        if widths[bar] <= BEATS and alike and heard and a_bar[part].sum() >= ONSETS_A_BAR * bars:
            found.append((int(widths[bar]), int(lines[bar])))
    return found


def augmented(
    tokens: IntArray, slots: IntArray, layout: StepsLayout, rng: np.random.Generator
) -> IntArray:
    """Tokens [B, T, SLOTS] of windows: melodies transposed, some drums with another's voices."""
    if layout.is_melody:
        new = begins(tokens, layout)
        pitch = tokens - ONSET
        low = np.where(new, pitch, 127).min((1, 2))
        high = np.where(new, pitch, 0).max((1, 2))
        shift = rng.integers(-MAX_SHIFT, MAX_SHIFT + 1, len(tokens))
        shift = np.clip(shift, np.minimum(LOWEST - low, 0), np.maximum(HIGHEST - high, 0))
        return np.asarray(np.where(new, tokens + shift[:, None, None], tokens))
    own = rng.integers(1, layout.vocabulary - 1, (len(tokens), 1, 1))
    alike = (slots == np.roll(slots, 1, 0)).all(1)
    mixed = (alike & (rng.random(len(tokens)) < MIXED))[:, None, None]
    return np.asarray(np.where(mixed, tokens & own | np.roll(tokens, 1, 0) & ~own, tokens))
