"""How good a model is: held-out likelihood beside a count model's, and what it writes beside the
data.

Likelihood is in bits per note, all tokens of the held-out pieces counted: it can be compared across
representations. It needs torch and numpy alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.analysis import Statistics, statistics
from musegen.clips import quantised
from musegen.codecs.bars import BarCodec
from musegen.data.batches import Windows
from musegen.data.shards import Shard
from musegen.errors import UsageError
from musegen.models import Model, resolved_device
from musegen.originality import shared
from musegen.song import IntArray, Song

WINDOW = 1024
"""Tokens that a network without a limit of its own is shown at once."""


@dataclass(frozen=True)
class Score:
    """Bits over `tokens` that hold `notes` notes and `bars` bars."""

    bits: float = 0.0
    notes: int = 0
    bars: int = 0
    tokens: int = 0

    def __add__(self, other: Score) -> Score:
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Score(*(a + b for a, b in pairs))

    @property
    def bits_per_note(self) -> float:
        return self.bits / max(self.notes, 1)

    @property
    def bits_per_bar(self) -> float:
        return self.bits / max(self.bars, 1)


def piece(shard: Shard, codec: BarCodec, index: int) -> IntArray:
    """A song's ids, its header without the optional fields."""
    song = shard.song(index)
    ids = np.array(shard.tokens[song["header"] : song["stop"]], dtype=np.int64)
    for name in ("style", "tempo", "key"):
        r = codec.vocabulary[name]
        ids = ids[(ids < r.first) | (ids >= r.stop)]
    return ids


@dataclass(frozen=True)
class Span:
    """A window of a piece, [n], of which the ids from `scored` on count."""

    song: int
    ids: IntArray
    scored: int


def spans(ids: IntArray, codec: BarCodec, song: int, length: int) -> Iterator[Span]:
    """Windows that together score every id of a piece but the first once, with half a window of
    context.

    All but the first begin with the piece's header, told the metre in force, and at a bar line.
    """
    bar, meter = codec.vocabulary["bar"], codec.vocabulary["meter"]
    lines = np.flatnonzero((ids >= bar.first) & (ids < bar.stop))
    changes = np.flatnonzero((ids >= meter.first) & (ids < meter.stop))
    header = ids[: lines[0]]
    done = min(len(ids), length + 1)
    yield Span(song, ids[:done], 1)
    while done < len(ids):
        first = done - length // 2
        at = int(np.searchsorted(lines, first))
        first = int(lines[at]) if at < len(lines) and lines[at] < done else first
        head = header.copy()
        place = int(np.flatnonzero((head >= meter.first) & (head < meter.stop))[0])
        head[place] = ids[changes[np.searchsorted(changes, first, side="right") - 1]]
        stop = min(len(ids), first + length + 1 - len(head))
        yield Span(song, np.concatenate((head, ids[first:stop])), len(head) + done - first)
        done = stop


def likelihood(
    model: Model,
    shard: Shard,
    *,
    batch: int = 8,
    device: str = "cpu",
    every: int = 1,
    int8: bool = False,
    report: Callable[[int, int], None] | None = None,
) -> dict[str, Score]:
    """The model's score on a split, per corpus; `every` 10 takes every tenth piece.

    With `int8` it multiplies as a transformer may when it writes: see `check_int8`.
    """
    import torch
    import torch.nn.functional as F

    from musegen.networks.int8 import InInt8

    device = resolved_device(device)
    arithmetic: AbstractContextManager[Any] = torch.autocast(device, dtype=torch.bfloat16)
    if int8:
        check_int8(model, device)
        arithmetic = InInt8()
    length = model.decoder.context or WINDOW
    codec = model.codec
    is_note = Windows(shard, codec, dict.fromkeys(shard.corpora, 1.0)).is_note
    bar = codec.vocabulary["bar"]
    songs = range(0, len(shard.songs), every)
    todo = [s for i in songs for s in spans(piece(shard, codec, i), codec, i, length)]
    todo.sort(key=lambda s: len(s.ids))
    scores = {name: Score() for name in shard.corpora}
    for start in range(0, len(todo), batch):
        group = todo[start : start + batch]
        width = max(len(s.ids) for s in group)
        ids = np.zeros((len(group), width), dtype=np.int64)
        counted = np.zeros((len(group), width), dtype=bool)
        for row, span in enumerate(group):
            ids[row, : len(span.ids)] = span.ids
            counted[row, span.scored : len(span.ids)] = True
        tokens = torch.from_numpy(ids).to(device)
        with torch.inference_mode(), arithmetic:
            logits = model.decoder.forward(tokens[:, :-1])
        nats = F.cross_entropy(logits.float().transpose(1, 2), tokens[:, 1:], reduction="none")
        bits = nats.cpu().numpy() / math.log(2)
        for row, span in enumerate(group):
            scored = counted[row, 1:]
            seen = ids[row, 1:][scored]
            name = shard.corpora[int(shard.songs[span.song, 0])]
            lines = int(((seen >= bar.first) & (seen < bar.stop)).sum())
            scores[name] += Score(
                float(bits[row][scored].sum()), int(is_note[seen].sum()), lines, len(seen)
            )
        if report is not None:
            report(min(start + batch, len(todo)), len(todo))
    return scores


