"""Song -> MIDI -> Song: the output rules, one test each, then round trips."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import BAR, BEAT, MELODY, SONG, messages, of_type, song_of

from musegen.errors import MusegenError, OutputError
from musegen.midi import parse, printable, shared_programs, to_bytes
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


def programs_and_channels(programs: list[int]) -> tuple[list[int], list[int]]:
    """What tracks of these programs come back as."""
    tracks = tuple(Track(Notes.of([(i, 10, i, 90)]), p) for i, p in enumerate(programs))
    tracks = parse(to_bytes(Song(tracks, length=BAR))).song.tracks
    assert [t.notes.pitch.tolist() for t in tracks] == [[i] for i in range(len(programs))]
    return [t.program for t in tracks], [t.channel for t in tracks if t.channel is not None]


def test_output_beyond_sixteen_channels_shares_them_by_program() -> None:
    asked = [i % 12 for i in range(30)]
    programs, channels = programs_and_channels(asked)
    assert programs == asked
    assert channels[:15] == [c for c in range(16) if c != 9]  # first come, first served
    assert channels[15:] == [channels[p] for p in asked[15:]]


@pytest.mark.parametrize(
    ("asked", "changed"),
    [
        ([*range(0, 120, 8), 1], {15: 0}),  # the family
        ([*range(0, 120, 8), 127], {15: 112}),  # the nearest where the family is not there
        ([*range(0, 120, 8), 0, 0, 126], {17: 112}),  # only what is left over
        ([*range(0, 120, 8), 127, 127], {14: 104}),  # one track rather than two
        ([3, *range(15), 3, 14], {}),  # a program of a late track has its channel
    ],
)
def test_output_changes_as_few_programs_as_it_can(
    asked: list[int], changed: dict[int, int]
) -> None:
    programs, channels = programs_and_channels(asked)
    assert {i: p for i, p in enumerate(programs) if p != asked[i]} == changed
    assert len(set(channels)) == 15


def test_programs_that_change_are_told() -> None:
    tracks = [Track(program=i * 8, name=f"T{i}") for i in range(15)]
    assert shared_programs(Song(tuple(tracks))) == ()
    late = (BEAT, replace(BEAT, program=25), Track(program=127, name="Bang\x1b"), Track(program=8))
    assert shared_programs(Song((*tracks, *late))) == (
        "track 17 (Beat): Analog Kit becomes Standard Kit; MIDI has one drum kit at a time",
        "track 18 (Bang): Gunshot becomes Tinkle Bell; MIDI has 15 instruments at a time",
    )


def test_output_of_a_shared_channel_has_its_controls_once() -> None:
    controls = Controls.of([(0, 7, 100), (0, 10, 20)])
    more = Controls.of([(0, 7, 100), (5, 7, 80), (480, PITCH_BEND, 9)])
    beats = tuple(replace(BEAT, controls=c) for c in (controls, more, controls, Controls()))
    data = to_bytes(Song(beats, length=BAR))
    written = [of_type(track, "control_change", "pitchwheel") for track in messages(data)[1:]]
    assert [len(track) for track in written] == [5, 0, 0, 0]
    assert {track.controls.table().tobytes() for track in parse(data).song.tracks} == {
        Controls.of(
            [(0, 7, 100), (0, 10, 20), (5, 7, 80), (480, PITCH_BEND, 9), (BAR, PITCH_BEND, 0)]
        )
        .table()
        .tobytes()
    }


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


def test_output_ends_a_bend_that_is_in_force_at_the_end() -> None:
    song = song_of((0, 10, 60, 90), controls=Controls.of([(0, PITCH_BEND, 99), (BAR, 7, 5)]))
    track = messages(to_bytes(song))[1]
    assert [(t, m.pitch) for t, m in of_type(track, "pitchwheel")] == [(0, 99), (BAR, 0)]
    assert [m.type for t, m in track if t == BAR] == [
        "control_change",
        "pitchwheel",
        "end_of_track",
    ]
    assert to_bytes(parse(to_bytes(song)).song) == to_bytes(song)


def test_output_counts_only_the_controls_before_the_end() -> None:
    controls = [(0, SUSTAIN_PEDAL, 127), (0, PITCH_BEND, 9), (BAR + 1, PITCH_BEND, 0)]
    song = song_of((BAR - 1, 5, 60, 90), controls=Controls.of([*controls, (BAR + 1, 64, 0)]))
    track = messages(to_bytes(song))[1]
    assert [m.type for t, m in track if t == BAR] == [
        "note_off",
        "control_change",
        "pitchwheel",
        "end_of_track",
    ]


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
            controls=Controls.of([*rows, (length, PITCH_BEND, 0)] if rows else ()),
        )
        for channel in channels
        for rows in [draw(st.lists(control, max_size=6))]
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


CHANGES = st.tuples(
    st.integers(0, BAR + 1), st.sampled_from([7, SUSTAIN_PEDAL, PITCH_BEND]), st.integers(0, 127)
)


@given(
    st.lists(
        st.builds(
            Track,
            program=st.one_of(st.integers(0, 9), st.integers(0, 127)),
            is_drum=st.sampled_from([False, False, False, True]),
            channel=st.none() | st.integers(0, 15),
            controls=st.lists(CHANGES, max_size=3).map(Controls.of),
        ),
        max_size=25,
    )
)
@settings(deadline=None)
def test_a_song_read_from_midi_survives_midi_however_many_tracks(tracks: list[Track]) -> None:
    sounding = tuple(
        replace(track, notes=Notes.of([(i, 10, i, 90)])) for i, track in enumerate(tracks)
    )
    song = parse(to_bytes(Song(sounding, length=BAR))).song
    assert parse(to_bytes(song)).song == song
    assert len(song.tracks) == len(tracks)
    assert shared_programs(song) == ()
    lost = [a.name for a, b in zip(sounding, song.tracks, strict=True) if a.program != b.program]
    assert len(lost) == len(shared_programs(Song(sounding)))


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


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ticks_per_quarter": 0}, "ticks a quarter of 0"),
        ({"ticks_per_quarter": 70_000}, "ticks a quarter of 70000"),
        ({"length": -5}, "a length of -5"),
        ({"length": 2**62}, "a length of 4611686018427387904"),
        ({"tempos": (Tempo(0, 2**24),)}, "a tempo in microseconds of 16777216"),
        ({"meters": (Meter(0, 300, 4),)}, "a part of a metre of 300"),
        ({"meters": (Meter(0, 4, 0),)}, "a part of a metre of 0"),
        ({"meters": (Meter(0, 4, 12),)}, "a metre of 4/12"),
        ({"markers": (Marker(-5, "A"),)}, "a marker's place of -5"),
        ({"tracks": (replace(MELODY, program=300),)}, "a program of 300"),
        (
            {"tracks": (replace(MELODY, controls=Controls.of([(0, 300, 0)])),)},
            "a controller of 300",
        ),
    ],
)
def test_what_midi_cannot_say_is_refused_in_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(OutputError, match=rf"^{said} is none of MIDI"):
        to_bytes(replace(SONG, **changes))


def test_numbers_may_be_those_of_arrays() -> None:
    number: Any = np.int64
    song = replace(SONG, tempos=tuple(Tempo(t.tick, number(t.microseconds)) for t in SONG.tempos))
    assert to_bytes(song) == to_bytes(SONG)


def test_a_long_wait_is_written_in_steps() -> None:
    rows = ((0, 480, 60, 90), (3 * 2**28, 480, 62, 90))
    song = replace(song_of(*rows, length=2**30), ticks_per_quarter=32767)
    reading = parse(to_bytes(song))
    assert reading.repairs == ()
    assert reading.song.tracks[0].notes == song.tracks[0].notes


def test_many_tracks_on_one_channel_are_kept_apart() -> None:
    rng = np.random.default_rng(1)
    tracks = tuple(
        Track(Notes(np.sort(rng.integers(0, 9000, 50)), *np.full((3, 50), 60)), is_drum=True)
        for _ in range(300)
    )
    song = Song(tracks, 9600)
    reading = parse(to_bytes(song))
    assert reading.repairs == ()
    starts = np.concatenate([track.notes.start for track in reading.song.tracks])
    assert len(np.unique(starts)) == len(starts)
    assert set(starts) == {int(s) for track in tracks for s in track.notes.start}
