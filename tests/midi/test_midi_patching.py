"""What `patched` changes in a file, and that it changes nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from broken_files import END, MTRK, track
from midi_files import BAR, BEAT, HEADER, MELODY, NOTE, SONG, TRACK, bytes_of, messages, of_type
from midi_readers import differences
from patches import BASS, chunks, done, file

from musegen.errors import OutputError
from musegen.midi import Edit, parse, patched, to_bytes
from musegen.midi.encoding import meta, number
from musegen.song import Notes, Song, Track

TYPE_1 = "4d546864 00000006 0001 {:04x} 01e0"


def edit(place: int, start: int, end: int, *rows: tuple[int, int, int, int]) -> Edit:
    return Edit(place, start, end, Notes.of(rows))


def body_after(events: str, *edits: Edit) -> bytes:
    """The body of a type 0 file of these events and End-of-Track after edits."""
    ((_, _), (_, body)) = chunks(done(file(0, events + END), edits))
    return body


def rows_after(events: str, *edits: Edit) -> list[list[list[int]]]:
    """The notes of each track of the song after edits."""
    result = done(file(0, events + END), edits)
    return [track.notes.table().tolist() for track in parse(result).song.tracks]


# Nothing but what is asked for


@pytest.mark.parametrize("data", [to_bytes(SONG), bytes_of(HEADER + TRACK) + b"junk", b"no MIDI"])
def test_no_edits_leave_any_bytes_as_they_are(data: bytes) -> None:
    assert patched(data, (), (), "musegen 1 infill") is data


def test_an_edit_that_changes_nothing_leaves_the_bytes_as_they_are() -> None:
    data = file(
        0,
        f"""
        80 00  90 3c 5a                  # a time of two bytes for nothing
        83 60  3c 00                     # running status, and a note-on that ends the note
        00  ff 05 81 00 {"61 " * 128}    # a long lyric
        00  3e 5a                        # running on across it
        80 80 10  3e 00
        80 00  ff 2f 00
        """,
    )
    assert done(data, [edit(0, 2000, 3000)]) == data


def test_only_the_notes_of_the_range_change() -> None:
    new = [(BAR, 480, 72, 80), (BAR + 480, 960, 74, 81)]
    wide = replace(MELODY, notes=MELODY.notes.joined(Notes.of([(BAR + 5, 50, 60, 9)])))
    data = to_bytes(replace(SONG, tracks=(wide, BEAT)))
    result = done(data, [edit(0, BAR, 2 * BAR, *new)])
    wanted = replace(MELODY, notes=MELODY.notes.joined(Notes.of(new)), channel=0)
    before = parse(data).song
    assert parse(result).song == replace(before, tracks=(wanted, before.tracks[1]))
    assert [c for i, c in enumerate(chunks(result)) if i != 2] == [
        c for i, c in enumerate(chunks(data)) if i != 2
    ]
    assert differences(parse(result).song, result) == {}


def test_all_else_in_the_track_stays_byte_for_byte() -> None:
    assert body_after(
        """
        00  ff 03 05 4c 65 61 64 21      # its name
        00  f0 05 7e 7f 09 01 f7         # General MIDI on
        00  90 3c 5a
        60  ff 05 03 6c 61 2d            # a lyric while the note sounds
        00  a0 3c 20                     # pressure on its key
        60  80 3c 7f
        00  f7 02 fa fc                  # bytes as they are
        00  c0 06
        00  90 3e 5a                     # this one goes
        10  b0 40 7f
        10  90 3e 00
        00  b0 40 00
        00  ff 7f 02 00 01               # something of a sequencer's own
        """,
        edit(0, 100, 300, (200, 24, 64, 33), (216, 8, 65, 34)),
    ) == bytes_of(
        f"""
        00  ff 03 05 4c 65 61 64 21
        00  f0 05 7e 7f 09 01 f7
        00  90 3c 5a
        60  ff 05 03 6c 61 2d
        00  a0 3c 20
        60  80 3c 7f
        00  f7 02 fa fc
        00  c0 06
        08  90 40 21                     # new, behind what is at its tick
        08  b0 40 7f
        08  90 41 22
        08  80 40 40                     # ahead of what is at its tick
        00  41 40
        00  b0 40 00
        00  ff 7f 02 00 01
        {END}
        """
    )


# Running status


def test_a_status_that_was_left_out_is_put_in_where_another_runs() -> None:
    assert body_after(
        """
        00  90 3c 5a                     # goes, and its status with it
        10  3c 00                        # goes
        10  3e 5a
        10  3e 00
        00  b0 07 40
        00  07 41
        """,
        edit(0, 0, 16, (0, 8, 60, 1)),
    ) == bytes_of(
        f"""
        00  90 3c 01
        08  80 3c 40
        18  90 3e 5a                     # the status is said
        10  3e 00                        # and runs on
        00  b0 07 40
        00  07 41
        {END}
        """
    )


def test_a_status_stays_left_out_where_it_still_runs() -> None:
    assert body_after(
        "00 90 3c 5a  10 3c 00  10 3e 5a  10 3e 00  00 40 5a  10 40 00", edit(0, 20, 40)
    ) == bytes_of(f"00 90 3c 5a  10 3c 00  20 40 5a  10 40 00 {END}")


def test_a_status_that_ran_across_a_text_is_put_in_once_that_is_another() -> None:
    """Reading tolerates it; what ran there is gone."""
    assert body_after(
        "00 b0 07 40  00 90 3c 5a  10 3c 00  00 ff 01 00  00 3e 5a  10 3e 00", edit(0, 0, 16)
    ) == bytes_of(f"00 b0 07 40  10 ff 01 00  00 90 3e 5a  10 3e 00 {END}")
    # What now follows a text, and did not, says its status.
    assert body_after(
        "00 90 3c 5a  10 3c 00  00 ff 01 00  00 90 3e 5a  10 3e 00  10 40 5a  10 40 00",
        edit(0, 16, 20),
    ) == bytes_of(f"00 90 3c 5a  10 3c 00  00 ff 01 00  20 90 40 5a  10 40 00 {END}")


# Notes that meet


def test_a_note_that_rings_into_the_range_stays_and_a_new_one_waits_for_it() -> None:
    events = "00 90 3c 5a  81 70 80 3c 40"  # C4 for 240 ticks
    assert rows_after(events, edit(0, 120, 480, (120, 240, 60, 9), (120, 240, 64, 9))) == [
        [[0, 240, 60, 90], [120, 240, 64, 9], [240, 120, 60, 9]]
    ]
    assert rows_after(events, edit(0, 120, 480, (120, 120, 60, 9))) == [[[0, 240, 60, 90]]]
    assert rows_after(events, edit(0, 240, 480, (240, 10, 60, 9))) == [
        [[0, 240, 60, 90], [240, 10, 60, 9]]
    ]


def test_a_new_note_that_rings_out_of_the_range_is_cut_where_its_pitch_sounds_again() -> None:
    events = "83 60 90 3c 5a  83 60 80 3c 40"  # C4 from 480 on
    assert rows_after(events, edit(0, 0, 480, (0, 999, 60, 9), (0, 999, 64, 9))) == [
        [[0, 480, 60, 9], [0, 999, 64, 9], [480, 480, 60, 90]]
    ]


def test_new_notes_make_way_for_each_other() -> None:
    rows = [(0, 100, 60, 9), (0, 90, 60, 50), (40, 100, 60, 9)]
    assert rows_after(NOTE, edit(0, 0, 100, *rows)) == [[[0, 40, 60, 50], [40, 100, 60, 9]]]


def test_a_new_note_makes_way_for_another_track_on_its_channel() -> None:
    left, right = "00 90 3c 5a  60 80 3c 40", "00 90 48 5a  60 80 48 40"
    result = done(file(1, left + END, right + END), [edit(1, 0, 480, (0, 200, 60, 9))])
    assert [len(track.notes) for track in parse(result).song.tracks] == [1]
    result = done(file(1, left + END, right + END), [edit(1, 0, 480, (5, 200, 60, 9))])
    assert parse(result).song.tracks[1].notes == Notes.of([(96, 109, 60, 9)])
    # The same channel of another port is another one.
    right = "00 ff 21 01 01" + right
    result = done(file(1, left + END, right + END), [edit(1, 0, 480, (0, 200, 60, 9))])
    assert parse(result).song.tracks[1].notes == Notes.of([(0, 200, 60, 9)])


def test_a_new_note_ends_where_its_channel_is_silenced() -> None:
    events = "00 90 3c 5a  60 b0 7b 00  60 b0 7b 00"
    assert rows_after(events, edit(0, 0, 480, (0, 99, 64, 9), (96, 480, 60, 9))) == [
        [[0, 96, 64, 9], [96, 96, 60, 9]]
    ]
    # The silence that ended a note stays.
    assert body_after(events, edit(0, 0, 480, (0, 9, 1, 9))) == bytes_of(
        f"00 90 01 09  09 80 01 40  57 b0 7b 00  60 b0 7b 00 {END}"
    )


def test_two_edits_of_a_track_and_one_of_another() -> None:
    edits = [
        edit(0, 0, 100, (0, 10, 70, 9)),
        edit(0, 900, 1000, (900, 200, 71, 9)),
        edit(1, 0, BAR, (480, 10, 36, 9)),
    ]
    tracks = parse(done(to_bytes(SONG), edits)).song.tracks
    assert tracks[0].notes == Notes.of([(0, 10, 70, 9), (900, 200, 71, 9)])
    assert tracks[1].notes == Notes.of([(480, 10, 36, 9)])


def test_notes_that_begin_outside_of_their_range_are_refused() -> None:
    for rows in ((99, 1, 60, 1), (200, 1, 60, 1)):
        with pytest.raises(ValueError, match=r"outside of \[100, 200\)"):
            edit(0, 100, 200, rows)


# The ends of the track


def test_the_end_of_the_track_does_not_come_earlier() -> None:
    late = "9f 00 ff 2f 00"
    assert chunks(done(file(0, NOTE + late), [edit(0, 0, BAR)]))[1][1] == bytes_of(
        "a2 60 ff 2f 00"  # 480 ticks more
    )


def test_the_end_of_the_track_gives_way_to_new_notes() -> None:
    assert body_after(NOTE, edit(0, 480, 9999, (480, 96, 60, 90), (960, 10, 62, 90))) == bytes_of(
        f"""
        {NOTE}
        00  90 3c 5a
        60  80 3c 40
        83 00  90 3e 5a
        0a  80 3e 40
        {END}
        """
    )


def test_new_notes_before_all_others() -> None:
    events = "83 60  90 3c 5a  60  3c 00"
    assert body_after(events, edit(0, 0, 480, (0, 480, 60, 9))) == bytes_of(
        f"00 90 3c 09  83 60 80 3c 40  00 90 3c 5a  60 3c 00 {END}"
    )


def test_long_waits() -> None:
    wait, most = "ff ff ff 7f", 2**28 - 1  # ticks, the most that four bytes can say
    header = "4d546864 00000006 0000 0001 7fff"
    data = bytes_of(f"{header} {track(f'{wait} 90 40 5a  01 40 00  {wait} ff 01 00' + END)}")
    ((_, _), (_, body)) = chunks(done(data, [edit(0, most, most + 1)]))
    assert body == bytes_of(f"{wait} ff 01 00  {wait} ff 01 00  01 ff 01 00 {END}")
    ((_, _), (_, body)) = chunks(done(data, [edit(0, most, 2 * most, (2 * most - 1, 1, 60, 9))]))
    assert body == bytes_of(
        f"{wait} ff 01 00  ff ff ff 7e 90 3c 09  01 80 3c 40  01 ff 01 00 {END}"
    )


# Files of other shapes


SPLIT = """
    00  ff 03 04 53 6f 6e 67             # Song
    00  c0 05
    00  c1 20
    00  90 3c 5a
    00  91 30 5a
    00  99 24 5a
    0a  99 24 00
    56  81 30 40
    00  80 3c 40
