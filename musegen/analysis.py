"""What a song is like, in numbers: its key and the field's usual statistics."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from musegen.song import Key, Notes, Song
from musegen.time import bar_lines

# Krumhansl & Kessler (1982), probe-tone ratings from the tonic upwards.
_MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
_MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
_SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10))  # major, natural minor


def pitched(song: Song) -> Notes:
    """All notes that are not drums, as one table."""
    tables = [t.notes.table() for t in song.tracks if not t.is_drum]
    return Notes(*np.concatenate(tables).T) if tables else Notes()


def pitch_class_weights(notes: Notes) -> NDArray[np.float64]:
    """[12]: how long each pitch class sounds, as a share of all."""
    weights = np.bincount(notes.pitch % 12, weights=notes.duration, minlength=12).astype(np.float64)
    return weights / max(float(weights.sum()), 1e-9)


def key_of(song: Song, confidence: float = 0.05) -> Key | None:
    """The key whose Krumhansl profile correlates best with the song's pitch classes.

    None where there are fewer than 8 pitched notes, or where the best of another scale comes within
    `confidence` of it.
    """
    notes = pitched(song)
    if len(notes) < 8:
        return None
    weights = pitch_class_weights(notes)
    if np.ptp(weights) < 1e-6:
        return None
    profiles = np.array([np.roll(p, tonic) for p in (_MAJOR, _MINOR) for tonic in range(12)])
    scores = np.array([np.corrcoef(weights, p)[0, 1] for p in profiles])
    best, second = np.argsort(-scores)[:2]
    if scores[best] - scores[second] < confidence:
        return None
    return Key(int(best % 12), bool(best >= 12))


def scale_of(weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The major or natural minor scale [12] that has most of the pitch classes' weights [12]."""
    scales = np.zeros((24, 12), dtype=bool)
    for number, scale in enumerate(_SCALES):
        for tonic in range(12):
            scales[12 * number + tonic, [(tonic + step) % 12 for step in scale]] = True
    return np.asarray(scales[np.argmax(scales @ weights)])


def scale_consistency(notes: Notes) -> float:
    """The largest share of notes that lie in one major or natural minor scale (Mogren, 2016)."""
    if not len(notes):
        return float("nan")
    counts = np.bincount(notes.pitch % 12, minlength=12)
    shares = [
        counts[[(tonic + step) % 12 for step in scale]].sum()
        for scale in _SCALES
        for tonic in range(12)
    ]
    return float(max(shares) / counts.sum())


def groove_consistency(song: Song) -> float:
    """1 - the mean Hamming distance of neighbouring bars' onset patterns (Wu & Yang, 2020).

    Patterns are on a grid of 12 steps a quarter; only neighbours of one length are compared.
    """
    lines, meters = bar_lines(song)
    ticks = np.concatenate([t.notes.start for t in song.tracks] or [np.zeros(0, dtype=np.int64)])
    distances = []
    patterns: list[NDArray[np.bool_]] = []
    for i, meter in enumerate(meters):
        inside = ticks[(ticks >= lines[i]) & (ticks < lines[i + 1])] - lines[i]
        steps = meter.bar_ticks(12)
        pattern = np.zeros(steps, dtype=bool)
        pattern[np.minimum(inside * 12 // song.ticks_per_quarter, steps - 1)] = True
        patterns.append(pattern)
    for a, b in pairwise(patterns):
        if len(a) == len(b):
            distances.append(float((a != b).mean()))
    return 1 - float(np.mean(distances)) if distances else float("nan")


def polyphony(notes: Notes) -> float:
    """The mean number of notes that sound, over the time in which any does."""
    if not len(notes):
        return 0.0
    times = np.concatenate((notes.start, notes.end))
    steps = np.concatenate((np.ones(len(notes)), -np.ones(len(notes))))
    order = np.lexsort((steps, times))
    sounding = np.cumsum(steps[order])[:-1]
    widths = np.diff(times[order])
    busy = float(widths[sounding > 0].sum())
    return float((sounding * widths).sum()) / busy if busy else 0.0


def empty_bars(song: Song) -> float:
    """The share of bars in which no note begins."""
    lines, meters = bar_lines(song)
    if not meters:
        return 0.0
    starts = np.concatenate([t.notes.start for t in song.tracks] or [np.zeros(0, dtype=np.int64)])
    counts, _ = np.histogram(starts, bins=lines)
    return float((counts == 0).mean())


def repeated_bars(song: Song) -> float:
    """The share of bars, from the second on, that are the note-for-note copy of the bar before."""
    lines, meters = bar_lines(song)
    if len(meters) < 2:
        return 0.0
    contents = [
        tuple(tuple(map(tuple, t.notes.between(a, b).table()[:, :3].tolist())) for t in song.tracks)
        for a, b in zip(lines[:-1].tolist(), lines[1:].tolist(), strict=True)
    ]
    same = [a == b and any(a) for a, b in pairwise(contents)]
    return sum(same) / len(same)


@dataclass(frozen=True)
class Statistics:
    """One song's numbers; the first two are shares of 1, `density` is notes a bar."""

    scale_consistency: float
    groove_consistency: float
    density: float
    polyphony: float
    empty_bars: float
    repeated_bars: float


def statistics(song: Song) -> Statistics:
    notes = pitched(song)
    return Statistics(
        scale_consistency(notes),
        groove_consistency(song),
        song.note_count / max(len(bar_lines(song)[1]), 1),
        polyphony(notes),
        empty_bars(song),
        repeated_bars(song),
    )
