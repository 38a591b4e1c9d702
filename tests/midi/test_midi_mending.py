"""What `mended` makes of broken files: sound ones of the same music, with nothing else lost."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import GOOD, HEADER, NOTE, bytes_of, messages
from midi_inputs import bent, seeds
from test_midi_broken import CASES, END, MTRK, track

from musegen.errors import LimitError, MusegenError, UnreadableError
from musegen.midi import mended, parse


def check(data: bytes) -> None:
    """Mending makes a file that reads without repairs, as the same song."""
    before = parse(data)
    whole, repairs = mended(data)
    if before.format != 2:  # where reading sees one sequence of several
        assert repairs == before.repairs
    after = parse(whole, strict=True)
    assert after.song == before.song
    assert mended(whole) == (whole, ())


@pytest.mark.parametrize("case", CASES)
def test_a_broken_file_becomes_a_sound_one_of_the_same_music(case: str) -> None:
    check(bytes_of(CASES[case][0]))


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 10**9))
def test_any_file_that_is_read_can_be_mended(seed: int) -> None:
    rng = random.Random(seed)
    data = bent(rng.choice(list(seeds())), rng)
    try:
        parse(data)
    except MusegenError:
        return
    check(data)


def test_all_that_a_file_holds_is_kept() -> None:
    events = f"""
        00  ff 03 05 4c 65 61 64 21      # its name
        00  f0 05 7e 7f 09 01 f7         # General MIDI on
        00  c0 05
        00  a0 3c 20                     # pressure on one key
        00  ff 05 03 6c 61 2d            # a lyric
        {NOTE}
        00  c0 06                        # another program after the first note
        00  d0 11
        00  ff 7f 02 00 01               # something of a sequencer's own
        00  f7 02 fa fc                  # bytes as they are
        00  ff 51 02 07 a1               # a tempo that is none
        60  e0 00 50
        60  b0 40 7f
    """
    whole, _ = mended(bytes_of(f"{HEADER} {MTRK} 00 00 00 00 {events} {END}"))
    assert whole == bytes_of(
        f"""
        {HEADER}
        {
            track(f'''
            00  ff 03 05 4c 65 61 64 21
            00  f0 05 7e 7f 09 01 f7
            00  c0 05
            00  a0 3c 20
            00  ff 05 03 6c 61 2d
            00  90 3c 5a
            83 60  80 3c 40
            00  c0 06
            00  d0 11
            00  ff 7f 02 00 01
            00  f7 02 fa fc
            60  e0 00 50
            60  b0 40 7f
            {END}
        ''')
        }
        """
    )


def test_running_status_keeps_a_file_small() -> None:
    many = track("00 b0 07 40" + " 01 07 41" * 1000 + END)
    whole, _ = mended(bytes_of(f"{HEADER} {many}") + b"12345")
    assert whole == bytes_of(f"{HEADER} {many}")


def test_all_sequences_of_a_type_2_file_are_kept() -> None:
    faster = "00 ff 51 03 03 d0 90" + NOTE + END
    data = bytes_of(f"4d546864 00000006 0002 0003 01e0 {track(NOTE)} {track(faster)} {track(END)}")
    whole, repairs = mended(data)
    assert [(repair.code, repair.track) for repair in repairs] == [("no-end", 1)]
    assert parse(whole).format == 2
    assert [len(track) for track in messages(whole)] == [3, 4, 1]


def test_smpte_time_becomes_ticks_of_a_quarter() -> None:
    tempo = "00 ff 51 03 0f 42 40"  # a quarter lasts 1 s
    notes = "00 90 3c 5a  87 68 80 3c 40  87 68 ff 06 01 41"  # 1,000 ticks are 1 s
    data = bytes_of(f"4d546864 00000006 0000 0001 e728 {track(tempo + notes + END)}")
    whole, _ = mended(data)
    assert whole[12:14] == bytes.fromhex("01e0")
    assert [tick for tick, _ in messages(whole)[0]] == [0, 0, 480, 960, 960]
    assert parse(whole).song == parse(data).song


def test_what_cannot_be_read_cannot_be_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnreadableError, match=r"^x\.mid: not a MIDI file but text"):
        mended(b"not music", "x.mid")
    monkeypatch.setenv("MUSEGEN_MAX_NOTES", "1")
    mended(GOOD)
    with pytest.raises(LimitError, match="more than 1 notes"):
        mended(bytes_of(f"{HEADER} {track(NOTE + NOTE + END)}"))
    monkeypatch.setenv("MUSEGEN_MAX_MIDI_MIB", "1")
    with pytest.raises(LimitError, match="more than 1 MiB"):
        mended(bytes(2**20 + 1))
