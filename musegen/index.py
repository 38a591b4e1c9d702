"""An index of the training music, small enough to lie beside the weights: it knows a copy.

It holds the runs of `NOTES` notes of every track's upper voice (see `originality`) that tell one
tune from another, those with `KINDS` or more different steps: a scale, a broken chord or a repeated
note is nobody's. Of these it holds every second, by its hash (0 mod p: Manber, 1994): a copy has
many runs, and some of them are among those.

They are in a Bloom filter (Bloom, 1970) of m bits, in which each of n runs sets k. A run that it
does not hold is taken for one that it does with the probability (1 - exp(-k n / m))^k, which is
least, 0.6185^(m / n), for k = m / n ln 2: with `BITS` bits a run and k = 7 it is 0.8 %. The k bits
come from two hashes (Kirsch & Mitzenmacher, 2006).

How long a stretch of known runs may be is learned from held-out human music, of which at most
`REFUSED` of the windows share more with the training data.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from musegen import models
from musegen.codecs.bars import BarCodec
from musegen.errors import ModelError
from musegen.originality import Hashes, Voices, mixed
from musegen.publishing import publish
from musegen.song import IntArray
from musegen.weights import check_sum, first_line, unreadable

INDEX = "index.safetensors"
"""Its name in a model's folder."""
NOTES = 12
"""In a run."""
KINDS = 5
"""Different steps in a run that tells something, of its eleven."""
EVERY = 2
BITS = 10
"""Of the filter, for each run."""
PROBES = 7
"""Bits that a run sets."""
REFUSED = 0.01
WINDOW = 16
"""Bars of the windows of held-out music."""
MAX_BYTES = 1 << 26
_FORMAT = "musegen index 1"


