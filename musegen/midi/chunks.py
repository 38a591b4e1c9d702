"""The chunks of a MIDI file: what its header says, and the events of each track.

Lengths and counts that the file claims are not trusted: a track ends where its End-of-Track is. A
file that holds no track is refused with what it is instead.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from musegen import limits
from musegen.errors import UnreadableError
from musegen.midi.events import Events, read_events
from musegen.midi.repairs import Repairs

_SIGNATURES = (
    (b"SMF2CLIP", "a MIDI 2.0 clip"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"RIFF", "a RIFF file (audio?)"),
    (b"FORM", "an AIFF file (audio?)"),
    (b"ID3", "an MP3 file"),
    (b"fLaC", "a FLAC file"),
    (b"OggS", "an Ogg file"),
    (b"\xf0", "a system exclusive dump"),
    (b"MTrk", "a MIDI track without its header"),
    (b"<", "HTML or XML"),
)
_SEARCHED = 4096
"""Bytes in which the header is looked for: MacBinary takes 128, a RIFF wrapper 20 and more."""


@dataclass(frozen=True)
class Chunks:
    """A MIDI file in the bytes' own terms."""

    format: int
    division: int
    tracks: list[Events]

    def one(self, sequence: int | None, name: str) -> Chunks:
        """Of a type 2 file the track of that number, from 1, or the first that has notes."""
        if sequence is not None and sequence > len(self.tracks):
            raise UnreadableError(
                f"{name}: has {len(self.tracks)} sequences: there is no sequence {sequence}"
            )
        playing = (track for track in self.tracks if track.is_on.any())
        chosen = self.tracks[sequence - 1] if sequence else next(playing, self.tracks[0])
        return replace(self, tracks=[chosen])


def read_chunks(data: bytes, name: str, repairs: Repairs) -> Chunks:
    """All tracks of a file, which messages call `name`.

    UnreadableError where there is none, LimitError where there is too much.
    """
    start = _header_at(data)
    if start < 0 and b"MThd".startswith(data[:4]) and 0 < len(data) < 14:
        raise UnreadableError(f"{name}: cut off in the MIDI header; export the file again")
    if start < 0:
        raise UnreadableError(f"{name}: not a MIDI file but {_nature(data)}; export MIDI instead")
    if start:
        repairs.add("wrapper" if data.startswith(b"RIFF") else "prefix", None, 0)
    size, kind, claimed, division = struct.unpack_from(">LHHH", data, start + 4)
    if kind > 2:
        repairs.add("format", None, start + 8)
    if not division:
        repairs.add("division", None, start + 12)
    tracks = _tracks(data, start + 8 + size, name, repairs)
    if not tracks:
        raise UnreadableError(f"{name}: a MIDI header without tracks; export the file again")
    if claimed != len(tracks):
        repairs.add("track-count", None, start + 10)
    return Chunks(kind, division, tracks)


def _header_at(data: bytes) -> int:
    """Where a header begins that may be one, or -1."""
    at = data.find(b"MThd", 0, _SEARCHED)
    while at >= 0:
        if at + 14 <= len(data) and 6 <= int.from_bytes(data[at + 4 : at + 8], "big") <= 1024:
            break
        at = data.find(b"MThd", at + 1, _SEARCHED)
    return at


def _tracks(data: bytes, at: int, name: str, repairs: Repairs) -> list[Events]:
    tracks: list[Events] = []
    channel_events = other_events = notes = 0
    most_others = limits.META_EVENTS.value
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] != b"MTrk" or at + 8 > len(data):
            following = at + 8 + size
            if not _is_chunk(data, at):  # not even a chunk of another kind
                repairs.add("garbage", None, at)
                following = _next_track(data, at)
            at = following
            continue
        limits.TRACKS.check(len(tracks) + 1, name)
        track, at = _track(data, at + 8, at + 8 + size, len(tracks) + 1, repairs, most_others)
        tracks.append(track)
        channel_events += len(track.words)
        other_events += len(track.others)
        notes += int(track.is_on.sum())
        limits.NOTES.check(notes, name)
        limits.EVENTS.check(channel_events, name)
        limits.META_EVENTS.check(other_events, name)
    return tracks


def _track(
    data: bytes, at: int, claimed: int, number: int, repairs: Repairs, most_others: int
) -> tuple[Events, int]:
    """The track from byte `at` to where it claims to end, or else ends; and where to go on."""
    is_likely = claimed == len(data) or _is_chunk(data, claimed)
    until = claimed if is_likely else _next_track(data, at)
    events = read_events(data, at, until, number, repairs, most_others)
    stop = events.stop
    if not events.has_end:
        if stop == claimed:
            repairs.add("no-end", number, stop)
        else:
            repairs.add("track-length", number, at - 4)
        return events, until
    if stop > claimed or claimed > len(data) or (stop < claimed and _is_track(data, stop)):
        repairs.add("track-length", number, at - 4)
        return events, stop
    if stop < claimed:
        repairs.add("after-end", number, stop)
    return events, claimed


def _is_track(data: bytes, at: int) -> bool:
    return data[at : at + 4] == b"MTrk"


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk of any kind that fits into the file may begin at byte `at`."""
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    return _is_track(data, at) or (data[at : at + 4].isalnum() and at + 8 + size <= len(data))


def _next_track(data: bytes, at: int) -> int:
    """Where the next track begins, or the file ends."""
    found = data.find(b"MTrk", at)
    return len(data) if found < 0 else found


def _nature(data: bytes) -> str:
    if not data:
        return "empty"
    for signature, nature in _SIGNATURES:
        if data.startswith(signature):
            return nature
    try:
        text = data[:1024].decode("utf-8", "ignore" if len(data) > 1024 else "strict")
    except UnicodeDecodeError:
        return "something else"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "something else"
