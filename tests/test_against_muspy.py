"""Our statistics are muspy's where we say so: beside what muspy 0.5.0 gave, and muspy itself.

muspy brings much with it that nothing here needs, so it is no dependency of the tests. Where it is
installed (`pip install muspy==0.5.0`), the values below are measured again.
"""

from __future__ import annotations

import importlib
import math
import warnings
from dataclasses import astuple, dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from musegen import analysis
from musegen.song import Meter, Notes, Song, Track

CLOCK = 12


def random_song(seed: int) -> Song:
    """Up to four tracks on a grid, unisons between them, one perhaps of drums, in one metre.

    The last bar has a note, and none ends with it: muspy counts bars by the end of the last note.
    """
    rng = np.random.default_rng(seed)
    meter = Meter(0, *((4, 4), (3, 4), (6, 8))[seed % 3])
    length = meter.bar_ticks(CLOCK) * int(rng.integers(2, 9))
    scale = rng.permutation(12)[: rng.integers(3, 13)]
    tracks = []
    for number in range(int(rng.integers(1, 5))):
        count = int(rng.integers(1, 60))
        start = rng.integers(0, length - 1, count)
        start = start // 3 * 3 if rng.random() < 0.5 else start
        start[0] = length - 6
        duration = np.minimum(rng.integers(1, 30, count), length - 1 - start)
        pitch = 36 + 12 * rng.integers(0, 3, count) + rng.choice(scale, count)
        notes = Notes(start, np.maximum(duration, 1), pitch, np.full(count, 80))
        tracks.append(Track(notes.without_overlaps(), is_drum=number == 3))
    return Song(tuple(tracks), length, CLOCK, meters=(meter,))


@dataclass(frozen=True)
class Values:
    """Of one song; `nan` where muspy has none."""

    pitch_class_entropy: float
    scale_consistency: float
    groove_consistency: float
    polyphony: float
    polyphony_rate: float


def ours(song: Song) -> Values:
    notes = analysis.pitched(song)
    return Values(
        analysis.pitch_class_entropy(notes),
        analysis.scale_consistency(notes),
        analysis.groove_consistency(song),
        analysis.statistics(song).polyphony,
        analysis.polyphony_rate(song),
    )


MUSPY = {
    0: (2.22647771, 1, 0.84375, 2.54461538, 0.471641791),
    1: (2.23602947, 0.880952381, 0.840277778, 3.2721519, 0.625698324),
    2: (2.25745231, 0.897435897, 0.805555556, 2.26046512, 0.362549801),
    3: (2.31192358, 0.804878049, 0.798611111, 2.05280528, 0.268656716),
    4: (1.99744357, 0.767676768, 0.564814815, 3.89243028, 0.74501992),
    5: (1.53049306, 1, 0.911111111, 1.63636364, 0.0604651163),
}
"""What muspy 0.5.0 says of `random_song`, by the seed."""


@pytest.mark.parametrize("seed", MUSPY)
def test_our_values_are_those_of_muspy(seed: int) -> None:
    assert astuple(ours(random_song(seed))) == pytest.approx(MUSPY[seed], nan_ok=True)


def as_muspy_has_it(song: Song) -> Any:
    """What muspy's metrics look at in its Music."""
    tracks = [
        SimpleNamespace(
            is_drum=track.is_drum,
            notes=[
                SimpleNamespace(time=start, end=start + duration, pitch=pitch)
                for start, duration, pitch, _ in track.notes.table().tolist()
            ],
            get_end_time=lambda track=track: int(track.notes.end.max()),
        )
        for track in song.tracks
    ]
    return SimpleNamespace(tracks=tracks, resolution=CLOCK)


def theirs(muspy: Any, song: Song) -> Values:
    music = as_muspy_has_it(song)
    return Values(
        muspy.pitch_class_entropy(music),
        muspy.scale_consistency(music),
        muspy.groove_consistency(music, song.meters[0].bar_ticks(CLOCK)),
        muspy.polyphony(music),
        muspy.polyphony_rate(music),
    )


def test_muspy_itself_says_the_same() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it imports warns
        try:
            muspy = importlib.import_module("muspy")
        except ImportError:
            pytest.skip("muspy is not installed")
    for seed in range(300):
        song = random_song(seed)
        expected = astuple(theirs(muspy, song))
        assert astuple(ours(song)) == pytest.approx(expected, nan_ok=True), seed
        if seed in MUSPY:
            assert pytest.approx(expected, nan_ok=True) == MUSPY[seed]


# MusDr and Museformer, by their formulas


def entropy(pitches: list[int]) -> float:
    classes = [p % 12 for p in pitches]
    shares = [classes.count(c) / len(classes) for c in set(classes)]
    return -sum(share * math.log2(share) for share in shares)


@pytest.mark.parametrize("bars", [1, 4, 99])
@pytest.mark.parametrize("seed", range(6))
def test_entropy_over_bars_is_that_of_musdr(seed: int, bars: int) -> None:
    song = random_song(seed)
    bar = song.meters[0].bar_ticks(CLOCK)
    count = song.length // bar
    width = min(bars, count)
    rows = analysis.pitched(song).table().tolist()
    found = []
    for first in range(count - width + 1):
        inside = [p for s, _, p, _ in rows if first * bar <= s < (first + width) * bar]
        found += [entropy(inside)] if inside else []
    assert analysis.mean_pitch_class_entropy(song, bars) == pytest.approx(np.mean(found))


@pytest.mark.parametrize("seed", range(6))
def test_similarity_of_bars_is_what_they_have_in_common(seed: int) -> None:
    song = random_song(seed)
    bar = song.meters[0].bar_ticks(CLOCK)
    bars: list[set[tuple[int, ...]]] = [set() for _ in range(song.length // bar)]
    for number, track in enumerate(song.tracks):
        for start, duration, pitch, _ in track.notes.table().tolist():
            bars[start // bar].add((number, start % bar, duration, pitch))
    curve = analysis.bar_similarity(song)
    assert len(curve) == 16
    for apart in range(1, 17):
        pairs = [(bars[i], bars[i + apart]) for i in range(len(bars) - apart)]
        shares = [len(a & b) / len(a | b) for a, b in pairs if a | b]
        expected = np.mean(shares) if shares else math.nan
        assert curve[apart - 1] == pytest.approx(expected, nan_ok=True)
