"""What the codec of bars can say, and a model's choice of it: `Layout`, `Header`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from musegen.errors import UsageError
from musegen.song import Key, Meter, Track

METERS: tuple[tuple[int, int], ...] = (
    *((n, 4) for n in (1, 2, 3, 4, 5, 6, 7, 8)),
    *((n, 2) for n in (1, 2, 3, 4)),
    (2, 1),
    *((n, 8) for n in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)),
    *((n, 16) for n in (3, 4, 6, 8, 9, 12)),
)
MAX_BAR_QUARTERS = 8
DURATIONS = (
    1,
    2,
    3,
    4,
    6,
    8,
    9,
    12,
    15,
    16,
    18,
    21,
    24,
    30,
    32,
    36,
    42,
    48,
    60,
    72,
    84,
    96,
    120,
    144,
    192,
)
"""Note lengths in twelfths of a quarter; others become the nearest, by ratio."""
TEMPOS_BPM = tuple(round(30 * 8 ** (i / 23), 1) for i in range(24))
"""Centres of the tempo bins: 30 to 240 bpm, each 9.5 % faster than the one before."""
STYLES = ("pop", "band", "folk", "song", "piano", "chamber", "choir", "drums")
MAX_BARS_LEFT = 16
FIRST_DRUM, LAST_DRUM = 27, 87
Order = Literal["track", "position"]
CONTROLS = {
    "density": 8,
    "polyphony": 6,
    "register": 8,
    "chord": 36,
    "similar": 5,
    "fill": 64,
    "answer": 64,
}
"""Ranges of a layout with controls: of a track, of a bar, and of gaps; see `codecs.controls`."""
DRUM_KIT = 128
"""The value of `instrument` that stands for a drum track."""


@dataclass(frozen=True)
class Layout:
    """What one kind of bar codec can say. It is a model's whole codec config.

    `max_tracks` 0 means one voice without instrument, `velocity_bins` divide 0..127 evenly.
    """

    steps_per_quarter: int = 12
    max_tracks: int = 16
    velocity_bins: int = 8
    order: Order = "track"
    """What a bar is sorted by first: its tracks, or its positions as in REMI+."""
    controls: bool = False
    """Whether there are tokens for what can be asked of a track or a bar, and for gaps to fill."""

    def __post_init__(self) -> None:
        if self.steps_per_quarter not in (12, 24):
            raise UsageError(f"steps_per_quarter is {self.steps_per_quarter}; use 12 or 24")
        if self.velocity_bins not in (1, 2, 4, 8, 16, 32, 64):
            raise UsageError(f"velocity_bins is {self.velocity_bins}; use a power of 2 up to 64")
        if self.controls and not self.has_runs:
            raise UsageError("controls need tracks, and the order of tracks")

    @property
    def has_runs(self) -> bool:
        """Whether a bar is one run for every track that plays."""
        return self.max_tracks > 0 and self.order == "track"


@dataclass(frozen=True)
class Header:
    """What is asked of, or known about, a whole sequence; None leaves it to the model."""

    meter: Meter = field(default_factory=Meter)
    tempo_bpm: float | None = None
    key: Key | None = None
    style: str | None = None
    instruments: tuple[int, ...] = ()


def nearest_tempo(bpm: float) -> int:
    """The tempo bin of `bpm`."""
    return int(np.argmin(np.abs(np.log(np.array(TEMPOS_BPM) / bpm))))


def instrument_of(track: Track) -> int:
    return DRUM_KIT if track.is_drum else track.program
