"""What is told of tracks and bars is so, and says nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from bar_songs import CONTROLLED, clips
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import BarCodec, Layout
from musegen.codecs.columns import Columns
from musegen.codecs.controls import (
    DENSITIES,
    DISTANCES,
    POLYPHONIES,
    REGISTERS,
    TRACK_CONTROLS,
    bin_of,
    measured,
    polyphony,
    repeats,
    told,
)
from musegen.codecs.layout import CONTROLS
from musegen.song import Meter, Notes, Song, Track

CODEC = BarCodec(CONTROLLED)


def columns_of(song: Song) -> Columns:
    return Columns.of(np.array(CODEC.encode(song), dtype=np.int64), CODEC)


def meanings(ids: list[int]) -> list[tuple[str, int]]:
    return [CODEC.vocabulary.meaning(id_) for id_ in ids]


@pytest.mark.parametrize(
    ("name", "bounds"),
    [("density", DENSITIES), ("polyphony", POLYPHONIES), ("register", REGISTERS)],
)
def test_there_is_a_token_for_every_bin(name: str, bounds: tuple[float, ...]) -> None:
    assert list(bounds) == sorted(bounds)
    assert CONTROLS[name] == len(bounds) + 1
    assert bin_of(bounds[0] - 0.01, bounds) == 0
    assert bin_of(bounds[-1] + 100, bounds) == CONTROLS[name] - 1
    assert CONTROLS["similar"] == len(DISTANCES)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 30)), min_size=1, max_size=20).map(sorted)
)
def test_polyphony_is_the_mean_number_of_notes_that_sound(rows: list[tuple[int, int]]) -> None:
    start, duration = np.array(rows, dtype=np.int64).T
    at_once = np.zeros(100)
    for first, length in rows:
        at_once[first : first + length] += 1
    expected = at_once.sum() / np.count_nonzero(at_once)
    assert polyphony(start, start + duration) == pytest.approx(expected)


def test_silence_has_no_polyphony() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert polyphony(none, none) == 0


def test_each_track_is_measured_alone() -> None:
    chords = [(12 * i, 12, pitch, 72) for i in range(8) for pitch in (60, 64, 67)]
    high = [(48, 12, 96, 72)]
    beat = [(6 * i, 1, 42, 72) for i in range(16)]
    tracks = (Track(Notes.of(chords)), Track(Notes.of(high)), Track(Notes.of(beat), is_drum=True))
    found = measured(columns_of(Song(tracks, 96, 12)), CODEC)
    assert found == {
        0: {
            "density": bin_of(3.0, DENSITIES),
            "polyphony": bin_of(3.0, POLYPHONIES),
            "register": bin_of(191 / 3, REGISTERS),
        },
        1: {"density": bin_of(1 / 8, DENSITIES), "polyphony": 0, "register": 7},
        2: {"density": bin_of(2.0, DENSITIES)},
    }


@settings(max_examples=20, deadline=None)
@given(clip=clips())
def test_what_is_measured_has_tokens(clip: Song) -> None:
    found = measured(columns_of(clip), CODEC)
    assert list(found) == [i for i, track in enumerate(clip.tracks) if len(track.notes)]
    for slot, values in found.items():
        names = TRACK_CONTROLS[: 1 if clip.tracks[slot].is_drum else None]
        assert tuple(values) == names
        assert all(0 <= value < CONTROLS[name] for name, value in values.items())


@settings(max_examples=20, deadline=None)
@given(
    kinds=st.lists(st.integers(0, 2), min_size=1, max_size=20),
    second=st.lists(st.integers(0, 1), min_size=20, max_size=20),
)
def test_a_bar_repeats_the_nearest_that_is_the_same(kinds: list[int], second: list[int]) -> None:
    """Bars of a few kinds in two tracks, 0 being empty."""
    figures: tuple[tuple[tuple[int, int], ...], ...] = ((), ((0, 60),), ((0, 60), (12, 62)))
    bars = [(figures[kind], figures[other]) for kind, other in zip(kinds, second, strict=False)]
    tracks = tuple(
        Track(
            Notes.of(
                (48 * number + at, 12, pitch, 72)
                for number, bar in enumerate(bars)
                for at, pitch in bar[which]
            )
        )
        for which in (0, 1)
    )
    expected = []
    for number, bar in enumerate(bars):
        same = [
            value
            for value, distance in enumerate(DISTANCES)
            if distance <= number and bars[number - distance] == bar and any(bar)
        ]
        expected.append(same[0] if same else -1)
    assert repeats(columns_of(Song(tracks, 48 * len(bars), 12))).tolist() == expected


def test_a_bar_in_another_track_is_no_repeat() -> None:
    tracks = (Track(Notes.of([(0, 12, 60, 72)])), Track(Notes.of([(48, 12, 60, 72)])))
    assert repeats(columns_of(Song(tracks, 96, 12))).tolist() == [-1, -1]


@settings(max_examples=20, deadline=None)
@given(clip=clips(), data=st.data())
def test_what_is_told_changes_no_note(clip: Song, data: st.DataObject) -> None:
    def values(*names: str) -> st.SearchStrategy[dict[str, int]]:
        each = {name: st.integers(0, CONTROLS[name] - 1) for name in names}
        return st.fixed_dictionaries({}, optional=each)

    ids = CODEC.encode(clip)
    slots = st.sampled_from(range(16))
    tracks = data.draw(st.dictionaries(slots, values(*TRACK_CONTROLS)))
    bars = data.draw(st.dictionaries(st.integers(0, 9), values("chord", "similar")))
    more = told(ids, CODEC, tracks, bars)
    names = (*TRACK_CONTROLS, "chord", "similar")
    assert [id_ for id_ in more if CODEC.vocabulary.meaning(id_)[0] not in names] == ids
    assert CODEC.decode(more) == CODEC.decode(ids)
    there = sum(
        len(
            asked
            if not clip.tracks[slot].is_drum
            else [name for name in asked if name == "density"]
        )
        for slot, asked in tracks.items()
        if slot < len(clip.tracks)
    )
    lines = sum(id_ in CODEC.vocabulary["bar"] for id_ in ids)
    there += sum(len(asked) for bar, asked in bars.items() if bar < lines)
    assert len(more) == len(ids) + there


def test_controls_stand_behind_their_instrument_and_their_line() -> None:
    tracks = (Track(Notes.of([(0, 12, 60, 72)])), Track(Notes.of([(48, 1, 36, 72)]), is_drum=True))
    song = Song(tracks, 84, 12, meters=(Meter(), Meter(48, 3, 4)))
    ids = told(
        CODEC.encode(song),
        CODEC,
        {0: {"register": 3, "density": 2}, 1: {"density": 5, "polyphony": 1}},
        {0: {"chord": 1}, 1: {"chord": 7, "similar": 0}},
    )
    names = [(name, value) for name, value in meanings(ids) if name not in ("tempo", "start")]
    assert names == [
        *(("meter", 3), ("instrument", 0), ("density", 2), ("register", 3)),
        *(("instrument", 128), ("density", 5), ("bar", 0), ("chord", 1)),
        *(("slot", 0), ("position", 0), ("velocity", 4), ("duration", 7), ("pitch", 60)),
        *(("bar", 0), ("meter", 2), ("chord", 7), ("similar", 0)),
        *(("slot", 1), ("position", 0), ("velocity", 4), ("drum", 9)),
    ]


def test_a_codec_without_controls_tells_nothing() -> None:
    codec = BarCodec(Layout())
    ids = codec.encode(Song((Track(Notes.of([(0, 12, 60, 72)])),), 48, 12))
    assert told(ids, codec, {0: {"density": 2}}, {0: {"chord": 1}}) == ids
