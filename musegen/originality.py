"""How much of a piece stands in the training data already.

A run of notes is of one track's upper voice, as the intervals and the distances between its notes;
a shingle is all that a track plays in some bars, as places in the bars and heights above its first
note. Neither sees transposition. What held-out human music shares with the training data is the
yardstick. Arrays of token ids go in, so that a corpus takes seconds; a song begins with `start`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.bars import BarCodec
from musegen.codecs.columns import Columns
from musegen.song import IntArray
from musegen.time import FloatArray

NOTES = 8
"""Notes in a run."""
SHORTEST = 4
"""Notes from which on two pieces are said to share a run."""
SHINGLES = (2, 4, 8)
"""Their lengths, in bars."""
NOTES_A_BAR = 2
"""Notes that a shingle has at least, for each of its bars: nobody owns a held note."""
_PRIMES = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F))
_SLOTS = 64
Hashes = NDArray[np.uint64]


# Runs of notes


@dataclass(frozen=True, eq=False)
class Voices:
    """Upper voices of tracks, one after the other, M notes in all."""

    step: Hashes
    """From each note to the next: interval and distance as one number [M]."""
    is_last: NDArray[np.bool_]
    """Whether a note is its voice's last, so that its step means nothing [M]."""

    @classmethod
    def of(cls, ids: IntArray, codec: BarCodec) -> Voices:
        columns = Columns.of(ids, codec)
        sounds = ~columns.is_drum
        voice = (_songs(columns.at, ids, codec) * _SLOTS + columns.slot)[sounds]
        onset, height = columns.onset[sounds], columns.pitch[sounds]
        order = np.lexsort((-height, onset, voice))
        voice, onset, height = voice[order], onset[order], height[order]
        top = np.ones(len(voice), dtype=bool)
        top[1:] = (voice[1:] != voice[:-1]) | (onset[1:] != onset[:-1])
        voice, onset, height = voice[top], onset[top], height[top]
        step = np.zeros(len(voice), dtype=np.uint64)
        step[:-1] = (np.diff(height) + 128).astype(np.uint64) * np.uint64(4096)
        step[:-1] += np.clip(np.diff(onset), 0, 4095).astype(np.uint64)
        return cls(step, np.append(voice[1:] != voice[:-1], np.ones(len(voice[:1]), dtype=bool)))

    @classmethod
    def together(cls, parts: Iterable[Voices]) -> Voices:
        each = list(parts)
        return cls(
            np.concatenate([np.zeros(0, dtype=np.uint64), *(voices.step for voices in each)]),
            np.concatenate([np.zeros(0, dtype=bool), *(voices.is_last for voices in each)]),
        )

    def runs(self, notes: int) -> tuple[IntArray, Hashes]:
        """Where each run of so many notes begins, and its hash."""
        count = max(len(self.step) - notes + 1, 0)
        hashes = np.zeros(count, dtype=np.uint64)
        crosses = np.zeros(count, dtype=bool)
        for i in range(notes - 1):
            hashes = hashed(hashes, self.step[i : i + count])
            crosses |= self.is_last[i : i + count]
        whole = np.flatnonzero(~crosses)
        return whole, hashes[whole]


def hashed(before: Hashes, values: Hashes) -> Hashes:
    """The hashes of sequences, each with one more value."""
    longer: Hashes = (before ^ (values * _PRIMES[0])) * _PRIMES[1]
    return longer


def _songs(at: IntArray, ids: IntArray, codec: BarCodec) -> IntArray:
    """Which song each place in the ids belongs to."""
    starts = np.flatnonzero(ids == codec.vocabulary.token("start"))
    return np.searchsorted(starts, at, side="right")


def runs(ids: IntArray, codec: BarCodec, notes: int = NOTES) -> Hashes:
    """A hash of each run of `notes` notes in sequences of ids that stand one after the other."""
    return Voices.of(ids, codec).runs(notes)[1]


def shared(ids: IntArray, known: Hashes, codec: BarCodec) -> float:
    """The share of a piece's runs that are among the known ones; nan where it has none.

    `known` are runs in ascending order: `np.unique` of them.
    """
    own = runs(ids, codec)
    return float(among(own, known).mean()) if len(own) else float("nan")


