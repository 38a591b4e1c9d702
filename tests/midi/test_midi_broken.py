"""Broken files: what is read of each, what is said of it, and what is refused."""

from __future__ import annotations

import pytest
from broken_files import C4, CASES, END, track
from midi_files import GOOD, HEADER, NOTE, TRACK, bytes_of, song_of

from musegen.errors import UnreadableError
from musegen.midi import Reading, parse
from musegen.midi.repairs import WORDS
from musegen.song import Meter, Notes, Tempo
from musegen.time import seconds


def notes_of(reading: Reading) -> list[tuple[int, int, int]]:
    """All notes as (start, duration, pitch), track by track."""
    tables = [track.notes.table()[:, :3].tolist() for track in reading.song.tracks]
    return [(start, duration, pitch) for table in tables for start, duration, pitch in table]


@pytest.mark.parametrize("case", CASES)
def test_what_a_player_plays_is_read(case: str) -> None:
    text, notes, repairs = CASES[case]
    reading = parse(bytes_of(text), "x.mid")
    assert notes_of(reading) == notes
    assert [(r.code, r.track, r.byte) for r in reading.repairs] == repairs


@pytest.mark.parametrize("case", CASES)
def test_strict_reading_refuses_what_would_be_repaired(case: str) -> None:
    text, notes, repairs = CASES[case]
    data = bytes_of(text)
    if not repairs:
        assert notes_of(parse(data, strict=True)) == notes
        return
    first = parse(data).repairs[0]
    with pytest.raises(UnreadableError) as caught:
        parse(data, "x.mid", strict=True)
    assert str(caught.value) == f"x.mid: {first}; 'musegen repair' mends it"


def test_every_kind_of_repair_has_a_case() -> None:
    met = {code for _, _, repairs in CASES.values() for code, _, _ in repairs}
    assert set(WORDS) - met == {"late"}  # see below


def test_repairs_are_counted_and_told_in_words() -> None:
    (repair,) = parse(bytes_of(CASES["impossible tempos"][0])).repairs
    assert repair.count == 4
    assert str(repair) == "track 1, byte 22: impossible tempo ignored (4 times)"
    (repair,) = parse(bytes_of(CASES["type 7"][0])).repairs
    assert str(repair) == "byte 8: a type that does not fit the tracks: read as type 1"


def test_the_plain_file_reads_clean() -> None:
    reading = parse(GOOD)
    assert (reading.repairs, reading.left_out) == ((), ())
    assert reading.song == song_of((0, 480, 60, 90), channel=0)


@pytest.mark.parametrize(
    ("data", "nature"),
    [
        (b"", "empty"),
        (b"not music\n", "text"),
        (b"MThd is how a MIDI file begins, and this is none", "text"),
        (b"<html></html>", "HTML"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"PK\x03\x04", "zip"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "RIFF"),
        (b"SMF2CLIP", "MIDI 2.0"),
        (b"MTrk\x00\x00\x00\x00", "header"),
        (b"\xf0\x7e\x7f\x09\x01\xf7", "system exclusive"),
        (bytes(range(128, 200)), "something else"),
    ],
)
def test_what_is_no_midi_file_is_named(data: bytes, nature: str) -> None:
    with pytest.raises(UnreadableError, match=rf"^x\.mid: not a MIDI file but .*{nature}"):
        parse(data, "x.mid")


@pytest.mark.parametrize("length", [4, 10, 13, 14])
def test_a_file_cut_off_before_its_tracks_is_refused_in_one_line(length: int) -> None:
    with pytest.raises(UnreadableError, match=r"^x\.mid: .*; export the file again$"):
        parse(GOOD[:length], "x.mid")


@pytest.mark.parametrize("length", range(22, len(GOOD)))
def test_a_file_cut_off_anywhere_later_keeps_what_came_before(length: int) -> None:
    reading = parse(GOOD[:length], "x.mid")
    assert reading.song.note_count == 0 if length < 26 else reading.song.note_count <= 1
    assert reading.song.note_count == 1 or length < 31
    assert "track-length" in {repair.code for repair in reading.repairs}


def test_a_damaged_track_does_not_cost_the_others() -> None:
    damaged = track("00 90 3e 5a 83")  # ends in a time
    file = f"4d546864 00000006 0001 0002 01e0 {damaged} {TRACK}"
    reading = parse(bytes_of(file))
    assert {60} <= {int(p) for t in reading.song.tracks for p in t.notes.pitch}
    assert reading.repairs[0].track == 1


def test_times_beyond_any_song_end_their_track() -> None:
    wait = "ff ff ff 7f b0 07 40 " * 2100  # 2 ** 28 ticks before each change of volume
    reading = parse(bytes_of(f"{HEADER} {track(NOTE + wait + END)}"))
    assert notes_of(reading) == C4
    assert [repair.code for repair in reading.repairs] == ["late", "no-end"]


