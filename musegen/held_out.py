"""Pieces of a split: some bars of each, what its composer wrote next, and what a model writes.

Everything stands on a codec's grid, so that both are measured alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from musegen.clips import bars as cut
from musegen.codecs.bars import BarCodec
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.data.shards import Shard
from musegen.decoding import Row
from musegen.models import Model
from musegen.sampling import Sampling, numbers, streams
from musegen.song import Song
from musegen.writing import Progress, Take, Writing, counter

WIDTH = 16
"""Pieces that are written at once where rows depend on their number."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Some bars of a piece, and those after them, both with all of its tracks."""

    corpus: str
    header: tuple[int, ...]
    """The piece's ids before its bars: with style, tempo and key where they are known."""
    prompt: Song | None
    """None where the excerpt is the beginning of the piece."""
    following: Song


def excerpts(
    shard: Shard, codec: BarCodec, count: int, heard: int, following: int, seed: int = 0
) -> list[Excerpt]:
    """At most `count`, one a piece, in turn from each corpus: `heard` bars and the `following`.

    They lie a third into the piece; where no bar is heard, at its beginning. Notes are in both.
    """
    rng = np.random.default_rng(seed)
    needed = heard + following
    places: list[list[int]] = []
    for corpus in range(len(shard.corpora)):
        fit = np.flatnonzero((shard.songs[:, 0] == corpus) & (shard.songs[:, 5] >= needed))
        places.append(rng.permutation(fit).tolist())
    chosen: list[Excerpt] = []
    turn = 0
    while len(chosen) < count and any(places):
        corpus = turn % len(places)
        turn += 1
        if not places[corpus]:
            continue
        row = shard.song(places[corpus].pop())
        song = codec.decode(shard.tokens[row["header"] : row["stop"]].tolist())
        first = (row["bars"] - needed) // 3 if heard else 0
        prompt = cut(song, first, heard) if heard else None
        after = cut(song, first + heard, following)
        if after.note_count and (prompt is None or prompt.note_count):
            header = tuple(shard.tokens[row["header"] : row["body"]].tolist())
            chosen.append(Excerpt(shard.corpora[corpus], header, prompt, after))
    return chosen


def ids_of(song: Song, header: Sequence[int], codec: BarCodec) -> list[int]:
    """A clip's ids, with the header given, but in the clip's metre."""
    bars = (token for bar in codec.encode_bars(song) for token in bar)
    return [*_told(song, header, codec), *bars]


def _told(song: Song, header: Sequence[int], codec: BarCodec) -> list[int]:
    """The header, in the metre in which the clip begins."""
    meter = codec.vocabulary["meter"]
    told = meter.first + codec.meter_value(song.meters[0])
    return [told if token in meter else token for token in header]


def written(
    model: Model,
    pieces: Sequence[Excerpt],
    bars: int,
    sampling: Sampling,
    seed: int,
    progress: Progress | None = None,
) -> list[list[int]]:
    """What the model writes in the place of what follows: ids with a header, of so many bars.

    Piece k comes out the same however many there are after it.
    """
    codec = model.codec
    rows: list[list[int]] = [[] for _ in pieces]
    limit = model.decoder.context or 0
    bar = codec.vocabulary["bar"]
    grammar = BarGrammar(codec, Request(bars))
    told = counter(grammar, bars * len(pieces), progress)

    def take(number: int) -> Take:
        piece = pieces[number]
        head = _told(piece.following, piece.header, codec)
        prompt = list(head)
        if piece.prompt is not None:
            prompt = ids_of(piece.prompt, piece.header, codec)
            prompt = codec.recent(prompt, limit * 5 // 8) if limit else prompt
        prompt.append(bar.first)
        now = piece.following.meters[0]
        if piece.prompt is not None and str(piece.prompt.meters[-1]) != str(now):
            prompt.append(codec.vocabulary.token("meter", codec.meter_value(now)))
        state = grammar.start
        for token in prompt:
            state = grammar.advance(state, token)
        state = state._replace(bars=1)  # which are counted from here on
        (stream,) = streams(seed, [number])
        row = Row(prompt, grammar, state, sampling, numbers(stream), told)
        yield row
        # The last id closed the last bar: an end, or the line of a bar that nobody asked for.
        rows[number] = [*head, bar.first, *row.written[:-1]]

    writing = Writing(model, width=WIDTH)
    writing.add(map(take, range(len(pieces))))
    writing.finish()
    return rows
