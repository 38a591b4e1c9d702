"""What a picture says: the line of facts, the names of notes, and texts made to fit."""

from __future__ import annotations

import unicodedata

from musegen.analysis import key_of
from musegen.midi.text import printable
from musegen.song import MINOR_TONICS, Song
from musegen.time import bar_count, seconds

MAX_METERS = 4
"""More metres than this are not named."""


def facts(song: Song) -> str:
    """Like `16 bars · 4/4 · 112 bpm · A minor? · 271 notes · 0:34`.

    A key that was estimated has the question mark; one that is not clear is not named.
    """
    meters = list(dict.fromkeys(str(m) for m in song.meters))
    bpms = [round(t.bpm, 2) for t in song.tempos]
    low, high = min(bpms), max(bpms)
    key = song.key or key_of(song)
    minutes, rest = divmod(round(seconds(song)), 60)
    parts = (
        counted(bar_count(song), "bar"),
        ", ".join(meters[:MAX_METERS]) + " ..." * (len(meters) > MAX_METERS),
        f"{low:g} bpm" if low == high else f"{low:g} to {high:g} bpm",
        "" if key is None else f"{key}{'?' * (song.key is None)}",
        counted(song.note_count, "note"),
        f"{minutes}:{rest:02}",
    )
    return " · ".join(part for part in parts if part)


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def note_name(pitch: int) -> str:
    """60 is C4, middle C."""
    return f"{MINOR_TONICS[pitch % 12]}{pitch // 12 - 1}"


def cells(text: str) -> int:
    """How many columns of a terminal a text takes; Chinese and Japanese signs take two."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def shortened(text: str, columns: int) -> str:
    """`text` on one line without control characters, cut where it takes more columns."""
    line = printable(text, max(columns, 1))
    is_cut = len(printable(text, len(line) + 1)) > len(line)
    if cells(line) <= columns and not is_cut:
        return line
    while line and cells(line) > columns - 1:
        line = line[:-1]
    return line.rstrip() + "…" if columns > 0 else ""
