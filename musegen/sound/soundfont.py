"""A SoundFont file -> the zones that sound for a key.

SoundFont 2.01 and 2.04 (E-mu, "SoundFont Technical Specification"; sections are of 2.04): a RIFF
`sfbk` of 16-bit samples, instruments that map them to keys, and presets that stack instruments.
The samples stay in the file and are mapped; a font of 1 GB opens as fast as one of 1 MB. Of a
broken file what can be found is used, and it is UnreadableError where that is no preset. This
module makes no sound.

Left out: the 8 lower bits of 24-bit samples (`sm24`), ROM samples, modulators with two sources.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from musegen.errors import UnreadableError

Samples16 = NDArray[np.int16]
Records = NDArray[Any]

USUAL_FONT = ("pretty_midi", "TimGM6mb.sf2")
"""The package and file of a General MIDI font that is installed with musegen."""
DRUM_BANK = 128

_MAX_TABLES = 64 << 20  # bytes of `pdta`; the largest fonts known have 3 MiB
_MAX_CHUNKS = 1_000  # of one level; there are about 20
_MAX_PAIRS = 1 << 16  # zones of a preset times zones of its instruments
_MAX_GENERATORS = 256  # of one zone; there are 60 kinds
_MODULATOR = [
    ("source", "<u2"),
    ("target", "<u2"),
    ("amount", "<i2"),
    ("amount_source", "<u2"),
    ("transform", "<u2"),
]
_RECORDS = {  # section 7
    "phdr": [
        ("name", "S20"),
        ("program", "<u2"),
        ("bank", "<u2"),
        ("bag", "<u2"),
        ("unused", "V12"),
    ],
    "pbag": [("generator", "<u2"), ("modulator", "<u2")],
    "pgen": [("kind", "<u2"), ("amount", "<i2")],
    "pmod": _MODULATOR,
    "imod": _MODULATOR,
    "inst": [("name", "S20"), ("bag", "<u2")],
    "ibag": [("generator", "<u2"), ("modulator", "<u2")],
    "igen": [("kind", "<u2"), ("amount", "<i2")],
    "shdr": [
        ("name", "S20"),
        ("start", "<u4"),
        ("end", "<u4"),
        ("loop_start", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("root", "u1"),
        ("correction", "i1"),
        ("link", "<u2"),
        ("type", "<u2"),
    ],
}
_COMPRESSED, _ROM = 0x10, 0x8000  # of a sample's type; the first is of sf3 alone


class Generator(IntEnum):
    """What a zone sets (section 8.1.2), with the specification's numbers and units."""

    START_OFFSET = 0
    END_OFFSET = 1
    LOOP_START_OFFSET = 2
    LOOP_END_OFFSET = 3
    START_COARSE_OFFSET = 4
    MOD_LFO_TO_PITCH = 5
    VIB_LFO_TO_PITCH = 6
    MOD_ENV_TO_PITCH = 7
    FILTER_CUTOFF = 8
    FILTER_Q = 9
    MOD_LFO_TO_FILTER = 10
    MOD_ENV_TO_FILTER = 11
    END_COARSE_OFFSET = 12
    MOD_LFO_TO_VOLUME = 13
    PAN = 17
    MOD_LFO_DELAY = 21
    MOD_LFO_FREQUENCY = 22
    VIB_LFO_DELAY = 23
    VIB_LFO_FREQUENCY = 24
    MOD_DELAY = 25
    MOD_ATTACK = 26
    MOD_HOLD = 27
    MOD_DECAY = 28
    MOD_SUSTAIN = 29
    MOD_RELEASE = 30
    KEY_TO_MOD_HOLD = 31
    KEY_TO_MOD_DECAY = 32
    DELAY = 33
    ATTACK = 34
    HOLD = 35
    DECAY = 36
    SUSTAIN = 37
    RELEASE = 38
    KEY_TO_HOLD = 39
    KEY_TO_DECAY = 40
    INSTRUMENT = 41
    KEY_RANGE = 43
    VELOCITY_RANGE = 44
    LOOP_START_COARSE_OFFSET = 45
    KEY = 46
    VELOCITY = 47
    ATTENUATION = 48
    LOOP_END_COARSE_OFFSET = 50
    COARSE_TUNE = 51
    FINE_TUNE = 52
    SAMPLE = 53
    MODES = 54
    SCALE_TUNING = 56
    EXCLUSIVE_CLASS = 57
    ROOT_KEY = 58


