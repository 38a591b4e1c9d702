from __future__ import annotations

import pytest

from musegen import analysis
from musegen.song import Key, Meter, Notes, Song, Track


def song(pitches: list[int], length: int = 480, bars: int = 4) -> Song:
    return Song(
        (Track(Notes.of([(i * 480, length, p, 80) for i, p in enumerate(pitches)])),), bars * 1920
    )


@pytest.mark.parametrize("tonic", range(12))
def test_keys_are_found(tonic: int) -> None:
    major = [60 + tonic + step for step in (0, 4, 7, 0, 2, 5, 9, 7, 11, 0, 4, 0)]
    minor = [60 + tonic + step for step in (0, 3, 7, 0, 2, 5, 8, 7, 11, 0, 3, 0)]
    assert analysis.key_of(song(major)) == Key(tonic)
    assert analysis.key_of(song(minor)) == Key(tonic, is_minor=True)


def test_no_key_is_claimed_without_evidence() -> None:
    assert analysis.key_of(song([60, 61])) is None
    assert analysis.key_of(song(list(range(60, 72)))) is None


def test_scale_consistency() -> None:
    assert analysis.scale_consistency(song([60, 62, 64, 65]).tracks[0].notes) == 1
    assert analysis.scale_consistency(song(list(range(60, 72))).tracks[0].notes) == pytest.approx(
        7 / 12
    )


def test_groove_consistency() -> None:
    assert analysis.groove_consistency(song([60] * 8, bars=2)) == 1
    # the second bar is empty: 4 of 48 steps differ
    assert analysis.groove_consistency(song([60] * 4, bars=2)) == pytest.approx(1 - 4 / 48)


def test_polyphony_counts_what_sounds() -> None:
    two = Notes.of([(0, 100, 60, 80), (0, 50, 64, 80), (500, 50, 60, 80)])
    assert analysis.polyphony(two) == pytest.approx(200 / 150)


def test_empty_and_repeated_bars() -> None:
    still = song([60, 62, 64, 65] * 2, bars=3)
    assert analysis.empty_bars(still) == pytest.approx(1 / 3)
    assert analysis.repeated_bars(still) == pytest.approx(1 / 2)


def test_statistics_of_nothing() -> None:
    empty = analysis.statistics(Song((), 1920, meters=(Meter(0, 4, 4),)))
    assert empty.density == 0
    assert empty.empty_bars == 1
