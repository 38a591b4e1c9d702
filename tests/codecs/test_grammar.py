"""Whatever is drawn under the grammar is a clip of exactly the bars asked for."""

from __future__ import annotations

import random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import CODECS, BarCodec
from musegen.codecs.bars import DRUM_KIT, METERS, Header
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.request import Request
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_count


def drawn(grammar: BarGrammar, seed: int) -> list[int]:
    """Ids drawn blindly from what is allowed, the bar line one time in ten."""
    source, state, ids = random.Random(seed), grammar.start, list[int]()
    closing = {grammar.vocabulary.token("end"), *range(*_span(grammar, "bar"))}
    while not grammar.finished(state):
        open_ids = torch.nonzero(grammar.allowed(state) == 0).flatten().tolist()
        assert open_ids
        forced = grammar.forced(state)
        assert forced is None or open_ids == [forced]
        lines = [i for i in open_ids if i in closing]
        ids.append(source.choice(lines if lines and source.random() < 0.1 else open_ids))
        state = grammar.advance(state, ids[-1])
    return ids


def _span(grammar: BarGrammar, name: str) -> tuple[int, int]:
    r = grammar.vocabulary[name]
    return r.first, r.stop


@pytest.mark.parametrize("kind", CODECS)
@settings(max_examples=20, deadline=None)
@given(
    bars=st.integers(1, 6),
    meter=st.integers(0, len(METERS) - 1),
    counting=st.booleans(),
    fixed=st.booleans(),
    seed=st.integers(),
)
def test_what_is_allowed_is_a_clip(
    kind: str, bars: int, meter: int, counting: bool, fixed: bool, seed: int
) -> None:
    codec = BarCodec(CODECS[kind])
    request = Request(bars, {"tempo": None, "meter": meter}, counting=counting, fixed_meter=fixed)
    ids = drawn(BarGrammar(codec, request), seed)
    song = codec.decode(ids[:-1])
    assert bar_count(song) == bars
    if fixed:
        assert song.meters == (Meter(0, *METERS[meter]),)
    clip = codec.clip(song)
    playing = [t for t in song.tracks if len(t.notes)]
    for written, kept in zip(playing, clip.tracks, strict=True):
        # durations that the closing bar line or the next note cut may lie between bins
        assert (written.notes.table()[:, [0, 2, 3]] == kept.notes.table()[:, [0, 2, 3]]).all()
        assert (written.notes.duration >= kept.notes.duration).all()


@settings(max_examples=20, deadline=None)
@given(bars=st.integers(1, 5), seed=st.integers())
def test_a_continuation_starts_where_the_prompt_ends(bars: int, seed: int) -> None:
    codec = BarCodec(CODECS["multitrack"])
    clip = Song((Track(Notes.of([(0, 12, 60, 72), (50, 12, 62, 72)])),), 96, 12)
    prompt = [*codec.encode(clip), codec.vocabulary.token("bar")]
    song = codec.decode(prompt + drawn(BarGrammar(codec, Request(bars), prompt), seed)[:-1])
    assert bar_count(song) == 2 + bars
    before = song.tracks[0].notes.between(0, 96)
    assert (before.start == clip.tracks[0].notes.start).all()


def test_the_header_asked_for_is_the_only_one() -> None:
    codec = BarCodec(CODECS["multitrack"])
    request = Request(1, {"style": 1, "tempo": 5, "key": 3, "meter": 7}, instruments=(DRUM_KIT, 33))
    grammar = BarGrammar(codec, request)
    state, ids = grammar.start, list[int]()
    while (token := grammar.forced(state)) is not None:
        ids.append(token)
        state = grammar.advance(state, token)
    meanings = [codec.vocabulary.meaning(token) for token in ids]
    assert meanings == [
        *(("start", 0), ("style", 1), ("tempo", 5), ("key", 3), ("meter", 7)),
        *(("instrument", DRUM_KIT), ("instrument", 33), ("bar", 0)),
    ]


def test_rests_are_bounded() -> None:
    codec = BarCodec(CODECS["melody"])
    bar = codec.vocabulary.token("bar")
    prompt = [*codec.header(Header()), bar, bar]
    grammar = BarGrammar(codec, Request(4, max_empty_bars=1), prompt)
    assert grammar.allowed(grammar.start)[bar] == -torch.inf


def test_bars_are_counted_down_to_the_end() -> None:
    codec = BarCodec(CODECS["melody"])
    ids = drawn(BarGrammar(codec, Request(18, {"meter": 3}, counting=True)), 3)
    meanings = [codec.vocabulary.meaning(token) for token in ids]
    assert [v for name, v in meanings if name == "bar"] == [0, 0, *range(16, 0, -1)]
    assert meanings[-1] == ("end", 0)
