"""`groove` on a tiny random model: what is kept, what is obeyed, what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import beat
from drum_songs import METERS, QUICK, band, check_file, example, kit, pitches
from hypothesis import given
from hypothesis import strategies as st

from musegen.codecs.grid import GridKind
from musegen.errors import LimitError, ModelError, UnreadableError, UsageError
from musegen.general_midi import VOICE_OF
from musegen.song import Meter, Notes, Song, Track
from musegen.source import clock
from musegen.time import bar_count
from musegen.verbs import Takes, drumify, groove

pytestmark = pytest.mark.usefixtures("own_player")


@st.composite
def drum_songs(draw: st.DrawFn) -> Song:
    """Any drums in one or two tracks, with flams and what is no drum, in any metre."""
    ticks = draw(st.sampled_from((24, 25, 96, 480, 960)))
    meter = Meter(0, *draw(METERS))
    length = draw(st.integers(1, 2)) * meter.bar_ticks(ticks)
    pitch = st.sampled_from((*VOICE_OF, 20, 90))
    note = st.tuples(st.integers(0, length - 1), st.integers(1, ticks), pitch, st.integers(1, 127))
    tracks = [
        Track(Notes.of(rows).without_overlaps().between(0, length), is_drum=True, channel=9)
        for rows in draw(st.lists(st.lists(note, max_size=10), min_size=1, max_size=2))
    ]
    sure = Track(Notes.of([(0, 1, 36, 100)]), is_drum=True, channel=9)
    return Song((*tracks, sure), length, ticks, meters=(meter,))


@QUICK
@given(
    song=drum_songs(),
    seed=st.integers(0, 2**32 - 1),
    shares=st.tuples(*3 * [st.sampled_from((0, 0.3, 1))]),
    temperature=st.sampled_from((0, 0.5, 1, 2)),
    grid=st.sampled_from(("auto", "16th", "triplet")),
)
def test_every_hit_is_kept_in_its_track(
    song: Song,
    seed: int,
    shares: tuple[float, float, float],
    temperature: float,
    grid: GridKind,
    player: str,
) -> None:
    strength, timing, velocity = shares
    (take,) = groove(
        song,
        variations=1,
        seed=seed,
        model=player,
        strength=strength,
        timing=timing,
        velocity=velocity,
        temperature=temperature,
        grid=grid,
    )
    assert bar_count(take) == bar_count(song)
    assert take.ticks_per_quarter == clock(song)
    assert list(map(pitches, take.tracks)) == list(map(pitches, song.tracks))
    for track in take.tracks:
        assert (track.notes.start >= 0).all()
        assert (track.notes.end <= take.length).all()
        assert track.notes == track.notes.without_overlaps()
    alone = replace(take, tracks=take.tracks[:1])
    check_file(alone, "a recipe")


def test_all_but_the_drums_stays_as_it_is(player: str) -> None:
    song = band()
    for take in groove(song, variations=2, seed=1, model=player):
        assert replace(take, tracks=()) == replace(song, tracks=())
        assert take.tracks[::2] == song.tracks[::2]
        assert replace(take.tracks[1], notes=Notes()) == replace(song.tracks[1], notes=Notes())
        assert take.tracks[1].notes != song.tracks[1].notes
        check_file(take, "a recipe")


@QUICK
@given(
    slots=st.dictionaries(
        st.tuples(st.integers(0, 27), st.sampled_from((35, 38, 42, 49))),
        st.tuples(st.integers(-59, 59), st.integers(1, 127)),
        min_size=1,
        max_size=30,
    )
)
def test_at_strength_0_the_quantised_part_comes_back(
    slots: dict[tuple[int, int], tuple[int, int]], player: str
) -> None:
    rows = [(max(s * 120 + away, 0), p, v) for (s, p), (away, v) in slots.items()]
    song = replace(kit(*rows), length=2 * 1680, meters=(Meter(0, 7, 8),))
    (take,) = groove(song, variations=1, model=player, strength=0, grid="16th")
    expected = sorted((s * 120, p, v) for (s, p), (_, v) in slots.items())
    assert take.tracks[0].notes.table()[:, [0, 2, 3]].tolist() == [list(row) for row in expected]
    (same,) = groove(take, variations=1, model=player, strength=0, grid="16th")
    assert same == take


def test_timing_and_velocity_are_scaled_alone(player: str) -> None:
    song = example("beat")

    def notes(**shares: Any) -> Notes:
        (take,) = groove(song, variations=1, seed=4, model=player, **shares)
        return take.tracks[0].notes

    still, both = notes(strength=0), notes()
    quiet, early = notes(timing=0), notes(velocity=0)
    assert (quiet.start == still.start).all()
    assert (quiet.velocity != still.velocity).any()
    assert sorted(quiet.velocity) == sorted(both.velocity)
    assert (np.sort(early.start) == np.sort(both.start)).all()
    assert (early.start != still.start).any()
    assert sorted(early.velocity) == sorted(still.velocity)
    assert notes(strength=0.5, timing=0.5) == notes(timing=0.25, velocity=0.5)


def test_half_the_strength_goes_half_way(player: str) -> None:
    song = kit(*((480 * i, 36 + 2 * (i % 2), 100) for i in range(8)))
    whole, half = (
        groove(song, variations=1, seed=2, model=player, strength=s)[0].tracks[0].notes
        for s in (1, 0.5)
    )
    grid = np.arange(8) * 480
    assert (np.abs((whole.start - grid) / 2 - (half.start - grid))[1:] <= 0.5).all()
    assert (np.abs((whole.velocity - 100) / 2 - (half.velocity - 100)) <= 0.5).all()
    assert np.abs(whole.start - grid).max() > 10


def test_drum_tracks_are_heard_as_one_part(player: str) -> None:
    whole = example("beat")
    notes = whole.tracks[0].notes
    parts = [notes.pitch == 42, notes.pitch == 36, (notes.pitch != 42) & (notes.pitch != 36)]
    split = replace(
        whole, tracks=tuple(replace(whole.tracks[0], notes=notes.where(p)) for p in parts)
    )
    one, three = (groove(s, variations=1, seed=1, model=player)[0] for s in (whole, split))
    assert [len(t.notes) for t in three.tracks] == [p.sum() for p in parts]
    joined = Notes(*np.concatenate([t.notes.table() for t in three.tracks]).T)
    assert joined == one.tracks[0].notes


def test_a_flam_and_what_is_struck_at_once_stay_together(player: str) -> None:
    song = kit((945, 38, 30), (960, 38, 100), (1920, 49, 90), (1920, 57, 90))
    for take in groove(song, variations=8, seed=1, model=player):
        snare = take.tracks[0].notes.start[take.tracks[0].notes.pitch == 38]
        crash = take.tracks[0].notes.start[take.tracks[0].notes.pitch > 38]
        assert snare[1] - snare[0] == 15
        assert crash[0] == crash[1]


def test_what_is_no_drum_is_told_and_left(player: str) -> None:
    song = kit((10, 36, 90), (333, 20, 80), (490, 38, 70), (777, 100, 60))
    takes = groove(song, variations=2, seed=1, model=player)
    assert takes.remarks == ("no drum has pitch 20, 100: such notes stay as they are",)
    odd = np.isin(song.tracks[0].notes.pitch, (20, 100))
    for take in takes:
        notes = take.tracks[0].notes
        assert notes.where(np.isin(notes.pitch, (20, 100))) == song.tracks[0].notes.where(odd)
    strange = kit(*((i * 10, i, 80) for i in range(12)))
    with pytest.raises(UnreadableError, match="no pitch of these tracks is a drum's"):
        groove(strange, model=player)
    with_kick = kit((0, 36, 90), *((i * 10, i, 80) for i in range(12)))
    (remark,) = groove(with_kick, variations=1, model=player).remarks
    assert remark == "no drum has pitch 0, 1, 2, 3, 4, 5, 6, 7 ...: such notes stay as they are"


def test_a_song_without_drums_is_refused_with_a_way_out(player: str) -> None:
    with pytest.raises(UnreadableError, match="name it with --track: 1 Violin, 2 Piano"):
        groove(example("waltz"), model=player)
    with pytest.raises(UnreadableError, match="no notes found"):
        groove(Song(), model=player)


def test_a_melodic_track_that_is_named_plays_drums(player: str) -> None:
    drums = replace(example("beat").tracks[0], is_drum=False, name="Loop", channel=2)
    song = replace(example("waltz"), tracks=(example("waltz").tracks[0], drums), length=7680)
    song = replace(song, meters=(Meter(),))
    for named in ("2", "loop"):
        (take,) = groove(song, variations=1, seed=1, model=player, tracks=named)
        assert take.tracks[0] == song.tracks[0]
        assert pitches(take.tracks[1]) == pitches(drums)
        assert take.tracks[1].notes != drums.notes
        assert not take.tracks[1].is_drum
    with pytest.raises(UsageError, match="no track with notes is called 'kazoo'"):
        groove(song, model=player, tracks=["kazoo"])


def test_only_the_drums_that_are_named_are_played(player: str) -> None:
    one, two = beat(1).tracks[0], replace(beat(2).tracks[0], name="Percussion")
    song = replace(beat(1), tracks=(one, two))
    (take,) = groove(song, variations=1, seed=1, model=player, tracks="Percussion")
    assert take.tracks[0] == one
    assert take.tracks[1].notes != two.notes


def test_a_feel_is_borrowed(player: str) -> None:
    song = example("beat")

    def played(**options: Any) -> Takes:
        return groove(song, variations=1, seed=1, temperature=0, model=player, **options)

    late = beat(3, swing=True)
    own, others = played(), played(feel=late)
    assert own.songs != others.songs
    assert others.songs == played(feel=late).songs
    assert others.songs != played(feel=beat(4)).songs
    assert pitches(own[0].tracks[0]) == pitches(others[0].tracks[0])
    # a performance without drums is a rhythm
    melody = example("melody")
    assert played(feel=melody).songs != own.songs
    assert "feel" in played(feel=melody).remarks[0]
    with pytest.raises(UnreadableError, match="no notes"):
        played(feel=Song())
    with pytest.raises(UnreadableError, match="no drums found in the performance"):
        played(feel=kit((0, 12, 80)))


def test_a_hit_stays_at_its_step_however_late_the_feel_is(player: str) -> None:
    song = kit(*((480 * i, 36 + 2 * (i % 2), 90) for i in range(8)))
    late = kit(*((480 * i + 58, 36 + 2 * (i % 2), 90) for i in range(8)))
    plain, dragged = (
        groove(song, variations=1, seed=3, temperature=0.5, model=player, feel=feel, grid="16th")[0]
        for feel in (None, late)
    )
    away = dragged.tracks[0].notes.start - song.tracks[0].notes.start
    assert (np.abs(away) <= 60).all()
    assert away.mean() > (plain.tracks[0].notes.start - song.tracks[0].notes.start).mean() + 10


def test_a_feel_can_be_in_another_metre_and_on_another_clock(player: str) -> None:
    song = example("beat")
    for feel in (beat(1, 2, (7, 8), clock=96), beat(2, 1, (3, 4), swing=True, clock=960)):
        (take,) = groove(song, variations=1, seed=1, model=player, feel=feel)
        assert pitches(take.tracks[0]) == pitches(song.tracks[0])
        check_file(take, "a recipe")


@pytest.mark.parametrize("what", ["strength", "timing", "velocity"])
@pytest.mark.parametrize("value", [-0.1, 1.5, float("nan")])
def test_a_share_is_between_0_and_1(what: str, value: float, player: str) -> None:
    with pytest.raises(UsageError, match=f"{what} .* is not between 0 and 1"):
        groove(example("beat"), model=player, **{what: value})  # type: ignore[arg-type]


def test_a_style_is_one_of_the_models(player: str, drummer: str) -> None:
    song = example("beat")
    verbs: list[Any] = [groove, drumify]
    for verb, model in zip(verbs, (player, drummer), strict=True):
        plain, jazz = (
            verb(song, variations=1, seed=1, model=model, style=s) for s in (None, "jazz")
        )
        assert plain.songs != jazz.songs
        with pytest.raises(UsageError, match=r"no style 'Jaz'. Did you mean 'jazz'\?"):
            verb(song, model=model, style="Jaz")
        with pytest.raises(UsageError, match=r"'zydeco'. There are: rock, jazz, funk\."):
            verb(song, model=model, style="zydeco")


def test_a_model_of_something_else_is_refused(player: str, drummer: str, tiny_model: Path) -> None:
    with pytest.raises(ModelError, match="does not serve groove; it serves drumify"):
        groove(example("beat"), model=drummer)
    with pytest.raises(ModelError, match="does not serve drumify; it serves groove"):
        drumify(example("beat"), model=player)
    with pytest.raises(ModelError, match="does not serve groove; it serves generate, continue"):
        groove(example("beat"), model=str(tiny_model))


def test_a_song_of_hours_is_refused(player: str, drummer: str) -> None:
    song = replace(example("beat"), length=1025 * 1920)
    for verb, model in ((groove, player), (drumify, drummer)):
        with pytest.raises(LimitError, match="1,025 bars: more than 1,024 bars to write"):
            verb(song, model=model)
    (first,) = drumify(song, variations=1, length=2, seed=1, model=drummer)
    assert first.length == 2 * 1920


@pytest.mark.parametrize("verb", ["groove", "drumify"])
def test_a_take_ends_on_the_bar_line(verb: str, player: str, drummer: str) -> None:
    song = replace(example("beat"), length=7000)
    if verb == "groove":
        (take,) = groove(song, variations=1, seed=1, model=player)
    else:
        (take,) = drumify(song, variations=1, seed=1, model=drummer)
    assert take.length == 4 * 1920
    check_file(take, "a recipe")
