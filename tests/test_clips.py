from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen import clips
from musegen.errors import UsageError
from musegen.song import Controls, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_count, bar_lines


def notes(*starts: float, tpq: int = 480, length: int = 100) -> Notes:
    return Notes.of([(round(s * tpq), length, 60 + i, 80) for i, s in enumerate(starts)])


def test_a_pick_up_is_padded_in_front() -> None:
    song = Song((Track(notes(0, 1, 2)),), 480 * 5, meters=(Meter(0, 1, 4), Meter(480, 4, 4)))
    whole = clips.whole_bars(song)
    assert whole.meters == (Meter(0, 4, 4),)
    assert whole.length == 8 * 480
    assert (whole.tracks[0].notes.start / 480).tolist() == [3, 4, 5]


def test_a_cut_bar_is_filled_behind() -> None:
    song = Song((Track(notes(0, 4, 6)),), 480 * 9, meters=(Meter(0, 4, 4), Meter(6 * 480, 3, 4)))
    whole = clips.whole_bars(song)
    lines, meters = bar_lines(whole)
    assert (lines / 480).tolist() == [0, 4, 8, 11]
    assert [str(m) for m in meters] == ["4/4", "4/4", "3/4"]
    assert (whole.tracks[0].notes.start / 480).tolist() == [0, 4, 8]


def test_an_open_end_is_closed() -> None:
    assert clips.whole_bars(Song((), 100)).length == 1920
    song = Song((), 3840)
    assert clips.whole_bars(song) is song


def test_the_pedal_holds_notes_until_it_is_lifted() -> None:
    pedal = Controls.of([(0, 64, 127), (1000, 64, 0), (1500, 64, 90)])
    track = Track(
        Notes.of([(0, 100, 60, 80), (500, 100, 60, 80), (1200, 100, 64, 80), (1600, 50, 67, 80)]),
        controls=pedal,
    )
    held = clips.sustained(track, 2000).notes
    assert held.duration.tolist() == [500, 500, 100, 400]


def test_the_plainest_grid_that_fits_is_taken() -> None:
    straight = clips.quantised(Song((Track(notes(0.02, 0.24, 0.51, 0.76)),), 1920))
    assert straight.tracks[0].notes.start.tolist() == [0, 3, 6, 9]
    triplets = clips.quantised(Song((Track(notes(0.01, 0.32, 0.67)),), 1920))
    assert triplets.tracks[0].notes.start.tolist() == [0, 4, 8]
    thirty_seconds = clips.quantised(Song((Track(notes(*(i / 8 for i in range(8)))),), 1920))
    assert len(set(thirty_seconds.tracks[0].notes.start.tolist())) == 8


@given(st.lists(st.integers(0, 95), min_size=1, max_size=20, unique=True))
def test_16ths_stay_where_they_are(steps: list[int]) -> None:
    song = Song((Track(notes(*(s / 4 for s in sorted(steps)))),), 480 * 24)
    quantised = clips.quantised(song).tracks[0].notes
    assert quantised.start.tolist() == [3 * s for s in sorted(steps)]


def test_a_melody_is_one_voice() -> None:
    chords = Notes.of([(0, 500, 60, 80), (0, 400, 67, 80), (300, 200, 65, 80)])
    assert clips.melody(chords) == Notes.of([(0, 300, 67, 80), (300, 200, 65, 80)])


def test_a_held_bass_does_not_hurt_the_skyline() -> None:
    tune = [(i * 100, 90, 70 + i, 80) for i in range(4)]
    bass = [(0, 400, 40, 80), (150, 250, 43, 80)]
    assert clips.skyline(Notes.of(tune + bass)).where(np.ones(4, dtype=bool)) == Notes.of(tune)


