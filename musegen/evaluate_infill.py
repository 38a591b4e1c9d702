"""How near `infill` comes to bars that were hidden, beside what knows less.

A few bars of one track of a held-out piece are hidden. What is written there is compared with what
was, as the F1 of notes: two are the same that begin together at one pitch. Beside the model stand
the bars before the gap, copied, and the model itself when it goes on without hearing what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np

from musegen.clips import bars as cut
from musegen.codecs.bars import BarCodec
from musegen.data.shards import Shard
from musegen.errors import UsageError
from musegen.song import Notes, Song
from musegen.source import Source
from musegen.time import bar_lines
from musegen.verbs.batch import Batch
from musegen.verbs.continuation import continue_
from musegen.verbs.infilling import infill
from musegen.verbs.takes import Takes

BARS = 16
"""Of a piece; the gap is in the middle of them."""
MOST_BARS = BARS // 3
"""That a gap can have, so that as many stand before it."""
LEAST_NOTES = 4
"""In a gap that is worth filling."""


@dataclass(frozen=True)
class Matches:
    """Notes that were right, of those that were written and those that were hidden."""

    right: int = 0
    written: int = 0
    hidden: int = 0

    @classmethod
    def of(cls, written: Notes, hidden: Notes) -> Matches:
        own, true = (
            {*zip(n.start.tolist(), n.pitch.tolist(), strict=True)} for n in (written, hidden)
        )
        return cls(len(own & true), len(own), len(true))

    def __add__(self, other: Matches) -> Matches:
        return Matches(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def precision(self) -> float:
        return self.right / max(self.written, 1)

    @property
    def recall(self) -> float:
        return self.right / max(self.hidden, 1)

    @property
    def f1(self) -> float:
        return 2 * self.right / max(self.written + self.hidden, 1)


@dataclass(frozen=True)
class Gap:
    """A piece on a codec's grid, and which bars of which track are hidden, in ticks too."""

    corpus: str
    song: Song
    track: int
    first: int
    stop: int

    @property
    def ticks(self) -> tuple[int, int]:
        lines, _ = bar_lines(self.song)
        return int(lines[self.first]), int(lines[self.stop])

    def inside(self, song: Song) -> Notes:
        """What the track has in the gap, counted from its beginning."""
        start, end = self.ticks
        notes = song.tracks[self.track].notes
        return notes.where((notes.start >= start) & (notes.start < end)).shifted(-start)

    @property
    def hollow(self) -> Song:
        """The song without what is hidden, of which nothing may be told."""
        start, end = self.ticks
        tracks = list(self.song.tracks)
        notes = tracks[self.track].notes
        kept = notes.where((notes.start < start) | (notes.start >= end))
        tracks[self.track] = replace(tracks[self.track], notes=kept)
        return replace(self.song, tracks=tuple(tracks))

    @property
    def before(self) -> Song:
        """The bars before the gap."""
        return self.song.between(0, self.ticks[0])

    @property
    def is_worth_filling(self) -> bool:
        """Whether it hides something, and the rest has music up to it, and up to its end."""
        return (
            len(self.inside(self.song)) >= LEAST_NOTES
            and len(self.before.tracks[self.track].notes) > 0
            and Source.of(self.before).bars == self.first
            and Source.of(self.hollow).bars >= self.stop
        )

    @property
    def copied(self) -> Notes:
        """As many bars as the gap has, from just before it."""
        lines, _ = bar_lines(self.song)
        count = self.stop - self.first
        start, end = int(lines[self.first - count]), int(lines[self.first])
        notes = self.song.tracks[self.track].notes
        return notes.where((notes.start >= start) & (notes.start < end)).shifted(-start)


def gaps(shard: Shard, codec: BarCodec, count: int, width: int, seed: int = 0) -> Iterator[Gap]:
    """Gaps of `width` bars in pieces of a split, in turn from each corpus."""
    if not 1 <= width <= MOST_BARS:
        raise UsageError(f"a gap of {width} bars is not one of 1 to {MOST_BARS}")
    rng = np.random.default_rng(seed)
    places = [
        rng.permutation(
            np.flatnonzero((shard.songs[:, 0] == corpus) & (shard.songs[:, 5] >= BARS))
        ).tolist()
        for corpus in range(len(shard.corpora))
    ]
    found = turn = 0
    while found < count and any(places):
        corpus = turn % len(places)
        turn += 1
        if not places[corpus]:
            continue
        row = shard.song(places[corpus].pop())
        song = codec.decode(shard.tokens[row["header"] : row["stop"]].tolist())
        song = cut(song, (row["bars"] - BARS) // 2, BARS)
        first = (BARS - width) // 2
        playing = [
            Gap(shard.corpora[corpus], song, track, first, first + width)
            for track in range(len(song.tracks))
        ]
        worth = [gap for gap in playing if gap.is_worth_filling]
        if worth:
            found += 1
            yield worth[int(rng.integers(len(worth)))]


def infilling(
    model: str,
    chosen: list[Gap],
    *,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, Matches]:
    """The matches of the model, of the copied bars, and of the model without what follows."""
    totals = {name: Matches() for name in ("infill", "continue", "copy")}
    done = 0

    def count(name: str, gap: Gap, written: Notes) -> None:
        nonlocal done
        totals[name] += Matches.of(written, gap.inside(gap.song))
        done += 1
        if report is not None and done % len(totals) == 0:
            report(done // len(totals), len(chosen))

    def filled(gap: Gap, number: int, takes: Takes) -> None:
        count("infill", gap, gap.inside(takes[0]))

    def gone_on(gap: Gap, number: int, takes: Takes) -> None:
        heard = [i for i, track in enumerate(gap.before.tracks) if len(track.notes)]
        part = takes[0].at_resolution(gap.song.ticks_per_quarter)
        count("continue", gap, part.tracks[heard.index(gap.track)].notes)

    with Batch() as batch:
        for gap in chosen:
            infill(
                gap.hollow,
                bars=(gap.first + 1, gap.stop),
                tracks=str(gap.track + 1),
                variations=1,
                seed=seed,
                model=model,
                device=device,
                each=partial(filled, gap),
                batch=batch,
            )
            continue_(
                gap.before,
                length=gap.stop - gap.first,
                meter=str(gap.song.meter_at(gap.ticks[0])),
                variations=1,
                seed=seed,
                model=model,
                device=device,
                each=partial(gone_on, gap),
                batch=batch,
            )
            count("copy", gap, gap.copied)
    return totals
