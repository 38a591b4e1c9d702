"""What a song is like, in numbers: its key and the field's usual statistics.

Where a definition is muspy's (Dong et al., 2020) or MusDr's (Wu & Yang, 2020), it is told; those of
muspy are held against it in the tests. Drums count for rhythm, density and similarity alone. What
is not defined, such as the scale of no notes, is nan.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import nan

import numpy as np
from numpy.typing import NDArray

from musegen.song import IntArray, Key, Notes, Song
from musegen.time import FloatArray, bar_lines

FURTHEST = 16
"""Bars that a pair of bars is apart at most: see `bar_similarity`."""

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
    return nearest_key(weights, confidence)


def nearest_key(weights: NDArray[np.float64], confidence: float = 0.0) -> Key | None:
    """The key whose profile correlates best with the weights of pitch classes [12].

    None where they are all the same, or the best of another scale comes within `confidence` of it.
    """
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
    """The largest share of notes that lie in one major or natural minor scale (Mogren, 2016).

    As in muspy.
    """
    if not len(notes):
        return nan
    counts = np.bincount(notes.pitch % 12, minlength=12)
    shares = [
        counts[[(tonic + step) % 12 for step in scale]].sum()
        for scale in _SCALES
        for tonic in range(12)
    ]
    return float(max(shares) / counts.sum())


def pitch_class_entropy(notes: Notes) -> float:
    """The entropy, in bits, of the pitch classes of the notes, each counted once; as in muspy."""
    return _entropy(notes.pitch % 12)


def _entropy(values: IntArray) -> float:
    if not len(values):
        return nan
    shares = np.bincount(values) / len(values)
    shares = shares[shares > 0]
    return abs(float((shares * np.log2(shares)).sum()))


def mean_pitch_class_entropy(song: Song, bars: int) -> float:
    """The mean of `pitch_class_entropy` over every window of so many bars; MusDr's H.

    Windows begin at each bar line, those without notes are left out, and a song that is shorter is
    one window.
    """
    notes, (lines, _) = pitched(song), bar_lines(song)
    edges = np.searchsorted(notes.start, lines)
    width = min(bars, len(lines) - 1)
    windows = zip(edges[:-width].tolist(), edges[width:].tolist(), strict=True) if width else ()
    classes = notes.pitch % 12
    found = [_entropy(classes[first:last]) for first, last in windows if first < last]
    return float(np.mean(found)) if found else nan


def groove_consistency(song: Song) -> float:
    """1 - the mean Hamming distance of neighbouring bars' onset patterns (Wu & Yang, 2020).

    Patterns are on a grid of 12 steps a quarter; only neighbours of one length are compared. As in
    muspy for one metre, where the last note ends before the last bar line: muspy counts one bar
    more if it ends there.
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
    return 1 - float(np.mean(distances)) if distances else nan


def sounding(notes: Notes) -> tuple[IntArray, IntArray]:
    """How many pitches sound from each change to the next, and how long, in ticks.

    Two notes of one pitch that sound together are one.
    """
    apart = int(notes.end.max(initial=0)) + 1
    rows = np.lexsort((notes.start, notes.pitch))
    start, end = ((t + notes.pitch * apart)[rows] for t in (notes.start, notes.end))
    end = np.maximum.accumulate(end)
    gaps = start[1:] > end[:-1]
    start = start[np.append(np.ones(len(start[:1]), dtype=bool), gaps)] % apart
    end = end[np.append(gaps, np.ones(len(end[:1]), dtype=bool))] % apart
    times = np.concatenate((start, end))
    order = np.argsort(times)
    steps = np.repeat([1, -1], len(start))[order]
    return np.cumsum(steps)[:-1], np.diff(times[order])


def polyphony(notes: Notes) -> float:
    """The mean number of pitches that sound, over the time in which any does, as in muspy.

    0 where there are no notes.
    """
    pitches, widths = sounding(notes)
    busy = int(widths[pitches > 0].sum())
    return float((pitches * widths).sum()) / busy if busy else 0.0


def polyphony_rate(song: Song, threshold: int = 2) -> float:
    """The share of the time up to the last note's end in which more than `threshold` pitches sound.

    As in muspy, which has it from MuseGAN (Dong et al., 2018): by default three pitches or more.
    """
    end = max((int(t.notes.end.max(initial=0)) for t in song.tracks), default=0)
    pitches, widths = sounding(pitched(song))
    return float(widths[pitches > threshold].sum()) / end if end else nan


def empty_bars(song: Song) -> float:
    """The share of bars in which no note begins.

    In muspy a bar is empty if none sounds, and a note that ends on a bar line sounds in the next.
    """
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


def bar_similarity(song: Song, furthest: int = FURTHEST) -> FloatArray:
    """How alike bars 1, 2, ... `furthest` bars apart are, 0..1 [furthest]: means over all pairs.

    Of two bars it is the share of their notes, drums too, that they have in common: of one track,
    place in the bar, pitch and duration (Museformer: Yu et al., 2022; that of tracks is ours).
    Pairs of empty bars are left out; nan where there is no pair.
    """
    lines, _ = bar_lines(song)
    bars: list[set[tuple[int, ...]]] = [set() for _ in lines[1:]]
    for number, track in enumerate(song.tracks):
        inside = track.notes.where(track.notes.start < lines[-1])
        bar = np.searchsorted(lines, inside.start, side="right") - 1
        rows = zip(inside.start - lines[bar], inside.pitch, inside.duration, strict=True)
        for place, row in zip(bar.tolist(), rows, strict=True):
            bars[place].add((number, *map(int, row)))
    curve = np.full(furthest, nan)
    for apart in range(1, min(furthest, len(bars) - 1) + 1):
        pairs = zip(bars[:-apart], bars[apart:], strict=True)
        shares = [len(a & b) / len(a | b) for a, b in pairs if a or b]
        if shares:
            curve[apart - 1] = np.mean(shares)
    return curve


@dataclass(frozen=True)
class Statistics:
    """One song's numbers."""

    pitch_class_entropy_1: float
    """In bits, over 1 bar."""
    pitch_class_entropy_4: float
    """In bits, over 4 bars."""
    scale_consistency: float
    groove_consistency: float
    density: float
    """Notes a bar."""
    polyphony: float
    polyphony_rate: float
    empty_bars: float
    repeated_bars: float
    bar_similarity: float
    """The mean of the curve."""


def statistics(song: Song) -> Statistics:
    notes = pitched(song)
    curve = bar_similarity(song)
    similarities = curve[~np.isnan(curve)]
    return Statistics(
        pitch_class_entropy_1=mean_pitch_class_entropy(song, 1),
        pitch_class_entropy_4=mean_pitch_class_entropy(song, 4),
        scale_consistency=scale_consistency(notes),
        groove_consistency=groove_consistency(song),
        density=song.note_count / max(len(bar_lines(song)[1]), 1),
        polyphony=polyphony(notes) if len(notes) else nan,
        polyphony_rate=polyphony_rate(song),
        empty_bars=empty_bars(song),
        repeated_bars=repeated_bars(song),
        bar_similarity=float(similarities.mean()) if len(similarities) else nan,
    )
