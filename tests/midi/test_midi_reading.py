"""What reading makes of a file whose bytes are sound."""

from __future__ import annotations

import mido
import pytest
from midi_files import BAR, end, file_of, meta, off, on, program

from musegen import clips
from musegen.midi import parse
from musegen.song import CHANNEL_PRESSURE, PITCH_BEND, Controls, Key, Marker, Meter, Notes, Tempo
from musegen.time import bar_count


def test_type_0_is_split_by_channel() -> None:
    data = file_of(
        [
            meta("track_name", name="Whole"),
            program(40),
            program(33, channel=1),
            on(),
            on(36, channel=1),
            on(38, channel=9),
            off(),
            off(36, 0, channel=1),
            off(38, 0, channel=9),
        ],
        type=0,
    )
    reading = parse(data)
    assert reading.format == 0
    assert reading.song.name == "Whole"
    assert [(t.channel, t.program, t.is_drum) for t in reading.song.tracks] == [
        (0, 40, False),
        (1, 33, False),
        (9, 0, True),
    ]
    assert {len(t.notes) for t in reading.song.tracks} == {1}


def test_a_lone_track_of_type_0_has_the_name() -> None:
    song = parse(file_of([meta("track_name", name="Bass"), on(), off()], type=0)).song
    assert (song.name, song.tracks[0].name) == ("", "Bass")


def test_type_1_tracks_on_one_channel_are_instruments() -> None:
    song = parse(file_of([on(), off()], [on(64), off(64)])).song
    assert [t.notes.pitch.tolist() for t in song.tracks] == [[60], [64]]


def test_type_2_takes_the_first_sequence() -> None:
    data = file_of([meta("text", text="x")], [on(), off()], [on(64), off(64)], type=2)
    reading = parse(data)
    assert [t.notes.pitch.tolist() for t in reading.song.tracks] == [[60]]
    assert "type 2: only sequence 2 of 3 was taken" in reading.left_out


def test_the_program_in_effect_at_the_first_note_is_kept() -> None:
    reading = parse(file_of([program(1), program(2), on(), off(), program(3), on(), off()]))
    assert reading.song.tracks[0].program == 2
    assert reading.left_out == ("program changes after the first note: 1",)


def test_a_program_may_come_from_a_set_up_track() -> None:
    data = file_of([program(40, channel=3)], [on(channel=3), off(channel=3)])
    assert parse(data).song.tracks[0].program == 40


def test_controls_may_come_from_a_set_up_track() -> None:
    volume = mido.Message("control_change", control=7, value=99, channel=3)
    song = parse(file_of([volume], [on(channel=3), off(channel=3)])).song
    assert song.tracks[0].controls == Controls.of([(0, 7, 99)])


def control(number: int, value: int, time: int = 0, channel: int = 0) -> mido.Message:
    return mido.Message("control_change", control=number, value=value, time=time, channel=channel)


def test_controls_are_those_of_every_track_on_the_channel() -> None:
    data = file_of(
        [control(7, 90), control(7, 50, channel=1)],
        [control(7, 90), control(64, 127), on(72), off(72), control(64, 0, 480)],
        [on(48), control(7, 90, 100), off(48)],
        [on(40, channel=1), off(40, channel=1)],
    )
    right, left, other = parse(data).song.tracks
    assert right.controls == Controls.of([(0, 7, 90), (0, 64, 127), (100, 7, 90), (960, 64, 0)])
    assert left.controls == right.controls
    assert other.controls == Controls.of([(0, 7, 50)])
    assert clips.sustained(left, BAR).notes.end.tolist() == [960]


def test_the_last_word_on_a_channel_stays_the_last() -> None:
    data = file_of(
        [control(7, 90), on(), off()],
        [control(7, 60), control(7, 90), control(7, 90), on(64), off(64)],
    )
    assert parse(data).song.tracks[0].controls == Controls.of([(0, 7, 90), (0, 7, 60), (0, 7, 90)])