G = Generator

_NEVER = -12_000  # timecents: 1 ms, which counts as 0
DEFAULTS = {
    **dict.fromkeys(Generator, 0),
    **dict.fromkeys((G.DELAY, G.ATTACK, G.HOLD, G.DECAY, G.RELEASE), _NEVER),
    **dict.fromkeys((G.MOD_DELAY, G.MOD_ATTACK, G.MOD_HOLD, G.MOD_DECAY, G.MOD_RELEASE), _NEVER),
    **dict.fromkeys((G.MOD_LFO_DELAY, G.VIB_LFO_DELAY), _NEVER),
    G.FILTER_CUTOFF: 13_500,
    G.KEY: -1,
    G.VELOCITY: -1,
    G.SCALE_TUNING: 100,
    G.ROOT_KEY: -1,
}
_OF_INSTRUMENTS_ONLY = {  # a preset's are ignored (section 8.1.2)
    *(G.START_OFFSET, G.END_OFFSET, G.LOOP_START_OFFSET, G.LOOP_END_OFFSET),
    *(G.START_COARSE_OFFSET, G.END_COARSE_OFFSET),
    *(G.LOOP_START_COARSE_OFFSET, G.LOOP_END_COARSE_OFFSET),
    *(G.KEY, G.VELOCITY, G.MODES, G.EXCLUSIVE_CLASS, G.ROOT_KEY, G.SAMPLE),
}
_Amounts = dict[int, int]

VELOCITY_TO_ATTENUATION = (0x0502, G.ATTENUATION)
VELOCITY_TO_CUTOFF = (0x0102, G.FILTER_CUTOFF)
PAN_TO_PAN = (0x028A, G.PAN)
MODULATORS: dict[tuple[int, int], int] = {
    VELOCITY_TO_ATTENUATION: 960,  # cB (section 8.4.1)
    VELOCITY_TO_CUTOFF: 0,  # -2,400 in section 8.4.2; players leave it at 0, and fonts expect that
    PAN_TO_PAN: 500,  # 0.1 % each way, all that there is (1,000 in section 8.4.6)
}
"""What follows a source of MIDI, by (source, target): the amounts of a zone that sets none."""


@dataclass(frozen=True)
class _Layer:
    """A zone of a preset or of an instrument: what it sets, and what its modulators do."""

    amounts: _Amounts
    modulators: dict[tuple[int, int], int]


