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
"""Bytes in which the header is looked for: MacBinary takes 128."""


@dataclass(frozen=True)
class Chunks:
    """A MIDI file in the bytes' own terms."""

    format: int
    division: int
    tracks: list[Events]

    def one(self, number: int) -> Chunks:
        """One track of it alone, counted from 1."""
        return replace(self, tracks=[self.tracks[number - 1]])


def read_chunks(data: bytes, name: str, repairs: Repairs) -> Chunks:
    """All tracks of a file, which messages call `name`.

    UnreadableError where there is none, LimitError where there is too much.
    """
    start, end = _unwrapped(data)
    data = data[:end]
    if start < 0 and b"MThd".startswith(data[:4]) and 0 < len(data) < 14:
        raise UnreadableError(f"{name}: cut off in the MIDI header; export the file again")
    if start < 0:
        raise UnreadableError(f"{name}: not a MIDI file but {_nature(data)}; export MIDI instead")
    if start:
        repairs.add("wrapper" if data.startswith(b"RIFF") else "prefix", None, 0)
    size, kind, claimed, division = struct.unpack_from(">LHHH", data, start + 4)
    at = start + 8 + size
    if size != 6 and not _is_chunk(data, at):
        repairs.add("header-length", None, start + 4)
        at = start + 14
    if division & 0xFF == 0 and (division == 0 or division >= 0x8000):
        repairs.add("division", None, start + 12)
    tracks = _tracks(data, at, name, repairs)
    if not tracks:
        raise UnreadableError(f"{name}: a MIDI header without tracks; export the file again")
    if kind > 2 or (kind == 0 and len(tracks) > 1):
        repairs.add("format", None, start + 8)
    if claimed != len(tracks):
        repairs.add("track-count", None, start + 10)
    return Chunks(kind, division, tracks)


def _unwrapped(data: bytes) -> tuple[int, int]:
    """Where the header of the MIDI file begins, or -1, and where the file ends."""
    at = 12
    while data.startswith(b"RIFF") and data[8:12] == b"RMID" and at + 8 < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"data" and _is_header(data, at + 8):
            is_likely = 22 <= size <= len(data) - at - 8  # a header and a track of no bytes
            return at + 8, at + 8 + size if is_likely else len(data)
        at += 8 + size + size % 2
    at = data.find(b"MThd", 0, _SEARCHED)
    while at >= 0 and not _is_header(data, at):
        at = data.find(b"MThd", at + 1, _SEARCHED)
    return at, len(data)


def _is_header(data: bytes, at: int) -> bool:
    """Whether a header may begin at byte `at`: it has a likely length, or a track behind it."""
    if data[at : at + 4] != b"MThd" or at + 14 > len(data):
        return False
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    return 6 <= size <= 1024 or data.find(b"MTrk", at + 12) >= 0


def _tracks(data: bytes, at: int, name: str, repairs: Repairs) -> list[Events]:
    tracks: list[Events] = []
    channel_events = other_events = notes = 0
    most = limits.EVENTS.value, limits.META_EVENTS.value
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        if data[at : at + 4] == b"MThd":  # another file
            repairs.add("garbage", None, at)
            break
        if not _is_track(data, at) or at + 8 > len(data):
            following = at + 8 + size
            if at + 8 > len(data) or not _is_chunk(data, at):  # nor a chunk of another kind
                repairs.add("garbage", None, at)
                following = _next_track(data, at + 1)
            at = following
            continue
        limits.TRACKS.check(len(tracks), name)  # one may be the conductor's
        track, at = _track(data, at + 8, at + 8 + size, len(tracks) + 1, repairs, most)
        tracks.append(track)
        channel_events += len(track.words)
        other_events += len(track.others)
        notes += int(track.is_on.sum())
        limits.NOTES.check(notes, name)
        limits.EVENTS.check(channel_events, name)
        limits.META_EVENTS.check(other_events, name)
    return tracks


def _track(
    data: bytes, at: int, claimed: int, number: int, repairs: Repairs, most: tuple[int, int]
) -> tuple[Events, int]:
    """The track from byte `at` to where it claims to end, or else ends; and where to go on."""
    until = claimed if _is_end(data, claimed) else _next_track(data, at)
    own = Repairs()
    events = read_events(data, at, until, number, own, most)
    inside = data.find(b"MTrk", at, until)
    size = int.from_bytes(data[inside + 4 : inside + 8], "big")
    is_sound = not own.codes and events.has_end and events.stop == until
    if inside >= 0 and not is_sound and _is_end(data, inside + 8 + size):
        # The next track may stand where an event should.
        trial = Repairs()
        shorter = read_events(data, at, inside, number, trial, most)
        if not shorter.has_end and not trial.codes & {"truncated", "meta-length", "sysex-length"}:
            until, events, own = inside, shorter, trial
    repairs.take(own)
    stop = events.stop
    if not events.has_end:
        if stop == claimed:
            repairs.add("no-end", number, stop)
        else:
            repairs.add("track-length", number, at - 4)
        return events, until
    is_odd = stop < claimed and (_is_track(data, stop) or not _is_end(data, claimed))
    if stop > claimed or is_odd:
        repairs.add("track-length", number, at - 4)
        return events, stop
    if stop < claimed:
        repairs.add("after-end", number, stop)
    return events, claimed


def _is_end(data: bytes, at: int) -> bool:
    """Whether a track may end at byte `at`: where the file ends, a chunk begins, or it says so."""
    return at == len(data) or _is_chunk(data, at) or data[max(at - 3, 0) : at] == b"\xff\x2f\x00"


def _is_track(data: bytes, at: int) -> bool:
    return data[at : at + 4] == b"MTrk"


def _is_chunk(data: bytes, at: int) -> bool:
    """Whether a chunk of any kind that fits into the file may begin at byte `at`."""
    size = int.from_bytes(data[at + 4 : at + 8], "big")
    is_tag = data[at : at + 4].replace(b" ", b"x").isalnum()
    return _is_track(data, at) or (is_tag and at + 8 + size <= len(data))


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