def test_the_last_word_stays_the_last_where_tracks_agree() -> None:
    loud, soft = [control(7, 90), on(), off()], [control(7, 60), on(64), off(64)]
    assert parse(file_of(loud, soft, loud)).song.tracks[0].controls.value.tolist()[-1] == 90


def test_a_tracks_own_doubles_are_kept() -> None:
    track = parse(file_of([control(97, 0), control(97, 0), on(), off()])).song.tracks[0]
    assert track.controls == Controls.of([(0, 97, 0), (0, 97, 0)])


def test_each_port_has_channels_of_its_own() -> None:
    data = file_of(
        [program(40), control(7, 90), on(), off()],
        [meta("midi_port", port=1), control(7, 50), on(64), off(64)],
    )
    first, second = parse(data).song.tracks
    assert (first.program, second.program) == (40, 0)
    assert first.controls == Controls.of([(0, 7, 90)])
    assert second.controls == Controls.of([(0, 7, 50)])


def test_sustain_and_other_controls_are_kept() -> None:
    track = [
        mido.Message("control_change", control=64, value=127),
        on(),
        mido.Message("pitchwheel", pitch=-100, time=10),
        mido.Message("aftertouch", value=50),
        mido.Message("control_change", control=64, value=0, time=470),
        off(time=0),
    ]
    assert parse(file_of(track)).song.tracks[0].controls == Controls.of(
        [(0, 64, 127), (10, PITCH_BEND, -100), (10, CHANNEL_PRESSURE, 50), (480, 64, 0)]
    )


def test_all_notes_off_ends_the_notes() -> None:
    silence = mido.Message("control_change", control=123, time=100)
    reading = parse(file_of([on(), on(64), silence, end(1820)]))
    assert reading.song.tracks[0].notes.end.tolist() == [100, 100]
    assert reading.song.tracks[0].controls == Controls()
    assert reading.repairs == ()


def test_same_pitch_overlaps_are_paired_first_in_first_out_then_cut() -> None:
    track = [on(), on(time=100), off(time=100), off(time=100)]
    assert parse(file_of(track)).song.tracks[0].notes == Notes.of(
        [(0, 100, 60, 90), (100, 200, 60, 90)]
    )


def test_note_on_with_velocity_0_is_a_note_off() -> None:
    reading = parse(file_of([on(), on(time=100, velocity=0)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 100, 60, 90)])


def test_notes_of_no_length() -> None:
    reading = parse(file_of([on(), off(time=0), on(62), off(62), on(36, channel=9)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 480, 62, 90)])
    assert [(r.code, r.count) for r in reading.repairs] == [("empty", 1), ("empty-drum", 1)]
    reading = parse(file_of([on(36, channel=9), off(36, 0, channel=9)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 60, 36, 90)])
    assert [r.code for r in reading.repairs] == ["empty-drum"]


def test_notes_that_never_end_last_to_the_next_the_tracks_end_or_four_bars() -> None:
    reading = parse(file_of([on(), on(62, 480), on(62, 480), end(9600)]))
    assert reading.song.tracks[0].notes == Notes.of(
        [(0, 4 * BAR, 60, 90), (480, 480, 62, 90), (960, 4 * BAR, 62, 90)]
    )
    assert [(r.code, r.count) for r in reading.repairs] == [("hanging", 3)]
    reading = parse(file_of([on(), end(100)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 100, 60, 90)])


def test_note_offs_without_a_note_are_reported() -> None:
    (repair,) = parse(file_of([off(), on(), off()])).repairs
    assert str(repair) == "track 1, byte 22: note-off without a note ignored"


def test_the_tempo_map_comes_from_all_tracks() -> None:
    data = file_of(
        [meta("set_tempo", tempo=400_000), meta("set_tempo", tempo=300_000, time=960)],
        [meta("set_tempo", tempo=600_000, time=480), on(), off(time=960)],
    )
    assert parse(data).song.tempos == (Tempo(0, 400_000), Tempo(480, 600_000), Tempo(960, 300_000))


def test_before_its_first_tempo_a_song_runs_at_120() -> None:
    data = file_of([meta("set_tempo", tempo=400_000, time=480), on(), off()])
    assert parse(data).song.tempos == (Tempo(0, 500_000), Tempo(480, 400_000))


