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
from musegen.midi.chunks import Chunks, read_chunks
from musegen.midi.meta import read_meta
from musegen.midi.repairs import Repair, Repairs
from musegen.song import Song
from musegen.time import bar_count, seconds

_MOST_MIB = 2048
"""However the limit is raised, since one read takes memory for all that it may give."""


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
    most = min(limits.MIDI_MIB.value, _MOST_MIB) * 2**20
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
    chunks, remarks = _sequence(chunks, sequence, name)
    meta = read_meta(chunks.tracks, repairs)
    song, left_out = assembled(chunks, meta, repairs)
    limits.TRACKS.check(len(song.tracks), name)
    limits.HOURS.check(seconds(song) / 3600, name)
    limits.BARS.check(bar_count(song), name)
    found = repairs.all()
    if strict and found:
        raise UnreadableError(f"{name}: {found[0]}; 'musegen repair' mends it")
    return Reading(song, name, chunks.format, found, remarks + left_out, meta.recipe)


def _sequence(chunks: Chunks, sequence: int | None, name: str) -> tuple[Chunks, tuple[str, ...]]:
    """What is to be read of a file, and a remark where that is one sequence of several."""
    count = len(chunks.tracks) if chunks.format == 2 else 1
    if sequence is not None and not 1 <= sequence <= count:
        there = f"{count:,} sequences" if count > 1 else "one sequence"
        raise UnreadableError(f"{name}: has {there}: there is no sequence {sequence}")
    if count == 1:
        return chunks, ()
    chosen = sequence or next((n for n in range(1, count + 1) if _has_notes(chunks.one(n))), 1)
    return chunks.one(chosen), (f"type 2: only sequence {chosen:,} of {count:,} was taken",)


def _has_notes(piece: Chunks) -> bool:
    unheard = Repairs()
    return assembled(piece, read_meta(piece.tracks, unheard), unheard)[0].note_count > 0