def among(values: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Which values are among the known ones, which are in ascending order."""
    if not len(known):
        return np.zeros(len(values), dtype=bool)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.asarray(known[place] == values)


def longest_shared(pieces: Sequence[Voices], train: Voices) -> list[int]:
    """The notes of the longest run that each piece shares with the training data, exactly.

    0 where that is shorter than `SHORTEST`. Runs grow note by note on both sides, and only those
    that the other side has are kept.
    """
    owner = np.repeat(np.arange(len(pieces)), [len(piece.step) for piece in pieces])
    sides = [Voices.together(pieces), train]
    found = [side.runs(SHORTEST) for side in sides]
    longest = np.zeros(len(pieces), dtype=np.int64)
    notes = SHORTEST
    while True:
        for one, other in ((1, 0), (0, 1)):
            at, hashes = found[one]
            kept = among(hashes, np.unique(found[other][1]))
            found[one] = at[kept], hashes[kept]
        if not len(found[0][0]):
            return longest.tolist()
        longest[owner[found[0][0]]] = notes
        for side, (at, hashes) in enumerate(found):
            goes_on = ~sides[side].is_last[at + notes - 1]
            at, hashes = at[goes_on], hashes[goes_on]
            found[side] = at, hashed(hashes, sides[side].step[at + notes - 1])
        notes += 1


# Bars


@dataclass(frozen=True, eq=False)
class Cells:
    """The bars of tracks in which something but drums is played, C in all, by track, then bar."""

    key: IntArray
    """Of the track and the bar: the next bar's is one more [C]."""
    first: IntArray
    """The pitch of its first note, the lowest of those [C]."""
    notes: IntArray
    """How many there are [C]."""
    content: Hashes
    """Of the notes, by place and height above the first [C]."""
    left: IntArray
    """How many bars its song has from this one on [C]."""

    @classmethod
    def of(cls, ids: IntArray, codec: BarCodec) -> Cells:
        columns = Columns.of(ids, codec)
        sounds = ~columns.is_drum
        voice = (_songs(columns.at, ids, codec) * _SLOTS + columns.slot)[sounds]
        parts = (voice, columns.bar[sounds], columns.position[sounds], columns.pitch[sounds])
        order = np.lexsort(parts[::-1])
        voice, bar, position, pitch = (part[order] for part in parts)
        begins = np.ones(len(voice), dtype=bool)
        begins[1:] = (voice[1:] != voice[:-1]) | (bar[1:] != bar[:-1])
        at = np.flatnonzero(begins)
        counts = np.diff(np.append(at, len(voice)))
        rise = pitch - np.repeat(pitch[at], counts)
        notes = mixed((position * 256 + rise + 128).astype(np.uint64))
        song = _songs(columns.line_at, ids, codec)
        return cls(
            key=voice[at] * (len(song) + 1) + bar[at],
            first=pitch[at],
            notes=counts,
            content=np.add.reduceat(notes, at) if len(at) else notes,
            left=np.searchsorted(song, song[bar[at]], side="right") - bar[at],
        )

    def shingles(self, bars: int) -> Hashes:
        """A hash of each stretch of so many bars of a track.

        None begins with a bar of rest, or has fewer than `NOTES_A_BAR`.
        """
        hashes = np.zeros(len(self.key), dtype=np.uint64)
        notes = np.zeros(len(self.key), dtype=np.int64)
        for later in range(bars):
            place = np.searchsorted(self.key, self.key + later)
            place = np.minimum(place, len(self.key) - 1)
            plays = self.key[place] == self.key + later
            up = mixed((self.first[place] - self.first + 128).astype(np.uint64))
            hashes = hashed(hashes, np.where(plays, self.content[place] + up, np.uint64(0)))
            notes += np.where(plays, self.notes[place], 0)
        return hashes[(self.left >= bars) & (notes >= NOTES_A_BAR * bars)]


def mixed(values: Hashes) -> Hashes:
    """The values, their bits mixed (the finaliser of MurmurHash3: Appleby, 2011)."""
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        values = (values ^ (values >> np.uint64(33))) * np.uint64(factor)
    done: Hashes = values ^ (values >> np.uint64(33))
    return done


# All of it


@dataclass(frozen=True)
class Shared:
    """What pieces share with the training data, a row a piece [P]; nan where one has nothing."""

    longest: FloatArray
    """Notes of the longest run."""
    runs: FloatArray
    """Share of the runs of `NOTES` notes."""
    shingles: dict[int, FloatArray]
    """Share of the shingles, by their bars."""


def measured(pieces: Sequence[IntArray], train: Iterable[IntArray], codec: BarCodec) -> Shared:
    """Hold pieces [ids] against the songs of the training split, in arrays one after the other."""
    voices = [Voices.of(piece, codec) for piece in pieces]
    asked: list[list[Hashes]] = [[v.runs(NOTES)[1] for v in voices]]
    cells = [Cells.of(piece, codec) for piece in pieces]
    asked += [[c.shingles(bars) for c in cells] for bars in SHINGLES]
    found = [np.zeros(sum(map(len, rows)), dtype=bool) for rows in asked]
    known_voices = []
    for ids in train:
        known, bars_known = Voices.of(ids, codec), Cells.of(ids, codec)
        known_voices.append(known)
        theirs = [known.runs(NOTES)[1], *(bars_known.shingles(bars) for bars in SHINGLES)]
        for rows, hits, their in zip(asked, found, theirs, strict=True):
            hits |= among(np.concatenate([their[:0], *rows]), np.unique(their))
    shares = []
    for rows, hits in zip(asked, found, strict=True):
        edges = np.cumsum([0, *map(len, rows)])
        parts = (hits[a:b] for a, b in pairwise(edges))
        shares.append(np.array([part.mean() if len(part) else np.nan for part in parts]))
    longest = np.array(longest_shared(voices, Voices.together(known_voices)), dtype=np.float64)
    longest[[not len(v.step) for v in voices]] = np.nan
    return Shared(longest, shares[0], dict(zip(SHINGLES, shares[1:], strict=True)))
