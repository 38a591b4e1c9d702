"""Gaps: bars of a track taken out of a sequence, and said at its end.

A gap stands where the run was as `slot fill`, numbered in the order of the sequence. After the last
bar come the answers in the same order, each `answer` and the run, or nothing where the track rests,
and `end` (after Donahue et al., 2020: infilling by reordering). What is before and after a gap is
thus known when it is filled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import CONTROLS

MAX_GAPS = CONTROLS["fill"]
Cell = tuple[int, int]
"""A bar of the sequence, from 0, and a slot."""


@dataclass
class Bar:
    """A bar's line with what is said of it, and its runs by slot."""

    line: list[int]
    runs: dict[int, list[int]]

    @classmethod
    def of(cls, ids: Sequence[int], codec: BarCodec) -> Bar:
        slot = codec.vocabulary["slot"]
        starts = [i for i, id_ in enumerate(ids) if id_ in slot]
        first = starts[0] if starts else len(ids)
        spans = pairwise([*starts, len(ids)])
        return cls(list(ids[:first]), {ids[a] - slot.first: list(ids[a:b]) for a, b in spans})

    @property
    def ids(self) -> list[int]:
        return self.line + [id_ for slot in sorted(self.runs) for id_ in self.runs[slot]]


def bars_of(ids: Sequence[int], codec: BarCodec) -> tuple[list[int], list[Bar]]:
    """The header, and the bars."""
    bar = codec.vocabulary["bar"]
    lines = [i for i, id_ in enumerate(ids) if id_ in bar]
    spans = pairwise([*lines, len(ids)])
    header = list(ids[: lines[0]]) if lines else list(ids)
    return header, [Bar.of(ids[a:b], codec) for a, b in spans]


def with_gaps(bars: Sequence[Bar], cells: Iterable[Cell], codec: BarCodec) -> list[int]:
    """The ids of bars in which these cells are gaps."""
    v = codec.vocabulary
    shown = [Bar(bar.line, dict(bar.runs)) for bar in bars]
    for number, (bar, slot) in enumerate(sorted(cells)):
        shown[bar].runs[slot] = [v.token("slot", slot), v.token("fill", number)]
    return [id_ for bar in shown for id_ in bar.ids]


def hidden(ids: Sequence[int], cells: Iterable[Cell], codec: BarCodec) -> list[int]:
    """Ids of whole bars, without `end`, with these cells as gaps and then as answers."""
    v = codec.vocabulary
    header, bars = bars_of(ids, codec)
    wanted = sorted(set(cells))
    out = header + with_gaps(bars, wanted, codec)
    for number, (bar, slot) in enumerate(wanted):
        out += [v.token("answer", number), *bars[bar].runs.get(slot, [])]
    return [*out, v.token("end")] if wanted else out


def answers(ids: Sequence[int], codec: BarCodec) -> list[list[int]]:
    """The run of each answer in ids that begin with the first `answer`, with `end` or without."""
    v = codec.vocabulary
    ids = [id_ for id_ in ids if id_ != v.token("end")]
    starts = [i for i, id_ in enumerate(ids) if id_ in v["answer"]]
    return [list(ids[a + 1 : b]) for a, b in pairwise([*starts, len(ids)])]


def filled(ids: Sequence[int], codec: BarCodec) -> list[int]:
    """Ids with the answers in their places, and no gaps: the inverse of `hidden`."""
    v = codec.vocabulary
    first = next((i for i, id_ in enumerate(ids) if id_ in v["answer"]), len(ids))
    runs = answers(ids[first:], codec)
    out: list[int] = []
    for id_ in ids[:first]:
        if id_ in v["fill"]:
            out.pop()  # its slot, which begins the answer
            number = id_ - v["fill"].first
            out += runs[number] if number < len(runs) else []
        else:
            out.append(id_)
    return out
