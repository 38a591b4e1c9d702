from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from musegen import models
from musegen.codecs import CODECS, BarCodec
from musegen.data import shards
from musegen.data.shards import Shard
from musegen.errors import ModelError, UsageError
from musegen.evaluate import Score, count_model, likelihood, piece, spans
from musegen.networks import int8

CODEC = BarCodec(CODECS["multitrack"])


@pytest.fixture(scope="module")
def data(prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_tunes(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def held_out(data: Path) -> Shard:
    return shards.load(data, "test")


def test_every_id_is_scored_once(held_out: Shard) -> None:
    ids = piece(held_out, CODEC, 0)
    parts = list(spans(ids, CODEC, 0, 128))
    assert len(parts) > 3
    assert np.array_equal(np.concatenate([p.ids[p.scored :] for p in parts]), ids[1:])
    assert all(len(p.ids) <= 129 for p in parts)


def test_a_random_network_is_about_as_good_as_chance(held_out: Shard, tiny_model: Path) -> None:
    model = models.load(str(tiny_model))
    score = sum(likelihood(model, held_out).values(), Score())
    ids = piece(held_out, CODEC, 0)
    assert score.tokens == len(ids) - 1
    assert score.notes == held_out.song(0)["notes"]
    assert score.bits / score.tokens == pytest.approx(math.log2(len(CODEC.vocabulary)), rel=0.2)


def test_int8_is_of_transformers_on_processors_that_have_it(
    held_out: Shard, tiny_model: Path, tiny_melody_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match="tiny-lstm has no Transformer"):
        likelihood(models.load(str(tiny_melody_model)), held_out, int8=True)
    monkeypatch.setattr(int8, "has_int8", lambda: False)
    with pytest.raises(UsageError, match="int8 is for processors"):
        likelihood(models.load(str(tiny_model)), held_out, int8=True)


def test_the_count_model_is_witten_bell(data: Path, held_out: Shard) -> None:
    train = shards.load(data, "train")
    known = np.concatenate([piece(train, CODEC, i) for i in range(len(train.songs))]).tolist()
    heard = piece(held_out, CODEC, 0).tolist()
    ones, pairs = Counter(known), Counter(zip([0, *known], known, strict=False))
    follows = Counter(first for first, _ in pairs)
    firsts = Counter([0, *known[:-1]])
    bits = 0.0
    for before, token in pairwise(heard):
        chance = (ones[token] + len(ones) / len(CODEC.vocabulary)) / (len(known) + len(ones))
        kinds, total = follows[before], firsts[before]
        if total:
            chance = (pairs[before, token] + kinds * chance) / (total + kinds)
        bits -= math.log2(chance)
    score = count_model(train, held_out, CODEC, order=1)["tunes"]
    assert score.bits == pytest.approx(bits)
    assert count_model(train, held_out, CODEC, order=4)["tunes"].bits < bits


def test_both_measure_the_same_pieces(data: Path, tiny_model: Path) -> None:
    train = shards.load(data, "train")
    network = likelihood(models.load(str(tiny_model)), train, device="auto", every=4)["tunes"]
    counts = count_model(train, train, CODEC, order=0, every=4)["tunes"]
    pieces = [piece(train, CODEC, i).tolist() for i in range(len(train.songs))]
    times = Counter(token for ids in pieces for token in ids)
    kinds, total = len(times), times.total()
    chances = {t: (n + kinds / len(CODEC.vocabulary)) / (total + kinds) for t, n in times.items()}
    bits = [-math.log2(chances[token]) for ids in pieces[::4] for token in ids[1:]]
    assert counts.bits == pytest.approx(sum(bits))
    assert counts.notes == sum(train.song(i)["notes"] for i in (0, 4, 8))
    assert (counts.notes, counts.bars, counts.tokens) == (
        network.notes,
        network.bars,
        network.tokens,
    )
