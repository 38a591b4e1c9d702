"""The measures of drums: a drummer is perfect at being himself, and rules beat nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from musegen import evaluate_drums as evaluate
from musegen import models
from musegen.evaluate_drums import Performed
from musegen.sampling import Sampling

OFFSETS = (-0.5, 0.5)


@pytest.fixture(scope="module")
def performances(beats: Path, tiny_groove_model: Path) -> Callable[[str], list[Performed]]:
    recipe = models.read_recipe(tiny_groove_model)

    def of(split: str) -> list[Performed]:
        return evaluate.performances(recipe, beats, beats / "splits.csv", split)

    return of


@pytest.fixture(scope="module")
def train(performances: Callable[[str], list[Performed]]) -> list[Performed]:
    return performances("train")


def test_only_what_is_in_four_four_is_measured(train: list[Performed]) -> None:
    assert [song.name.split("_")[1] for song in train] == ["rock", "funk", "rock"]
    assert [song.style for song in train] == [0, 2, 0]
    assert all(song.steps % evaluate.BAR == 0 for song in train)


def test_a_drummer_plays_just_like_himself(train: list[Performed]) -> None:
    own = [(np.asarray(s.hits.velocity, dtype=np.float64), s.hits.offset) for s in train]
    score = evaluate.score_feel(train, own)
    assert (score.timing_ms, score.timing_mse, score.velocity) == (0, 0, 0)
    assert score.timing_kl == pytest.approx(0, abs=1e-12)
    assert score.notes_ms > 0  # the flams' other notes are not where their hits are


def test_errors_are_in_the_units_that_they_say(train: list[Performed]) -> None:
    loud = [np.asarray(s.hits.velocity, dtype=np.float64) for s in train]
    late = [(v + 3, s.hits.offset + 0.1) for v, s in zip(loud, train, strict=True)]
    score = evaluate.score_feel(train, late)
    hits = np.array([len(s.hits) for s in train])
    sixteenths = np.array([15000 / s.bpm for s in train])
    assert score.timing_ms == pytest.approx(0.1 * (hits * sixteenths).sum() / hits.sum())
    assert score.timing_mse == pytest.approx(0.01)
    assert score.velocity == pytest.approx(3)


def test_what_is_known_of_voice_and_position_helps(train: list[Performed]) -> None:
    scores = {
        name: evaluate.score_feel(train, feels)
        for name, feels in evaluate.feel_baselines(train, train).items()
    }
    quantised, shifted, looked_up = scores.values()
    assert looked_up.timing_mse < shifted.timing_mse <= quantised.timing_mse
    assert looked_up.velocity < shifted.velocity == quantised.velocity


def test_divergence_is_nought_between_equals_and_grows() -> None:
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.1, 5000)
    assert evaluate.divergence(values, values, 50, OFFSETS) == 0
    near = evaluate.divergence(values, rng.normal(0, 0.1, 5000), 50, OFFSETS)
    far = evaluate.divergence(values, rng.normal(0.2, 0.1, 5000), 50, OFFSETS)
    assert 0 < near < 0.05 < far < np.inf
    assert evaluate.divergence(values, np.zeros(9), 50, OFFSETS) < np.inf


def test_a_part_is_measured_by_what_was_played(train: list[Performed]) -> None:
    same = evaluate.score_part(train, [s.played for s in train])
    assert (same.onsets, same.hits, same.empty_bars) == (1, 1, 0)
    silent = evaluate.score_part(train, [np.zeros_like(s.played) for s in train])
    assert (silent.hits, silent.density, silent.empty_bars, silent.repeated_bars) == (0, 0, 1, 1)


def test_half_of_the_hits_make_two_thirds(train: list[Performed]) -> None:
    def half(played: NDArray[np.bool_]) -> NDArray[np.bool_]:
        kept = played.copy()
        kept.reshape(-1)[np.flatnonzero(played)[::2]] = False
        return kept

    score = evaluate.score_part(train, [half(s.played) for s in train])
    assert score.hits == pytest.approx(2 / 3, abs=0.01)


def test_the_nearest_groove_is_found(train: list[Performed]) -> None:
    baselines = evaluate.part_baselines(train, train)
    assert evaluate.score_part(train, baselines["nearest training groove"]).hits == 1
    assert evaluate.score_part(train, baselines["commonest bar"]).repeated_bars == 1


def test_models_are_measured_as_they_play(
    train: list[Performed], tiny_groove_model: Path, tiny_drummer_model: Path
) -> None:
    feels = evaluate.feels(models.load(str(tiny_groove_model)), train, Sampling(), 1)
    assert [len(offset) for _, offset in feels] == [len(s.hits) for s in train]
    parts = evaluate.parts(models.load(str(tiny_drummer_model)), train, Sampling(), 1)
    assert evaluate.score_part(train, parts).onsets == 1


def test_how_loud_a_first_half_was_helps_the_second(
    train: list[Performed], tiny_groove_model: Path
) -> None:
    model = models.load(str(tiny_groove_model))
    long = [s for s in train if s.steps >= 4 * evaluate.BAR]
    alone, borrowed = evaluate.borrowed(model, long, least=4)
    assert borrowed.velocity < alone.velocity