@dataclass(frozen=True, eq=False)
class Zone:
    """One sample under a range of keys and velocities, both ends included.

    `samples` are 16-bit [N] at `rate` Hz, `loop` their part [first, last) that repeats, and `tune`
    the cents that the sample's header adds. `amounts` hold every `Generator`, `modulators` all of
    `MODULATORS`.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    samples: Samples16
    loop: tuple[int, int]
    rate: int
    root: int
    tune: int
    amounts: dict[Generator, int]
    modulators: dict[tuple[int, int], int]

    def __getitem__(self, generator: Generator) -> int:
        return self.amounts[generator]

    def sounds_for(self, key: int, velocity: int) -> bool:
        return (
            self.keys[0] <= key <= self.keys[1]
            and self.velocities[0] <= velocity <= self.velocities[1]
        )


class SoundFont:
    """The presets of a file. UnreadableError where it is no SoundFont 2 or too broken for one."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        data = _mapped(self.path)
        parts = dict(_parts(data, self.path))
        sound = np.frombuffer(data, np.uint8)[parts.get("smpl", slice(0, 0))]
        self._samples: Samples16 = sound[: len(sound) & -2].view("<i2")
        tables = {name: parts.get(name, slice(0, 0)) for name in _RECORDS}
        if sum(part.stop - part.start for part in tables.values()) > _MAX_TABLES:
            raise UnreadableError(f"{path}: its tables are larger than 64 MiB; use another font")
        self._tables = {name: _records(data[part], name) for name, part in tables.items()}
        self._zones: dict[int, tuple[Zone, ...]] = {}
        self._instruments: dict[int, list[_Layer]] = {}
        if any(self._tables["shdr"]["type"] & _COMPRESSED):
            raise UnreadableError(f"{path}: holds compressed samples (sf3); convert it to sf2")
        if not self.presets:
            raise UnreadableError(f"{path}: no presets in it; use another font")

    @cached_property
    def presets(self) -> dict[tuple[int, int], int]:
        """The rows of the presets by (bank, program); of doubles the first."""
        header = self._tables["phdr"][:-1]  # the last one only ends the table
        rows = zip(header["bank"].tolist(), header["program"].tolist(), strict=True)
        return {place: row for row, place in reversed(list(enumerate(rows)))}

    def name(self, bank: int, program: int) -> str:
        """What the font calls the preset; KeyError where there is none."""
        name: bytes = self._tables["phdr"]["name"][self.presets[bank, program]]
        return name.decode("latin-1").strip()

    def nearest(self, program: int, is_drum: bool) -> tuple[int, int]:
        """The (bank, program) that plays `program`.

        A kit that is missing is played by kit 0, a program by that of the next lower number; where
        the font has nothing in the bank, any preset plays.
        """
        bank = DRUM_BANK if is_drum else 0
        there = sorted(place for place in self.presets if place[0] == bank)
        if (bank, program) in self.presets:
            return bank, program
        lower = [place for place in there if place[1] < program and not is_drum]
        return max(lower) if lower else min(there or self.presets)

    def zones(self, bank: int, program: int) -> tuple[Zone, ...]:
        """What the preset is made of, in the order of the file."""
        row = self.presets[bank, program]
        if row not in self._zones:
            self._zones[row] = tuple(self._combined(row))
        return self._zones[row]

    def _combined(self, row: int) -> Iterator[Zone]:
        """Each zone of a preset with each of its instrument's, amounts added (section 9.4)."""
        pairs = 0
        for above in self._layers("p", self._tables["phdr"]["bag"][row : row + 2], G.INSTRUMENT):
            instrument = above.amounts[G.INSTRUMENT]
            if instrument not in self._instruments:
                bags = self._tables["inst"]["bag"][instrument : instrument + 2]
                self._instruments[instrument] = list(self._layers("i", bags, G.SAMPLE))
            for below in self._instruments[instrument]:
                pairs += 1
                if pairs > _MAX_PAIRS:
                    raise UnreadableError(
                        f"{self.path}: a preset of more than {_MAX_PAIRS:,} zones; use another font"
                    )
                if (zone := self._zone(above, below)) is not None:
                    yield zone

    def _layers(self, level: str, bags: Records, last: Generator) -> Iterator[_Layer]:
        """Each zone that names its `last`, over the global zone before them (section 7.3)."""
        if len(bags) < 2:
            return
        edges = self._tables[f"{level}bag"][int(bags[0]) : int(bags[1]) + 1].tolist()
        generators, modulators = self._tables[f"{level}gen"], self._tables[f"{level}mod"]
        shared = _Layer({}, {})
        for i, (first, stop) in enumerate(pairwise(edges)):
            rows = generators[first[0] : min(stop[0], first[0] + _MAX_GENERATORS)].tolist()
            moved = modulators[first[1] : min(stop[1], first[1] + _MAX_GENERATORS)].tolist()
            amounts = dict(rows)
            own = {(s, t): a for s, t, a, other, curve in moved if not other and not curve}
            if last in amounts:
                amounts[last] &= 0xFFFF
                yield _Layer({**shared.amounts, **amounts}, {**shared.modulators, **own})
            elif i == 0:
                shared = _Layer(amounts, own)

    def _zone(self, above: _Layer, below: _Layer) -> Zone | None:
        """The two as one, or None where no key, no velocity or no sample is left."""
        keys = _common(above.amounts, below.amounts, G.KEY_RANGE)
        velocities = _common(above.amounts, below.amounts, G.VELOCITY_RANGE)
        amounts = {
            kind: below.amounts.get(kind, usual)
            + (above.amounts.get(kind, 0) if kind not in _OF_INSTRUMENTS_ONLY else 0)
            for kind, usual in DEFAULTS.items()
        }
        modulators = {
            kind: below.modulators.get(kind, usual) + above.modulators.get(kind, 0)
            for kind, usual in MODULATORS.items()
        }
        headers, sample = self._tables["shdr"], below.amounts[G.SAMPLE]
        if keys[0] > keys[1] or velocities[0] > velocities[1] or sample >= len(headers):
            return None
        header = headers[sample]
        if header["type"] & _ROM:
            return None
        coarse = 32_768
        start, end, loop_start, loop_end = (
            int(header[name]) + amounts[fine] + coarse * amounts[more]
            for name, fine, more in (
                ("start", G.START_OFFSET, G.START_COARSE_OFFSET),
                ("end", G.END_OFFSET, G.END_COARSE_OFFSET),
                ("loop_start", G.LOOP_START_OFFSET, G.LOOP_START_COARSE_OFFSET),
                ("loop_end", G.LOOP_END_OFFSET, G.LOOP_END_COARSE_OFFSET),
            )
        )
        samples = self._samples[max(start, 0) : max(end, 0)]
        if not len(samples):
            return None
        loop = max(loop_start - start, 0), min(loop_end - start, len(samples))
        root = amounts[G.ROOT_KEY] if 0 <= amounts[G.ROOT_KEY] <= 127 else int(header["root"])
        return Zone(
            keys,
            velocities,
            samples,
            loop if loop[1] - loop[0] > 1 else (0, 0),
            min(max(int(header["rate"]), 400), 192_000),
            root if root <= 127 else 60,  # 255: no pitch (section 7.10)
            int(header["correction"]),
            amounts,
            modulators,
        )


