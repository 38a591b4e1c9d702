"""`interpolate` on tiny random models: both ends as they were, and what is promised between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from conftest import beat, scale, tune
from drum_songs import METERS, QUICK, check_file, example, kit, pitches
from hypothesis import given
from hypothesis import strategies as st

from musegen import midi
from musegen.errors import LimitError, ModelError, MusegenError, UnreadableError, UsageError
from musegen.song import Controls, Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_count
from musegen.verbs import Interpolation, Takes, interpolate, similar
from musegen.verbs.interpolation import signature_interval

pytestmark = pytest.mark.usefixtures("own_shelf")


def played(pitch: int, bpm: float, velocity: int, clock: int = 480, bars: int = 4) -> Song:
    """Quarters of a melody, each a little late, and a little louder than the one before."""
    rows = [
        (clock * i + clock // 20, clock * 3 // 4, pitch + (0, 2, 4, 7)[i % 4], velocity + i)
        for i in range(4 * bars)
    ]
    track = Track(Notes.of(rows), program=pitch, name=f"Tune {pitch}")
    return Song((track,), 4 * bars * clock, clock, (Tempo.from_bpm(bpm),))


A, B = played(60, 90, 40), played(67, 150, 100, 96)


def part_of(song: Song, drums: bool) -> Song:
    """The song without all but its first melody, or its drums."""
    return replace(song, tracks=tuple(t for t in song.tracks if t.is_drum == drums)[:1])


def go(a: Song = A, b: Song = B, **options: Any) -> Takes:
    return interpolate(a, b, **{"seed": 1, **options})


# The ends


@pytest.mark.parametrize(
    ("a", "b"), [(A, B), (beat(1), beat(3, clock=960)), (example("melody"), A)]
)
def test_the_ends_are_the_clips_themselves(a: Song, b: Song) -> None:
    takes = go(a, b, length=4)
    assert len(takes) == 5
    for end, clip in ((takes[0], a), (takes[-1], b)):
        clip = clip.between(0, 16 * clip.ticks_per_quarter)
        assert [t.notes for t in end.tracks] == [t.notes for t in clip.tracks]
        assert (end.ticks_per_quarter, end.tempos, end.meters, end.length) == (
            *(clip.ticks_per_quarter, clip.tempos, clip.meters, clip.length),
        )
        assert [t.program for t in end.tracks] == [t.program for t in clip.tracks]
    for take in takes:
        check_file(take, takes.recipe)


def test_an_end_keeps_its_tempo_map_and_its_controls() -> None:
    controls = Controls.of([(0, 7, 90), (100, 64, 127), (900, 64, 0)])
    track = replace(scale().tracks[0], controls=controls)
    song = replace(scale(), tracks=(track,), tempos=(Tempo(0), Tempo(1920, 400_000)))
    first = go(song, B, steps=2)[0]
    assert (first.tempos, first.tracks) == (song.tempos, song.tracks)


def test_ends_can_be_reconstructed() -> None:
    kept, made = go(), go(reconstruct=True)
    assert made.songs[1:-1] == kept.songs[1:-1]
    for end in (0, -1):
        assert made[end].tracks[0].notes != kept[end].at_resolution(480).tracks[0].notes
        assert made[end].length == 4 * 1920
        assert made[end].tempos == kept[end].tempos
        check_file(made[end], made.recipe)


# Between


@QUICK
@given(
    meter=METERS,
    bars=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    length=st.none() | st.integers(1, 9),
    clocks=st.tuples(*2 * [st.sampled_from((24, 96, 480, 960))]),
    seed=st.integers(0, 2**32 - 1),
    steps=st.integers(2, 4),
    drums=st.booleans(),
    reconstruct=st.booleans(),
)
def test_every_step_has_the_same_bars(
    meter: tuple[int, int],
    bars: tuple[int, int],
    length: int | None,
    clocks: tuple[int, int],
    seed: int,
    steps: int,
    drums: bool,
    reconstruct: bool,
) -> None:
    a, b = (part_of(tune(seed % 9 + i, n, meter), drums) for i, n in enumerate(bars))
    a, b = a.at_resolution(clocks[0]), b.at_resolution(clocks[1])
    takes = interpolate(a, b, steps=steps, length=length, seed=seed, reconstruct=reconstruct)
    assert len(takes) == steps
    for take in takes:
        assert bar_count(take) == (length or min(bars))
        assert take.length == (length or min(bars)) * Meter(0, *meter).bar_ticks(
            take.ticks_per_quarter
        )
        assert take.meters == (Meter(0, *meter),)
        assert [t.is_drum for t in take.tracks] == [drums]
        check_file(take, takes.recipe)


@pytest.mark.parametrize(("slow", "quick"), [(90, 150), (150, 90), (90, 90)])
def test_tempo_goes_from_one_to_the_other(slow: float, quick: float) -> None:
    takes = go(played(60, slow, 40), played(67, quick, 90), steps=6)
    bpms = [take.tempos[0].bpm for take in takes]
    assert all(len(take.tempos) == 1 for take in takes)
    assert bpms == sorted(bpms, reverse=slow > quick)
    assert len({round(bpm, 1) for bpm in bpms}) == (1 if slow == quick else 6)
    ratios = [later / earlier for earlier, later in pairwise(bpms)]
    assert ratios == pytest.approx([(quick / slow) ** 0.2] * 5, rel=1e-4)


@pytest.mark.parametrize("linear", [False, True])
def test_loudness_and_timing_go_from_one_to_the_other(linear: bool) -> None:
    takes = go(linear=linear)
    # A's velocities rise from 40 to 55, B's from 100 to 115; A is 24 ticks late, B is 20.
    for share, take in zip((0, 0.25, 0.5, 0.75, 1), takes, strict=True):
        notes = take.at_resolution(480).tracks[0].notes
        assert notes.velocity.min() >= 40 + 60 * share
        assert notes.velocity.max() <= 55 + 60 * share
        assert len(set(notes.velocity.tolist())) > 4
        assert set((notes.start % 120).tolist()) == {24 - round(4 * share)}


def as_loud_as(velocity: int, song: Song) -> Song:
    (track,) = song.tracks
    loud = replace(track.notes, velocity=np.full(len(track.notes), velocity))
    return replace(song, tracks=(replace(track, notes=loud),))


def test_hits_are_as_loud_as_what_lies_between() -> None:
    takes = go(as_loud_as(30, beat(1)), as_loud_as(110, beat(2)))
    loud = [set(take.tracks[0].notes.velocity.tolist()) for take in takes]
    assert loud == [{30}, {50}, {70}, {90}, {110}]


def test_drums_keep_the_nearer_kit() -> None:
    one = kit(*((240 * i, (35, 40, 44)[i % 3], 90) for i in range(16)))
    other = kit(*((240 * i, (36, 38, 42)[i % 3], 90) for i in range(16)))
    takes = go(one, other, steps=6)
    usual = {45, 46, 43, 48, 49, 51}
    for number, take in enumerate(takes):
        own = {35, 40, 44} if number < 3 else {36, 38, 42}
        assert set(pitches(take.tracks[0])) <= own | usual
        assert take.tracks[0].is_drum


def test_steps_are_played_by_the_nearer_clip_s_instrument() -> None:
    assert [t.tracks[0].program for t in go(steps=6)] == [60] * 3 + [67] * 3
    assert [t.tracks[0].name for t in go()] == ["Tune 60"] * 3 + ["Tune 67"] * 2
    assert {t.name for t in go()} == {""}


def test_the_way_is_an_arc_unless_it_is_asked_to_be_straight() -> None:
    arc, straight = go(temperature=0), go(temperature=0, linear=True)
    assert (arc[0], arc[-1]) == (straight[0], straight[-1])
    assert arc.songs[1:-1] != straight.songs[1:-1]


def test_temperature_0_says_that_takes_are_alike() -> None:
    takes = go(temperature=0, variations=2, steps=3)
    assert takes.songs[:3] == takes.songs[3:]
    assert takes.remarks == ("at temperature 0 all variations are the same",)


# How long


@pytest.mark.parametrize("length", [1, 2, 3, 4, 8, 9, 16])
def test_what_is_short_is_repeated_and_what_is_long_is_cut(length: int) -> None:
    takes = go(length=length, steps=3)
    assert {bar_count(take) for take in takes} == {length}
    assert takes.model == "melody-vae-16"
    said = f"its 4 bars are repeated to make {length}" if length > 4 else ""
    if length < 4:
        taken = "of 4 bars is" if length == 1 else f"{length} of 4 bars are"
        said = f"the first {taken} taken"
    assert takes.remarks == ((f"a: {said}", f"b: {said}") if said else ())
    check_file(takes[1], takes.recipe)


def test_by_default_the_shorter_clip_says_how_long() -> None:
    takes = go(scale(3), scale(4), steps=2)
    assert {bar_count(take) for take in takes} == {3}
    assert takes.remarks[:1] == ("b: the first 3 of 4 bars are taken",)
    assert bar_count(go(scale(20, 40), scale(20, 41), steps=2)[0]) == 16


def test_before_a_change_of_metre_there_is_a_clip() -> None:
    changing = replace(scale(8), meters=(Meter(0), Meter(4 * 1920, 3, 4)))
    with pytest.raises(UsageError, match="b: the metre changes at bar 5; --length 4 takes less"):
        go(scale(8), changing)
    assert bar_count(go(A, changing, length=4, steps=2)[1]) == 4
    assert bar_count(go(A, replace(scale(4), length=1100 * 1920), length=4, steps=2)[1]) == 4


# What depends on what


def test_a_step_depends_on_the_seed_its_number_and_its_share_alone() -> None:
    def takes(steps: int = 3, **options: Any) -> Takes:
        return go(steps=steps, temperature=2, **options)

    one, two = takes(), takes(variations=2)
    assert two.songs[:3] == one.songs == takes().songs
    assert two[1] != two[4]
    assert takes(steps=5, variations=2).songs[2::5] == two.songs[1::3]
    assert takes(seed=2)[1] != one[1]
    drawn = takes(seed=None)
    assert takes(seed=drawn.seed).songs == drawn.songs
    assert one.recipe.endswith("interpolate seed=1 model=melody-vae-16")


def test_progress_is_told_in_bars() -> None:
    told: list[tuple[int, int]] = []
    go(steps=3, variations=2, progress=lambda *done: told.append(done))
    assert told == [(4 * n, 6 * 4) for n in range(1, 7)]


# Keys


@pytest.mark.parametrize(
    ("one", "other", "semitones"),
    [
        (Key(0), Key(7), -5),
        (Key(0), Key(5), 5),
        (Key(0), Key(6), 6),
        (Key(0), Key(9, is_minor=True), 0),
        (Key(2), Key(2, is_minor=True), 3),
        (None, Key(3), 0),
    ],
)
def test_keys_are_as_far_apart_as_their_signatures(
    one: Key | None, other: Key | None, semitones: int
) -> None:
    assert signature_interval(one, other) == semitones


IN_C, IN_D = replace(A, key=Key(0)), replace(B, key=Key(2))


def test_keys_that_differ_are_told() -> None:
    takes = go(IN_C, IN_D, steps=2)
    said = "a is in C major and b in D major: --transpose brings them together"
    assert takes.remarks == (said,)
    assert go(IN_C, replace(B, key=Key(0)), steps=2).remarks == ()
    drums = [replace(beat(seed), key=Key(seed)) for seed in (1, 2)]
    assert not any("--transpose" in remark for remark in go(*drums, steps=2).remarks)
    assert go(*drums, steps=2, transpose=True).remarks[-1:] == (
        "drums have no key: nothing is transposed",
    )


def test_a_key_that_is_not_clear_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musegen.verbs.interpolation.key_of", lambda _: None)
    said = "the key of b is not clear: nothing is transposed"
    other = replace(B, key=None)
    assert go(IN_C, other, steps=2, transpose=True).remarks == (said,)
    assert go(IN_C, other, steps=2).remarks == ()


def test_one_key_goes_to_the_other_s_and_back() -> None:
    plan = Interpolation.of(IN_C, IN_D, transpose=True, steps=5)
    said = "b is brought from D major to a's C major by -2 semitones, and back along the way"
    assert plan.remarks == (said,)
    assert plan.heard[1].track.notes.pitch.max() == B.tracks[0].notes.pitch.max() - 2
    tonic = Notes.of([(0, 480, 60, 80)])
    shifts = [int(plan.step(tonic, share).tracks[0].notes.pitch[0]) - 60 for share in plan.shares]
    assert shifts == [round(share * 2) for share in plan.shares] == [0, 0, 1, 2, 2]
    takes = go(IN_C, IN_D, transpose=True)
    assert (takes[0].tracks, takes[-1].tracks) == (IN_C.tracks, IN_D.tracks)
    assert takes.remarks == (said,)


@pytest.mark.parametrize("pitch", [0, 119])
def test_the_last_step_is_the_clip_itself_even_at_the_end_of_the_range(pitch: int) -> None:
    extreme = replace(played(pitch, 90, 80), key=Key(5))
    for other in (Key(0), Key(7)):
        takes = go(replace(A, key=other), extreme, transpose=True, steps=3)
        assert takes[-1].tracks[0].notes == extreme.tracks[0].notes


# Which tracks


def test_melodies_are_preferred_and_drums_are_found() -> None:
    takes = go(scale(), tune(1), steps=2)
    assert takes[1].tracks[0].name == "Lead"
    said = ("b: the melody is track 1 Lead", "b: the first 4 of 12 bars are taken")
    assert takes.remarks[:2] == said
    drums = go(beat(1), tune(1), steps=2)
    assert drums.model == "drums-vae"
    assert all(take.tracks[0].is_drum for take in drums)
    named = go(example("band"), tune(1), steps=2, length=2, model="drums-vae")
    assert all(take.tracks[0].is_drum for take in named)


def test_a_track_is_named_for_both_clips_or_for_each() -> None:
    for tracks, bass in (("Bass", "both"), (("Lead", "Bass"), "second")):
        first, second = go(tune(1), tune(2), steps=2, tracks=tracks)
        assert second.tracks[0].name == "Bass"
        assert first.tracks[0].name == ("Bass" if bass == "both" else "Lead")
    with pytest.raises(UsageError, match="3 tracks; name one for both clips, or one for each"):
        go(tune(1), tune(2), tracks=("1", "2", "3"))


def test_what_is_left_of_chords_is_told() -> None:
    chords = Notes.of([(480 * i, 480, p, 80) for i in range(8) for p in (60, 64, 67)])
    piano = Song((Track(chords, name="Piano"),), 2 * 1920)
    said = "b: of its chords the highest voice is kept, 8 of 24 notes"
    takes = go(A, piano, steps=2)
    assert said in takes.remarks
    assert set(takes[-1].tracks[0].notes.pitch.tolist()) == {67}


# One long song


def test_a_chain_has_the_steps_one_after_the_other() -> None:
    steps, (chain,) = go(), go(chain=True)
    assert (chain.length, bar_count(chain)) == (5 * 4 * 1920, 20)
    assert [(m.tick, m.text) for m in chain.markers] == [
        (4 * 1920 * n, f"Step {n + 1} of 5") for n in range(5)
    ]
    assert [t.tick for t in chain.tempos] == [4 * 1920 * n for n in range(5)]
    assert [t.microseconds for t in chain.tempos] == [s.tempos[0].microseconds for s in steps]
    for number, step in enumerate(steps):
        part = chain.between(number * 4 * 1920, (number + 1) * 4 * 1920).tracks[0].notes
        assert part == step.at_resolution(480).tracks[0].notes
    check_file(chain, "a recipe")


def test_each_variation_is_a_chain_whose_clock_fits_both_clips() -> None:
    takes = go(chain=True, variations=2, steps=3, b=replace(B, ticks_per_quarter=100, length=1600))
    assert len(takes) == 2
    assert {take.ticks_per_quarter for take in takes} == {2400}
    odd = go(chain=True, steps=2, b=played(67, 90, 80, 32749))
    assert (odd[0].ticks_per_quarter, odd[0].length) == (480, 8 * 1920)


def test_a_chain_says_whose_instrument_it_has() -> None:
    other = replace(B, tracks=(replace(B.tracks[0], program=40),))
    said = "all steps are in one track: a's instrument plays them"
    assert said in go(b=other, chain=True, steps=2).remarks
    assert said not in go(b=other, steps=2).remarks
    assert said not in go(b=replace(B, tracks=(A.tracks[0],)), chain=True, steps=2).remarks


def test_a_pedal_that_is_down_at_the_end_of_a_step_does_not_stay_down() -> None:
    pedal = replace(scale().tracks[0], controls=Controls.of([(0, 64, 127)]))
    (chain,) = go(replace(scale(), tracks=(pedal,)), B, chain=True, steps=2)
    controls = chain.tracks[0].controls.table().tolist()
    assert controls == [[0, 64, 127], [4 * 1920, 64, 0]]


# What is refused


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"steps": 1}, UsageError, "steps 1: both ends are steps, so there are 2 at least"),
        ({"steps": 0}, UsageError, "steps 0 is not a whole number from 1 on"),
        ({"steps": 2.5}, UsageError, "steps 2.5 is not a whole number"),
        ({"steps": 65}, LimitError, "65 steps: more than 64 steps"),
        ({"length": 0}, UsageError, "length 0"),
        ({"length": 1025}, LimitError, "a length of 1,025 bars: more than 1,024"),
        ({"variations": 10_001}, LimitError, "10,001 variations: more than 10,000"),
        ({"model": "groove-vae"}, ModelError, "groove-vae does not serve interpolate"),
        ({"model": "drums-vae"}, UsageError, "drums-vae reads drums, which the clips do not"),
        ({"tracks": "Oboe"}, UsageError, "a: no track with notes is called 'Oboe'; there are"),
        ({"b": beat(1)}, UsageError, "a has melody and b drums: there is no way between them"),
        ({"b": Song(length=1920)}, UnreadableError, "b: no notes found"),
        ({"a": scale(), "b": tune(1, 4, (3, 4))}, UsageError, "a is in 4/4 and b in 3/4: clips"),
        ({"b": replace(A, meters=(Meter(0, 11, 8),))}, UsageError, "b: no model knows the metre"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        go(**options)


NOTES = st.tuples(
    st.integers(0, 3000), st.integers(1, 3000), st.integers(0, 127), st.integers(1, 127)
)
TRACKS = st.builds(
    lambda rows, is_drum, name: Track(Notes.of(rows), is_drum=is_drum, name=name),
    st.lists(NOTES, min_size=1, max_size=6),
    st.booleans(),
    st.sampled_from(("", "Lead")),
)


@st.composite
def odd_songs(draw: st.DrawFn) -> Song:
    """A few notes anywhere, in metres and on clocks that nobody uses."""
    return Song(
        tuple(draw(st.lists(TRACKS, max_size=2))),
        draw(st.integers(0, 8000)),
        draw(st.sampled_from((1, 24, 480, 1000, 32767))),
        (Tempo(0, draw(st.integers(1, (1 << 24) - 1))),),
        (Meter(0, *draw(st.sampled_from(((4, 4), (6, 8), (7, 8), (1, 16), (13, 8))))),),
    )


def outcome(verb: Callable[[], Takes]) -> tuple[Takes | None, str]:
    """What a verb writes, or what it says instead."""
    try:
        return verb(), ""
    except MusegenError as error:
        return None, str(error)


@QUICK
@given(
    a=odd_songs(),
    b=odd_songs(),
    length=st.none() | st.integers(1, 5),
    flags=st.tuples(*3 * [st.booleans()]),
)
def test_any_song_is_written_or_refused(
    a: Song, b: Song, length: int | None, flags: tuple[bool, bool, bool]
) -> None:
    words: dict[str, Any] = dict(zip(("transpose", "chain", "reconstruct"), flags, strict=True))
    options: dict[str, Any] = {"length": length, "seed": 1}
    for verb in (
        partial(interpolate, a, b, steps=3, **words, **options),
        partial(interpolate, a, replace(a, key=Key(3)), steps=3, **words, **options),
        partial(similar, a, variations=1, **options),
    ):
        takes, said = outcome(verb)
        assert (takes is None) == bool(said)
        assert "\n" not in said
        for take in takes or ():
            reading = midi.parse(midi.to_bytes(take, recipe="a recipe"))
            assert reading.song.note_count == take.note_count
