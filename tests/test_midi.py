"""MIDI -> Song -> MIDI: the output rules, one test each, then what reading makes of files."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen import midi
from musegen.errors import LimitError, MusegenError, OutputError, UnreadableError
from musegen.midi import parse, printable, read, to_bytes, write
from musegen.song import (
    CHANNEL_PRESSURE,
    PITCH_BEND,
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
from musegen.time import bar_count, seconds

BAR = 1920
MELODY = Track(notes=Notes.of([(0, 480, 60, 90), (960, 960, 64, 70)]), program=5, name="Melody")
BEAT = Track(notes=Notes.of([(0, 60, 36, 110), (480, 60, 38, 90)]), is_drum=True, name="Beat")
SONG = Song(
    tracks=(MELODY, BEAT),
    length=4 * BAR,
    tempos=(Tempo(0, 600_000), Tempo(BAR, 400_000)),
    meters=(Meter(0, 2, 4), Meter(BAR, 4, 4)),
    key=Key(1, is_minor=True),
    markers=(Marker(0, "Verse"), Marker(BAR, "Chorus")),
    name="A Song",
)


def messages(data: bytes) -> list[list[tuple[int, Any]]]:
    """Per track of a file: its messages with their ticks."""
    tracks = []
    for track in mido.MidiFile(file=io.BytesIO(data), charset="utf-8").tracks:
        tick, found = 0, []
        for message in track:
            tick += message.time
            found.append((tick, message))
        tracks.append(found)
    return tracks


def of_type(track: list[tuple[int, Any]], *kinds: str) -> list[tuple[int, Any]]:
    return [(tick, message) for tick, message in track if message.type in kinds]


def song_of(*rows: tuple[int, int, int, int], length: int = BAR, **track: Any) -> Song:
    return Song(tracks=(Track(notes=Notes.of(rows), **track),), length=length)


# The output rules


def test_output_is_type_1() -> None:
    assert mido.MidiFile(file=io.BytesIO(to_bytes(SONG))).type == 1


def test_output_track_0_conducts_and_has_no_notes() -> None:
    conductor = messages(to_bytes(SONG))[0]
    assert all(message.is_meta for _, message in conductor)
    assert [m.name for _, m in of_type(conductor, "track_name")] == ["A Song"]
    assert [(t, m.tempo) for t, m in of_type(conductor, "set_tempo")] == [
        (0, 600_000),
        (BAR, 400_000),
    ]
    assert [(t, m.numerator) for t, m in of_type(conductor, "time_signature")] == [
        (0, 2),
        (BAR, 4),
    ]
    assert [(t, m.key) for t, m in of_type(conductor, "key_signature")] == [(0, "C#m")]
    assert [(t, m.text) for t, m in of_type(conductor, "marker")] == [
        (0, "Verse"),
        (BAR, "Chorus"),
    ]


def test_output_has_one_instrument_one_track_one_channel() -> None:
    song = replace(SONG, tracks=(MELODY, replace(MELODY, name="Second"), BEAT))
    tracks = messages(to_bytes(song))[1:]
    channels = [{m.channel for _, m in track if not m.is_meta} for track in tracks]
    assert channels == [{0}, {1}, {9}]


def test_output_keeps_the_channels_that_tracks_ask_for() -> None:
    asked = tuple(replace(MELODY, channel=c) for c in (3, None, 0, 3, 9))
    tracks = messages(to_bytes(replace(SONG, tracks=asked)))[1:]
    channels = [next(m.channel for _, m in track if not m.is_meta) for track in tracks]
    assert channels == [3, 1, 0, 2, 4]


def test_output_beyond_sixteen_channels_shares_them_by_program() -> None:
    tracks = tuple(
        Track(notes=Notes.of([(i, 10, 60 + i, 90)]), program=i % 12, name=str(i)) for i in range(30)
    )
    song = Song(tracks=(*tracks, BEAT), length=BAR)
    reading = parse(to_bytes(song))
    assert [track.program for track in reading.song.tracks[:30]] == [i % 12 for i in range(30)]
    by_program = {(t.program, t.channel) for t in reading.song.tracks if not t.is_drum}
    assert len(by_program) == 12
    assert reading.song.note_count == song.note_count


def test_output_of_128_programs_still_fits_and_keeps_every_note() -> None:
    tracks = tuple(
        Track(notes=Notes.of([(i, 10, i, 90)]), program=i, name=str(i)) for i in range(128)
    )
    song = parse(to_bytes(Song(tracks=tracks, length=BAR))).song
    assert [track.notes for track in song.tracks] == [track.notes for track in tracks]
    assert not any(track.is_drum for track in song.tracks)


@pytest.mark.parametrize("ticks_per_quarter", [24, 96, 480, 960])
def test_output_keeps_the_songs_ticks(ticks_per_quarter: int) -> None:
    data = to_bytes(replace(SONG, ticks_per_quarter=ticks_per_quarter))
    assert mido.MidiFile(file=io.BytesIO(data)).ticks_per_beat == ticks_per_quarter


def test_output_ends_every_track_at_the_same_tick() -> None:
    for track in messages(to_bytes(SONG)):
        tick, last = track[-1]
        assert (tick, last.type) == (SONG.length, "end_of_track")
        assert len(of_type(track, "end_of_track")) == 1


def test_output_cuts_notes_that_ring_over_the_end() -> None:
    song = song_of((BAR - 10, 500, 60, 90), (BAR, 10, 62, 90), (BAR + 5, 10, 64, 90))
    notes = parse(to_bytes(song)).song.tracks[0].notes
    assert notes == Notes.of([(BAR - 10, 10, 60, 90)])


def test_output_has_nothing_after_the_end() -> None:
    song = replace(
        song_of((0, 10, 60, 90), controls=Controls.of([(BAR + 1, 7, 100)])),
        tempos=(Tempo(0), Tempo(BAR, 400_000)),
        meters=(Meter(0), Meter(BAR, 3, 4)),
        markers=(Marker(BAR, "late"),),
    )
    for track in messages(to_bytes(song)):
        assert [(t, m.type) for t, m in track if t >= BAR] == [(BAR, "end_of_track")]


def test_output_lifts_a_pedal_that_is_down_at_the_end() -> None:
    song = song_of((0, 10, 60, 90), controls=Controls.of([(0, SUSTAIN_PEDAL, 127)]))
    changes = of_type(messages(to_bytes(song))[1], "control_change")
    assert [(t, m.value) for t, m in changes] == [(0, 127), (BAR, 0)]


def test_output_puts_notes_before_the_start_at_0() -> None:
    notes = parse(to_bytes(song_of((-20, 100, 60, 90)))).song.tracks[0].notes
    assert notes == Notes.of([(0, 80, 60, 90)])


def test_output_orders_one_tick_as_note_offs_then_controls_then_note_ons() -> None:
    rows = [(0, 480, 60, 90), (480, 480, 60, 90), (480, 480, 64, 90)]
    controls = Controls.of([(0, 7, 100), (480, 7, 90), (480, PITCH_BEND, 0)])
    track = messages(to_bytes(song_of(*rows, program=5, controls=controls)))[1]
    kinds = [message.type for tick, message in track if tick == 480]
    assert kinds == ["note_off", "control_change", "pitchwheel", "note_on", "note_on"]
    kinds = [message.type for tick, message in track if tick == 0]
    assert kinds == ["control_change", "program_change", "note_on"]


def test_output_has_no_same_pitch_overlap_and_keeps_the_louder_duplicate() -> None:
    song = song_of((0, 480, 60, 50), (0, 480, 60, 80), (240, 480, 60, 70))
    notes = parse(to_bytes(song)).song.tracks[0].notes
    assert notes == Notes.of([(0, 240, 60, 80), (240, 480, 60, 70)])


def test_output_has_no_overlap_across_tracks_that_share_a_channel() -> None:
    first = Track(notes=Notes.of([(0, 480, 36, 50), (960, 100, 36, 90)]), is_drum=True)
    second = Track(notes=Notes.of([(0, 10, 36, 80), (980, 100, 36, 70)]), is_drum=True)
    song = parse(to_bytes(Song(tracks=(first, second), length=BAR))).song
    assert [track.notes.table().tolist() for track in song.tracks] == [
        [[960, 20, 36, 90]],
        [[0, 10, 36, 80], [980, 100, 36, 70]],
    ]


def test_output_velocities_are_1_to_127() -> None:
    song = song_of((0, 10, 60, 0), (10, 10, 60, 300))
    assert parse(to_bytes(song)).song.tracks[0].notes.velocity.tolist() == [1, 127]


def test_output_has_drums_on_channel_10_with_their_short_notes() -> None:
    track = messages(to_bytes(SONG))[2]
    assert {m.channel for _, m in track if not m.is_meta} == {9}
    assert [t for t, _ in of_type(track, "note_off")] == [60, 540]


def test_output_has_one_program_change_per_melodic_track_at_tick_0() -> None:
    _, melody, beat = messages(to_bytes(SONG))
    assert [(t, m.program) for t, m in of_type(melody, "program_change")] == [(0, 5)]
    assert of_type(beat, "program_change") == []


def test_output_names_a_kit_other_than_the_standard() -> None:
    track = messages(to_bytes(replace(SONG, tracks=(replace(BEAT, program=25),))))[1]
    assert [m.program for _, m in of_type(track, "program_change")] == [25]


def test_output_without_program_changes_has_none() -> None:
    for track in messages(to_bytes(SONG, program_changes=False)):
        assert of_type(track, "program_change") == []


def test_output_has_one_tempo_and_one_metre_unless_the_song_has_more() -> None:
    conductor = messages(to_bytes(song_of((0, 10, 60, 90))))[0]
    assert [t for t, _ in of_type(conductor, "set_tempo")] == [0]
    assert [t for t, _ in of_type(conductor, "time_signature")] == [0]


def test_output_has_a_key_signature_only_when_the_key_is_known() -> None:
    assert of_type(messages(to_bytes(replace(SONG, key=None)))[0], "key_signature") == []


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize("is_minor", [False, True])
def test_output_can_say_every_key(tonic: int, is_minor: bool) -> None:
    key = Key(tonic, is_minor)
    assert parse(to_bytes(replace(SONG, key=key))).song.key == key


def test_output_names_are_printable_utf_8_of_at_most_64_characters() -> None:
    name = "Été\x00 \x1b[31m太鼓\n../../etc " + "x" * 100
    data = to_bytes(replace(SONG, tracks=(replace(MELODY, name=name),)))
    (_, message), *_ = of_type(messages(data)[1], "track_name")
    assert message.name.startswith("Été [31m太鼓 etc xxx")
    assert len(message.name) == 64
    assert "Été [31m太鼓".encode() in data


def test_output_recipe_is_a_text_event_on_track_0() -> None:
    recipe = "musegen 0.1.0 generate seed=7 model=melody-small"
    data = to_bytes(SONG, recipe=recipe)
    assert [(t, m.text) for t, m in of_type(messages(data)[0], "text")] == [(0, recipe)]
    reading = parse(data)
    assert reading.recipe == recipe
    assert reading.left_out == ()


def test_output_of_the_same_song_is_the_same_bytes() -> None:
    assert to_bytes(SONG) == to_bytes(replace(SONG, tracks=(MELODY, BEAT)))


# Round trips


NAMES = st.text(max_size=80).map(printable)
METERS = st.sampled_from([(4, 4), (3, 4), (2, 4), (6, 8), (12, 8), (5, 4), (7, 8), (3, 2)])


@st.composite
def songs(draw: st.DrawFn) -> Song:
    """Songs that a MIDI file can hold: no overlaps, drums on their channel, ends on bar lines."""
    ticks_per_quarter = draw(st.sampled_from([24, 96, 220, 480, 960]))
    meters, tick = [], 0
    for numerator, denominator in draw(st.lists(METERS, min_size=1, max_size=3)):
        meters.append(Meter(tick, numerator, denominator))
        tick += draw(st.integers(1, 4)) * meters[-1].bar_ticks(ticks_per_quarter)
    length = tick
    ticks = st.integers(0, length - 1)
    tempos = draw(st.dictionaries(ticks, st.integers(60_000, 12_000_000), max_size=4))
    channels = draw(st.lists(st.integers(0, 15), unique=True, max_size=5))
    control = st.one_of(
        st.tuples(ticks, st.sampled_from([0, 1, 7, 10, 11, 66, 101, 121]), st.integers(0, 127)),
        st.tuples(ticks, st.just(PITCH_BEND), st.integers(-8192, 8191)),
        st.tuples(ticks, st.just(CHANNEL_PRESSURE), st.integers(0, 127)),
    )
    note = st.tuples(ticks, st.integers(1, length), st.integers(0, 127), st.integers(1, 127))
    tracks = tuple(
        Track(
            notes=Notes.of(draw(st.lists(note, min_size=1, max_size=12)))
            .without_overlaps()
            .between(0, length),
            program=draw(st.integers(0, 127)),
            is_drum=channel == 9,
            name=draw(NAMES),
            channel=channel,
            controls=Controls.of(draw(st.lists(control, max_size=6))),
        )
        for channel in channels
    )
    return Song(
        tracks=tracks,
        length=length,
        ticks_per_quarter=ticks_per_quarter,
        tempos=tuple(Tempo(at, us) for at, us in sorted({0: 500_000, **tempos}.items())),
        meters=tuple(meters),
        key=draw(st.none() | st.builds(Key, st.integers(0, 11), st.booleans())),
        markers=tuple(
            Marker(at, text)
            for at, text in sorted(draw(st.dictionaries(ticks, NAMES, max_size=3)).items())
            if text
        ),
        name=draw(NAMES),
    )


@given(songs())
@settings(deadline=None)
def test_a_song_survives_midi(song: Song) -> None:
    reading = parse(to_bytes(song))
    assert reading.song == song
    assert reading.repairs == ()
    assert reading.left_out == ()


@given(st.binary(max_size=60), st.integers(0, 200))
@settings(deadline=None)
def test_no_bytes_raise_anything_but_our_own_errors(noise: bytes, at: int) -> None:
    whole = to_bytes(SONG)
    for data in (noise, whole[:at] + noise, whole[:at] + noise + whole[at + len(noise) :]):
        line = ""
        try:
            song = parse(data, "noise.mid").song
        except MusegenError as error:
            song, line = Song(), str(error)
        assert parse(to_bytes(song)).repairs == ()
        assert not line or (line.startswith("noise.mid: ") and "\n" not in line)


def test_trailing_silence_is_kept_to_the_bar() -> None:
    song = song_of((0, 480, 60, 90), length=8 * BAR, channel=0)
    assert parse(to_bytes(song)).song == song


def test_tracks_without_notes_are_written_and_reported() -> None:
    silent = Track(program=40, name="Silent")
    data = to_bytes(replace(SONG, tracks=(MELODY, silent)))
    assert len(messages(data)) == 3
    reading = parse(data)
    assert [track.name for track in reading.song.tracks] == ["Melody"]
    assert reading.left_out == ("tracks without notes: 1",)


# What reading makes of a file


def file_of(*tracks: list[Any], **settings: Any) -> bytes:
    """A file of mido messages whose `time` is the delta."""
    file = mido.MidiFile(**{"type": 1, "ticks_per_beat": 480, **settings})
    file.tracks += [mido.MidiTrack(track) for track in tracks]
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def on(pitch: int = 60, time: int = 0, velocity: int = 90, channel: int = 0) -> Any:
    return mido.Message("note_on", note=pitch, time=time, velocity=velocity, channel=channel)


def off(pitch: int = 60, time: int = 480, channel: int = 0) -> Any:
    return mido.Message("note_off", note=pitch, time=time, channel=channel)


def program(number: int, time: int = 0, channel: int = 0) -> Any:
    return mido.Message("program_change", program=number, time=time, channel=channel)


def meta(kind: str, time: int = 0, **values: Any) -> Any:
    return mido.MetaMessage(kind, time=time, **values)


def end(time: int = 0) -> Any:
    return meta("end_of_track", time=time)


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
    assert "type 2: only sequence 2 was taken" in reading.left_out


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
    assert "notes of no length dropped: 1" in reading.repairs
    reading = parse(file_of([on(36, channel=9), off(36, 0, channel=9)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 60, 36, 90)])
    assert reading.repairs == ()


def test_notes_that_never_end_last_to_the_next_the_tracks_end_or_four_bars() -> None:
    reading = parse(file_of([on(), on(62, 480), on(62, 480), end(9600)]))
    assert reading.song.tracks[0].notes == Notes.of(
        [(0, 4 * BAR, 60, 90), (480, 480, 62, 90), (960, 4 * BAR, 62, 90)]
    )
    assert reading.repairs == ("notes that never ended closed: 3",)
    reading = parse(file_of([on(), end(100)]))
    assert reading.song.tracks[0].notes == Notes.of([(0, 100, 60, 90)])


def test_note_offs_without_a_note_are_reported() -> None:
    assert parse(file_of([off(), on(), off()])).repairs == ("note-offs without a note ignored: 1",)


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
    assert reading.repairs == (
        "impossible tempos ignored: 2",
        "impossible time signatures ignored: 2",
    )


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


# Broken files, byte by byte


def bytes_of(text: str) -> bytes:
    """Bytes from hexadecimal lines with comments."""
    return bytes.fromhex(" ".join(line.split("#")[0] for line in text.splitlines()))


HEADER = """
    4d 54 68 64  00 00 00 06  # MThd, 6 bytes
    00 00  00 01  01 e0       # type 0, 1 track, 480 ticks a quarter
