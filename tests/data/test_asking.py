"""What a training window is asked is so, and hides nothing for good."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from bar_songs import CONTROLLED, clips
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import BarCodec
from musegen.codecs.columns import Columns
from musegen.codecs.controls import TRACK_CONTROLS, measured, repeats
from musegen.codecs.gaps import MAX_GAPS, bars_of, filled
from musegen.codecs.harmony import chords
from musegen.data import shards
from musegen.data.asking import asked
from musegen.data.augmentation import PLAIN, Augmentation
from musegen.data.batches import Windows
from musegen.song import IntArray, Notes, Song, Track

CODEC = BarCodec(CONTROLLED)
V = CODEC.vocabulary
TOLD = (*TRACK_CONTROLS, "chord", "similar")
ALWAYS = replace(PLAIN, tell_tracks=1.0, tell_chords=1.0, tell_repeats=1.0, hide=1.0)
SEEDS = st.integers(0, 2**32 - 1)


def window(clip: Song) -> IntArray:
    return np.array([*CODEC.encode(clip), V.token("end")], dtype=np.int64)


def run(ids: IntArray, length: int, seed: int, shares: Augmentation) -> list[int]:
    out: list[int] = asked(ids, CODEC, length, np.random.default_rng(seed), shares).tolist()
    return out


def count(ids: list[int], name: str) -> int:
    return sum(id_ in V[name] for id_ in ids)


def untold(ids: list[int]) -> list[int]:
    return [id_ for id_ in ids if V.meaning(id_)[0] not in TOLD]


@settings(max_examples=15, deadline=None)
@given(clip=clips(), seed=SEEDS)
def test_a_window_that_is_asked_nothing_stays_as_it_is(clip: Song, seed: int) -> None:
    ids = window(clip)
    assert run(ids, len(ids), seed, PLAIN) == ids.tolist()


@settings(max_examples=25, deadline=None)
@given(clip=clips(), length=st.integers(1, 400), seed=SEEDS)
def test_a_window_is_never_longer_than_asked_for(clip: Song, length: int, seed: int) -> None:
    out = run(window(clip)[:length], length, seed, ALWAYS)
    assert 0 < len(out) <= length


@settings(max_examples=40, deadline=None)
@given(clip=clips(), seed=SEEDS)
def test_what_is_hidden_can_be_filled_in(clip: Song, seed: int) -> None:
    ids = window(clip)
    out = run(ids, 2 * len(ids) + 99, seed, ALWAYS)
    assert count(out, "fill") == count(out, "answer") <= MAX_GAPS
    back = untold(filled(out, CODEC))
    assert back == ids.tolist()[: -1 if count(out, "fill") else None]
    assert out[-1] == V.token("end")


@settings(max_examples=25, deadline=None)
@given(clip=clips(), seed=SEEDS)
def test_what_does_not_fit_is_left_out_by_whole_bars(clip: Song, seed: int) -> None:
    ids = window(clip)
    length = max(len(ids) * 2 // 3, 1)
    out = run(ids[:length], length, seed, replace(PLAIN, hide=1.0))
    if count(out, "fill"):
        header, bars = bars_of(ids.tolist()[:-1], CODEC)
        shown = bars_of(filled(out, CODEC), CODEC)
        assert shown == (header, bars[: len(shown[1])])
        assert len(shown[1]) > 1


@settings(max_examples=25, deadline=None)
@given(clip=clips(), seed=SEEDS)
def test_what_is_told_is_true(clip: Song, seed: int) -> None:
    ids = window(clip)
    out = run(ids, 10 * len(ids), seed, replace(ALWAYS, hide=0.0))
    assert untold(out) == ids.tolist()
    columns = Columns.of(ids, CODEC)
    tracks = measured(columns, CODEC)
    bars: list[dict[str, int]] = []
    slot = -1
    for name, value in map(V.meaning, out):
        if name == "instrument":
            slot += 1
        elif name in TRACK_CONTROLS:
            assert tracks[slot][name] == value
        elif name == "bar":
            bars.append({})
        elif name in TOLD:
            bars[-1][name] = value
    assert [bar.get("chord", -1) for bar in bars] == chords(columns).tolist()
    assert [bar.get("similar", -1) for bar in bars] == repeats(columns).tolist()


def clips_of(bars: int) -> Song:
    rows = [(48 * bar, 12, 60, 72) for bar in range(bars)]
    return Song((Track(Notes.of(rows)), Track(Notes.of(rows), 40)), 48 * bars, 12)


def test_a_piece_of_one_bar_has_no_gaps() -> None:
    ids = window(Song(clips_of(1).tracks, 48, 12))
    assert run(ids, 100, 0, replace(PLAIN, hide=1.0)) == ids.tolist()


@dataclass(frozen=True)
class Kinds:
    """How gaps lie."""

    slots: int
    bars: int
    all_bars: bool


def test_gaps_are_of_one_track_or_all_of_few_bars_or_many() -> None:
    ids = window(clips_of(12))
    kinds = set()
    for seed in range(60):
        out = run(ids, 1000, seed, replace(PLAIN, hide=1.0))
        _, bars = bars_of(out[: out.index(V.token("answer"))], CODEC)
        gaps = [
            (number, slot)
            for number, bar in enumerate(bars)
            for slot, ids_ in bar.runs.items()
            if ids_[-1] in V["fill"]
        ]
        wide = {number for number, _ in gaps}
        kinds.add(Kinds(len({slot for _, slot in gaps}), len(wide), len(wide) == 12))
    assert {kind.slots for kind in kinds} == {1, 2}
    assert len({kind.bars for kind in kinds}) > 5
    assert any(kind.all_bars for kind in kinds)


# As batches


@pytest.fixture(scope="module")
def windows(
    prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Windows:
    """Of shards that a codec without controls has made."""
    folder = prepare_tunes(tmp_path_factory.mktemp("shards"))
    shards.check(folder, CONTROLLED, ["tunes"])
    return Windows(shards.load(folder, "train"), CODEC, {"tunes": 1.0})


def test_a_batch_that_is_asked_depends_on_its_key_alone(windows: Windows) -> None:
    shares = replace(ALWAYS, transpose=1.0)
    one = windows.batch(4, 200, (1, 2, 0), shares)
    assert np.array_equal(one, windows.batch(4, 200, (1, 2, 0), shares))
    assert one.shape == (4, 200)
    found = {V.meaning(id_)[0] for id_ in one.flatten().tolist()}
    assert {"chord", "density", "register", "fill", "answer"} <= found


def test_a_codec_with_controls_draws_the_windows_of_one_without(windows: Windows) -> None:
    plain = Windows(windows.shard, BarCodec(replace(CONTROLLED, controls=False)), {"tunes": 1.0})
    shares = Augmentation()
    one, other = (each.batch(3, 200, (1, 2, 0), shares) for each in (windows, plain))
    assert np.array_equal(one, other)


def test_chords_are_those_of_the_key_that_is_heard(windows: Windows) -> None:
    row = windows.shard.song(0)
    told = replace(PLAIN, tell_chords=1.0)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        ids = windows.window(row["first_bar"], 10_000, rng, replace(told, transpose=1.0))
        expected = [value for value in chords(Columns.of(ids, CODEC)).tolist() if value >= 0]
        assert [id_ - V["chord"].first for id_ in ids.tolist() if id_ in V["chord"]] == expected
