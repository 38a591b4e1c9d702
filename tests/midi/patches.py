"""Files to be patched, and what is asked of all that are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from broken_files import track
from midi_files import bytes_of

from musegen.midi import Edit, parse, patched
from musegen.song import Controls, Notes, Track

TYPE_1 = "4d546864 00000006 0001 {:04x} 01e0"

BASS = Track(Notes.of([(0, 960, 36, 80)]), 33, name="Bass", controls=Controls.of([(0, 7, 100)]))


def file(kind: int, *bodies: str, count: int | None = None) -> bytes:
    """A file of tracks given as hexadecimal."""
    return bytes_of(
        f"4d546864 00000006 {kind:04x} {len(bodies) if count is None else count:04x} 01e0"
        + " ".join(track(body) for body in bodies)
    )


def chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The tag and the body of each chunk of a sound file."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at + 4 : at + 8], "big")
        found.append((data[at : at + 4], data[at + 8 : at + 8 + size]))
        at += 8 + size
    assert at == len(data)
    return found


def done(data: bytes, edits: Sequence[Edit], *more: Any, **settings: Any) -> bytes:
    """The patched file, which is one, and has nothing to mend that was not there before."""
    result = patched(data, edits, *more, **settings)
    assert result is not None
    before = {(r.code, r.track) for r in parse(data).repairs}
    assert {(r.code, r.track) for r in parse(result).repairs} <= before
    return result
