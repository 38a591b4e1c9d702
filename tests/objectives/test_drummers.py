"""What a drummer is trained for: rhythms made of performances, and what they cost."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import beat

from musegen import models
from musegen.data.drums import DrumSong
from musegen.data.prepare_drums import encode
from musegen.networks.drummer import Rhythm
from musegen.objectives import Drummers, drummers

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def data(prepare_beats: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_beats(tmp_path_factory.mktemp("hits"))


@pytest.fixture
def objective(data: Path, tiny_drummer_model: Path) -> Drummers:
    return Drummers(models.read_recipe(tiny_drummer_model), data, CPU)


def equal(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    pairs = zip((*one[0], one[1]), (*other[0], other[1]), strict=True)
    return all(torch.equal(a.nan_to_num(-9.0), b.nan_to_num(-9.0)) for a, b in pairs)


def test_a_batch_depends_on_its_key_alone(objective: Drummers) -> None:
    batch = objective.batch(4, (1, 2, 0), 2)
    objective.batch(4, (5, 5, 5), 9)
    assert equal(batch, objective.batch(4, (1, 2, 0), 7))
    assert not equal(batch, objective.batch(4, (1, 3, 0), 2))
    held_out = objective.validation(2, (0, 0))
    assert equal(held_out, objective.validation(2, (0, 0)))
    assert not equal(held_out, objective.validation(2, (0, 8)))


def test_validation_tells_all_of_the_rhythm_but_its_density(objective: Drummers) -> None:
    rhythm, hits = objective.validation(30, (1, 1))
    assert hits.shape == (30, 24, 9)
    assert torch.equal(rhythm.onset, hits.amax(-1))
    for told in (rhythm.velocity, rhythm.offset):
        assert torch.equal(told.isfinite(), rhythm.onset == 1)
    assert rhythm.density.isnan().all()
    assert not rhythm.fill.any()
    assert set(rhythm.style.tolist()) == {0, 1}
    assert len(set(rhythm.tempo.tolist())) == 2
    assert set(rhythm.phase.flatten().tolist()) <= {0, 2, 3, 4, 6, 8, 9, 10}


def test_training_hides_some_of_what_it_tells(objective: Drummers) -> None:
    rhythm, hits = objective.batch(400, (1, 1), 0)
    whole = rhythm.fill == 0
    assert whole.float().mean().item() == pytest.approx(drummers.WHOLE, abs=0.08)
    assert torch.equal(rhythm.onset[whole], hits.amax(-1)[whole])
    known = [rhythm.density.isfinite(), *(t.isfinite().any(1) for t in rhythm[1:3])]
    of_each = Counter(map(tuple, torch.stack(known, 1)[whole].tolist()))
    assert len(of_each) == 8  # any of the three may be told, or not
    assert min(of_each.values()) > 0.02 * of_each.total()
    # what is not tapped is not known
    assert not ((rhythm.onset == 0) & rhythm.velocity.isfinite()).any()
    assert not ((rhythm.onset == 0) & rhythm.offset.isfinite()).any()
    along = rhythm.fill == 1
    fewer = (rhythm.onset <= hits.amax(-1)).all(1)[along].float().mean().item()
    assert 0.7 <= fewer < 1  # but some tunes have onsets of their own
    assert rhythm.onset[along].mean() < 0.7 * rhythm.onset[whole].mean()
    assert len(set(rhythm.tempo.tolist())) == 400
    assert 0 < (rhythm.style == 3).float().mean() < 0.6


def test_density_is_in_octaves_from_one_hit_a_quarter(objective: Drummers) -> None:
    rhythm, hits = objective.batch(100, (2, 2), 0)
    told = rhythm.density.isfinite() & (rhythm.mask.sum(1) == 24)
    # 24 steps are 4 quarters in triplets, 6 of 16ths, or some of both, perhaps begun midway
    rate = hits.sum((1, 2)) / 2**rhythm.density
    assert ((rate[told] > 3.9) & (rate[told] < 7.1)).all()


def test_a_stretch_is_the_song_from_a_step_on(objective: Drummers) -> None:
    (song,) = encode(beat(5, 4, (7, 8)), 2)
    first = int(np.random.default_rng(3).integers(0, len(song.place) - 12))
    example = objective._stretch(song, np.random.default_rng(3))
    count = min(24, len(song.place) - first)
    steps = slice(first, first + count)
    assert np.array_equal(example["hits"][:count], song.played[steps])
    assert np.array_equal(example["velocity"][:count], song.taps[0][steps], equal_nan=True)
    assert np.array_equal(example["offset"][:count], song.taps[1][steps], equal_nan=True)
    assert np.array_equal(example["phase"][:count], song.place[steps] % 12)
    assert example["mask"].sum() == count
    quarters = {(b, p // 12) for b, p in zip(song.bar[steps], song.place[steps], strict=True)}
    density = math.log2(song.played[steps].sum() / len(quarters))
    assert float(example["density"]) == pytest.approx(density)


def silent(song: DrumSong) -> DrumSong:
    """A song of which no hit is left but one."""
    return replace(song, hits=song.hits[:1], offset=song.offset[:1])


def test_padding_and_silence_are_no_trouble(objective: Drummers) -> None:
    (song,) = encode(beat(5, 1, (3, 4)), 2)
    for seed in range(20):
        for examples in (objective._example, objective._plain_example):
            for short in (song, silent(song)):
                example = examples(short, np.random.default_rng(seed))
                assert all(len(column) == 24 for column in example.values() if column.ndim)
                assert example["mask"].sum() <= 12
                assert not example["hits"][example["mask"] == 0].any()
                assert np.isnan(example["velocity"][example["mask"] == 0]).all()


def test_padding_costs_nothing(objective: Drummers) -> None:
    rhythm, hits = objective.validation(4, (0, 0))
    rhythm.mask[:, 10:] = 0

    def forward(rhythm: Rhythm, hits: torch.Tensor) -> torch.Tensor:
        return torch.randn(4, 24, 512, generator=torch.manual_seed(0))

    changed = hits.clone()
    changed[:, 10:] = 1 - changed[:, 10:]
    one, other = (objective.cost(forward, (rhythm, played)) for played in (hits, changed))
    assert (one.loss, one.nats) == (other.loss, other.nats)


def test_a_cost_is_that_of_the_true_combinations(objective: Drummers) -> None:
    rhythm, hits = objective.validation(3, (0, 0))
    logits = torch.randn(3, 24, 512, generator=torch.manual_seed(0))
    cost = objective.cost(lambda rhythm, hits: logits, (rhythm, hits))
    logs = logits.log_softmax(-1)
    nats = 0.0
    for row in range(3):
        for step in range(24):
            played = sum(2**voice for voice in range(9) if hits[row, step, voice])
            nats -= float(logs[row, step, played] * rhythm.mask[row, step])
    assert cost.nats.item() == pytest.approx(nats, rel=1e-5)
    assert cost.loss.item() == pytest.approx(nats / rhythm.mask.sum().item(), rel=1e-5)
    assert cost.notes == hits.sum()