def test_the_length_comes_from_the_notes_where_the_end_is_hours_late() -> None:
    reading = parse(bytes_of(f"{HEADER} {track(NOTE + ' ff ff ff 7f ff 2f 00')}"))
    assert (notes_of(reading), reading.song.length) == (C4, 1920)


def test_a_note_that_never_ends_lasts_four_bars_at_most() -> None:
    reading = parse(bytes_of(f"{HEADER} {track('00 90 3c 5a  90 80 80 00 b0 07 64' + END)}"))
    assert notes_of(reading) == [(0, 4 * 1920, 60)]


def test_a_tempo_on_a_later_track_is_obeyed() -> None:
    tempo = track("00 ff 51 03 0f 42 40" + END)  # a quarter lasts 1 s
    reading = parse(bytes_of(f"4d546864 00000006 0001 0002 01e0 {TRACK} {tempo}"))
    assert reading.song.tempos == (Tempo(0, 1_000_000),)


def test_a_type_2_file_has_several_sequences() -> None:
    other = track("00 90 40 5a  83 60 80 40 40" + END)
    empty = track(END)
    data = bytes_of(f"4d546864 00000006 0002 0003 01e0 {empty} {other} {TRACK}")
    assert notes_of(parse(data)) == [(0, 480, 64)]
    assert parse(data).left_out[0] == "type 2: only sequence 2 of 3 was taken"
    assert notes_of(parse(data, sequence=3)) == C4
    assert notes_of(parse(data, sequence=1)) == []
    for number in (4, 0, -1):
        with pytest.raises(
            UnreadableError, match=f"has 3 sequences: there is no sequence {number}"
        ):
            parse(data, sequence=number)
    silent = track("00 90 3c 5a  00 80 3c 40" + END)  # a note of no length is none
    assert notes_of(parse(bytes_of(f"4d546864 00000006 0002 0002 01e0 {silent} {other}"))) == [
        (0, 480, 64)
    ]
    with pytest.raises(UnreadableError, match=r"^x\.mid: has one sequence: there is no sequence 2"):
        parse(GOOD, "x.mid", sequence=2)
    assert notes_of(parse(GOOD, sequence=1)) == C4


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("50 69 61 6e 6f", "Piano"),
        ("e3 83 94 e3 82 a2 e3 83 8e", "ピアノ"),  # UTF-8
        ("83 73 83 41 83 6d", "ピアノ"),  # Shift-JIS
        ("42 6c e4 73 65 72", "Bläser"),  # Latin-1
        ("1b 5b 33 31 6d 50 00 69 07", "[31mPi"),  # ESC, NUL and BEL
        ("2e 2e 2f 2e 2e 2f 65 74 63", "etc"),  # ../../etc
    ],
)
def test_names_are_read_and_made_harmless(name: str, shown: str) -> None:
    event = f"00 ff 03 {len(bytes.fromhex(name)):02x} {name} "
    assert parse(bytes_of(f"{HEADER} {track(event + NOTE + END)}")).song.tracks[0].name == shown


def test_32_tracks_on_one_channel_are_32_instruments() -> None:
    tracks = "".join(track(NOTE + END) for _ in range(32))
    reading = parse(bytes_of(f"4d546864 00000006 0001 0020 01e0 {tracks}"))
    assert notes_of(reading) == 32 * C4
    assert reading.repairs == ()


def test_50_000_tempos_and_300_000_controllers_are_fine() -> None:
    tempos = "01 ff 51 03 07 a1 20 01 ff 51 03 07 a1 21" * 25_000
    volumes = "00 b0 07 40 00 07 41" + "00 07 42" * 299_998
    reading = parse(bytes_of(f"{HEADER} {track(tempos + volumes + NOTE + END)}"))
    assert len(reading.song.tempos) == 50_001
    assert len(reading.song.tracks[0].controls) == 300_000
    assert reading.repairs == ()


def test_a_file_without_notes_is_a_song_without_tracks() -> None:
    reading = parse(bytes_of(f"{HEADER} {track(END)}"))
    assert (reading.song.tracks, reading.song.length, reading.repairs) == ((), 0, ())


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
    reading = parse(data)
    song = reading.song
    assert song.tracks[0].notes == Notes.of([(0, 480, 60, 90)])
    assert song.tempos == (Tempo(0, 1_000_000),)
    assert seconds(song) == pytest.approx(4)
    assert (reading.repairs, reading.left_out) == ((), ("SMPTE time: put on 480 ticks a quarter",))


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


def test_bars_too_short_for_a_tick_are_no_metre() -> None:
    file = f"4d546864 00000006 0000 0001 0001 {track('00 ff 58 04 01 06 18 08' + NOTE + END)}"
    assert parse(bytes_of(file)).song.meters == (Meter(0, 1, 64),)
