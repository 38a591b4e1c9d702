"""What a training window is asked, at random: controls told, and bars of tracks hidden as gaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.codecs.columns import Columns
from musegen.codecs.controls import measured, repeats, told
from musegen.codecs.gaps import MAX_GAPS, Cell, hidden
from musegen.codecs.harmony import chords
from musegen.song import IntArray

GAP_IDS = 3
"""Ids that a gap adds at most."""
ROOM = 0.85
"""Share of a window that may be there before there are gaps in it."""
SCATTERED = 0.15
"""Share of cells that are hidden where they are hidden here and there."""


class Shares(Protocol):
    """Shares 0..1 of windows in which something is asked, or of fields that are told there."""

    @property
    def tell_tracks(self) -> float: ...
    @property
    def tell_chords(self) -> float: ...
    @property
    def tell_repeats(self) -> float: ...
    @property
    def hide(self) -> float: ...


def asked(
    ids: IntArray, codec: BarCodec, length: int, rng: np.random.Generator, shares: Shares
) -> IntArray:
    """At most `length` ids of a window that begins with its header."""
    is_hiding = rng.random() < shares.hide
    left: list[int] = []
    if is_hiding:
        whole = _whole_bars(ids, codec, int(length * ROOM))
        ids, left = whole, ids[len(whole) :].tolist()
    columns = Columns.of(ids, codec)
    tracks = _tracks(columns, codec, rng) if rng.random() < shares.tell_tracks else {}
    bars: dict[int, dict[str, int]] = {}
    for name, values, share in (
        ("chord", chords, shares.tell_chords),
        ("similar", repeats, shares.tell_repeats),
    ):
        if rng.random() < share:
            for bar, value in enumerate(values(columns).tolist()):
                if value >= 0:
                    bars.setdefault(bar, {})[name] = value
    asked_for = told(ids.tolist(), codec, tracks, bars)
    if is_hiding:
        room = min((length - len(asked_for)) // GAP_IDS, MAX_GAPS)
        if cells := _cells(columns, rng, room):
            asked_for = hidden(asked_for, cells, codec)
        elif left == [codec.vocabulary.token("end")]:
            asked_for += left
    return np.array(asked_for[:length], dtype=np.int64)


def _whole_bars(ids: IntArray, codec: BarCodec, length: int) -> IntArray:
    """The bars that fit, without the end of the piece; a first bar that is too long stays."""
    bar = codec.vocabulary["bar"]
    ids = ids[ids != codec.vocabulary.token("end")]
    if len(ids) <= length:
        return ids
    lines = np.flatnonzero((ids >= bar.first) & (ids < bar.stop))
    fitting = lines[1:][lines[1:] <= length]
    return ids[: fitting[-1]] if len(fitting) else ids


def _tracks(
    columns: Columns, codec: BarCodec, rng: np.random.Generator
) -> dict[int, Mapping[str, int]]:
    """Controls of some of the tracks, each control for all of them or for none."""
    names = [name for name in ("density", "polyphony", "register") if rng.random() < 0.7]
    return {
        slot: {name: values[name] for name in names if name in values}
        for slot, values in measured(columns, codec).items()
        if rng.random() < 0.8
    }


def _cells(columns: Columns, rng: np.random.Generator, room: int) -> set[Cell]:
    """Bars of tracks to hide, at most `room`: a run of bars of some tracks, or here and there."""
    bars, slots = len(columns.line), [int(slot) for slot in np.unique(columns.slot)]
    if room < 1 or not slots or bars < 2:
        return set()
    if rng.random() < 0.25:
        cells = [(b, s) for b in range(bars) for s in slots if rng.random() < SCATTERED]
    else:
        # Often one track or all, and often all of its bars: what is asked for in practice.
        count = int(rng.choice([1, 1, len(slots), int(rng.integers(1, len(slots) + 1))]))
        chosen = rng.permutation(slots)[:count].tolist()
        most = bars if len(chosen) < len(slots) else max(bars // 2, 1)
        width = most if rng.random() < 0.25 else int(rng.integers(1, most + 1))
        first = int(rng.integers(0, bars - width + 1))
        cells = [(b, s) for b in range(first, first + width) for s in chosen]
    return set(sorted(cells)[:room])
