"""What can be asked of a track and of a bar by tokens, and how it is measured.

Of a track: `density`, notes a quarter; `polyphony`, how many notes sound at once while any does;
`register`, its mean pitch. Of a bar: `chord` (see `harmony`), and `similar`, which says that its
onsets and pitches are those of the bar 1, 2, 4, 8 or 16 before. They are measured on the bars that
are told, not on a whole piece.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.codecs.columns import Columns
from musegen.codecs.layout import DRUM_KIT
from musegen.general_midi import CHORDAL
from musegen.song import IntArray

DENSITIES = (0.25, 0.5, 1.0, 1.5, 2.25, 3.5, 5.0)
"""Bounds of the bins, in notes a quarter."""
POLYPHONIES = (1.05, 1.5, 2.2, 3.2, 4.5)
"""Bounds of the bins, in notes."""
REGISTERS = (36.0, 44.0, 52.0, 60.0, 68.0, 76.0, 84.0)
"""Bounds of the bins, in semitones as MIDI counts them."""
DISTANCES = (1, 2, 4, 8, 16)
"""How many bars before is the bar that another repeats."""
TRACK_CONTROLS = ("density", "polyphony", "register")
"""In the order in which they are told; of drums, the first alone."""
SPARSEST, DENSEST = 0.25, 4.0
"""Notes a quarter that can be asked of a track: one a bar of 4/4, and 16ths."""
_MIX = 0x9E3779B97F4A7C15


def bin_of(value: float, bounds: Sequence[float]) -> int:
    return int(np.searchsorted(bounds, value, side="right"))


def notes_a_quarter(share: float) -> float:
    """From the sparsest, 0, to the densest, 1, by ratio."""
    return float(SPARSEST * (DENSEST / SPARSEST) ** share)


def told_of(instrument: int, controls: Mapping[str, int]) -> dict[str, int]:
    """What of that is told of an instrument: of drums density alone, and of voices who has any."""
    names = TRACK_CONTROLS[: 1 if instrument == DRUM_KIT else None]
    silent = () if instrument in CHORDAL else ("polyphony",)
    return {name: controls[name] for name in names if name in controls and name not in silent}


def measured(columns: Columns, codec: BarCodec) -> dict[int, dict[str, int]]:
    """The values of the controls of each slot that plays; drums have density alone."""
    quarters = max(int(columns.width.sum()), 1) / codec.layout.steps_per_quarter
    found: dict[int, dict[str, int]] = {}
    for slot in np.unique(columns.slot).tolist():
        mine = columns.slot == slot
        values = {"density": bin_of(float(mine.sum()) / quarters, DENSITIES)}
        if not columns.is_drum[mine].any():
            onset, duration = columns.onset[mine], columns.duration[mine]
            values["polyphony"] = bin_of(polyphony(onset, onset + duration), POLYPHONIES)
            values["register"] = bin_of(float(columns.pitch[mine].mean()), REGISTERS)
        found[slot] = values
    return found


def polyphony(start: IntArray, end: IntArray) -> float:
    """How many notes sound at once, on average over the time in which any does; starts rise."""
    if not len(start):
        return 0.0
    silent_from = np.maximum.accumulate(end)
    before = np.concatenate(([start[0]], silent_from[:-1]))
    covered = np.maximum(silent_from - np.maximum(start, before), 0).sum()
    return float((end - start).sum() / max(int(covered), 1))


def repeats(columns: Columns) -> IntArray:
    """Each bar's value of `similar` [B], the nearest; -1 where it is like none, or empty."""
    bars = len(columns.line)
    note = (columns.slot * 256 + columns.position) * 128 + columns.pitch
    mixed = (note.astype(np.uint64) + np.uint64(1)) * np.uint64(_MIX)
    mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(_MIX)
    marks = np.zeros(bars, dtype=np.uint64)
    np.add.at(marks, columns.bar[columns.bar >= 0], mixed[columns.bar >= 0])
    found = np.full(bars, -1)
    for value, distance in reversed(list(enumerate(DISTANCES))):
        same = (marks[distance:] == marks[:-distance]) & (marks[distance:] != 0)
        found[distance:][same] = value
    return found


def told(
    ids: Sequence[int],
    codec: BarCodec,
    tracks: Mapping[int, Mapping[str, int]],
    bars: Mapping[int, Mapping[str, int]],
) -> list[int]:
    """Ids with controls: of tracks, by slot, in the header; of bars, by number, at their lines.

    What there are no tokens for is left out.
    """
    v = codec.vocabulary
    if "density" not in v:
        return list(ids)
    out: list[int] = []
    slot = bar = 0
    for place, id_ in enumerate(ids):
        out.append(id_)
        if id_ in v["instrument"]:
            is_drum = id_ == v.token("instrument", DRUM_KIT)
            asked = tracks.get(slot, {})
            names = TRACK_CONTROLS[: 1 if is_drum else None]
            out += [v.token(name, asked[name]) for name in names if name in asked]
            slot += 1
        elif id_ in v["bar"] or (id_ in v["meter"] and place and ids[place - 1] in v["bar"]):
            if id_ in v["bar"] and place + 1 < len(ids) and ids[place + 1] in v["meter"]:
                continue  # a metre comes first
            out += [v.token(name, value) for name, value in bars.get(bar, {}).items()]
            bar += 1
    return out
