"""Songs and files that the tests of `musegen.midi` share, and ways to build them."""

from __future__ import annotations

import io
from typing import Any

import mido

from musegen.song import Key, Marker, Meter, Notes, Song, Tempo, Track

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
