"""A person's own songs as two shards in memory: what a model is tuned on, and what is held out.

What is held out depends on the notes alone, not on names or order; versions of one song are never
on both sides.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import Layout
from musegen.data.corpora import Corpus
from musegen.data.prepare import MIN_BARS, MIN_NOTES, Encoded, encode
from musegen.data.shards import Builder, Shard
from musegen.errors import ModelError, UnreadableError
from musegen.originality import runs
from musegen.recipe import Recipe
from musegen.song import IntArray, Song

OWN = Corpus("own")
HELD_OUT = 6
"""One song of so many is held out."""
HELD_OUT_TOKENS = 24_000
"""Where these are more, no more are held out, and the others are not measured on."""
SAME = 0.5
"""Share of a song's different runs of notes from which on it is a version of another."""
CUT_BARS = 16
"""The least of a song whose last quarter can be held out, where there is no other song."""


@dataclass(frozen=True)
class Piece:
    """What a codec reads in one file: a song, or, of one voice, each melody by itself."""

    songs: tuple[Encoded, ...]

    @cached_property
    def mark(self) -> str:
        """The same for two files of the same notes."""
        bars = [song.bars for song in self.songs]
        return hashlib.sha256(json.dumps(bars).encode()).hexdigest()

    @cached_property
    def ids(self) -> IntArray:
        flat = [t for song in self.songs for part in (song.header, *song.bars) for t in part]
        return np.array(flat, dtype=np.int64)


@dataclass(frozen=True)
class Own:
    """The songs, divided. Numbers are of what is learned from and what is held out."""

    train: Shard
    held_out: Shard
    files: tuple[int, int]
    notes: tuple[int, int]
    repeated: int
    """Files that have the notes of others; they count once."""
    is_cut: bool
    """Whether the last quarter of each song is held out, as there are not two different songs."""


def tunable(recipe: Recipe) -> BarCodec:
    """The codec of a model that can be tuned: of tokens. ModelError where it is another."""
    if not isinstance(recipe.codec, Layout):
        raise ModelError(
            f"{recipe.name} serves {', '.join(recipe.verbs)}, and cannot be tuned; "
            "multitrack-transformer and melody-lstm can"
        )
    return BarCodec(recipe.codec)


def piece(song: Song, codec: BarCodec) -> Piece:
    """What there is to learn from in a file. UnreadableError where there is nothing."""
    try:
        songs = tuple(encode(song, OWN, codec))
    except ValueError as error:
        raise UnreadableError(str(error)) from None
    if not songs:
        voice = "" if codec.layout.max_tracks else " in a track of one voice"
        raise UnreadableError(
            f"nothing to learn from: less than {MIN_BARS} bars or {MIN_NOTES} notes{voice}"
        )
    return Piece(songs)


def divided(files: Sequence[Piece], codec: BarCodec) -> Own:
    """Learn from most and hold out some. UnreadableError where there is too little for both."""
    if not files:
        raise UnreadableError("nothing to learn from; give MIDI files, or folders of them")
    pieces = sorted({piece.mark: piece for piece in files}.values(), key=lambda p: p.mark)
    held_out = _held_out(pieces, codec)
    marks = {piece.mark for piece in held_out}
    train = [piece for piece in pieces if piece.mark not in marks]
    is_cut = not train
    learned = [song for piece in train for song in piece.songs]
    tested = [song for piece in held_out for song in piece.songs]
    if is_cut:
        songs = [s for p in pieces for s in p.songs if len(s.bars) >= CUT_BARS]
        cuts = [len(s.bars) * 3 // 4 for s in songs]
        learned = [_part(s, 0, cut, codec) for s, cut in zip(songs, cuts, strict=True)]
        tested = [_part(s, cut, len(s.bars), codec) for s, cut in zip(songs, cuts, strict=True)]
        if min(sum(s.notes for s in part) for part in (learned, tested)) < MIN_NOTES:
            raise UnreadableError(
                f"too little to learn from: give a song of {CUT_BARS} bars or more, or two songs"
            )
    tested = _first(tested, HELD_OUT_TOKENS, codec)
    return Own(
        _shard(learned, codec),
        _shard(tested, codec),
        (len(pieces), len(pieces)) if is_cut else (len(train), len(held_out)),
        (sum(s.notes for s in learned), sum(s.notes for s in tested)),
        len(files) - len(pieces),
        is_cut,
    )


def _held_out(pieces: Sequence[Piece], codec: BarCodec) -> list[Piece]:
    """The first by their marks, which are as good as drawn, and all versions of these."""
    chosen: list[Piece] = []
    for piece in pieces[: max(round(len(pieces) / HELD_OUT), 1)]:
        chosen.append(piece)
        if sum(len(p.ids) for p in chosen) >= HELD_OUT_TOKENS:
            break
    known = np.concatenate([runs(p.ids, codec) for p in chosen])

    def is_version(piece: Piece) -> bool:
        own = np.unique(runs(piece.ids, codec))  # once each: an ostinato makes no version
        return bool(len(own)) and np.isin(own, known).mean() > SAME

    return chosen + [p for p in pieces[len(chosen) :] if is_version(p)]


def _part(song: Encoded, first: int, last: int, codec: BarCodec) -> Encoded:
    """Some bars of a song, under its header told the metre of the first of them."""
    v = codec.vocabulary
    meter, sounds = v["meter"], [v[name] for name in ("pitch", "drum") if name in v]
    header = [
        meter.first + song.meters[first] if token in meter else token for token in song.header
    ]
    bars = song.bars[first:last]
    notes = sum(token in sound for bar in bars for token in bar for sound in sounds)
    return Encoded(header, bars, song.meters[first:last], notes)


def _first(songs: Iterable[Encoded], tokens: int, codec: BarCodec) -> list[Encoded]:
    """The first songs, the last of them cut short, until they have so many tokens."""
    kept: list[Encoded] = []
    for song in songs:
        sizes = np.cumsum([len(bar) for bar in song.bars])
        fit = max(int(np.searchsorted(sizes, tokens, side="right")), 1)
        kept.append(song if fit >= len(song.bars) else _part(song, 0, fit, codec))
        tokens -= int(sizes[-1])
        if tokens <= 0:
            break
    return kept


def _shard(songs: Iterable[Encoded], codec: BarCodec) -> Shard:
    builder = Builder()
    end = codec.vocabulary.token("end")
    for song in songs:
        builder.add(0, song.header, song.bars, song.meters, song.notes, end)
    songs_table = np.array(builder.songs, dtype=np.int64)
    return Shard(
        np.concatenate(builder.tokens), np.concatenate(builder.bars), songs_table, (OWN.name,)
    )
