"""`similar` on tiny random models: near at distance 0, anywhere at 1, and moved as asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from conftest import beat, scale, tune
from drum_songs import METERS, QUICK, check_file, example
from hypothesis import given
from hypothesis import strategies as st

from musegen.codecs.steps import ATTRIBUTES
from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.general_midi import VOICES
from musegen.song import Meter, Song, Tempo
from musegen.time import bar_count, usual_tempo
from musegen.verbs import Likeness, Space, Takes, interpolate, similar
from musegen.verbs.space import Place

pytestmark = pytest.mark.usefixtures("own_shelf")


def like(song: Song | None = None, **options: Any) -> Takes:
    return similar(song or scale(), **{"seed": 1, "variations": 2, **options})


@QUICK
@given(
    meter=METERS,
    bars=st.integers(1, 3),
    length=st.none() | st.integers(1, 9),
    clock=st.sampled_from((24, 96, 480, 960)),
    distance=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
    drums=st.booleans(),
)
def test_a_variation_is_as_long_as_the_clip_in_its_tempo_and_metre(
    meter: tuple[int, int],
    bars: int,
    length: int | None,
    clock: int,
    distance: float,
    seed: int,
    drums: bool,
) -> None:
    song = replace(tune(seed % 9, bars, meter).at_resolution(clock), tempos=(Tempo(0, 654_321),))
    tracks = ("3",) if drums else ()
    options: dict[str, Any] = {"length": length, "distance": distance, "seed": seed}
    takes = similar(song, variations=2, tracks=tracks, **options)
    (own,) = [t for t in song.tracks if (t.name == "Lead") != drums and t.is_drum == drums]
    for take in takes:
        assert bar_count(take) == (length or bars)
        assert take.length == (length or bars) * Meter(0, *meter).bar_ticks(480)
        assert (take.meters, take.tempos) == (song.meters, song.tempos)
        (track,) = take.tracks
        assert (track.name, track.program, track.is_drum) == (own.name, own.program, own.is_drum)
        check_file(take, takes.recipe)


def test_at_distance_0_it_is_the_clip_as_the_model_hears_it() -> None:
    here = like(distance=0, temperature=0)
    assert here[0] == here[1]
    assert here[0] == interpolate(
        scale(), scale(), steps=2, reconstruct=True, temperature=0, seed=1
    )[0].between(0, 4 * 1920)
    space = Space()
    assert here[0].tracks == space.decode(space.encode(scale()), like=scale()).tracks


def test_further_away_the_variations_differ() -> None:
    here, near, far = (like(distance=d, temperature=0).songs for d in (0, 0.5, 1))
    assert near[0] != near[1]
    assert far[0] != far[1]
    assert here[0] not in (*near, *far)


def test_at_distance_1_notes_have_nothing_to_do_with_the_clip() -> None:
    one, other = (
        like(song, distance=1, temperature=0)[0].tracks[0].notes.pitch.tolist()
        for song in (scale(4, 60), scale(4, 40))
    )
    assert one == other


def test_a_variation_depends_on_the_seed_and_its_number_alone() -> None:
    options: dict[str, Any] = {"distance": 0.5, "temperature": 1.0}
    two, four = like(**options), like(variations=4, **options)
    assert four.songs[:2] == two.songs == like(**options).songs
    assert like(seed=2, **options).songs != two.songs
    drawn = like(seed=None, **options)
    assert like(seed=drawn.seed, **options).songs == drawn.songs
    assert two.recipe.endswith("generate seed=1 model=melody-vae-16")


def test_more_and_less_move_along_their_directions() -> None:
    plan = Likeness.of(scale(), more=["density", "density"], less="register")
    assert (plan.more, plan.less) == (("density", "density"), ("register",))
    place = Place.of("melody-vae-16", "cpu", plan.frame)
    moved = place.moved(torch.zeros(1, 8), plan.more, plan.less)[0]
    density, _, register = place.network.directions
    assert ATTRIBUTES == ("density", "syncopation", "register")
    torch.testing.assert_close(moved, 2 * density - register)
    plain = like(distance=0, temperature=0)
    denser, sparser = (
        like(distance=0, temperature=0, more=more, less=less).songs
        for more, less in (("density", ()), ((), "density"))
    )
    assert plain.songs != denser != sparser != plain.songs


def test_drums_have_no_register_and_keep_the_kit() -> None:
    takes = like(beat(1), more="density", less="syncopation")
    assert takes.model == "drums-vae"
    kit = {main for _, main, _ in VOICES}
    assert all(set(t.tracks[0].notes.pitch.tolist()) <= kit for t in takes)
    with pytest.raises(UsageError, match="no attribute 'register'; drums-vae has: density, sync"):
        like(beat(1), more="register")


def test_a_clip_is_the_melody_of_a_song_and_16_bars_at_most() -> None:
    takes = like(tune(1, bars=20), variations=1)
    assert bar_count(takes[0]) == 16
    assert takes.model == "melody-vae-16"
    assert takes.remarks == (*("the melody is track 1 Lead", "the first 16 of 20 bars are taken"),)
    assert like(tune(1), variations=1, model="drums-vae")[0].tracks[0].is_drum
    assert like(tune(1), variations=1, tracks="Bass")[0].tracks[0].name == "Bass"
    assert bar_count(like(tune(1), variations=1, length=20)[0]) == 20


def test_it_has_the_tempo_that_the_clip_mostly_has() -> None:
    song = replace(scale(4), tempos=(Tempo(0), Tempo(1920, 400_000)))
    assert like(song)[0].tempos == (usual_tempo(song),) == (Tempo(0, 400_000),)


def test_progress_is_told() -> None:
    told: list[tuple[int, int]] = []
    like(progress=lambda *done: told.append(done))
    assert told == [(4, 8), (8, 8)]


def test_temperature_0_says_so_only_where_it_makes_all_alike() -> None:
    said = "at temperature 0 all variations are the same"
    assert said in like(temperature=0, distance=0).remarks
    assert said not in like(temperature=0, distance=0.5).remarks


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"distance": -0.1}, UsageError, "distance -0.1 is not between 0 and 1"),
        ({"distance": float("nan")}, UsageError, "distance nan is not between 0 and 1"),
        ({"more": "loudness"}, UsageError, "no attribute 'loudness'; melody-vae-16 has: density"),
        ({"more": "density", "less": ["density"]}, UsageError, "more and less density at once"),
        ({"length": 0}, UsageError, "length 0"),
        ({"length": 1025}, LimitError, "a length of 1,025 bars: more than 1,024"),
        ({"variations": 0}, UsageError, "variations 0"),
        ({"model": "groove-vae"}, ModelError, "groove-vae does not serve generate"),
        ({"model": "melody-lstm"}, ModelError, "melody-lstm has no latent space"),
        ({"model": "drums-vae"}, UsageError, "drums-vae reads drums, which the clip does not have"),
        ({"song": beat(1), "model": "melody-vae"}, UsageError, "melody-vae reads melody"),
        ({"tracks": "Oboe"}, UsageError, "no track with notes is called 'Oboe'"),
        ({"song": Song(length=1920)}, UnreadableError, "no notes found"),
        ({"song": example("band")}, UsageError, "any of these could be the melody: .*--track"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        like(**options)


def test_before_a_change_of_metre_there_is_a_clip() -> None:
    changing = replace(scale(8), meters=(Meter(0), Meter(4 * 1920, 3, 4)))
    with pytest.raises(UsageError, match="the metre changes at bar 5; --length 4 takes less"):
        like(changing)
    assert bar_count(like(changing, length=4)[0]) == 4
