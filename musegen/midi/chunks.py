"""The chunks of a MIDI file: what is in the header, and the bytes of each track.

Knows nothing of events. A file that holds no track is refused with what it is instead.
"""

from __future__ import annotations

import struct

from musegen.errors import LimitError, UnreadableError
from musegen.midi import limits

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
    (b"<", "HTML or XML"),
)


def chunks_of(data: bytes, name: str, repairs: list[str]) -> tuple[int, int, list[bytes]]:
    """The file's format, its division and the bodies of its tracks."""
    start = data.find(b"MThd", 0, 4096)
    if start < 0:
        raise UnreadableError(f"{name}: not a MIDI file but {_nature(data)}; export MIDI instead")
    if start:
        repairs.append(f"{start} bytes before the MIDI header skipped")
    if len(data) < start + 14:
        raise UnreadableError(f"{name}: cut off in the MIDI header; export the file again")
    size, kind, _, division = struct.unpack_from(">LHHH", data, start + 4)
    at = start + 8 + (size if 6 <= size <= 1024 else 6)
    chunks: list[bytes] = []
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if tag == b"MTrk":
            if at + 8 + size > len(data):
                repairs.append(f"track {len(chunks) + 1} is shorter than it claims")
            chunks.append(data[at + 8 : at + 8 + size])
        elif not tag.isalnum():
            repairs.append("bytes after the last track ignored")
            break
        at += 8 + size
    if not chunks:
        raise UnreadableError(f"{name}: a MIDI header without tracks; export the file again")
    if len(chunks) > limits.MAX_TRACKS:
        raise LimitError(
            f"{name}: more than {limits.MAX_TRACKS:,} tracks (the limit); split the file"
        )
    return kind, division, chunks


def _nature(data: bytes) -> str:
    if not data:
        return "empty"
    for signature, nature in _SIGNATURES:
        if data.startswith(signature):
            return nature
    if data.startswith(b"MTrk"):
        return "a MIDI track without its header"
    try:
        text = data[:1024].decode("utf-8", "ignore" if len(data) > 1024 else "strict")
    except UnicodeDecodeError:
        return "something else"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "something else"
