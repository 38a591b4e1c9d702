"""How much of a piece stands in the training data already.

The measure is a run of notes of one track's upper voice, as the intervals and the distances between
its notes: it does not see transposition. What held-out human music shares with the training data is
the yardstick. Arrays of token ids go in, so that a corpus takes seconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.bars import METERS, BarCodec
from musegen.song import IntArray

NOTES = 8
"""Notes in a run."""
_PRIMES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))


def runs(ids: IntArray, codec: BarCodec, notes: int = NOTES) -> NDArray[np.uint64]:
    """A hash of each run of `notes` notes in sequences of ids that stand one after the other."""
    v = codec.vocabulary

    def latest(name: str, default: int = 0) -> IntArray:
        """At each place, the value of the last token of a range so far."""
        if name not in v:
            return np.full(len(ids), default)
        r = v[name]
        found = (ids >= r.first) & (ids < r.stop)
        place = np.maximum.accumulate(np.where(found, np.arange(len(ids)), -1))
        return np.where(place < 0, default, ids[place] - r.first)

    bar, pitch = v["bar"], v["pitch"]
    widths = np.array([codec.bar_steps(m) for m in range(len(METERS))])[latest("meter")]
    begins = (ids >= bar.first) & (ids < bar.stop)
    # A bar's line lies where those of all bars before it end; a metre is told after its bar's line.
    ends = np.append(begins[1:], True)
    line = np.cumsum(np.where(ends & (np.cumsum(begins) > 0), widths, 0))
    first = np.maximum.accumulate(np.where(begins, np.arange(len(ids)), 0))
    line = np.concatenate(([0], line[:-1]))[first]
    sounds = (ids >= pitch.first) & (ids < pitch.stop)
    song = np.cumsum(ids == v.token("start"))[sounds]
    voice = song * 64 + latest("slot")[sounds]
    onset = (line + latest("position"))[sounds]
    height = ids[sounds] - pitch.first
    order = np.lexsort((-height, onset, voice))
    voice, onset, height = voice[order], onset[order], height[order]
    top = np.ones(len(voice), dtype=bool)
    top[1:] = (voice[1:] != voice[:-1]) | (onset[1:] != onset[:-1])
    voice, onset, height = voice[top], onset[top], height[top]
    if len(voice) < notes:
        return np.zeros(0, dtype=np.uint64)
    step = (np.diff(height) + 128).astype(np.uint64) * np.uint64(4096)
    step += np.minimum(np.diff(onset), 4095).astype(np.uint64)
    count = len(step) - (notes - 2)
    hashes = np.zeros(count, dtype=np.uint64)
    for i in range(notes - 1):
        hashes = (hashes ^ (step[i : i + count] * _PRIMES[0])) * _PRIMES[1]
    whole: NDArray[np.bool_] = voice[notes - 1 :] == voice[: len(voice) - notes + 1]
    return hashes[whole]


def shared(ids: IntArray, known: NDArray[np.uint64], codec: BarCodec) -> float:
    """The share of a piece's runs that are among the known ones; nan where it has none.

    `known` are runs in ascending order: `np.unique` of them.
    """
    own = runs(ids, codec)
    if not len(own) or not len(known):
        return 0.0 if len(own) else float("nan")
    place = np.minimum(np.searchsorted(known, own), len(known) - 1)
    return float((known[place] == own).mean())
