"""Broken files, byte by byte."""

from __future__ import annotations

import pytest
from midi_files import GOOD, HEADER, NOTE, TRACK, bytes_of, song_of

from musegen.errors import UnreadableError
from musegen.midi import parse
from musegen.song import Notes, Tempo
from musegen.time import seconds


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