def test_legato_is_one_voice_and_chords_are_not() -> None:
    legato = Notes.of([(i * 100, 120, 60, 80) for i in range(10)])
    assert clips.is_monophonic(legato)
    chords = Notes.of([(i // 2 * 100, 90, 60 + i % 2 * 4, 80) for i in range(10)])
    assert not clips.is_monophonic(chords)


def test_bars_are_cut_at_their_lines() -> None:
    song = Song((Track(notes(0, 3.9, 4, 8)),), 480 * 12)
    cut = clips.bars(song, 1, 2)
    assert cut.length == 8 * 480
    assert (cut.tracks[0].notes.start / 480).tolist() == [0, 4]
    assert clips.bars(song, 2, 5).length == 4 * 480


@given(bars=st.integers(1, 4), length=st.integers(1, 11), meter=st.sampled_from(((4, 4), (7, 8))))
def test_a_song_lasts_as_long_as_it_is_to(bars: int, length: int, meter: tuple[int, int]) -> None:
    bar = Meter(0, *meter).bar_ticks(480)
    song = Song((Track(notes(*range(3))),), bars * bar, meters=(Meter(0, *meter),))
    song = replace(song, tracks=(Track(song.tracks[0].notes.between(0, song.length)),))
    lasting = clips.lasting(song, length)
    assert (bar_count(lasting), lasting.length) == (length, length * bar)
    once = song.tracks[0].notes.start
    again = (time * song.length + once for time in range(length))
    expected = np.concatenate(list(again))
    assert lasting.tracks[0].notes.start.tolist() == expected[expected < lasting.length].tolist()


def test_what_changes_is_cut_but_not_repeated() -> None:
    song = Song((Track(notes(0, 4)),), 3840, tempos=(Tempo(0), Tempo(1920, 400_000)))
    assert clips.lasting(song, 2) is song
    assert clips.lasting(song, 1).tempos == (Tempo(0),)
    with pytest.raises(UsageError, match="length 3: the input has 2 bars, and changes tempo"):
        clips.lasting(song, 3)


def test_what_is_repeated_overlaps_nowhere() -> None:
    ringing = Song((Track(Notes.of([(0, 9, 60, 80), (1440, 960, 60, 80)])),), 1920)
    repeated = clips.lasting(ringing, 3).tracks[0].notes
    assert repeated == repeated.without_overlaps()
    assert repeated.end.max() == 3 * 1920


ROWS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(60, 64), st.just(80)),
    max_size=20,
)


@given(rows=ROWS, most=st.integers(1, 4))
def test_no_more_voices_sound_than_are_to(rows: list[tuple[int, int, int, int]], most: int) -> None:
    before = Notes.of(rows).without_overlaps()
    after = clips.with_voices(before, most)
    for tick in range(60):
        assert int(((after.start <= tick) & (after.end > tick)).sum()) <= most
    assert set(after.start.tolist()) == set(before.start.tolist())
    kept = {(start, pitch): length for start, length, pitch, _ in before.table().tolist()}
    for start, length, pitch, _ in after.table().tolist():
        assert 0 < length <= kept[start, pitch]
    enough = max(len(before), 1)
    assert clips.with_voices(before, enough) == before


@given(new=ROWS, old=ROWS, most=st.integers(1, 4))
def test_voices_count_beside_those_that_stay(
    new: list[tuple[int, int, int, int]], old: list[tuple[int, int, int, int]], most: int
) -> None:
    staying = Notes.of(old).without_overlaps()
    before = clips.beside(Notes.of(new), staying)
    after = clips.with_voices(before, most, staying)
    for tick in range(60):
        mine = int(((after.start <= tick) & (after.end > tick)).sum())
        theirs = int(((staying.start <= tick) & (staying.end > tick)).sum())
        assert not mine or mine + theirs <= most
    assert {*after.start.tolist()} <= {*before.start.tolist()}
    assert clips.with_voices(before, most, Notes()) == clips.with_voices(before, most)


def test_of_a_chord_that_is_too_thick_the_outer_notes_stay() -> None:
    chord = Notes.of([(0, 10, pitch, 80) for pitch in (60, 64, 67, 72)])
    assert clips.with_voices(chord, 2).pitch.tolist() == [60, 72]
    assert clips.with_voices(chord, 1).pitch.tolist() == [72]


def test_a_new_note_ends_the_one_that_has_sounded_longest() -> None:
    held = Notes.of([(0, 100, 40, 80), (10, 100, 50, 80), (20, 100, 60, 80)])
    assert clips.with_voices(held, 2).duration.tolist() == [20, 100, 100]


@given(new=ROWS, old=ROWS)
def test_new_notes_make_way_for_those_that_stay(
    new: list[tuple[int, int, int, int]], old: list[tuple[int, int, int, int]]
) -> None:
    staying = Notes.of(old).without_overlaps()
    notes = clips.beside(Notes.of(new), staying)
    both = notes.joined(staying)
    assert both.without_overlaps() == both
    alone = Notes.of(new).without_overlaps()
    for start, length, pitch, _ in notes.table().tolist():
        fits = (alone.pitch == pitch) & (alone.start <= start) & (alone.end >= start + length)
        assert fits.any()
    assert clips.beside(alone, Notes()) == alone
    assert clips.beside(notes, staying) == notes


@given(
    first=st.integers(1, 1920),
    second=st.integers(1, 5000),
    rest=st.integers(1, 5000),
    starts=st.lists(st.integers(0, 8000), max_size=10),
)
def test_what_was_padded_goes_back_where_it_was(
    first: int, second: int, rest: int, starts: list[int]
) -> None:
    meters = (Meter(0, 4, 4), Meter(first, 3, 4), Meter(first + second, 5, 4))
    length = first + second + rest
    rows = [(start * length // 8001, 100, 60, 80) for start in starts]
    song = Song((Track(Notes.of(rows)),), length, meters=meters)
    whole = clips.whole_bars(song)
    assert clips.unpadded(whole.tracks[0].notes, song) == song.tracks[0].notes
    everywhere = Notes.of([(tick, 1, 60, 80) for tick in range(0, whole.length, 40)])
    back = clips.unpadded(everywhere, song)
    assert len(np.unique(back.start)) == len(back)
    assert (back.start < bar_lines(song)[0][-1]).all()


def test_in_the_silence_before_a_pick_up_there_is_no_place() -> None:
    song = Song((), 480 * 5, meters=(Meter(0, 1, 4), Meter(480, 4, 4)))
    notes = clips.unpadded(Notes.of([(i * 480, 480, 60, 80) for i in range(8)]), song)
    assert (notes.start // 480).tolist() == [0, 1, 2, 3, 4]


def test_notes_in_turn_end_where_others_begin() -> None:
    notes = Notes.of([(0, 96, 60, 80), (0, 24, 64, 80), (48, 24, 62, 80), (60, 48, 65, 80)])
    assert clips.in_turn(notes).duration.tolist() == [48, 24, 12, 48]
    assert clips.in_turn(Notes()) == Notes()
