"""A track alone in a window is what its piece would be without the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bar_songs import CONTROLLED, clips
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musegen import models
from musegen.codecs import BarCodec
from musegen.data import shards
from musegen.data.alone import alone, one_alone
from musegen.data.augmentation import PLAIN
from musegen.data.batches import Windows
from musegen.errors import UsageError
from musegen.objectives.tokens import NextToken
from musegen.song import Song

CODEC = BarCodec(CONTROLLED)
END = CODEC.vocabulary.token("end")


@settings(max_examples=25, deadline=None)
@given(clip=clips(), data=st.data())
def test_it_is_the_piece_of_that_track(clip: Song, data: st.DataObject) -> None:
    assume(clip.tracks)
    ids = np.array([*CODEC.encode(clip), END], dtype=np.int64)
    slot = data.draw(st.integers(0, len(clip.tracks) - 1))
    left = alone(ids, slot, CODEC).tolist()
    assert left == [*CODEC.encode(replace(clip, tracks=(clip.tracks[slot],))), END]


@settings(max_examples=25, deadline=None)
@given(clip=clips(), cut=st.integers(1, 400), data=st.data())
def test_what_is_cut_stays_cut(clip: Song, cut: int, data: st.DataObject) -> None:
    assume(clip.tracks)
    ids = np.array(CODEC.encode(clip), dtype=np.int64)
    slot = data.draw(st.integers(0, len(clip.tracks) - 1))
    whole, part = (alone(x, slot, CODEC).tolist() for x in (ids, ids[:cut]))
    assert part == whole[: len(part)]


@settings(max_examples=15, deadline=None)
@given(clip=clips(), length=st.integers(1, 400), seed=st.integers(0, 2**32 - 1))
def test_of_one_that_is_not_there_nothing_is_drawn(clip: Song, length: int, seed: int) -> None:
    one = replace(clip, tracks=clip.tracks[:1])
    ids = np.array(CODEC.encode(one), dtype=np.int64)
    left = one_alone(ids, length, CODEC, np.random.default_rng(seed))
    assert left.tolist() == ids[:length].tolist()


def test_windows_are_filled_from_further_on(
    prepare_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    shard = shards.load(prepare_tunes(tmp_path), "train")
    windows = Windows(shard, CODEC, {"tunes": 1.0})
    slot = CODEC.vocabulary["slot"]
    shares = replace(PLAIN, alone=1.0)
    for seed in range(10):
        row = windows.shard.song(seed % len(shard.songs))
        rng = np.random.default_rng(seed)
        ids = windows.window(row["first_bar"], 200, rng, shares)
        assert len(ids) <= 200
        assert set(ids[(ids >= slot.first) & (ids < slot.stop)]) <= {slot.first}
        song = CODEC.decode(ids.tolist())
        assert len(song.tracks) == 1
        assert len(song.tracks[0].notes)
        assert len(ids) == 200 or ids[-1] == END


def test_a_recipe_without_tracks_has_none_alone(tiny_melody_model: Path, tmp_path: Path) -> None:
    recipe = models.read_recipe(tiny_melody_model)
    changed = replace(recipe.training, augmentation=replace(PLAIN, alone=0.5))
    with pytest.raises(UsageError, match="tracks alone needs tracks"):
        NextToken(replace(recipe, training=changed), tmp_path, torch.device("cpu"))
