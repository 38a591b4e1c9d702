"""A melody or a drum part as one token a step, six steps a beat at most.

A beat is a quarter of four steps, or of six where it is played in triplets; in 6/8, 9/8 and the
like it is a dotted quarter of six. Tokens of melodies are those of MusicVAE (Roberts et al., ICML
2018, https://arxiv.org/abs/1803.05428): hold on, end the note, or begin one. A token of drums says
which of the nine voices are struck, a bit each.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from musegen.codecs.grid import QUARTER, Grid, GridKind
from musegen.general_midi import VOICES, voices
from musegen.song import IntArray, Meter, Notes, Song
from musegen.time import bar_lines

SLOTS = 6
"""Most steps in a beat."""
BEATS = 8
"""Most beats in a bar that models read."""
HOLD, REST, ONSET = 0, 1, 2
"""Tokens of a melody: nothing new, silence from here on, and from this one on the pitches."""
Part = Literal["melody", "drums"]
ATTRIBUTES = ("density", "syncopation", "register")
"""What a part can have more or less of; drums have no register."""


@dataclass(frozen=True)
class StepsLayout:
    """What a model of steps writes; it is the model's whole codec config."""

    part: Part
    bars: tuple[int, ...]
    """How many it reads and writes at once: one of these numbers."""

    def __post_init__(self) -> None:
        sizes = sorted(self.bars)
        if not sizes or sizes[0] < 1 or any(b % a for a, b in pairwise(sizes)):
            raise ValueError(f"bars {self.bars} are not numbers of which each divides the next")

    @property
    def is_melody(self) -> bool:
        return self.part == "melody"

    @property
    def attributes(self) -> tuple[str, ...]:
        return ATTRIBUTES if self.is_melody else ATTRIBUTES[:2]

    @property
    def voices(self) -> int:
        """Of how many voices a token is a combination; 0 where it is not."""
        return 0 if self.is_melody else len(VOICES)

    @property
    def vocabulary(self) -> int:
        """How many tokens there are."""
        return ONSET + 128 if self.is_melody else 1 << self.voices


def is_compound(meter: Meter) -> bool:
    """Whether its beats are of three: 3/8, 6/8, 9/16 and the like."""
    return meter.denominator >= 8 and meter.numerator % 3 == 0


