"""Broken files, byte by byte, that players play: what must be read of each, and what said of it.

A case is the file as hexadecimal, the notes that must come out, as (start, duration, pitch) in
ticks, and the repairs that must be told, as (code, track, byte).
"""

from __future__ import annotations

from midi_files import HEADER, NOTE, TRACK, bytes_of

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
    "RIFF RMID that claims to hold a byte": (
        f"""
        52 49 46 46  00 00 00 00  52 4d 49 44
        64 61 74 61  01 00 00 00  {HEADER} {TRACK}      # data, 1 byte
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
