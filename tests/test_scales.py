from __future__ import annotations

import pytest

from musegen.errors import UsageError
from musegen.general_midi import PROGRAMS
from musegen.ranges import RANGES
from musegen.scales import SCALES, parse_scale
from musegen.song import Key

C_MAJOR = {0, 2, 4, 5, 7, 9, 11}


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("C major", C_MAJOR),
        ("C", C_MAJOR),
        ("c", C_MAJOR),
        ("D dorian", C_MAJOR),
        ("a minor", C_MAJOR),
        ("Am", C_MAJOR),
        ("E  Phrygian", C_MAJOR),
        ("F lydian", C_MAJOR),
        ("Am pentatonic", {9, 0, 2, 4, 7}),
        ("A minor pentatonic", {9, 0, 2, 4, 7}),
        ("Bb major", {10, 0, 2, 3, 5, 7, 9}),
        ("bb major", {10, 0, 2, 3, 5, 7, 9}),
        ("F# whole tone", {6, 8, 10, 0, 2, 4}),
        ("E blues", {4, 7, 9, 10, 11, 2}),
        ("G\N{MUSIC SHARP SIGN} chromatic", set(range(12))),
    ],
)
def test_a_scale_is_a_tonic_and_a_name(text: str, classes: set[int]) -> None:
    assert parse_scale(text, None) == classes
    assert parse_scale(text, Key(3)) == classes  # its own tonic counts


@pytest.mark.parametrize("name", SCALES)
def test_a_name_alone_is_of_the_key(name: str) -> None:
    found = parse_scale(name, Key(7))
    assert found == {(7 + step) % 12 for step in SCALES[name]}
    assert parse_scale(f"G {name}", None) == found
    with pytest.raises(UsageError, match=f"write 'D {name}', or give a key"):
        parse_scale(name, None)


@pytest.mark.parametrize("name", SCALES)
def test_a_scale_begins_on_its_tonic_and_rises(name: str) -> None:
    steps = SCALES[name]
    assert steps[0] == 0
    assert list(steps) == sorted(set(steps))
    assert steps[-1] < 12


@pytest.mark.parametrize(
    "text", ["", " ", "H", "D dorain", "Dorian D", "C major minor", "Am minor"]
)
def test_what_is_no_scale_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"no scale .*\. (Did you mean|There are: major)"):
        parse_scale(text, Key(0))


def test_a_near_name_is_offered() -> None:
    with pytest.raises(UsageError, match="Did you mean 'dorian'"):
        parse_scale("D dorain", None)


# Ranges of instruments


def test_every_instrument_has_every_pitch_class() -> None:
    assert list(RANGES) == list(range(len(PROGRAMS)))
    for low, high in RANGES.values():
        assert 0 <= low <= high <= 127
        assert high - low >= 11
