"""Parts of users' songs: which one is meant, how many bars, and that nothing is lost but in words.

What a part says in tokens, its touch and its kit together make the part again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from conftest import beat, scale, tune
from drum_songs import example, kit

from musegen.errors import LimitError, UnreadableError, UsageError
from musegen.excerpt import Excerpt, common_frame, parts, sounded
from musegen.general_midi import VOICES
from musegen.song import Controls, Marker, Meter, Notes, Song, Tempo, Track
from musegen.time import usual_tempo

ROW = list[int]


def rows(song: Song) -> list[ROW]:
    (track,) = song.tracks
    found: list[ROW] = track.notes.table().tolist()
    return found


def song_of(*tracks: tuple[str, Sequence[Sequence[int]]], bars: int = 2) -> Song:
    """Tracks of a name and rows of notes, in 4/4 on a clock of 480."""
    return Song(tuple(Track(Notes.of(r), name=name) for name, r in tracks), bars * 1920)


def line(pitch: int, count: int = 4) -> list[ROW]:
    """Quarters one after the other."""
    return [[480 * i, 480, pitch + i % 3, 80] for i in range(count)]


CHORDS = [row for pitch in (60, 64, 67) for row in line(pitch)]


# Which part


def test_a_song_has_melodies_and_drums() -> None:
    song = example("band")
    assert parts(song) == {"melody", "drums"}
    assert parts(song, ["Drums"]) == {"drums"}
    assert parts(song, ["Bass", "Drums"]) == {"melody", "drums"}
    assert parts(scale()) == {"melody"}
    with pytest.raises(UnreadableError, match="no notes found"):
        parts(Song(length=1920))


def test_the_only_track_is_the_melody_whatever_its_name() -> None:
    assert Excerpt.of(song_of(("", line(60))), "melody").remarks == ()


@pytest.mark.parametrize("name", ["Melody", "LEAD guitar", "Voice 2"])
def test_a_track_that_says_so_is_the_melody(name: str) -> None:
    song = song_of(("Flute", line(72)), (name, line(60)), ("Chords", CHORDS))
    excerpt = Excerpt.of(song, "melody")
    assert excerpt.track.name == name
    assert excerpt.remarks == (f"the melody is track 2 {name}",)


def test_one_voice_among_chords_is_the_melody() -> None:
    excerpt = Excerpt.of(song_of(("Piano", CHORDS), ("", line(60))), "melody")
    assert excerpt.remarks == ("the melody is track 2 unnamed",)


def test_among_several_melodies_nobody_guesses() -> None:
    song = song_of(("Flute", line(72)), ("", line(60)), ("Piano", CHORDS))
    said = "any of these could be the melody: 1 Flute, 2 unnamed, 3 Piano; choose with --track"
    with pytest.raises(UsageError, match=said):
        Excerpt.of(song, "melody")
    assert Excerpt.of(song, "melody", ["flute"]).track.name == "Flute"
    with pytest.raises(UsageError, match="any of these could be the melody: 1 Flute, 2 unnamed;"):
        Excerpt.of(song, "melody", ["1", "2"])


def test_of_chords_the_highest_voice_is_kept_and_that_is_said() -> None:
    excerpt = Excerpt.of(song_of(("Piano", CHORDS)), "melody")
    assert rows(excerpt.song) == line(67)
    assert excerpt.remarks == ("of its chords the highest voice is kept, 4 of 12 notes",)


def test_all_drums_are_one_part() -> None:
    one, other = kit((0, 36, 90), (480, 38, 80)), kit((0, 36, 70), (240, 42, 60))
    both = replace(one, tracks=(*one.tracks, *other.tracks))
    excerpt = Excerpt.of(both, "drums")
    assert [row[::2] + row[3:] for row in rows(excerpt.song)] == [
        [0, 36, 90],
        [240, 42, 60],
        [480, 38, 80],
    ]


def test_a_part_that_is_not_there_is_missed() -> None:
    with pytest.raises(UsageError, match="no drums there; name another track"):
        Excerpt.of(scale(), "drums")
    with pytest.raises(UsageError, match="no melody there"):
        Excerpt.of(example("band"), "melody", ["Drums"])
    with pytest.raises(UnreadableError, match="no drum is struck in bars 1 to"):
        Excerpt.of(kit((0, 100, 90)), "drums")


# How many bars


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (None, ()),
        (4, ()),
        (3, ("the first 3 of 4 bars are taken",)),
        (1, ("the first of 4 bars is taken",)),
        (7, ("its 4 bars are repeated to make 7",)),
    ],
)
def test_an_excerpt_is_as_long_as_asked(length: int | None, said: tuple[str, ...]) -> None:
    excerpt = Excerpt.of(scale(4), "melody", length=length)
    bars = length or 4
    assert (excerpt.bars, excerpt.song.length, excerpt.remarks) == (bars, bars * 1920, said)
    again = [[start + 4 * 1920, *row] for start, *row in rows(scale(4))]
    assert rows(excerpt.song) == (rows(scale(4)) + again)[: 2 * bars]


def test_an_excerpt_is_whole_bars_of_one_track_and_no_more() -> None:
    pickup = Song(
        (Track(Notes.of(line(60, 3))),), 5 * 480, meters=(Meter(0, 1, 4), Meter(480, 4, 4))
    )
    excerpt = Excerpt.of(replace(pickup, markers=(Marker(0, "Verse"),)), "melody")
    assert (excerpt.bars, excerpt.song.markers) == (2, ())
    assert [row[0] for row in rows(excerpt.song)] == [3 * 480, 4 * 480, 5 * 480]


def test_what_rings_over_the_end_is_cut() -> None:
    ringing = song_of(("", [[0, 960, 60, 80], [2880, 4000, 60, 80]]))
    for length in (None, 2, 3, 4):
        notes = Excerpt.of(ringing, "melody", length=length).track.notes
        assert notes == notes.without_overlaps()
        assert notes.end.max() <= (length or 2) * 1920


CHANGING = replace(scale(8), meters=(Meter(0), Meter(4 * 1920, 3, 4)))


def test_a_change_of_metre_is_no_clip_but_what_is_before_it_is() -> None:
    with pytest.raises(UsageError, match="the metre changes at bar 5; --length 4 takes less"):
        Excerpt.of(CHANGING, "melody")
    assert Excerpt.of(CHANGING, "melody", length=4).bars == 4


def test_a_metre_that_is_said_again_is_no_change() -> None:
    again = replace(scale(8), meters=(Meter(0), Meter(4 * 1920)))
    assert Excerpt.of(again, "melody").bars == 8


def test_bars_of_silence_before_the_first_note_are_left_out() -> None:
    excerpt = Excerpt.of(song_of(("", [[2000, 480, 60, 80]])), "melody")
    assert excerpt.track.notes.start.tolist() == [80]
    assert excerpt.remarks == ("its first bar is silent, and left out",)
    assert Excerpt.of(song_of(("", [[1900, 480, 60, 80]])), "melody").remarks == ()


def test_what_cannot_be_a_clip_is_refused() -> None:
    with pytest.raises(UsageError, match="no model knows the metre 11/8; they know 1/4 2/4 "):
        Excerpt.of(replace(scale(), meters=(Meter(0, 11, 8),)), "melody")
    with pytest.raises(LimitError, match="1,100 bars: more than 1,024 bars to write"):
        Excerpt.of(replace(scale(), length=1100 * 1920), "melody")
    changing = replace(scale(2), tempos=(Tempo(0), Tempo(1920, 400_000)))
    with pytest.raises(UsageError, match="changes tempo or metre"):
        Excerpt.of(changing, "melody", length=4)


# To tokens and back


@pytest.mark.parametrize("clock", [96, 480, 960])
@pytest.mark.parametrize("meter", [(4, 4), (3, 4), (7, 8)])
def test_tokens_touch_and_kit_say_all_of_a_drum_part(meter: tuple[int, int], clock: int) -> None:
    played = beat(3, 2, meter, clock=clock)
    hits = played.tracks[0].notes
    # No flams: two hits of a voice at one step are one.
    song = replace(
        played, tracks=(replace(played.tracks[0], notes=hits.where(hits.velocity > 30)),)
    )
    excerpt = Excerpt.of(song, "drums")
    frame = common_frame((excerpt,), 4)
    again = sounded(excerpt.tokens(frame), frame, excerpt.touch(frame), excerpt.kit)
    expected = excerpt.on_clock()
    assert again.pitch.tolist() == expected.pitch.tolist()
    assert again.velocity.tolist() == expected.velocity.tolist()
    assert np.abs(again.start - expected.start).max() <= 1


def test_other_notes_have_the_settings_of_the_first_note_and_no_pedal() -> None:
    track = scale().tracks[0]
    start = int(track.notes.start[0])
    changes = [(start, 7, 90), (start, 64, 127), (start + 1, 7, 20)]
    song = replace(scale(), tracks=(replace(track, controls=Controls.of(changes)),))
    other = Excerpt.of(song, "melody").with_notes(track.notes.shifted(1))
    assert other.tracks[0].controls.table().tolist() == [[0, 7, 90]]
    late = replace(track, controls=Controls.of([(9, 7, 90)]), notes=track.notes.shifted(10))
    other = Excerpt.of(replace(scale(), tracks=(late,)), "melody").with_notes(track.notes)
    assert other.tracks[0].controls.table().tolist() == [[0, 7, 90]]


def test_tokens_and_touch_say_all_of_a_melody_but_how_long_its_notes_are() -> None:
    late = [[480 * i + 7, 400, 60 + i % 3, 60 + i] for i in range(8)]
    excerpt = Excerpt.of(song_of(("", late)), "melody")
    frame = common_frame((excerpt,), 2)
    again = sounded(excerpt.tokens(frame), frame, excerpt.touch(frame))
    for column in ("start", "pitch", "velocity"):
        assert np.array_equal(getattr(again, column), getattr(excerpt.on_clock(), column))
    assert np.abs(again.duration - 400).max() <= 60


def test_a_kit_is_the_pitch_struck_most() -> None:
    drums = kit((0, 35, 90), (240, 36, 90), (480, 35, 90), (720, 54, 90), (960, 100, 90))
    usual = [main for _, main, _ in VOICES]
    found = Excerpt.of(drums, "drums").kit
    assert found is not None
    assert list(found) == [35, usual[1], 54, *usual[3:]]
    assert Excerpt.of(scale(), "melody").kit is None


def test_transposed_it_stays_in_the_range_of_midi() -> None:
    excerpt = Excerpt.of(song_of(("", [[0, 480, 1, 80], [480, 480, 60, 80]])), "melody")
    assert [row[2] for row in rows(excerpt.transposed(5).song)] == [6, 65]
    assert [row[2] for row in rows(excerpt.transposed(-5).song)] == [0, 55]
    assert excerpt.transposed(5).transposed(-5).song == excerpt.song


def test_other_notes_are_played_by_its_track_at_its_usual_tempo() -> None:
    song = replace(
        scale(4).at_resolution(96), tempos=(Tempo.from_bpm(90), Tempo.from_bpm(60, 3 * 384))
    )
    excerpt = Excerpt.of(song, "melody")
    made = excerpt.with_notes(Notes.of([(0, 480, 40, 70), (7000, 4800, 41, 70), (7680, 9, 42, 70)]))
    assert rows(made) == [[0, 480, 40, 70], [7000, 680, 41, 70]]
    assert (made.ticks_per_quarter, made.length) == (480, 4 * 1920)
    assert made.tempos == (usual_tempo(song),) == (Tempo.from_bpm(90),)
    assert (made.tracks[0].name, made.tracks[0].program) == ("Keys", 4)


def test_a_frame_is_laid_for_all_its_excerpts() -> None:
    straight, swung = (Excerpt.of(beat(1, swing=s), "drums") for s in (False, True))
    assert set(common_frame((straight,), 4).slots.tolist()) == {4}
    assert 6 in common_frame((swung,), 4).slots
    assert common_frame((straight, swung), 6).bars == 6
    assert Excerpt.of(tune(1), "melody").bars == 12
