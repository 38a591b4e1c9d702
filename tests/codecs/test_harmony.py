"""Chords as they sound, and as they are written."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import BarCodec, Layout
from musegen.codecs.columns import Columns
from musegen.codecs.harmony import QUALITIES, TRIADS, Chord, chords
from musegen.codecs.layout import CONTROLS
from musegen.errors import UsageError
from musegen.song import Meter, Notes, Song, Track

CODEC = BarCodec(Layout(controls=True))


def heard(*tracks: Track, bars: int = 1, meters: tuple[Meter, ...] = (Meter(),)) -> list[int]:
    """The chord of each bar of a song on a grid of 12."""
    song = Song(tracks, 48 * bars, 12, meters=meters)
    found: list[int] = chords(Columns.of(np.array(CODEC.encode(song)), CODEC)).tolist()
    return found


def chord(*pitches: int, start: int = 0, length: int = 48) -> Track:
    return Track(Notes.of([(start, length, pitch, 72) for pitch in pitches]))


@pytest.mark.parametrize("triad", range(len(TRIADS)))
@pytest.mark.parametrize("root", range(12))
def test_every_triad_is_heard(triad: int, root: int) -> None:
    pitches = [48 + root, *(60 + root + above for above in TRIADS[triad])]
    assert heard(chord(*pitches)) == [12 * triad + root]


def test_there_is_a_token_for_every_chord() -> None:
    assert CONTROLS["chord"] == 12 * len(TRIADS)


@pytest.mark.parametrize("pitches", [(64, 67, 72), (67, 72, 76), (60, 64, 67, 71)])
def test_a_chord_is_heard_whatever_is_its_bass(pitches: tuple[int, ...]) -> None:
    assert heard(chord(*pitches)) == [0]


def test_of_two_chords_with_the_same_notes_the_bass_decides() -> None:
    assert heard(chord(45, 57, 60, 64, 67)) == [12 + 9]
    assert heard(chord(48, 57, 64, 67)) == [0]


def test_a_passing_note_does_no_harm_and_a_cluster_is_no_chord() -> None:
    assert heard(chord(48, 60, 64, 67), chord(62, length=6)) == [0]
    assert heard(chord(60, 61, 62, 63, 64)) == [-1]


def test_each_bar_is_heard_alone() -> None:
    late = chord(43, 59, 62, start=48)
    ringing = Track(Notes.of([(47, 48, 61, 72)]))  # all but a step of it is in the next bar
    assert heard(chord(48, 60, 64), late, ringing, bars=3) == [0, 7, -1]


def test_drums_have_no_harmony() -> None:
    drums = Track(Notes.of([(6 * i, 1, 61, 72) for i in range(8)]), is_drum=True)
    assert heard(drums) == [-1]
    assert heard(chord(48, 60, 64, 67), drums) == [0]


def test_no_bars_have_no_chords() -> None:
    assert heard(chord(), bars=0) == []


# Symbols


@pytest.mark.parametrize(
    ("symbol", "value", "classes"),
    [
        ("C", 0, {0, 4, 7}),
        ("Am", 12 + 9, {9, 0, 4}),
        ("F#m7b5", 24 + 6, {6, 9, 0, 4}),
        ("Bb", 10, {10, 2, 5}),
        ("bb", 10, {10, 2, 5}),
        ("b", 11, {11, 3, 6}),
        ("Cb", 11, {11, 3, 6}),
        ("B#", 0, {0, 4, 7}),
        ("Bdim", 24 + 11, {11, 2, 5}),
        ("G7", 7, {7, 11, 2, 5}),
        ("Cmaj7", 0, {0, 4, 7, 11}),
        ("Cm7", 12, {0, 3, 7, 10}),
        ("D7sus4", 2, {2, 7, 9, 0}),
        ("C/E", 0, {0, 4, 7}),
        ("C/Bb", 0, {0, 4, 7, 10}),
        ("E\N{MUSIC FLAT SIGN}m/G\N{MUSIC FLAT SIGN}", 12 + 3, {3, 6, 10}),
        ("F\N{MUSIC SHARP SIGN}dim", 24 + 6, {6, 9, 0}),
    ],
)
def test_symbols_say_what_they_say(symbol: str, value: int, classes: set[int]) -> None:
    found = Chord.parse(symbol)
    assert found == Chord(symbol, value, frozenset(classes))


@pytest.mark.parametrize("quality", QUALITIES)
@pytest.mark.parametrize("root", ["C", "F#", "Bb"])
def test_every_quality_has_its_root_and_most_of_its_triad(quality: str, root: str) -> None:
    found = Chord.parse(root + quality)
    assert 0 <= found.value < CONTROLS["chord"]
    triad = {(found.value + above) % 12 for above in TRIADS[found.value // 12]}
    assert found.value % 12 in found.classes
    assert len(triad & found.classes) >= 2


@pytest.mark.parametrize(
    "symbol", ["", "H", "Cx", "C/", "C/H", "C/Em", "/E", "C/E/G", " C", "C ", "CC", "1", "C\n"]
)
def test_what_is_no_chord_is_refused(symbol: str) -> None:
    with pytest.raises(UsageError, match=r"no chord .* chords are written like C, Cmaj"):
        Chord.parse(symbol)


@settings(max_examples=50)
@given(st.text("CBm7b#/dis\N{MUSIC FLAT SIGN} ", max_size=6))
def test_any_text_is_a_chord_or_an_error_of_the_users(text: str) -> None:
    try:
        found = Chord.parse(text)
    except UsageError:
        return
    assert found.classes <= set(range(12))
