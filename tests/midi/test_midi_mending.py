"""What `mended` makes of broken files: sound ones of the same music, with nothing else lost."""

from __future__ import annotations

import random

import pytest
from broken_files import CASES, END, MTRK, track
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import GOOD, HEADER, NOTE, bytes_of, messages
from midi_inputs import bent, seeds

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


def music(rng: random.Random) -> bytes:
    """A file of one to three tracks of notes that begin and end at random."""

    def event() -> str:
        channel, pitch = rng.choice((0, 0, 1, 9)), rng.choice((60, 60, 62))
        kind = rng.randrange(12)
        if kind < 9:
            return f"{0x90 + channel:02x} {pitch:02x} {rng.choice((0, 0, 40, 90)):02x}"
        if kind < 11:
            return f"b{channel:x} {rng.choice((7, 64, 123, 120)):02x} 00"
        return rng.choice(
            (f"c{channel:x} 05", f"c{channel:x} 06", "ff 51 03 03 d0 90", "ff 06 01 41")
        )

    def body() -> str:
        events = [f"{rng.choice((0, 0, 20, 100)):02x} {event()}" for _ in range(rng.randrange(12))]
        return " ".join((*events, rng.choice((END, "8f 00 ff 2f 00", ""))))

    kind, division = rng.choice((0, 1, 1, 2)), rng.choice(("01e0", "01e0", "e728", "0060"))
    tracks = [track(body()) for _ in range(rng.randint(1, 3))]
    return bytes_of(f"4d546864 00000006 {kind:04x} {len(tracks):04x} {division} {' '.join(tracks)}")


@settings(max_examples=500, deadline=None)
@given(st.integers(0, 10**9))
def test_any_music_can_be_mended(seed: int) -> None:
    check(music(random.Random(seed)))


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


def test_events_of_one_tick_stay_in_order() -> None:
    """A pedal that goes down ahead of a note-off holds the note; pressure comes after its note."""
    events = """
        00  90 3c 5a
        00  a0 3c 70
        60  b0 40 7f
        00  80 3c 40
        00  ff 01 01 61
        00  90 3c 50
        00  e0 00 50
        60  80 3c 40
        60  b0 40 00
    """
    whole = bytes_of(HEADER + track(events + END))
    assert mended(whole + b"123456789") == (whole, (parse(whole + b"123456789").repairs))


def test_a_long_wait_in_a_broken_file_costs_nothing() -> None:
    waits = "ff ff ff 7f f8" * 5000  # 2 ** 28 ticks before each clock
    for division in ("01e0", "ff01"):
        data = bytes_of(f"4d546864 00000006 0000 0001 {division} {track(NOTE + waits + END)}")
        whole, _ = mended(data)
        assert len(whole) < 5 * len(data)
        assert parse(whole, strict=True).song == parse(data).song


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
