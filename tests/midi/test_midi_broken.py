"""Broken files, byte by byte: what is read of each, and what is said of it.

Players play these files. A case is the file as hexadecimal, the notes that must come out as (start,
duration, pitch) in ticks, and the repairs that must be told as (code, track, byte).
"""

from __future__ import annotations

import pytest
from midi_files import GOOD, HEADER, NOTE, TRACK, bytes_of, song_of

from musegen.errors import UnreadableError
from musegen.midi import Reading, parse
from musegen.midi.repairs import WORDS
from musegen.song import Meter, Notes, Tempo
from musegen.time import seconds

MTRK = "4d 54 72 6b"
END = "00 ff 2f 00"
C4 = [(0, 480, 60)]
"""What `NOTE` is."""

Case = tuple[str, list[tuple[int, int, int]], list[tuple[str, int | None, int | None]]]


def track(body: str) -> str:
    """A track whose length is right."""
    return f"{MTRK} {len(bytes_of(body)):08x} {body}"


# fmt: off
CASES: dict[str, Case] = {
    # The file
    "MacBinary before the header": (
        f"""
        00 07 73 6f 6e 67 2e 6d 69 64  {"00 " * 118}  # 128 bytes with the name song.mid
        {HEADER} {TRACK}
        """,
        C4,
        [("prefix", None, 0)],
    ),
    "RIFF RMID": (
        f"""
        52 49 46 46  2f 00 00 00      # RIFF, 47 bytes
        52 4d 49 44                   # RMID
        64 61 74 61  23 00 00 00      # data, 35 bytes
        {HEADER} {TRACK}
        """,
        C4,
        [("wrapper", None, 0)],
    ),
    "RIFF RMID with other chunks": (
        f"""
        52 49 46 46  00 00 00 00  52 4d 49 44
        4c 49 53 54  05 00 00 00  49 4e 46 4f 00  00   # LIST, 5 bytes and one to fill
        64 61 74 61  23 00 00 00  {HEADER} {TRACK}  00  # data, 35 bytes and one to fill
        44 49 53 50  00 00 00 00                        # DISP
        """,
        C4,
        [("wrapper", None, 0)],
    ),
    "a header that claims 8 bytes and has 6": (
        f"4d 54 68 64  00 00 00 08  00 00  00 01  01 e0  {TRACK}",
        C4,
        [("header-length", None, 4)],
    ),
    "a header that claims no bytes": (
        f"4d 54 68 64  00 00 00 00  00 00  00 01  01 e0  {TRACK}",
        C4,
        [("header-length", None, 4)],
    ),
    "a header whose length is written backwards": (
        f"4d 54 68 64  06 00 00 00  00 00  00 01  01 e0  {TRACK}",
        C4,
        [("header-length", None, 4)],
    ),
    "a second file behind the first": (
        f"{HEADER} {TRACK}  {HEADER} {TRACK}",
        C4,
        [("garbage", None, 35)],
    ),
    "type 0 with two tracks": (
        f"4d 54 68 64  00 00 00 06  00 00  00 02  01 e0  {TRACK} {TRACK}",
        [*C4, *C4],
        [("format", None, 8)],
    ),
    "a header of 10 bytes": (
        f"""
        4d 54 68 64  00 00 00 0a      # MThd, 10 bytes
        00 00  00 01  01 e0           # type 0, 1 track, 480 ticks a quarter
        aa bb cc dd                   # what a later version of the format may say
        {TRACK}
        """,
        C4,
        [],
    ),
    "a header that claims 9 tracks": (
        f"4d 54 68 64  00 00 00 06  00 01  00 09  01 e0  {TRACK}",
        C4,
        [("track-count", None, 10)],
    ),
    "a header that claims 65535 tracks": (
        f"4d 54 68 64  00 00 00 06  00 01  ff ff  01 e0  {TRACK}",
        C4,
        [("track-count", None, 10)],
    ),
    "a header that claims no track": (
        f"4d 54 68 64  00 00 00 06  00 01  00 00  01 e0  {TRACK}",
        C4,
        [("track-count", None, 10)],
    ),
    "type 7": (
        f"4d 54 68 64  00 00 00 06  00 07  00 01  01 e0  {TRACK}",
        C4,
        [("format", None, 8)],
    ),
    "division 0": (
        f"4d 54 68 64  00 00 00 06  00 00  00 01  00 00  {TRACK}",
        C4,
        [("division", None, 12)],
    ),
    "an unknown chunk": (
        f"{HEADER}  58 46 49 48  00 00 00 02  01 02  {TRACK}  # XFIH, 2 bytes",
        C4,
        [],
    ),
    "garbage between the tracks": (
        f"{HEADER}  00 ff 00 ff 00 ff 00 ff 00 ff  {TRACK}",
        C4,
        [("garbage", None, 14)],
    ),
    "garbage after the last track": (
        f"{HEADER} {TRACK}  00 01 02 03 00 00 00 00 00",
        C4,
        [("garbage", None, 35)],
    ),
    "one byte after the last track": (f"{HEADER} {TRACK}  2a", C4, [("garbage", None, 35)]),
    # The length of a track
    "a track of no bytes": (
        f"4d 54 68 64  00 00 00 06  00 01  00 02  01 e0  {MTRK} 00 00 00 00  {TRACK}",
        C4,
        [("no-end", 1, 22)],
    ),
    "a track length that is too big": (
        f"{HEADER}  {MTRK}  00 00 01 00  {NOTE} {END}",
        C4,
        [("track-length", 1, 18)],
    ),
    "a track length of 7fffffff": (
        f"{HEADER}  {MTRK}  7f ff ff ff  {NOTE} {END}",
        C4,
        [("track-length", 1, 18)],
    ),
    "a track length that runs over the next track": (
        f"""
        4d 54 68 64  00 00 00 06  00 01  00 02  01 e0
        {MTRK}  00 00 00 22  {NOTE} {END}         # 34 bytes: both tracks
        {track("00 91 40 5a  83 60 81 40 40" + END)}
        """,
        [*C4, (0, 480, 64)],
        [("track-length", 1, 18)],
    ),
    "a track length that is too small": (
        f"""
        4d 54 68 64  00 00 00 06  00 01  00 02  01 e0
        {MTRK}  00 00 00 05  {NOTE} {END}
        {track("00 91 40 5a  83 60 81 40 40" + END)}
        """,
        [*C4, (0, 480, 64)],
        [("track-length", 1, 18)],
    ),
    "a track length that runs into the next track": (
        f"""
        4d 54 68 64  00 00 00 06  00 01  00 02  01 e0
        {MTRK}  00 00 00 14  {NOTE} {END}  00     # 20 bytes, 7 of them of the next track
        {track("00 91 40 5a  83 60 81 40 40" + END)}
        """,
        [*C4, (0, 480, 64)],
        [("garbage", None, 35), ("track-length", 1, 18)],
    ),
    "a track length that runs over the next track, without End-of-Track": (
        f"""
        4d 54 68 64  00 00 00 06  00 01  00 02  01 e0
        {MTRK}  00 00 00 1e  {NOTE}
        {track("00 91 40 5a  83 60 81 40 40" + END)}
        """,
        [*C4, (0, 480, 64)],
        [("track-length", 1, 18)],
    ),
    "notes whose numbers look like a track": (
        HEADER + track("""
            00  90 54 5a
            4d  54 72                 # M, T, r: C6 again, by running status
            6b  54 00                 # k
            00  54 00
        """ + END),
        [(0, 77, 84), (77, 107, 84)],
        [("overlap", 1, 26)],
    ),
    "a text that looks like a track, and a byte after the chunk": (
        HEADER + track("00 ff 01 04 4d 54 72 6b" + NOTE + END) + "00",
        C4,
        [("garbage", None, 43)],
    ),
    "a track length of 0": (
        f"{HEADER}  {MTRK}  00 00 00 00  {NOTE} {END}",
        C4,
        [("track-length", 1, 18)],
    ),
    # The end of a track
    "no End-of-Track": (f"{HEADER} {track(NOTE)}", C4, [("no-end", 1, 31)]),
    "events after End-of-Track": (
        f"{HEADER} {track(NOTE + END + ' 00 90 40 5a  60 80 40 40')}",
        C4,
        [("after-end", 1, 35)],
    ),
    "End-of-Track without its last byte": (
        f"{HEADER}  {MTRK}  00 00 00 0d  {NOTE}  00 ff 2f",
        C4,
        [("track-length", 1, 18)],
    ),
    "truncated in a note": (
        f"{HEADER}  {MTRK}  00 00 00 0d  {NOTE}  00 90 3e",
        C4,
        [("track-length", 1, 18), ("truncated", 1, 31)],
    ),
    "truncated in a time": (
        f"{HEADER}  {MTRK}  00 00 00 0d  {NOTE}  83",
        C4,
        [("track-length", 1, 18), ("truncated", 1, 31)],
    ),
    "an event that runs into the next chunk": (
        f"""
        4d 54 68 64  00 00 00 06  00 01  00 02  01 e0
        {track(NOTE + " 00 90 3e")}
        {track(END)}
        """,
        C4,
        [("truncated", 1, 31), ("no-end", 1, 34)],
    ),
    # Events
    "a data byte above 127": (
        HEADER + track("""
            00  90 da 5a              # a pitch of 218
            00  90 3c da              # a velocity of 218
            83 60  80 3c 40
            00  80 da 40
            00  b0 07 ff              # a volume of 255
            00  ff 2f 00
        """),
        C4,
        [("data-byte", 1, 22), ("velocity", 1, 26)],
    ),
    "running status with none before": (
        f"{HEADER} {track('00 3c 5a' + NOTE + END)}",
        C4,
        [("no-status", 1, 22)],
    ),
    "undefined statuses, and those of a wire": (
        HEADER + track("""
            00  f1 7f                 # time code
            00  f2 7f 7f              # song position
            00  f3 7f                 # song select
            00 f4  00 f5  00 f6       # undefined, undefined, tune request
            00 f8  00 f9  00 fa       # clock, undefined, start
            00 fb  00 fc  00 fd       # continue, stop, undefined
            00 fe                     # active sensing
        """ + NOTE + END),
        C4,
        [("status", 1, 22)],
    ),
    "running status across a meta event and system exclusive": (
        HEADER + track("""
            00  90 3c 5a
            00  ff 01 02 68 69        # a text
            83 60  3c 00              # C4 off, by the status before the text
            00  f0 03 7e 7f f7        # system exclusive
            00  40 5a                 # E4 on
            83 60  40 00
        """ + END),
        [*C4, (480, 480, 64)],
        [],
    ),
    "system exclusive that never ends": (
        f"{HEADER} {track(NOTE + ' 00 f0 7f 01 02 03 04')}",
        C4,
        [("sysex-length", 1, 31), ("no-end", 1, 38)],
    ),
    "a meta event past the end": (
        f"{HEADER} {track(NOTE + ' 00 ff 01 7f 68 69')}",
        C4,
        [("meta-length", 1, 31), ("no-end", 1, 37)],
    ),
    "a time of ten bytes": (
        HEADER + track("""
            00  90 3c 5a
            83 60  80 3c 40
            ff ff ff ff ff ff ff ff ff 00  90 40 5a   # -128 in 64 bits
            83 60  80 40 40
        """ + END),
        [*C4, (480, 480, 64)],
        [("delta", 1, 31)],
    ),
    "a time of five bytes": (
        f"{HEADER} {track(NOTE + ' 81 80 80 80 00  90 40 5a  83 60 80 40 40' + END)}",
        [*C4, (480, 480, 64)],
        [("delta", 1, 31)],
    ),
    "impossible tempos": (
        HEADER + track("""
            00  ff 51 03 00 00 00     # 0
            00  ff 51 03 b7 1b 01     # slower than 5 bpm
            00  ff 51 03 00 ea 5f     # faster than 1000 bpm
            00  ff 51 02 07 a1        # of 2 bytes
        """ + NOTE + END),
        C4,
        [("tempo", 1, 22)],
    ),
    "impossible metres": (
        HEADER + track("""
            00  ff 58 04 00 02 18 08  # 0/4
            00  ff 58 04 04 07 18 08  # 4/128
            00  ff 58 04 04 ff 18 08
            00  ff 58 02 03 02        # of 2 bytes
        """ + NOTE + END),
        C4,
        [("metre", 1, 22)],
    ),
    "impossible keys": (
        HEADER + track("""
            00  ff 59 02 ee 00        # 18 flats
            00  ff 59 02 00 ff        # mode 255
            00  ff 59 01 00           # of 1 byte
        """ + NOTE + END),
        C4,
        [("key", 1, 22)],
    ),
    # Notes
    "a note that never ends": (
        f"{HEADER} {track('00 90 3c 5a  83 60 b0 07 64' + END)}",
        C4,
        [("hanging", 1, 22)],
    ),
    "a note whose end is lost among others": (
        HEADER + track("""
            00  90 3c 5a
            60  90 3c 5a              # at 96: what began at 0 has not ended
            60  80 3c 40              # at 192
            60  90 3c 5a              # at 288
            60  80 3c 40              # at 384
        """ + END),
        [(0, 96, 60), (96, 96, 60), (288, 96, 60)],
        [("hanging", 1, 22)],
    ),
    "a note-off with no note": (
        f"{HEADER} {track('00 80 3c 40  00 90 40 00' + NOTE + END)}",
        C4,
        [("orphan-off", 1, 22)],
    ),
    "notes of one pitch over each other": (
        HEADER + track("""
            00  90 3c 5a
            60  90 3c 5a              # the same pitch at 96
            60  80 3c 40              # ends the first at 192, whose place was taken at 96
            60  80 3c 40              # ends the second at 288
        """ + END),
        [(0, 96, 60), (96, 192, 60)],
        [("overlap", 1, 26)],
    ),
    "two notes of one pitch at once": (
        f"{HEADER} {track('00 90 3c 50' + NOTE + '00 80 3c 40' + END)}",
        C4,
        [("double", 1, 26)],
    ),
    "a note of no length": (
        f"{HEADER} {track('00 90 40 5a  00 80 40 40' + NOTE + END)}",
        C4,
        [("empty", 1, 22)],
    ),
    "a drum of no length": (
        f"{HEADER} {track('00 99 24 5a  00 89 24 40' + END)}",
        [(0, 60, 36)],
        [("empty-drum", 1, 22)],
    ),
}
# fmt: on
"""Rows of the table of broken files that are read."""


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