def usual_font() -> Path:
    """The font that comes with pretty_midi, which is not imported for it."""
    package, name = USUAL_FONT
    try:
        path = Path(str(resources.files(package) / name))
    except ModuleNotFoundError:
        path = Path(name)
    if not path.is_file():
        raise UnreadableError(f"{name}: not where {package} should have it; name a SoundFont file")
    return path


def _common(above: _Amounts, below: _Amounts, kind: Generator) -> tuple[int, int]:
    """The range that both zones allow: low byte to high byte (section 8.1.2)."""
    ranges = [zone[kind] & 0xFFFF for zone in (above, below) if kind in zone]
    lows, highs = [0, *(r & 0xFF for r in ranges)], [127, *(r >> 8 for r in ranges)]
    return max(lows), min(highs)


def _mapped(path: Path) -> mmap.mmap:
    try:
        with open(path, "rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:  # ValueError: an empty file, a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{path}: cannot be read: {reason}") from None


def _parts(data: mmap.mmap, path: Path) -> Iterator[tuple[str, slice]]:
    """The name and place of each chunk inside a LIST; the last one may be cut short."""
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise UnreadableError(f"{path}: not a SoundFont 2 file; name a .sf2")
    for _, lists in _chunks(data, slice(12, len(data)), b"LIST"):
        yield from _chunks(data, slice(lists.start + 4, lists.stop))


def _chunks(
    data: mmap.mmap, within: slice, kind: bytes | None = None
) -> Iterator[tuple[str, slice]]:
    """The name and contents' place of each chunk, or of those of one kind."""
    at = within.start
    for _ in range(_MAX_CHUNKS):
        if at + 8 > within.stop:
            return
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        if kind in (None, data[at : at + 4]):
            name = data[at : at + 4].decode("latin-1")
            yield name, slice(at + 8, min(at + 8 + size, within.stop))
        at += 8 + size + size % 2


def _records(data: bytes, name: str) -> Records:
    kind = np.dtype(_RECORDS[name])
    return np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind)