def check_int8(model: Model, device: str) -> None:
    """ModelError where a model never multiplies in int8, UsageError where nothing does so here."""
    from musegen.networks import Transformer
    from musegen.networks.int8 import has_int8

    model.network_as(Transformer)
    if resolved_device(device) != "cpu" or not has_int8():
        raise UsageError("int8 is for processors that multiply it exactly (VNNI)")


# The baseline


def count_model(
    train: Shard, held_out: Shard, codec: BarCodec, order: int = 4, every: int = 1
) -> dict[str, Score]:
    """The score of an order-n count model with Witten-Bell smoothing (Witten & Bell, 1991).

    Trained on all pieces of `train`, evaluated on `every` n-th of `held_out`, on the same tokens as
    the networks.
    """
    size = len(codec.vocabulary)
    if size ** (order + 1) >= 2**63:
        raise ValueError(f"an order of {order} over {size} ids does not fit into 64 bits")
    known = _stream(train, codec)
    heard = _stream(held_out, codec, every)
    probability = np.full(len(heard), 1 / size)
    for n in range(order + 1):
        grams, counts = np.unique(_grams(known, n + 1, size), return_counts=True)
        contexts, begins, kinds = np.unique(grams // size, return_index=True, return_counts=True)
        totals = np.add.reduceat(counts, begins)
        wanted = _grams(heard, n + 1, size)
        times = _look_up(grams, counts, wanted)
        total = _look_up(contexts, totals, wanted // size)
        kind = _look_up(contexts, kinds, wanted // size)
        seen = total > 0
        mixed = (times + kind * probability) / np.maximum(total + kind, 1)
        probability = np.where(seen, mixed, probability)
    bits = -np.log2(probability)
    scores = {name: Score() for name in held_out.corpora}
    windows = Windows(held_out, codec, dict.fromkeys(held_out.corpora, 1.0))
    bar = codec.vocabulary["bar"]
    at = 0
    for index in range(0, len(held_out.songs), every):
        ids = piece(held_out, codec, index)
        part = bits[at + 1 : at + len(ids)]  # as for the networks, the first id is given
        lines = int(((ids >= bar.first) & (ids < bar.stop)).sum())
        name = held_out.corpora[int(held_out.songs[index, 0])]
        notes = int(windows.is_note[ids].sum())
        scores[name] += Score(float(part.sum()), notes, lines, len(part))
        at += len(ids)
    return scores


def _stream(shard: Shard, codec: BarCodec, every: int = 1) -> IntArray:
    return np.concatenate([piece(shard, codec, i) for i in range(0, len(shard.songs), every)])


def _grams(ids: IntArray, n: int, size: int) -> IntArray:
    """Every id with the n - 1 before it, as one number; before the beginning stand zeros."""
    packed = np.zeros(len(ids), dtype=np.int64)
    for back in range(n - 1, -1, -1):
        shifted = np.zeros(len(ids), dtype=np.int64)
        shifted[back:] = ids[: len(ids) - back]
        packed = packed * size + shifted
    return packed


def _look_up(keys: IntArray, values: NDArray[Any], wanted: IntArray) -> NDArray[Any]:
    """The value of each wanted key, 0 where there is none."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[place] == wanted, values[place], 0)


# What it writes


def known_share(songs: Sequence[Song], known: NDArray[np.uint64], codec: BarCodec) -> float:
    """The mean share of the songs' runs of notes that are among the known: see `originality`."""
    shares = []
    for song in songs:
        clip = codec.clip(quantised(song, codec.layout.steps_per_quarter))
        shares.append(shared(np.array(codec.encode(clip)), known, codec))
    return _mean(shares)


def mean_statistics(songs: Sequence[Song]) -> dict[str, float]:
    """Each statistic's mean over songs, those left out in which it is not defined."""
    rows = [statistics(song) for song in songs]
    return {f.name: _mean([getattr(row, f.name) for row in rows]) for f in fields(Statistics)}


def _mean(values: Sequence[float]) -> float:
    defined = [value for value in values if not math.isnan(value)]
    return sum(defined) / len(defined) if defined else math.nan
