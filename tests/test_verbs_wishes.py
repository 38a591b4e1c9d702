"""What can be asked of new bars holds for every note, whatever the model would like."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musegen.analysis import polyphony
from musegen.codecs.controls import DENSITIES, bin_of
from musegen.codecs.harmony import Chord
from musegen.codecs.layout import CONTROLS
from musegen.errors import UsageError
from musegen.evaluate_control import most_at_once, notes_a_quarter, on_beats, within
from musegen.ranges import RANGES
from musegen.scales import parse_scale
from musegen.song import Key, Meter, Notes, Song, Track
from musegen.time import bar_count
from musegen.verbs import Continuation, continue_, generate
from musegen.verbs.generation import Generation
from musegen.verbs.wishes import Wishes

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
SCALE = st.sampled_from((None, "C major", "E blues", "F# minor pentatonic"))
CHORDS = st.sampled_from((None, "Am F C G", "C#m7b5", "D/F# A"))
POLYPHONY = st.sampled_from((None, 1, 2, 5))
METER = st.sampled_from(("4/4", "3/4", "5/8"))


def check(song: Song, scale: str | None, chords: str | None, polyphony: int | None) -> None:
    progression = [Chord.parse(symbol) for symbol in (chords or "").split()]
    if chords is not None:
        assert all(on_beats(song, progression))
    if scale is not None:
        classes = parse_scale(scale, None)
        # a chord that leaves the scale is the chord on the beats
        either = classes.union(*(chord.classes for chord in progression))
        assert all(within(song, either))
        if not progression:
            assert all(within(song, classes))
    for track in song.tracks:
        if polyphony is not None and not track.is_drum:
            assert most_at_once(track.notes.start, track.notes.end) <= polyphony


def fits(scale: str | None, chords: str | None) -> bool:
    """Whether each chord has a note of the scale."""
    classes = frozenset(range(12)) if scale is None else parse_scale(scale, None)
    return all(Chord.parse(symbol).classes & classes for symbol in (chords or "").split())


@pytest.fixture(params=["controlled", "multitrack", "melody"])
def model(
    request: pytest.FixtureRequest,
    tiny_controlled_model: Path,
    tiny_model: Path,
    tiny_melody_model: Path,
) -> str:
    """Models that are told what is asked, and such that are only held to it."""
    folders = {
        "controlled": tiny_controlled_model,
        "multitrack": tiny_model,
        "melody": tiny_melody_model,
    }
    return str(folders[request.param])


@QUICK
@given(
    scale=SCALE,
    chords=CHORDS,
    polyphony=POLYPHONY,
    meter=METER,
    length=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_what_is_generated_is_as_asked(
    scale: str | None,
    chords: str | None,
    polyphony: int | None,
    meter: str,
    length: int,
    seed: int,
    model: str,
) -> None:
    wishes: dict[str, Any] = {"scale": scale, "chords": chords, "polyphony": polyphony}
    if not fits(scale, chords):
        with pytest.raises(UsageError, match="has no note of the scale"):
            generate(model=model, **wishes)
        return
    (song,) = generate(length=length, seed=seed, model=model, meter=meter, **wishes)
    assert bar_count(song) == length
    check(song, **wishes)


@QUICK
@given(
    scale=SCALE,
    chords=CHORDS,
    polyphony=POLYPHONY,
    clock=st.sampled_from((480, 100, 24)),
    seed=st.integers(0, 99),
)
def test_what_is_continued_is_as_asked(
    scale: str | None,
    chords: str | None,
    polyphony: int | None,
    clock: int,
    seed: int,
    model: str,
) -> None:
    if not fits(scale, chords):
        return
    rows = [(i * clock, 3 * clock, 60 + i % 4, 80) for i in range(8)]
    drums = Track(Notes.of([(i * clock, 9, 36, 80) for i in range(8)]), is_drum=True)
    song = Song((Track(Notes.of(rows), 40), drums), 8 * clock, clock)
    wishes: dict[str, Any] = {"scale": scale, "chords": chords, "polyphony": polyphony}
    (part,) = continue_(song, variations=1, length=3, seed=seed, model=model, **wishes)
    assert bar_count(part) == 3
    check(part, **wishes)


def test_a_scale_and_its_chords_hold_together(tiny_controlled_model: Path) -> None:
    takes = generate(
        variations=4,
        length=4,
        seed=1,
        model=str(tiny_controlled_model),
        scale="C major",
        chords=["Am", "Dm7", "G7"],
        instruments=["piano", "bass"],
    )
    for song in takes:
        assert all(within(song, parse_scale("C major", None)))
        assert all(on_beats(song, [Chord.parse(s) for s in ("Am", "Dm7", "G7")]))


def test_a_scale_without_a_tonic_is_of_the_key(tiny_controlled_model: Path) -> None:
    model = str(tiny_controlled_model)
    (song,) = generate(length=4, seed=1, model=model, key="G", scale="pentatonic")
    assert all(within(song, frozenset((7, 9, 11, 2, 4))))
    with pytest.raises(UsageError, match="give a key"):
        generate(model=model, scale="pentatonic")
    tune = [(i * 480, 480, pitch, 80) for i, pitch in enumerate((67, 69, 71, 74, 76, 74, 71, 67))]
    source = Song((Track(Notes.of(tune * 2)),), 8 * 480)
    (part,) = continue_(source, variations=1, seed=1, model=model, key="D", scale="major")
    assert all(within(part, frozenset((2, 4, 6, 7, 9, 11, 1))))


def test_instruments_stay_in_their_range(tiny_controlled_model: Path) -> None:
    for seed in range(3):
        (song,) = generate(
            length=4,
            seed=seed,
            model=str(tiny_controlled_model),
            instruments=["violin", "tuba", "piccolo"],
        )
        for track in song.tracks:
            low, high = RANGES[track.program]
            assert ((track.notes.pitch >= low) & (track.notes.pitch <= high)).all()


def test_a_range_is_as_wide_as_what_is_heard() -> None:
    low = Track(Notes.of([(0, 10, 20, 80), (0, 10, 60, 80)]), 40)
    drums = Track(Notes.of([(0, 10, 99, 80)]), 40, is_drum=True)
    ranges = Wishes().asked((low, drums, Track(program=41)))["ranges"]
    assert ranges[40] == (20, RANGES[40][1])
    assert {**ranges, 40: RANGES[40]} == RANGES


# How they are told


def test_the_density_and_the_polyphony_are_told(tiny_controlled_model: Path) -> None:
    model = str(tiny_controlled_model)
    request = Generation.of(4, model=model, density=1.0, polyphony=3).request
    assert request.controls == {"density": bin_of(4.0, DENSITIES), "polyphony": 3}
    assert (request.max_chord, request.density) == (3, 4.0)
    song = Song((Track(Notes.of([(i * 480, 480, 60, 80) for i in range(8)])),), 8 * 480)
    plan = Continuation.of(song, model=model, density=0.0, chords="Am F")
    names = [plan.codec.vocabulary.meaning(id_) for id_ in plan.prompt]
    assert ("density", 1) in names
    assert ("chord", 12 + 9) not in names  # of a new bar: the grammar says it
    assert [chord.symbol for chord in plan.request(2).chords] == ["Am", "F"]


@given(density=st.floats(0, 1), polyphony=st.integers(1, 16))
def test_every_wish_has_a_token(density: float, polyphony: int) -> None:
    controls = Wishes.of(density=density, polyphony=polyphony).controls
    assert all(0 <= value < CONTROLS[name] for name, value in controls.items())


def test_nothing_asked_changes_nothing(tiny_model: Path) -> None:
    assert Wishes.of() == Wishes()
    request = Generation.of(4, model=str(tiny_model)).request
    assert replace(request, ranges={}) == replace(
        Generation.of(4, model=str(tiny_model), scale=None).request, ranges={}
    )
    assert (request.scale, request.chords, request.controls) == (frozenset(), (), {})


REFUSED: tuple[tuple[dict[str, Any], str], ...] = (
    ({"chords": ""}, "chords are none"),
    ({"chords": []}, "chords are none"),
    ({"chords": "Am H"}, "no chord 'H'"),
    ({"chords": ["C D"]}, "no chord 'C D'"),
    ({"scale": "C pentatonic", "chords": "F#5 Bb5"}, "chord F#5 has no note of the scale"),
    ({"density": 1.01}, r"density 1\.01 is not between 0 and 1"),
    ({"density": -0.1}, "density"),
    ({"density": float("nan")}, "density nan"),
    ({"polyphony": 0}, "polyphony 0 is not a whole number from 1 to 16"),
    ({"polyphony": 17}, "polyphony 17"),
    ({"polyphony": 2.5}, r"polyphony 2\.5"),
)


@pytest.mark.parametrize(("wishes", "message"), REFUSED)
def test_what_makes_no_sense_is_refused(wishes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Wishes.of(key=Key(0), **wishes)


def test_every_model_is_steered(model: str) -> None:
    sparse, usual, dense = (
        np.mean([notes_a_quarter(song) for song in takes])
        for takes in (
            generate(
                variations=4, length=8, seed=1, model=model, density=density, instruments=["piano"]
            )
            for density in (0.0, 0.5, 1.0)
        )
    )
    assert 1.5 * sparse < usual
    assert 1.5 * usual < dense


def test_voices_are_steered(tiny_controlled_model: Path) -> None:
    one, two, four = (
        np.mean([polyphony(t.notes) for s in takes for t in s.tracks])
        for takes in (
            generate(
                variations=4,
                length=8,
                seed=1,
                model=str(tiny_controlled_model),
                instruments=["piano"],
                polyphony=most,
            )
            for most in (1, 2, 4)
        )
    )
    assert one == 1 < 1.3 < two < 2 < 2.2 < four < 4


def test_polyphony_is_none_of_the_drums(
    tiny_controlled_model: Path,
) -> None:
    one, many = (
        generate(
            variations=2,
            seed=3,
            model=str(tiny_controlled_model),
            instruments=["drums"],
            polyphony=most,
        )
        for most in (1, 9)
    )
    assert [s.tracks[0].notes for s in one] == [s.tracks[0].notes for s in many]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_all_instruments_that_are_asked_for_play(tiny_controlled_model: Path, length: int) -> None:
    instruments = ("piano", "bass", "drums", "flute")
    takes = generate(
        variations=4,
        length=length,
        seed=2,
        model=str(tiny_controlled_model),
        instruments=instruments,
    )
    for song in takes:
        assert len(song.tracks) == len(instruments)
        middle = (length + 1) // 2 * 4 * song.ticks_per_quarter
        assert all(track.notes.start.min() < middle for track in song.tracks)


# How they are measured


def test_measures_count_what_is_there() -> None:
    notes = Notes.of([(0, 480, 60, 80), (0, 960, 64, 80), (480, 480, 66, 80), (1440, 480, 61, 80)])
    drums = Track(Notes.of([(0, 10, 61, 80)]), is_drum=True)
    song = Song((Track(notes), drums, Track()), 1920)
    assert most_at_once(notes.start, notes.end) == 2
    assert most_at_once(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)) == 0
    assert within(song, frozenset((0, 4))) == [True, True, False, False]
    assert on_beats(song, [Chord.parse("C")]) == [True, True, False, False]
    assert notes_a_quarter(song) == (4 / 4 + 1 / 4) / 2
    late = Song((Track(Notes.of([(1440, 9, 62, 80)])),), 2880, meters=(Meter(0, 3, 4),))
    assert on_beats(late, [Chord.parse("C"), Chord.parse("G")]) == [True]


@pytest.mark.parametrize(
    ("wishes", "key"),
    [
        ({"chords": "Am F C G"}, "C"),
        ({"chords": "Dm7 G7 Cmaj7"}, "C"),
        ({"chords": "E A B7"}, "E"),
        ({"chords": "Em D C B7"}, "E minor"),
        ({"scale": "D dorian"}, "D minor"),
        ({"scale": "G mixolydian"}, "G"),
        ({"scale": "E blues"}, "E minor"),
        ({"scale": "A minor pentatonic", "chords": "C F G"}, "A minor"),
        ({"scale": "dorian", "key": Key(7)}, "G"),
        ({"chords": "Am F C G", "key": Key(9, True)}, "A minor"),
        ({"density": 0.5}, None),
    ],
)
def test_a_key_follows_from_scale_or_chords(wishes: dict[str, Any], key: str | None) -> None:
    found = Wishes.of(**wishes).key
    assert found == (None if key is None else Key.parse(key))


def test_a_piece_with_chords_is_in_their_key(tiny_controlled_model: Path) -> None:
    plan = Generation.of(4, model=str(tiny_controlled_model), chords="Em D C B7")
    assert plan.request.header["key"] == plan.codec.key_value(Key(4, True))
    free = Generation.of(4, model=str(tiny_controlled_model))
    assert free.request.header["key"] is None
