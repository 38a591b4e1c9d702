from __future__ import annotations

from dataclasses import replace
from math import nan

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


def test_a_pitch_that_two_play_is_one() -> None:
    rows = [(0, 100, 60, 80), (10, 20, 60, 90), (90, 30, 60, 80), (200, 50, 60, 80)]
    assert analysis.polyphony(Notes.of(rows)) == 1
    assert analysis.polyphony(Notes.of([*rows, (0, 85, 72, 80)])) == pytest.approx(255 / 170)
    assert analysis.polyphony(Notes()) == 0


def test_polyphony_rate_is_of_three_pitches_until_the_last_ends() -> None:
    chord = [(0, 100, p, 80) for p in (60, 64, 67)]
    band = Song((Track(Notes.of(chord)), Track(Notes.of([(0, 300, 60, 80)]))), 1920)
    drums = Track(Notes.of([(380, 20, p, 80) for p in (36, 38, 42)]), is_drum=True)
    assert analysis.polyphony_rate(band) == pytest.approx(1 / 3)
    assert analysis.polyphony_rate(replace(band, tracks=(*band.tracks, drums))) == 1 / 4
    assert analysis.polyphony_rate(band, threshold=3) == 0


def test_entropy_of_pitch_classes() -> None:
    notes = [60, 72, 60, 48] + [60, 62, 64, 65] * 3
    assert analysis.pitch_class_entropy(song(notes[:4]).tracks[0].notes) == 0
    assert analysis.mean_pitch_class_entropy(song(notes), 1) == 6 / 4
    assert analysis.mean_pitch_class_entropy(song([60, 62, 64, 65]), 4) == 2  # rests do not count


def test_bars_are_alike_in_what_they_share() -> None:
    curve = analysis.bar_similarity(song([60, 62, 64, 65] * 2 + [60, 62, 65, 64] + [67] * 4))
    assert curve[:4] == pytest.approx([(1 + 2 / 6 + 0) / 3, (2 / 6 + 0) / 2, 0, nan], nan_ok=True)
    assert analysis.statistics(song([60, 62, 64, 65] * 4)).bar_similarity == 1


def test_empty_and_repeated_bars() -> None:
    still = song([60, 62, 64, 65] * 2, bars=3)
    assert analysis.empty_bars(still) == pytest.approx(1 / 3)
    assert analysis.repeated_bars(still) == pytest.approx(1 / 2)


def test_statistics_of_nothing() -> None:
    empty = analysis.statistics(Song((), 1920, meters=(Meter(0, 4, 4),)))
    assert empty.density == 0
    assert empty.empty_bars == 1
