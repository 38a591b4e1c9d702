"""A MIDI file -> `Song`, and what was mended and left out on the way.

Reading is tolerant and raises nothing but `MusegenError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from musegen import limits
from musegen.errors import UnreadableError
from musegen.midi.assembling import assembled
from musegen.midi.chunks import read_chunks
from musegen.midi.meta import read_meta
from musegen.midi.repairs import Repair, Repairs
from musegen.song import Song
from musegen.time import bar_count, seconds


@dataclass(frozen=True)
class Reading:
    """A song and how it was read.

    `repairs` says what was wrong with the file, `left_out` in finished lines what of it is not in
    the song; `recipe` is how musegen made the file, or "".
    """

    song: Song
    name: str
    format: int
    repairs: tuple[Repair, ...] = ()
    left_out: tuple[str, ...] = ()
    recipe: str = ""


def read(
    source: str | Path | BinaryIO, *, strict: bool = False, sequence: int | None = None
) -> Reading:
    """Read a MIDI file.

    A broken one is mended as far as it goes, but with `strict` refused. Of a type 2 file, whose
    tracks are separate pieces, `sequence` chooses one, from 1; by default the first that has notes.

    UnreadableError says what is wrong with a file, LimitError which limit it exceeds.
    """
    name = str(source if isinstance(source, (str, Path)) else getattr(source, "name", "input"))
    name = "".join(c if c.isprintable() else "?" for c in name)
    return parse(data_of(source, name), name, strict=strict, sequence=sequence)


def data_of(source: str | Path | BinaryIO, name: str) -> bytes:
    """The bytes of a file, up to one more than the limit, with the errors of `read`."""
    most = limits.MIDI_MIB.value * 2**20
    try:
        if isinstance(source, (str, Path)):
            with open(source, "rb") as file:
                return file.read(most + 1)
        return source.read(most + 1)
    except FileNotFoundError:
        raise UnreadableError(f"{name}: no such file; check the path") from None
    except IsADirectoryError:
        raise UnreadableError(f"{name}: is a directory; name a MIDI file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, a closed file
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{name}: cannot be read: {reason}") from None


def parse(
    data: bytes, name: str = "input", *, strict: bool = False, sequence: int | None = None
) -> Reading:
    """Read the bytes of a MIDI file as `read` does; `name` is what messages call it."""
    limits.MIDI_MIB.check(len(data) / 2**20, name)
    repairs = Repairs()
    chunks = read_chunks(data, name, repairs)
    remarks: tuple[str, ...] = ()
    if chunks.format == 2:
        count = len(chunks.tracks)
        chunks = chunks.one(sequence, name)
        if count > 1:
            remarks = (f"type 2: only sequence {chunks.tracks[0].number} of {count:,} was taken",)
    elif sequence is not None and sequence > 1:
        raise UnreadableError(f"{name}: is no type 2 file: there is no sequence {sequence}")
    meta = read_meta(chunks.tracks, repairs)
    song, left_out = assembled(chunks, meta, repairs)
    limits.HOURS.check(seconds(song) / 3600, name)
    limits.BARS.check(bar_count(song), name)
    found = repairs.all()
    if strict and found:
        raise UnreadableError(f"{name}: {found[0]}; 'musegen repair' mends it")
    return Reading(song, name, chunks.format, found, remarks + left_out, meta.recipe)
