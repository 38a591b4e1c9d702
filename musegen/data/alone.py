"""One track of a window by itself, as if its piece had no other."""

from __future__ import annotations

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.song import IntArray


def alone(ids: IntArray, slot: int, codec: BarCodec) -> IntArray:
    """A header and all its bars, in the order of tracks, with one track, which becomes the first.

    They may be cut anywhere.
    """
    v = codec.vocabulary
    kinds = (v["slot"], v["bar"], v["instrument"])
    is_slot, is_bar, is_instrument = ((ids >= r.first) & (ids < r.stop) for r in kinds)
    # Whose each id is: -1 is everybody's, as the header, a bar's line and its metre.
    begins = np.flatnonzero(is_slot | is_bar)
    run = np.searchsorted(begins, np.arange(len(ids)), side="right")
    owner = np.append(-1, np.where(is_slot, ids - v["slot"].first, -1)[begins])[run]
    owner[is_instrument] = np.arange(np.count_nonzero(is_instrument))
    owner[ids == v.token("end")] = -1
    kept = (owner == -1) | (owner == slot)
    return np.asarray(np.where(is_slot, v["slot"].first, ids)[kept])


def one_alone(ids: IntArray, length: int, codec: BarCodec, rng: np.random.Generator) -> IntArray:
    """At most `length` ids with one, by chance, of the tracks that play in the first `length`."""
    slot = codec.vocabulary["slot"]
    begun = ids[:length]
    slots = np.unique(begun[(begun >= slot.first) & (begun < slot.stop)]) - slot.first
    if len(slots) < 2:
        return begun
    return alone(ids, int(rng.choice(slots)), codec)[:length]
