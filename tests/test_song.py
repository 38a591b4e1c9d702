"""The values of `musegen.song` and their edits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen.song import (
    SUSTAIN_PEDAL,
    Controls,
    Key,
    Marker,
    Meter,
    Notes,
    Song,
    Tempo,
    Track,
)

ROWS = st.lists(
    st.tuples(st.integers(0, 2000), st.integers(1, 500), st.integers(58, 62), st.integers(1, 127)),
    max_size=30,
)


def test_notes_are_ordered_by_start_then_pitch() -> None:
    notes = Notes.of([(480, 10, 60, 1), (0, 10, 64, 2), (0, 10, 60, 3)])
    assert notes.table().tolist() == [[0, 10, 60, 3], [0, 10, 64, 2], [480, 10, 60, 1]]


def test_notes_are_values() -> None:
    notes = Notes.of([(0, 10, 60, 90)])
    assert notes == Notes.of([(0, 10, 60, 90)])
    assert notes != Notes.of([(0, 10, 60, 91)])
    assert notes != Notes()
    with pytest.raises(ValueError, match="read-only"):
        notes.start[0] = 5


def test_notes_do_not_change_with_the_arrays_they_were_made_from() -> None:
    start = np.array([0, 5])
    notes = Notes(start, np.array([1, 1]), np.array([60, 60]), np.array([9, 9]))
    start[0] = 99
    assert notes.start.tolist() == [0, 5]


def test_columns_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="unequal"):
        Notes(np.array([0]), np.array([]), np.array([]), np.array([]))


def test_notes_between_are_cut_and_counted_from_the_first_tick() -> None:
    notes = Notes.of([(0, 480, 60, 90), (480, 960, 62, 90), (960, 10, 64, 90)])
    assert notes.between(480, 960) == Notes.of([(0, 480, 62, 90)])


def test_notes_joined_and_shifted() -> None:
    first, second = Notes.of([(0, 10, 60, 90)]), Notes.of([(0, 20, 62, 80)])
    assert first.joined(second.shifted(480)) == Notes.of([(0, 10, 60, 90), (480, 20, 62, 80)])


def test_without_overlaps_cuts_the_earlier_and_keeps_the_louder() -> None:
    notes = Notes.of([(0, 480, 60, 50), (0, 100, 60, 90), (50, 480, 60, 70), (60, 480, 62, 70)])
    assert notes.without_overlaps() == Notes.of(
        [(0, 50, 60, 90), (50, 480, 60, 70), (60, 480, 62, 70)]
    )


@given(ROWS)
def test_without_overlaps_leaves_one_note_per_pitch_and_moves_no_onset(
    rows: list[tuple[int, int, int, int]],
) -> None:
    notes = Notes.of(rows)
    apart = notes.without_overlaps()
    assert set(zip(apart.start.tolist(), apart.pitch.tolist(), strict=True)) == {
        (start, pitch) for start, _, pitch, _ in rows
    }
    assert (apart.duration > 0).all()
    for pitch in range(58, 63):
        voice = apart.where(apart.pitch == pitch)
        assert (voice.end[:-1] <= voice.start[1:]).all()
    assert apart.without_overlaps() == apart


def test_controls_between_start_with_the_values_in_force() -> None:
    controls = Controls.of([(0, 7, 100), (0, SUSTAIN_PEDAL, 127), (480, 7, 90), (500, 7, 80)])
    assert controls.between(480, 500).table().tolist() == [[0, 7, 100], [0, 64, 127], [0, 7, 90]]


def test_controls_keep_their_order_within_a_tick() -> None:
    rows = [[0, 101, 0], [0, 100, 0], [0, 6, 12]]
    assert Controls.of(rows).table().tolist() == rows


def test_controls_joined_and_shifted() -> None:
    pedal = Controls.of([(0, SUSTAIN_PEDAL, 127)])
    assert pedal.joined(pedal.shifted(10)) == Controls.of(
        [(0, SUSTAIN_PEDAL, 127), (10, SUSTAIN_PEDAL, 127)]
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("C", Key(0)),
        ("e", Key(4, True)),
        ("Bbm", Key(10, True)),
        ("B♭ minor", Key(10, True)),
        ("F# minor", Key(6, True)),
        ("f♯", Key(6, True)),
        ("Cb", Key(11)),
        ("G major", Key(7)),
        ("c maj", Key(0)),
    ],
)
def test_key_parses_what_musicians_write(text: str, key: Key) -> None:
    assert Key.parse(text) == key


@pytest.mark.parametrize("text", ["", "H", "C##", "C dorian", "minor", "C major 7", "Cm major"])
def test_key_refuses_anything_else(text: str) -> None:
    with pytest.raises(ValueError, match="is not a key"):
        Key.parse(text)


@given(st.integers(0, 11), st.booleans())
def test_key_round_trips_through_its_text(tonic: int, is_minor: bool) -> None:
    key = Key(tonic, is_minor)
    assert Key.parse(str(key)) == key


def test_minor_keys_are_spelt_as_musicians_do() -> None:
    assert [str(Key(tonic, True)) for tonic in (1, 8)] == ["C# minor", "G# minor"]
    assert [str(Key(tonic)) for tonic in (1, 8)] == ["Db major", "Ab major"]


def test_tempo_in_beats_a_minute() -> None:
    assert Tempo.from_bpm(120) == Tempo(0, 500_000)
    assert Tempo(0, 600_000).bpm == pytest.approx(100)


@pytest.mark.parametrize(
    ("meter", "ticks"), [(Meter(0, 4, 4), 1920), (Meter(0, 3, 4), 1440), (Meter(0, 6, 8), 1440)]
)
def test_bar_ticks(meter: Meter, ticks: int) -> None:
    assert meter.bar_ticks(480) == ticks


@pytest.mark.parametrize("ticks", [(), (10,), (0, 0), (0, 20, 10)])
def test_tempo_map_must_start_at_zero_and_rise(ticks: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tempos"):
        Song(tempos=tuple(Tempo(tick) for tick in ticks))
    with pytest.raises(ValueError, match="meters"):
        Song(meters=tuple(Meter(tick) for tick in ticks))


def test_song_between_carries_tempo_metre_controls_and_markers() -> None:
    song = Song(
        tracks=(
            Track(
                notes=Notes.of([(0, 480, 60, 90), (1920, 1920, 62, 90)]),
                controls=Controls.of([(0, 7, 100)]),
            ),
        ),
        length=3840,
        tempos=(Tempo(0), Tempo(960, 400_000), Tempo(2400, 300_000)),
        meters=(Meter(0, 3, 4), Meter(1440, 4, 4)),
        markers=(Marker(0, "A"), Marker(1920, "B"), Marker(2880, "C")),
    )
    part = song.between(1920, 2880)
    assert part.length == 960
    assert part.tracks[0].notes == Notes.of([(0, 960, 62, 90)])
    assert part.tracks[0].controls == Controls.of([(0, 7, 100)])
    assert part.tempos == (Tempo(0, 400_000), Tempo(480, 300_000))
    assert part.meters == (Meter(0, 4, 4),)
    assert part.markers == (Marker(0, "B"),)


def test_the_whole_song_between_its_ends_is_the_song() -> None:
    song = Song(
        tracks=(Track(notes=Notes.of([(0, 480, 60, 90)]), controls=Controls.of([(0, 7, 9)])),),
        length=1920,
        tempos=(Tempo(0), Tempo(960, 400_000)),
        markers=(Marker(0, "A"),),
    )
    assert song.between(0, 1920) == song


@given(ROWS, st.sampled_from([2, 3, 12]))
def test_a_finer_clock_and_back_changes_nothing(
    rows: list[tuple[int, int, int, int]], factor: int
) -> None:
    song = Song(
        tracks=(Track(notes=Notes.of(rows), controls=Controls.of([(7, 7, 100)])),),
        length=3840,
        tempos=(Tempo(0), Tempo(99, 400_000)),
        meters=(Meter(0, 3, 4), Meter(1440, 2, 4)),
        markers=(Marker(480, "x"),),
    )
    assert song.at_resolution(480 * factor).at_resolution(480) == song


def test_a_coarser_clock_rounds_and_keeps_every_note() -> None:
    song = Song(
        tracks=(Track(notes=Notes.of([(19, 1, 60, 90), (21, 39, 62, 90)])),),
        length=1920,
        tempos=(Tempo(0), Tempo(481, 400_000), Tempo(482, 300_000)),
    )
    coarse = song.at_resolution(12)
    assert coarse.tracks[0].notes == Notes.of([(0, 1, 60, 90), (1, 1, 62, 90)])
    assert coarse.length == 48
    assert coarse.tempos == (Tempo(0), Tempo(12, 300_000))


def test_note_count_is_over_all_tracks() -> None:
    track = Track(notes=Notes.of([(0, 1, 60, 90), (1, 1, 60, 90)]))
    assert Song(tracks=(track, track)).note_count == 4