def test_impossible_tempos_and_metres_are_ignored() -> None:
    track = [
        meta("set_tempo", tempo=0),
        meta("set_tempo", tempo=16_000_000),
        meta("time_signature", numerator=0),
        meta("time_signature", denominator=128),
        on(),
        off(),
    ]
    reading = parse(file_of(track))
    assert reading.song.tempos == (Tempo(0),)
    assert reading.song.meters == (Meter(0),)
    assert [(r.code, r.count) for r in reading.repairs] == [("tempo", 2), ("metre", 2)]


def test_metre_changes_are_kept() -> None:
    track = [
        meta("time_signature", numerator=3),
        meta("time_signature", numerator=6, denominator=8, time=1440),
        on(),
        off(time=1441),
    ]
    song = parse(file_of(track)).song
    assert song.meters == (Meter(0, 3, 4), Meter(1440, 6, 8))
    assert song.length == 3 * 1440


def test_a_pickup_bar_is_a_bar_of_its_own() -> None:
    track = [
        meta("time_signature", numerator=1),
        on(),
        off(),
        meta("time_signature", numerator=4),
        on(),
        off(time=BAR),
    ]
    song = parse(file_of(track)).song
    assert (song.length, bar_count(song)) == (480 + BAR, 2)


def test_the_first_key_is_the_songs() -> None:
    data = file_of(
        [meta("key_signature", key="Bbm"), meta("key_signature", key="C", time=100), on(), off()]
    )
    reading = parse(data)
    assert reading.song.key == Key(10, is_minor=True)
    assert reading.left_out == ("key changes: 1",)


def test_markers_after_the_end_are_left_out() -> None:
    track = [meta("marker", text="A"), on(), off(), meta("marker", text="End", time=5000)]
    reading = parse(file_of(track))
    assert reading.song.markers == (Marker(0, "A"),)
    assert reading.left_out == ("markers after the end: 1",)


def test_sysex_lyrics_and_key_pressure_are_left_out_and_counted() -> None:
    track = [
        mido.Message("sysex", data=(1, 2)),
        meta("lyrics", text="la"),
        mido.Message("polytouch", note=60),
        on(),
        off(),
    ]
    assert parse(file_of(track)).left_out == (
        "sysex events: 1",
        "lyrics events: 1",
        "polytouch events: 1",
    )


@pytest.mark.parametrize(
    ("ends", "bars"),
    [
        ((0,), 1),  # at the last note
        ((BAR - 480,), 1),  # on the bar line
        ((3 * BAR - 480,), 3),  # a clip with silence
        ((3 * BAR - 479,), 1),  # off the bar line
        ((500 * BAR - 480,), 1),  # hours late
    ],
)
def test_the_length_is_a_bar_line(ends: tuple[int, ...], bars: int) -> None:
    assert parse(file_of([on(), off(), end(*ends)])).song.length == bars * BAR


def test_tracks_that_end_apart_give_way_to_the_notes() -> None:
    data = file_of([on(), off(), end(4 * BAR - 480)], [on(), off(), end(2 * BAR - 480)])
    assert parse(data).song.length == BAR


def test_a_conductor_that_ends_at_once_does_not_shorten_the_song() -> None:
    data = file_of([meta("set_tempo", tempo=400_000)], [on(), off(), end(2 * BAR - 480)])
    assert parse(data).song.length == 2 * BAR


@pytest.mark.parametrize(
    ("name", "charset"),
    [("Für Elise 太鼓", "utf-8"), ("太鼓", "shift_jis"), ("Bläser", "latin1")],
)
def test_names_are_decoded(name: str, charset: str) -> None:
    data = file_of([meta("track_name", name=name), on(), off()], charset=charset)
    assert parse(data).song.tracks[0].name == name


def test_control_characters_in_names_are_stripped() -> None:
    data = file_of([meta("track_name", name="\x1b[2JBass\x00 ../../x"), on(), off()])
    assert parse(data).song.tracks[0].name == "[2JBass x"
