"""Drums out of models: what is drawn, what is not, and what cannot come out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import beat

from musegen import models, playing
from musegen.codecs.grid import Grid
from musegen.codecs.hits import Hits
from musegen.codecs.taps import Taps
from musegen.networks import Drummer, GrooveVAE
from musegen.networks.drummer import DrumPerformance
from musegen.networks.groove_vae import Performance
from musegen.playing import Habits, Setting
from musegen.sampling import Sampling, streams
from musegen.song import Meter, Notes, Song

SETTING = Setting(100.0, 1)
COLD = Sampling(temperature=0)


def hits_of(song: Song) -> Hits:
    notes = song.tracks[0].notes
    return Hits.of(notes, Grid.of(song, notes.start))


HITS = hits_of(beat(3, 3, (7, 8)))


@pytest.fixture(params=[True, False], ids=["history", "no history"])
def vae(request: pytest.FixtureRequest, tiny_groove_model: Path) -> GrooveVAE:
    recipe = models.read_recipe(tiny_groove_model)
    shape = recipe.network.shape | {"history": request.param}
    torch.manual_seed(1)
    network = models.build_network(replace(recipe, network=replace(recipe.network, shape=shape)))
    assert isinstance(network, GrooveVAE)
    return network.requires_grad_(False).eval()


@pytest.fixture
def drummer(tiny_drummer_model: Path) -> Drummer:
    return models.load(str(tiny_drummer_model)).network_as(Drummer)


def stream(seed: int = 1) -> np.random.Generator:
    return streams(seed, [0])[0]


def seen(vae: GrooveVAE, hits: Hits = HITS) -> torch.Tensor:
    return vae.seen(vae.read(playing.score(vae, hits, SETTING)))


# How hits are played


def test_the_same_seed_plays_the_same(vae: GrooveVAE) -> None:
    one, same, other = (playing.play(vae, seen(vae), Sampling(), stream(s)) for s in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one[0], other[0])
    assert not np.array_equal(one[1], other[1])


def test_at_temperature_0_nothing_is_drawn(vae: GrooveVAE) -> None:
    untouched = stream()
    velocity, offset = playing.play(vae, seen(vae), COLD, untouched)
    assert untouched.random() == stream().random()
    chances = vae.usual(seen(vae))
    loud = chances.velocity[0].softmax(-1).double().numpy() @ (np.arange(32) * 4 + 1.5)
    late = chances.offset[0].softmax(-1).double().numpy() @ np.linspace(-0.5, 0.5, 51)
    assert np.allclose(velocity, loud, atol=1e-4)
    assert np.allclose(offset, late, atol=1e-5)


@pytest.mark.parametrize("temperature", [0.2, 1.0, 2.0])
def test_what_is_played_can_be_played(vae: GrooveVAE, temperature: float) -> None:
    velocity, offset = playing.play(vae, seen(vae), Sampling(temperature), stream())
    assert velocity.shape == offset.shape == (len(HITS),)
    assert (velocity == velocity.astype(int)).all()
    assert ((velocity >= 1) & (velocity <= 127)).all()
    assert (np.abs(offset) <= 0.5).all()
    notes = HITS.played(offset, velocity)
    assert len(notes) == len(HITS.notes)
    assert ((notes.velocity >= 1) & (notes.velocity <= 127)).all()


@pytest.mark.parametrize(("bin_", "velocities"), [(0, {1, 2, 3}), (31, {124, 125, 126, 127})])
def test_any_velocity_of_a_bin_is_played(vae: GrooveVAE, bin_: int, velocities: set[int]) -> None:
    for head in (vae.usual_velocity, getattr(vae, "played_velocity", vae.usual_velocity)):
        head.bias.data[bin_] = 1e4
    rng = stream()
    found = [playing.play(vae, seen(vae), Sampling(), rng)[0] for _ in range(3)]
    assert set(np.concatenate(found).tolist()) == velocities


def test_any_offset_of_a_bin_is_played_within_the_step(vae: GrooveVAE) -> None:
    for head in (vae.usual_offset, getattr(vae, "played_offset", vae.usual_offset)):
        head.bias.data[50] = 1e4
    _, offset = playing.play(vae, seen(vae), Sampling(), stream())
    assert ((offset >= 0.49) & (offset <= 0.5)).all()
    assert len(np.unique(offset)) > 10
    assert offset.max() == 0.5


def test_what_has_been_played_is_heard(
    tiny_groove_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = models.load(str(tiny_groove_model)).network_as(GrooveVAE)
    heard: list[tuple[float, float]] = []
    original = Performance.play

    def play(performance: Performance, velocity: float, offset: float) -> None:
        heard.append((velocity, offset))
        original(performance, velocity, offset)

    monkeypatch.setattr(Performance, "play", play)
    velocity, offset = playing.play(network, seen(network), Sampling(), stream())
    assert heard == list(zip(velocity.tolist(), offset.tolist(), strict=True))


def test_a_part_without_hits_is_played_without_hits(vae: GrooveVAE) -> None:
    empty = Hits.of(Notes(), HITS.grid)
    for sampling in (Sampling(), COLD):
        velocity, offset = playing.play(vae, seen(vae, empty), sampling, stream())
        assert len(velocity) == len(offset) == 0


def test_a_score_says_what_the_hits_are(vae: GrooveVAE) -> None:
    score = playing.score(vae, HITS, SETTING)
    for name, column in HITS.features().items():
        assert getattr(score, name)[0].tolist() == column.tolist()
    assert score.style.tolist() == [1]
    assert score.tempo.item() == pytest.approx(np.log2(100 / 120))
    assert (score.mask == 1).all()
    assert torch.stack((score.tap_velocity, score.tap_offset)).isnan().all()
    assert playing.score(vae, HITS, Setting(100)).style.tolist() == [3]


def test_a_score_says_how_the_taps_are_played(vae: GrooveVAE) -> None:
    rows = [(0, 60, 36, 90), (10, 60, 42, 60), (470, 60, 38, 50), (1910, 60, 36, 70)]
    song = Song((), 1920)
    notes = Notes.of(rows)
    grid = Grid.of(song, notes.start)
    hits = Hits.of(notes, grid)
    assert hits.step.tolist() == [0, 0, 4]
    tap = Taps.of(Notes.of([(6, 60, 37, 99), (500, 60, 37, 30), (960, 60, 37, 40)]), grid)
    score = playing.score(vae, hits, SETTING, tap)
    assert score.tap_velocity[0, :3].tolist() == [99, 99, 30]
    assert score.tap_offset[0, :3].tolist() == pytest.approx([0.05, 0.05, 1 / 6])


def test_a_feel_is_the_mean_of_what_can_be_read_off(vae: GrooveVAE) -> None:
    feel = playing.feel_of(vae, HITS, SETTING)
    assert feel.shape == (1, vae.config.latent)
    late = Hits.of(HITS.notes.shifted(30), HITS.grid)
    assert not torch.allclose(playing.feel_of(vae, late, SETTING), feel)


def habits(hits: Hits, velocity: float = 0, offset: float = 0) -> Habits:
    """Of one who plays so much louder and later than usual."""
    return Habits.of(hits, hits.velocity.astype(np.float64) - velocity, hits.offset - offset)


def test_one_who_plays_as_is_usual_has_no_habits() -> None:
    louder, later = habits(HITS).at(HITS)
    assert not louder.any()
    assert np.abs(later).max() < 1e-9


def test_a_habit_is_applied_wherever_the_voice_and_the_place_are() -> None:
    for other in (HITS, hits_of(beat(1)), hits_of(beat(2, 2, (5, 4), swing=True))):
        louder, later = habits(HITS, 10, -0.1).at(other)
        assert louder == pytest.approx(np.full(len(other), 10))
        assert later == pytest.approx(np.full(len(other), -0.1))


def test_a_habit_at_a_beat_is_found_there_in_any_metre() -> None:
    def waltz(late: int) -> Hits:
        rows = [(480 * i + late * (i % 3 == 0), 60, 36, 90) for i in range(30)]
        song = Song((), 10 * 1440, meters=(Meter(0, 3, 4),))
        return Hits.of(Notes.of(rows), Grid.of(song, np.zeros(0, dtype=np.int64)))

    slow = Habits.of(waltz(24), waltz(0).velocity.astype(np.float64), waltz(0).offset)
    _, later = slow.at(waltz(0))
    assert (later[::3] > 0.15).all()
    assert (later[1::3] < 0.05).all()
    common = Hits.of(waltz(0).notes.between(0, 1920), Grid.of(Song((), 1920), waltz(0).step))
    _, later = slow.at(common)
    # the fourth beat of a bar is like the first of a waltz
    assert later[[0, 3]].min() > 0.15 > 0.05 > later[[1, 2]].max()


def test_a_feel_and_habits_are_borrowed_together(vae: GrooveVAE) -> None:
    latent, found = playing.borrowed(vae, HITS, SETTING)
    assert torch.equal(latent, playing.feel_of(vae, HITS, SETTING))
    told = vae.seen(vae.read(playing.score(vae, HITS, SETTING)), latent)
    usual = playing.play(vae, told, COLD, stream())
    expected = Habits.of(HITS, *usual)
    assert np.array_equal(found.velocity, expected.velocity)
    assert np.array_equal(found.offset, expected.offset)


# What is played to a rhythm


def taps_of(song: Song) -> tuple[Taps, Grid]:
    notes = song.tracks[0].notes
    grid = Grid.of(song, notes.start)
    return Taps.of(notes, grid), grid


TAPS, GRID = taps_of(beat(5, 2, (5, 4)))


def read(drummer: Drummer, density: float | None = None, fill: bool = False) -> torch.Tensor:
    return drummer.read(playing.rhythm(drummer, TAPS, GRID, SETTING, density, fill))


def test_a_rhythm_says_what_the_taps_are(drummer: Drummer) -> None:
    rhythm = playing.rhythm(drummer, TAPS, GRID, SETTING, 1.5, fill=True)
    assert rhythm.onset[0].tolist() == TAPS.onset.tolist()
    assert np.allclose(rhythm.velocity[0].numpy(), TAPS.velocity, equal_nan=True)
    assert np.allclose(rhythm.offset[0].numpy(), TAPS.offset, equal_nan=True)
    assert (rhythm.beat[0] * 12 + rhythm.phase[0])[:16].tolist() == GRID.place[:16].tolist()
    assert rhythm.beat[0, 16:20].tolist() == [3] * 4  # the fifth quarter counts as the fourth
    assert (rhythm.density.item(), rhythm.fill.item(), rhythm.style.item()) == (1.5, 1, 1)
    any_density = playing.rhythm(drummer, TAPS, GRID, Setting(100), None, fill=False)
    assert any_density.density.isnan().all()
    assert (any_density.fill.item(), any_density.style.item()) == (0, 3)


def test_the_same_seed_chooses_the_same(drummer: Drummer) -> None:
    one, same, other = (
        playing.drum(drummer, read(drummer), None, Sampling(), stream(s)) for s in (1, 1, 2)
    )
    assert one.shape == (40, 9)
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert set(np.unique(one)) == {0, 1}


def test_at_temperature_0_nothing_is_chosen_by_chance(drummer: Drummer) -> None:
    untouched = stream()
    chosen = playing.drum(drummer, read(drummer), TAPS.onset, COLD, untouched)
    assert untouched.random() == stream().random()
    again = playing.drum(drummer, read(drummer), TAPS.onset, COLD, stream(2))
    assert np.array_equal(chosen, again)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(2.0), Sampling(top_k=1), COLD])
@pytest.mark.parametrize("favourite", [None, 0, 37])
def test_where_it_is_tapped_something_sounds_and_nowhere_else(
    drummer: Drummer, sampling: Sampling, favourite: int | None
) -> None:
    if favourite is not None:
        drummer.played.bias.data[favourite] = 50
    played = playing.drum(drummer, read(drummer), TAPS.onset, sampling, stream())
    assert (played.any(1) == TAPS.onset).all()
    if favourite:
        voices = [voice for voice in range(9) if favourite >> voice & 1]
        assert all(np.flatnonzero(row).tolist() == voices for row in played[TAPS.onset])


def test_with_fills_anything_may_sound_anywhere(drummer: Drummer) -> None:
    played = playing.drum(drummer, read(drummer, fill=True), None, Sampling(2.0), stream())
    assert played[~TAPS.onset].any()


def test_what_has_been_chosen_is_heard(drummer: Drummer, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    original = DrumPerformance.play

    def play(performance: DrumPerformance, combination: int) -> None:
        heard.append(combination)
        original(performance, combination)

    monkeypatch.setattr(DrumPerformance, "play", play)
    played = playing.drum(drummer, read(drummer), None, Sampling(), stream())
    assert heard == (played @ (2 ** np.arange(9))).tolist()