"""
NOTE = """
    00  90 3c 5a              # C4 on
    83 60  80 3c 40           # after 480 ticks, off
"""
TRACK = """
    4d 54 72 6b  00 00 00 0d  # MTrk, 13 bytes
""" + NOTE + """
    00  ff 2f 00              # end
"""  # fmt: skip
GOOD = bytes_of(HEADER + TRACK)


def test_the_plain_file_reads_clean() -> None:
    reading = parse(GOOD)
    assert (reading.repairs, reading.left_out) == ((), ())
    assert reading.song == song_of((0, 480, 60, 90), channel=0)


@pytest.mark.parametrize(
    ("data", "nature"),
    [
        (b"", "empty"),
        (b"not music\n", "text"),
        (b"<html></html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "RIFF"),
        (b"SMF2CLIP", "MIDI 2.0"),
        (b"MTrk\x00\x00\x00\x00", "header"),
        (bytes(range(128, 200)), "something else"),
    ],
)
def test_what_is_no_midi_file_is_named(data: bytes, nature: str) -> None:
    with pytest.raises(UnreadableError, match=rf"^x\.mid: not a MIDI file but .*{nature}"):
        parse(data, "x.mid")


@pytest.mark.parametrize("length", [4, 10, 13, 14, 21, 23, 25, 28, 29])
def test_a_file_cut_off_in_the_middle_is_refused_in_one_line(length: int) -> None:
    with pytest.raises(UnreadableError, match=r"^x\.mid: .*; export the file again$"):
        parse(GOOD[:length], "x.mid")


def test_a_file_cut_off_between_two_events_is_read() -> None:
    assert "track 1 is shorter than it claims" in parse(GOOD[:26]).repairs


HARMLESS = {
    "a prefix before the header": ("00" * 128 + HEADER + TRACK, True),
    "a RIFF wrapper": ("52494646 00000000 524d4944 64617461 00000000" + HEADER + TRACK, True),
    "a header of 10 bytes": (
        "4d546864 0000000a 0000 0001 01e0 00000000" + TRACK,
        False,
    ),
    "a header that claims 65535 tracks": ("4d546864 00000006 0001 ffff 01e0" + TRACK, False),
    "a header that claims no track": ("4d546864 00000006 0001 0000 01e0" + TRACK, False),
    "type 7": ("4d546864 00000006 0007 0001 01e0" + TRACK, False),
    "division 0": ("4d546864 00000006 0000 0001 0000" + TRACK, True),
    "an unknown chunk": (HEADER + "58464948 00000002 0102" + TRACK, False),
    "a track of no bytes": (HEADER + "4d54726b 00000000" + TRACK, False),
    "garbage after the last track": (HEADER + TRACK + "00 01 02 03 00 00 00 00 00", True),
    "a track length that is too big": (HEADER + "4d54726b 7fffffff" + NOTE + "00 ff2f00", True),
    "no end of track": (HEADER + "4d54726b 00000009" + NOTE, False),
    "events after the end": (
        HEADER + "4d54726b 00000016" + NOTE + "00 ff2f00" + NOTE,
        False,
    ),
    "a data byte above 127": (
        HEADER + "4d54726b 0000000d 00 90 3c da 8360 80 3c 40 00 ff2f00",
        False,
    ),
}


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_fault_costs_nothing(case: str) -> None:
    text, is_reported = HARMLESS[case]
    reading = parse(bytes_of(text))
    assert reading.song.tracks[0].notes.table()[:, :3].tolist() == [[0, 480, 60]]
    assert bool(reading.repairs) == is_reported


def test_a_damaged_track_does_not_cost_the_others() -> None:
    damaged = "4d54726b 00000003 00 f4 00"  # an undefined status
    reading = parse(bytes_of(HEADER + damaged + TRACK))
    assert reading.song.note_count == 1
    assert reading.repairs[0].startswith("track 1 is damaged")


def test_smpte_time_is_converted_through_seconds() -> None:
    data = bytes_of(
        """
        4d546864 00000006 0000 0001
        e7 28                       # 25 frames a second, 40 ticks a frame: 1 ms
        4d54726b 00000014
        00  ff 51 03 0f 42 40       # a quarter lasts 1 s
        00  90 3c 5a
        87 68  80 3c 40             # after 1000 ticks
        00  ff 2f 00
        """
    )
    song = parse(data).song
    assert song.tracks[0].notes == Notes.of([(0, 480, 60, 90)])
    assert song.tempos == (Tempo(0, 1_000_000),)
    assert seconds(song) == pytest.approx(4)


def test_smpte_time_runs_through_a_tempo_change() -> None:
    data = bytes_of(
        """
        4d546864 00000006 0000 0001  e7 28
        4d54726b 00000016
        00  90 3c 5a
        87 68  ff 51 03 03 d0 90    # after 1 s: a quarter lasts 0.25 s
        87 68  80 3c 40             # at 2 s
        00  ff 2f 00
        """
    )
    song = parse(data).song
    assert song.tempos == (Tempo(0), Tempo(960, 250_000))
    assert song.tracks[0].notes == Notes.of([(0, 960 + 4 * 480, 60, 90)])


# Limits, files and folders


def test_limits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LimitError, match="16 MiB"):
        parse(bytes(16 * 2**20 + 1), "big.mid")
    with pytest.raises(LimitError, match="100,000 bars"):
        parse(file_of([on(time=2**27), off()], ticks_per_beat=1), "long.mid")
    monkeypatch.setattr(midi, "MAX_NOTES", 1)
    with pytest.raises(LimitError, match="more than 1 notes"):
        parse(to_bytes(SONG))
    monkeypatch.setattr(midi, "MAX_TRACKS", 2)
    with pytest.raises(LimitError, match="more than 2 tracks"):
        parse(to_bytes(SONG))


def test_read_takes_paths_and_open_files(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(GOOD)
    assert read(path) == read(str(path))
    with path.open("rb") as file:
        assert read(file).song == read(path).song
    assert read(io.BytesIO(GOOD)).name == "input"


@pytest.mark.parametrize("name", ["missing.mid", "", "a\0b"])
def test_read_says_why_a_path_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableError, match=r"no such file|is a directory|cannot be read"):
        read(f"{tmp_path}/{name}")


def test_write_then_read(tmp_path: Path) -> None:
    path = write(SONG, tmp_path / "song.mid", recipe="musegen test")
    assert path.read_bytes() == to_bytes(SONG, recipe="musegen test")
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_never_overwrites_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        write(SONG, path)
    assert path.read_bytes() == b"mine"
    write(SONG, path, overwrite=True)
    assert path.read_bytes() == to_bytes(SONG)
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_follows_no_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target.mid", tmp_path / "link.mid"
    target.write_bytes(b"mine")
    link.symlink_to(target)
    with pytest.raises(OutputError, match="exists"):
        write(SONG, link)
    write(SONG, link, overwrite=True)
    assert target.read_bytes() == b"mine"


def test_write_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    path = write(SONG, tmp_path / "song.mid")
    assert path.read_bytes() == to_bytes(SONG)
    with pytest.raises(OutputError, match="exists"):
        write(SONG, path)
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_into_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no such directory"):
        write(SONG, tmp_path / "missing" / "song.mid")
    with pytest.raises(OutputError, match=r"cannot be written|exists"):
        write(SONG, tmp_path)


@given(st.text())
def test_a_printable_name_is_printable_already(text: str) -> None:
    name = printable(text)
    assert printable(name) == name
    assert name.isprintable()
    assert len(name) <= 64
