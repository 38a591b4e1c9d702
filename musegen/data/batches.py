"""Windows of shards as batches of token ids, drawn afresh for every training step.

A batch depends on (seed, step, rank) alone: that is what makes a resumed run exact.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import MAX_BARS_LEFT
from musegen.data.alone import one_alone
from musegen.data.asking import asked
from musegen.data.augmentation import Augmentation
from musegen.data.shards import Shard
from musegen.song import IntArray

MAX_SHIFT = 6
LOWEST, HIGHEST = 12, 115
"""Transposition keeps pitches in these bounds."""
FULLER = 8
"""How many times as long as a window is what a track alone is taken out of."""


class Windows:
    """Draws windows of one split: a header, then bars from a random one on, cut at the length."""

    def __init__(self, shard: Shard, codec: BarCodec, weights: dict[str, float]) -> None:
        self.shard = shard
        self.codec = codec
        v = codec.vocabulary
        self._style, self._tempo, self._key = v["style"], v["tempo"], v["key"]
        self._meter, self._bar = v["meter"], v["bar"]
        corpus, first, count = (shard.songs[:, i] for i in (0, 4, 5))
        # A bar is drawn in proportion to its tokens, times its corpus's weight.
        starts = np.asarray(shard.bars[:, 0])
        widths = np.diff(starts, append=len(shard.tokens)).astype(np.float64)
        self._song_of_bar = np.repeat(np.arange(len(count)), count)
        last = first + count - 1
        widths[last] = shard.songs[:, 3] - starts[last]
        scale = np.array([weights[name] for name in shard.corpora])
        self._cumulative = np.cumsum(widths * scale[corpus[self._song_of_bar]])
        self._shifts = np.stack([self._shift_table(k) for k in range(-MAX_SHIFT, MAX_SHIFT + 1)])
        self._louder = np.stack([self._velocity_table(k) for k in (-1, 0, 1)])
        self.is_note = np.zeros(len(v), dtype=bool)
        for name in ("pitch", "drum"):
            if name in v:
                self.is_note[v[name].first : v[name].stop] = True

    def _shift_table(self, semitones: int) -> NDArray[np.int64]:
        table = np.arange(len(self.codec.vocabulary))
        pitch, key = self.codec.vocabulary["pitch"], self._key
        table[pitch.first : pitch.stop] = pitch.first + np.clip(np.arange(128) + semitones, 0, 127)
        tonic = np.arange(24)
        table[key.first : key.stop] = key.first + (tonic + semitones) % 12 + tonic // 12 * 12
        return table

    def _velocity_table(self, bins: int) -> NDArray[np.int64]:
        table = np.arange(len(self.codec.vocabulary))
        r = self.codec.vocabulary["velocity"]
        table[r.first : r.stop] = r.first + np.clip(np.arange(r.size) + bins, 0, r.size - 1)
        return table

    def batch(
        self, rows: int, length: int, key: tuple[int, ...], augmentation: Augmentation
    ) -> IntArray:
        """[rows, length] token ids; `key` is the seed of the draw."""
        rng = np.random.default_rng(key)
        return np.stack([self._row(length, rng, augmentation) for _ in range(rows)])

    def _row(self, length: int, rng: np.random.Generator, augmentation: Augmentation) -> IntArray:
        """Windows one after the other until the row is full: short pieces share it."""
        row = np.zeros(0, dtype=np.int64)
        while len(row) < length:
            bar = int(
                np.searchsorted(self._cumulative, rng.random() * self._cumulative[-1], "right")
            )
            row = np.concatenate((row, self.window(bar, length - len(row), rng, augmentation)))
        return row

    def window(
        self, bar: int, length: int, rng: np.random.Generator, augmentation: Augmentation
    ) -> IntArray:
        """At most `length` ids from row `bar` of the shard on."""
        song = self.shard.song(int(self._song_of_bar[bar]))
        start, meter = self.shard.bars[bar].tolist()
        header = np.array(self.shard.tokens[song["header"] : song["body"]], dtype=np.int64)
        header[(header >= self._meter.first) & (header < self._meter.stop)] = (
            self._meter.first + meter
        )
        kept = np.ones(len(header), dtype=bool)
        for field in (self._style, self._tempo, self._key):
            if rng.random() < augmentation.drop_field:
                kept &= (header < field.first) | (header >= field.stop)
        header = header[kept][:length]
        # No draw where the share is 0: runs of recipes that have none can be gone on with.
        is_alone = augmentation.alone > 0 and rng.random() < augmentation.alone
        room = (length - len(header)) * (FULLER if is_alone else 1)
        stop = min(song["stop"], start + room)
        ids = np.concatenate((header, self.shard.tokens[start:stop].astype(np.int64)))
        # The first bar's metre stands in the header; where it changed just there, not again.
        if (
            len(ids) > len(header) + 1
            and self._meter.first <= ids[len(header) + 1] < self._meter.stop
        ):
            ids = np.delete(ids, len(header) + 1)
        if is_alone:
            ids = one_alone(ids, length, self.codec, rng)
        if rng.random() < augmentation.count_bars:
            left = song["first_bar"] + song["bars"] - bar
            lines = np.flatnonzero(ids == self._bar.first)
            counts = left - np.arange(len(lines))
            ids[lines] = self._bar.first + np.where(counts <= MAX_BARS_LEFT, counts, 0)
        if rng.random() < augmentation.transpose:
            pitch = self.codec.vocabulary["pitch"]
            pitches = ids[(ids >= pitch.first) & (ids < pitch.stop)] - pitch.first
            low = max(-MAX_SHIFT, LOWEST - int(pitches.min(initial=60)))
            high = min(MAX_SHIFT, HIGHEST - int(pitches.max(initial=60)))
            shift = int(rng.integers(min(low, 0), max(high, 0) + 1))
            ids = self._shifts[shift + MAX_SHIFT][ids]
        if rng.random() < augmentation.velocity:
            ids = self._louder[int(rng.integers(0, 3))][ids]
        if augmentation.asks:
            ids = asked(ids, self.codec, length, rng, augmentation)
        return ids