"""


def test_only_one_channel_of_a_track_is_edited() -> None:
    data = file(0, SPLIT + END)
    result = done(data, [edit(1, 0, BAR, (20, 50, 60, 90))])
    before, after = parse(data).song, parse(result).song
    assert after.tracks[1] == replace(before.tracks[1], notes=Notes.of([(20, 50, 60, 90)]))
    assert (after.tracks[0], after.tracks[2]) == (before.tracks[0], before.tracks[2])
    assert (after.name, parse(result).format) == ("Song", 0)


def test_drums_are_edited() -> None:
    result = done(file(0, SPLIT + END), [edit(2, 0, BAR, (0, 30, 42, 99), (60, 30, 36, 98))])
    drums = parse(result).song.tracks[2]
    assert drums.is_drum
    assert drums.notes == Notes.of([(0, 30, 42, 99), (60, 30, 36, 98)])
    hits = [m for _, m in of_type(messages(result)[0], "note_on") if m.note == 42]
    assert [m.channel for m in hits] == [9]


def test_chunks_of_other_kinds_stay_where_they_are() -> None:
    junk = "58 46 49 48  00 00 00 03  01 02 03"  # XFIH, 3 bytes
    header = TYPE_1.format(2)
    data = bytes_of(f"{header} {junk} {track(NOTE + END)} {junk} {track(NOTE + END)} {junk}")
    result = done(data, [edit(1, 0, 480, (0, 480, 61, 91))])
    at = data.rindex(bytes_of("90 3c 5a"))
    assert result == data[:at] + bytes_of("90 3d 5b  83 60  80 3d 40") + data[at + 8 :]
    more = done(data, [], [Track(Notes.of([(0, 480, 40, 9)]))])
    assert more.startswith(data[:10] + b"\0\3" + data[12:])
    assert len(parse(more).song.tracks) == 3


def test_a_track_that_loses_all_notes_is_no_track_of_the_song() -> None:
    result = done(to_bytes(SONG), [edit(0, 0, SONG.length)])
    assert [track.name for track in parse(result).song.tracks] == ["Beat"]
    assert [m.name for _, m in of_type(messages(result)[1], "track_name")] == ["Melody"]


# Broken files


def test_only_the_edited_track_is_mended() -> None:
    over = "00 90 3c 5a  10 90 3c 5a  10 80 3c 40  10 80 3c 40"  # the note is begun twice
    data = file(1, over + END, over + END, count=7)
    result = done(data, [edit(1, 16, 20, (16, 8, 62, 90))])
    assert result == file(
        1,
        over + END,
        "00 90 3c 5a  10 80 3c 40  00 90 3e 5a  08 80 3e 40" + "18 ff 2f 00",
        count=7,
    )
    added = done(data, [], [Track(Notes.of([(0, 480, 40, 9)]))])
    assert added[:14] == bytes_of(TYPE_1.format(3))


def test_a_file_whose_layout_is_broken_is_mended_as_a_whole() -> None:
    lyric = "00 ff 05 02 6c 61"
    broken = bytes_of(f"{HEADER} {MTRK} 00 00 00 05 {lyric} {NOTE} {END}")
    for data in (broken, b"\0" * 128 + broken, b"RIFF\0\0\0\0RMIDdata\0\0\0\0" + broken):
        result = done(data, [edit(0, 480, 960, (480, 10, 64, 9))])
        assert result == file(0, f"{lyric} {NOTE} 00 90 40 09  0a 80 40 40 {END}")


def test_smpte_time_becomes_ticks_of_a_quarter() -> None:
    data = bytes_of(f"4d546864 00000006 0000 0001 e728 {track('00 90 3c 5a 87 68 80 3c 40' + END)}")
    result = done(data, [edit(0, 480, 960, (500, 10, 64, 9))])  # 1,000 ticks were a second
    assert result[12:14] == bytes.fromhex("01e0")
    assert parse(result).song.tracks[0].notes == Notes.of([(0, 960, 60, 90), (500, 10, 64, 9)])


def test_pieces_of_a_type_2_file_are_not_patched() -> None:
    assert patched(file(2, NOTE + END, NOTE + END), [edit(0, 0, 1)]) is None


def test_what_does_not_read_back_as_meant_is_not_handed_out() -> None:
    assert patched(to_bytes(SONG), [edit(0, 0, 1, (0, 1, 60, 200))]) is None


# Tracks that are added


def test_an_added_track_is_a_chunk_behind_all_others() -> None:
    data = to_bytes(SONG)
    result = done(data, [], [BASS])
    assert result.startswith(data[:10] + b"\0\4" + data[12:])
    wanted = replace(SONG, tracks=(*parse(data).song.tracks, replace(BASS, channel=1)))
    assert parse(result).song == wanted
    assert differences(wanted, result) == {}
    assert chunks(result)[-1] == chunks(to_bytes(wanted))[-1]


def test_an_added_track_has_the_channel_that_it_asks_for_if_no_notes_are_there() -> None:
    init = "".join(f"00 c{channel:x} 05" for channel in range(15))
    data = file(1, init + END, "00 92 3c 5a 60 82 3c 40" + END)
    for wish, channel in ((None, 15), (5, 5), (2, 15), (9, 15)):
        track = parse(done(data, [], [replace(BASS, channel=wish)])).song.tracks[1]
        assert (track.channel, track.program, track.name) == (channel, 33, "Bass")
    all_of_them = file(1, init + "00 cf 05" + END, "00 92 3c 5a 60 82 3c 40" + END)
    assert parse(done(all_of_them, [], [BASS])).song.tracks[1].channel == 0


def test_an_added_track_shares_a_channel_where_none_is_free() -> None:
    band = tuple(Track(Notes.of([(0, 480, 60 + i, 9)]), 8 * i) for i in range(15))
    data = to_bytes(Song(band, BAR))
    result = done(data, [], [replace(BASS, notes=Notes.of([(0, 9, 64, 9), (0, 9, 36, 9)]))])
    before, after = parse(data).song, parse(result).song
    assert after.tracks[:-1] == before.tracks
    bass = after.tracks[-1]
    assert (bass.name, bass.channel, bass.program, len(bass.controls)) == ("Bass", 4, 32, 0)
    assert bass.notes == Notes.of([(0, 9, 36, 9)])  # the other one sounds there


def test_added_drums_share_the_channel_of_drums() -> None:
    notes = Notes.of([(0, 60, 36, 1), (0, 60, 42, 1), (30, 90, 36, 1)])
    result = done(to_bytes(SONG), [], [Track(notes, 8, is_drum=True, controls=BASS.controls)])
    drums = parse(result).song.tracks[2]
    assert (drums.channel, drums.program, len(drums.controls)) == (9, 0, 0)
    assert drums.notes == Notes.of([(0, 60, 42, 1), (60, 60, 36, 1)])


def test_a_type_0_file_of_one_instrument_becomes_type_1() -> None:
    body = f"00 ff 03 01 41 {NOTE}{END}"
    result = done(file(0, body), [edit(0, 0, 9, (0, 96, 62, 9))], [BASS])
    assert result[:14] == bytes_of(TYPE_1.format(2))
    assert [(t.name, t.channel) for t in parse(result).song.tracks] == [("A", 0), ("Bass", 1)]
    assert chunks(done(file(0, body), [], [BASS]))[1] == (b"MTrk", bytes_of(body))


def test_a_type_0_file_of_several_instruments_stays_one() -> None:
    data = file(0, SPLIT + END)
    result = done(data, [edit(0, 0, BAR)], [BASS, replace(BASS, channel=1)])
    before, after = parse(data).song, parse(result).song
    assert parse(result).format == 0
    assert after.name == "Song"
    assert after.tracks[0] == before.tracks[1]
    assert after.tracks[1] == replace(BASS, name="", channel=2)
    assert after.tracks[2] == replace(BASS, name="", channel=3)
    assert after.tracks[3] == before.tracks[2]
    assert messages(result)[0][-1][0] == 960


def test_drums_added_to_a_type_0_file_join_its_drums() -> None:
    kit = Track(Notes.of([(48, 48, 36, 1), (96, 48, 42, 1)]), is_drum=True)
    events = SPLIT.replace("56", "00 b9 7b 00  56")  # the channel is silenced at 10
    result = done(file(0, events + END), [], [kit])
    assert parse(result).song.tracks[2].notes == Notes.of(
        [(0, 10, 36, 90), (48, 48, 36, 1), (96, 48, 42, 1)]
    )


def test_what_no_file_can_say_is_refused() -> None:
    with pytest.raises(OutputError, match="a program of 128"):
        patched(to_bytes(SONG), [], [Track(program=128)])


# The recipe


def test_the_recipe_stands_at_the_beginning_of_the_first_track_that_changes() -> None:
    data = to_bytes(SONG)
    text = number(0) + meta(1, b"musegen 1 infill seed=1")
    edits = [edit(1, 0, 1), edit(0, 100, 101)]
    result = done(data, edits, recipe="musegen 1 infill seed=1")
    plain = chunks(done(data, edits))
    assert chunks(result) == [*plain[:2], (b"MTrk", text + plain[2][1]), plain[3]]
    result = done(data, [], [BASS, BASS], recipe="musegen 1 infill seed=1")
    plain = chunks(done(data, [], [BASS, BASS]))
    assert chunks(result) == [*plain[:4], (b"MTrk", text + plain[4][1]), plain[5]]
    result = done(file(0, NOTE + END), [edit(0, 0, 1)], recipe="musegen 1 infill\n" + "x" * 2000)
    assert parse(result).recipe == "musegen 1 infill " + "x" * 1007
