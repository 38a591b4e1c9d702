"""Whether a model does what it is asked: density, polyphony, scale, chords, bars.

Pieces are generated from nothing with one thing asked of them, and what was asked is compared with
what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nan

import numpy as np

from musegen import analysis
from musegen.codecs.harmony import Chord
from musegen.scales import parse_scale
from musegen.song import IntArray, Song
from musegen.time import bar_count, bar_lines
from musegen.verbs.batch import Batch
from musegen.verbs.generation import generate
from musegen.verbs.takes import Takes

BANDS = (("piano",), ("piano", "bass", "drums"), ("violin", "cello"), ("guitar", "flute"))
DENSITIES = tuple(i / 7 for i in range(8))
POLYPHONIES = (1, 2, 3, 4, 6)
SCALES = ("C major", "A minor pentatonic", "D dorian", "E blues")
PROGRESSIONS = ("Am F C G", "Dm7 G7 Cmaj7", "E A B7", "Gm Eb Bb F")
LENGTH = 8
"""Bars of a piece."""


@dataclass(frozen=True)
class Control:
    """Correlations of asked with measured (Pearson's), and shares of 1."""

    density: float
    polyphony: float
    polyphony_kept: float
    """Of tracks, in how many no more notes sound at once than were asked for."""
    scale: float
    """Of notes, how many are in it."""
    chords: float
    """Of notes that begin on a beat, how many are the chord's."""
    bars: float
    """Of pieces, how many have exactly as many as asked for."""
    densities: dict[float, float]
    """Notes a quarter of a track, mean over pieces, for each that was asked for."""
    polyphonies: dict[float, float]
    """Mean notes that sound in a track while any does, for each that was asked for."""


def control(
    model: str,
    variations: int,
    *,
    device: str = "cpu",
    seed: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Control:
    """Ask a model for everything in turn, `variations` pieces of each kind."""
    total = len(DENSITIES) * len(BANDS) + len(POLYPHONIES) * 2 + len(SCALES) + len(PROGRESSIONS)
    made: list[Song] = []

    def ask(**wishes: object) -> list[Song]:
        """The pieces, which are there when the batch is finished."""
        songs: list[Song] = []

        def keep(number: int, takes: Takes) -> None:
            songs.extend(takes)
            made.extend(takes)
            if report is not None:
                report(len(made), total * variations)

        generate(
            variations=variations,
            length=LENGTH,
            seed=seed,
            model=model,
            device=device,
            each=keep,
            batch=batch,
            **wishes,  # type: ignore[arg-type]
        )
        return songs

    with Batch() as batch:
        by_density = [
            (wanted, ask(instruments=band, density=wanted))
            for wanted in DENSITIES
            for band in BANDS
        ]
        by_polyphony = [
            (wanted, ask(instruments=band, polyphony=wanted))
            for wanted in POLYPHONIES
            for band in (("piano",), ("choir", "strings"))
        ]
        by_scale = [(parse_scale(scale, None), ask(scale=scale)) for scale in SCALES]
        by_chords = [
            (
                [Chord.parse(symbol) for symbol in symbols.split()],
                ask(chords=symbols, instruments=("piano", "bass")),
            )
            for symbols in PROGRESSIONS
        ]
    dense = [(wanted, notes_a_quarter(song)) for wanted, songs in by_density for song in songs]
    voices = [
        (wanted, analysis.polyphony(track.notes), most_at_once(track.notes.start, track.notes.end))
        for wanted, songs in by_polyphony
        for song in songs
        for track in song.tracks
        if len(track.notes)
    ]
    in_scale = [
        share for scale, songs in by_scale for song in songs for share in within(song, scale)
    ]
    in_chord = [
        share for chords, songs in by_chords for song in songs for share in on_beats(song, chords)
    ]
    return Control(
        density=_correlation(dense),
        polyphony=_correlation([row[:2] for row in voices]),
        polyphony_kept=_mean([most <= wanted for wanted, _, most in voices]),
        scale=_mean(in_scale),
        chords=_mean(in_chord),
        bars=_mean([bar_count(song) == LENGTH for song in made]),
        densities=_means(dense),
        polyphonies=_means([row[:2] for row in voices]),
    )


def notes_a_quarter(song: Song) -> float:
    """Of one track, on average over those that play."""
    playing = [len(track.notes) for track in song.tracks if len(track.notes)]
    quarters = song.length / song.ticks_per_quarter
    return sum(playing) / max(len(playing), 1) / max(quarters, 1)


def most_at_once(start: IntArray, end: IntArray) -> int:
    """How many notes sound together at most."""
    times = np.concatenate((start, end))
    steps = np.concatenate((np.ones(len(start)), -np.ones(len(end))))
    return int(np.cumsum(steps[np.lexsort((steps, times))]).max(initial=0))


def within(song: Song, classes: frozenset[int]) -> list[bool]:
    """Of each note but drums, whether it is in a scale."""
    return [pitch % 12 in classes for pitch in analysis.pitched(song).pitch.tolist()]


def on_beats(song: Song, chords: list[Chord]) -> list[bool]:
    """Of each note but drums that begins on a beat, whether it is in its bar's chord."""
    lines, meters = bar_lines(song)
    notes = analysis.pitched(song)
    found = []
    for start, pitch in zip(notes.start.tolist(), notes.pitch.tolist(), strict=True):
        bar = int(np.searchsorted(lines, start, side="right")) - 1
        beat = song.ticks_per_quarter * 4 // meters[bar].denominator
        if (start - int(lines[bar])) % beat == 0:
            found.append(pitch % 12 in chords[bar % len(chords)].classes)
    return found


def _correlation(rows: list[tuple[float, float]]) -> float:
    """Not a number where one of both is the same throughout."""
    if any(len(set(column)) < 2 for column in zip(*rows, strict=True)) or not rows:
        return nan
    asked, measured = np.array(rows, dtype=np.float64).T
    return float(np.corrcoef(asked, measured)[0, 1])


def _means(rows: list[tuple[float, float]]) -> dict[float, float]:
    return {
        wanted: _mean([measured for asked, measured in rows if asked == wanted])
        for wanted in dict.fromkeys(asked for asked, _ in rows)
    }


def _mean(values: list[bool] | list[float]) -> float:
    return float(np.mean(values)) if values else nan