@dataclass(frozen=True, eq=False)
class Index:
    """The runs of some music, and how much of them new music may have."""

    filter: NDArray[np.uint8]
    """The bits, eight to a byte."""
    runs: int
    """How many are in it."""
    allowed: int
    """Notes of the longest stretch that is no copy."""

    @classmethod
    def of(cls, train: Iterable[IntArray], held_out: Iterable[IntArray], codec: BarCodec) -> Index:
        """Of songs, in arrays of ids one after the other, and windows of held-out music."""
        parts = [np.zeros(0, dtype=np.uint64)]
        for ids in train:
            _, hashes, tells = _telling(Voices.of(ids, codec))
            parts.append(np.unique(hashes[tells & _kept(hashes)]))
        hashes = np.unique(np.concatenate(parts))
        bits = np.zeros(max(-(-len(hashes) * BITS // 8), 1) * 8, dtype=bool)
        for at in _probes(hashes, len(bits)):
            bits[at] = True
        index = cls(np.packbits(bits, bitorder="little"), len(hashes), 0)
        lengths = [index.longest(ids, codec) for ids in held_out]
        allowed = np.quantile(lengths, 1 - REFUSED, method="higher") if lengths else NOTES
        return cls(index.filter, index.runs, int(allowed))

    @property
    def mistaken(self) -> float:
        """How probably it takes a run for one of its own that is not."""
        share = np.unpackbits(self.filter).mean() if self.runs else 0.0
        return float(share**PROBES)

    def holds(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Of which runs it says that it holds them; it is sure of those it does not."""
        found = np.ones(len(hashes), dtype=bool)
        for at in _probes(hashes, 8 * len(self.filter)):
            found &= (self.filter[at >> 3] >> (at & 7).astype(np.uint8) & 1).astype(bool)
        return found

    def longest(self, ids: IntArray, codec: BarCodec) -> int:
        """The longest stretch of a piece's known runs, in notes; 0 without one.

        Notes in runs that tell nothing do not count.
        """
        at, hashes, tells = _telling(Voices.of(ids, codec))
        if not len(at):
            return 0
        asked = tells & _kept(hashes)
        known = np.zeros(len(at), dtype=bool)
        known[asked] = self.holds(hashes[asked])
        # A stretch ends at a run that is not known, and where a voice does.
        breaks = asked & ~known
        breaks[1:] |= np.diff(at) > 1
        stretch = np.cumsum(breaks)[known]
        if not len(stretch):
            return 0
        told = np.cumsum(tells)[known]
        begins = np.flatnonzero(np.diff(stretch, prepend=-1))
        ends = np.append(begins[1:], len(stretch)) - 1
        return int((told[ends] - told[begins]).max()) + NOTES

    def save(self, path: Path) -> None:
        """Write it whole or not at all; ExistsError where there is such a file."""
        from safetensors.numpy import save

        told = {"format": _FORMAT, "runs": str(self.runs), "allowed": str(self.allowed)}
        publish(path, save({"filter": self.filter}, told))

    @classmethod
    def load(cls, path: Path) -> Index:
        """ModelError where it is missing, damaged, or, on the shelf, another than it came with."""
        from safetensors import SafetensorError, safe_open

        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_BYTES:
                raise ValueError(f"is no file of at most {MAX_BYTES >> 20} MiB")
            check_sum(path.parent, models.shelf(), path.name)
            with safe_open(path, framework="numpy") as file:
                told = file.metadata() or {}
                if told.get("format") != _FORMAT or list(file.keys()) != ["filter"]:
                    raise ValueError("is of another program, or of another version")
                found = cls(file.get_tensor("filter"), int(told["runs"]), int(told["allowed"]))
        except OSError as error:
            raise unreadable(path, error) from None
        except (SafetensorError, ValueError, LookupError, TypeError) as error:
            raise ModelError(
                f"{path}: damaged ({first_line(error)}); make it with 'musegen data index'"
            ) from None
        bits = found.filter
        if bits.dtype != np.uint8 or bits.ndim != 1 or not len(bits) or found.runs < 0:
            raise ModelError(f"{path}: damaged; make it with 'musegen data index'")
        return found


def beside(folder: Path) -> Index | None:
    """The index in a model's folder, None where it has none; errors as of `Index.load`."""
    path = folder / INDEX
    return Index.load(path) if path.exists() else None


def copied(ids: IntArray, codec: BarCodec, index: Index) -> int:
    """The notes of a piece's longest stretch that stands in the training data; 0 if it may."""
    notes = index.longest(ids, codec)
    return notes if notes > index.allowed else 0


def windows(ids: IntArray, codec: BarCodec, bars: int = WINDOW) -> Iterator[IntArray]:
    """A song's ids in pieces of so many bars, each with the header; a shorter song is one."""
    r = codec.vocabulary["bar"]
    lines = np.flatnonzero((ids >= r.first) & (ids < r.stop))
    head = ids[: lines[0]] if len(lines) else ids
    edges = np.append(lines, len(ids))
    last = max(len(lines) - bars, 0)
    for first in range(0, last + 1, bars):
        stop = edges[min(first + bars, len(lines))]
        yield np.concatenate((head, ids[edges[first] : stop]))


def _telling(voices: Voices) -> tuple[IntArray, Hashes, NDArray[np.bool_]]:
    """Where each run begins, its hash, and whether it has enough different steps."""
    at, hashes = voices.runs(NOTES)
    kinds = np.ones(len(at), dtype=np.int64)
    for later in range(1, NOTES - 1):
        new = np.ones(len(at), dtype=bool)
        for earlier in range(later):
            new &= voices.step[at + later] != voices.step[at + earlier]
        kinds += new
    return at, hashes, kinds >= KINDS


def _kept(hashes: Hashes) -> NDArray[np.bool_]:
    return np.asarray(mixed(hashes) % np.uint64(EVERY) == 0)


def _probes(hashes: Hashes, bits: int) -> Iterator[IntArray]:
    """The places of each run's bits."""
    one, other = mixed(hashes), mixed(~hashes) | np.uint64(1)
    for probe in range(PROBES):
        yield ((one + np.uint64(probe) * other) % np.uint64(bits)).astype(np.int64)