@dataclass(frozen=True, eq=False)
class Frame:
    """Where the steps of a piece are: on its grid, and in its beats.

    `slots` [T] counts the steps of each beat, `place` [T] beats from the bar line, `bar` [T] bars
    from 0.
    """

    grid: Grid
    slots: IntArray
    place: IntArray
    bar: IntArray

    @classmethod
    def of(cls, song: Song, onsets: IntArray, kind: GridKind = "auto") -> Frame:
        """The frame of a song in whole bars, whose clock is a multiple of 12 ticks a quarter.

        "auto" chooses between 16ths and triplets, quarter by quarter, what fits the `onsets`.
        """
        lines, meters = bar_lines(song)
        compound = np.array([is_compound(m) for m in meters], dtype=bool)
        # A dotted quarter has triplets already.
        grid = Grid.of(song, onsets, "16th" if compound.any() else kind)
        bar = grid.bar[:-1]
        place = (grid.ticks[:-1] - lines[bar]) * QUARTER // song.ticks_per_quarter
        beat = place // np.where(compound[bar], QUARTER * 3 // 2, QUARTER)
        first = np.flatnonzero((np.diff(beat, prepend=-1) != 0) | (np.diff(bar, prepend=-1) != 0))
        return cls(grid, np.diff(first, append=len(beat)), beat[first], bar[first])

    @classmethod
    def of_slots(cls, slots: IntArray, sixteenth: int = 120) -> Frame:
        """The frame of bars whose beats have so many steps [N, K].

        A step is a 16th; but beside beats of four steps one of six is a quarter in triplets.
        """
        counts = slots.flatten()
        bar = np.repeat(np.arange(len(slots)), slots.sum(1))
        triplet = (counts == SLOTS) & (counts == QUARTER // 3).any()
        wide = np.repeat(np.where(triplet, 2, 3), counts)  # S: twelfths of a quarter
        at = np.append(0, np.cumsum(wide))
        first = np.searchsorted(bar, bar)  # the first step of each step's bar
        place = at[:-1] - at[first]
        ticks = at * sixteenth // 3
        grid = Grid(ticks, np.append(place, 0), np.append(bar, len(slots)), sixteenth)
        beat = np.tile(np.arange(slots.shape[1]), len(slots))
        return cls(grid, counts, beat, np.repeat(np.arange(len(slots)), slots.shape[1]))

    def __len__(self) -> int:
        """How many beats there are."""
        return len(self.slots)

    @property
    def bars(self) -> int:
        return int(self.grid.bar[-1])

    @property
    def is_step(self) -> NDArray[np.bool_]:
        """Which slots are steps [T, SLOTS]."""
        return np.asarray(np.arange(SLOTS) < self.slots[:, None])

    def beats(self, steps: IntArray) -> IntArray:
        """A column of steps [S] as beats [T, SLOTS], with zeros where there is no step."""
        table = np.zeros((len(self), SLOTS), dtype=np.int64)
        table[self.is_step] = steps
        return table


def encode_melody(notes: Notes, frame: Frame) -> IntArray:
    """The tokens of one voice [T, SLOTS]."""
    steps = np.full(len(frame.grid) + 1, HOLD)
    start, _ = frame.grid.nearest(notes.start)
    last = np.append(start[1:] != start[:-1], True)[: len(start)]  # of those at one step
    notes, start = notes.where(last), start[last]
    end = np.maximum(frame.grid.nearest(notes.end)[0], start + 1)
    # Ends first, so that the next note's beginning takes their place.
    steps[end[end < len(steps)]] = REST
    steps[start] = ONSET + notes.pitch
    return frame.beats(steps[:-1])


def decode_melody(tokens: IntArray, frame: Frame) -> tuple[IntArray, IntArray, IntArray]:
    """The notes that tokens [T, SLOTS] say: the steps where they start and end, and pitches [N]."""
    steps = tokens[frame.is_step]
    changes = np.flatnonzero(steps != HOLD)
    until = np.append(changes[1:], len(steps))[: len(changes)]
    begins = steps[changes] >= ONSET
    return changes[begins], until[begins], steps[changes[begins]] - ONSET


def encode_drums(notes: Notes, frame: Frame) -> IntArray:
    """The tokens of a drum part [T, SLOTS]; pitches that are no drum's are left out."""
    steps = np.zeros(len(frame.grid) + 1, dtype=np.int64)
    voice = voices(notes.pitch)
    at, _ = frame.grid.nearest(notes.start)
    np.bitwise_or.at(steps, at[voice >= 0], 1 << voice[voice >= 0])
    return frame.beats(steps[:-1])


def decode_drums(tokens: IntArray, frame: Frame) -> tuple[IntArray, IntArray]:
    """The hits that tokens [T, SLOTS] say, in order: their steps and voices [H]."""
    steps = tokens[frame.is_step]
    step, voice = np.nonzero(steps[:, None] >> np.arange(len(VOICES)) & 1)
    return step, voice


def begins(tokens: IntArray, layout: StepsLayout) -> NDArray[np.bool_]:
    """Which tokens begin something."""
    new = (tokens >= ONSET) if layout.is_melody else (tokens != HOLD)
    return np.asarray(new & (tokens < layout.vocabulary))


def attributes(tokens: IntArray, layout: StepsLayout) -> NDArray[np.float64]:
    """How much of each attribute there is in parts [B, T, SLOTS], as [B, attributes].

    `density` is notes a beat; `syncopation` the share of the beats in which a note begins off the
    beat, with none on the next beat; `register` the mean pitch.
    """
    new = begins(tokens, layout)
    if layout.is_melody:
        notes = new.astype(np.float64)
    else:
        struck = (tokens[..., None] >> np.arange(layout.voices) & 1).sum(-1)
        notes = np.where(new, struck, 0).astype(np.float64)
    off, on = np.asarray(new[..., 1:].any(-1)), new[..., 0]
    held = (off[:, :-1] & ~on[:, 1:]).sum(-1) / max(on.shape[1] - 1, 1)
    columns = [notes.sum(-1).mean(-1), held]
    if layout.is_melody:
        pitch = np.where(new, tokens - ONSET, 0)
        columns.append(pitch.sum((1, 2)) / new.sum((1, 2)).clip(1))
    return np.stack(columns, -1)
