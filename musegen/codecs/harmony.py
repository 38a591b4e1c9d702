"""Chords: what a bar sounds like, and what a chord symbol says.

A chord is a triad of a root: major, minor or diminished, which is all that a token tells. What a
symbol says beyond that, such as a seventh, is in its pitch classes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from musegen.codecs.columns import Columns
from musegen.errors import UsageError
from musegen.song import IntArray

TRIADS = ((0, 4, 7), (0, 3, 7), (0, 3, 6))
"""Pitch classes above the root: major, minor, diminished."""
CLEAR = 0.75
"""Share of a bar's sound that must be the chord's."""
_BASS = 0.25
"""Weight of the lowest note's class beside the sound of the whole bar."""
_TEMPLATES = np.array(
    [[(c - root) % 12 in triad for c in range(12)] for triad in TRIADS for root in range(12)],
    dtype=np.float64,
)  # 36 12

_SYMBOL = re.compile(r"([A-Ga-g])([#b]?)(.*)")
QUALITIES = {
    **dict.fromkeys(("", "maj", "M", "major"), (0, (0, 4, 7))),
    **dict.fromkeys(("m", "min", "-", "minor"), (1, (0, 3, 7))),
    **dict.fromkeys(("dim", "o", "°"), (2, (0, 3, 6))),
    **dict.fromkeys(("aug", "+"), (0, (0, 4, 8))),
    "5": (0, (0, 7)),
    "6": (0, (0, 4, 7, 9)),
    "m6": (1, (0, 3, 7, 9)),
    **dict.fromkeys(("7", "dom7"), (0, (0, 4, 7, 10))),
    **dict.fromkeys(("maj7", "M7"), (0, (0, 4, 7, 11))),
    **dict.fromkeys(("m7", "min7", "-7"), (1, (0, 3, 7, 10))),
    **dict.fromkeys(("m7b5", "ø"), (2, (0, 3, 6, 10))),
    **dict.fromkeys(("dim7", "o7", "°7"), (2, (0, 3, 6, 9))),
    "9": (0, (0, 2, 4, 7, 10)),
    "maj9": (0, (0, 2, 4, 7, 11)),
    "m9": (1, (0, 2, 3, 7, 10)),
    "add9": (0, (0, 2, 4, 7)),
    "sus2": (0, (0, 2, 7)),
    **dict.fromkeys(("sus4", "sus"), (0, (0, 5, 7))),
    "7sus4": (0, (0, 5, 7, 10)),
}
_NATURAL = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@dataclass(frozen=True)
class Chord:
    """`value` is that of its token: 12 for each triad, plus the root; `classes` are 0..11."""

    symbol: str
    value: int
    classes: frozenset[int]

    @property
    def root(self) -> int:
        return self.value % 12

    @classmethod
    def parse(cls, symbol: str) -> Chord:
        """A symbol such as "Am", "F#m7b5" or "C/E". UsageError where it is none."""
        plain = symbol.replace("\N{MUSIC SHARP SIGN}", "#").replace("\N{MUSIC FLAT SIGN}", "b")
        upper, slash, bass = plain.partition("/")
        found = _SYMBOL.fullmatch(upper)
        under = _SYMBOL.fullmatch(bass) if slash else None
        if not found or found[3] not in QUALITIES or (slash and (not under or under[3])):
            known = ", ".join(f"C{quality}" for quality in QUALITIES)
            raise UsageError(f"no chord {symbol!r}; chords are written like {known}, C/E")
        root = _tonic(found)
        triad, above = QUALITIES[found[3]]
        classes = {(root + c) % 12 for c in above} | ({_tonic(under)} if under else set())
        return cls(symbol, 12 * triad + root, frozenset(classes))


def _tonic(found: re.Match[str]) -> int:
    sign = {"#": 1, "b": -1, "": 0}[found[2]]
    return (_NATURAL[found[1].upper()] + sign) % 12


def chords(columns: Columns) -> IntArray:
    """Each bar's chord as a value of its token [B], -1 where none is clear."""
    bars = len(columns.line)
    heard = ~columns.is_drum & (columns.bar >= 0)
    bar, pitch = columns.bar[heard], columns.pitch[heard]
    end = columns.position[heard] + columns.duration[heard]
    inside = np.minimum(end, columns.width[bar]) - columns.position[heard]
    sound = np.zeros((bars, 12))
    np.add.at(sound, (bar, pitch % 12), inside)
    lowest = np.full(bars, 1 << 10)
    np.minimum.at(lowest, bar, pitch)
    total = sound.sum(axis=1)
    share = sound / np.maximum(total, 1)[:, None]
    fits = share @ _TEMPLATES.T  # B 36
    is_root = lowest[:, None] % 12 == np.arange(36) % 12
    best = np.argmax(fits + _BASS * is_root, axis=1)
    clear = (fits[np.arange(bars), best] >= CLEAR) & (total > 0)
    return np.where(clear, best, -1)
