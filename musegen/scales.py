"""Scales by name, as pitch classes."""

from __future__ import annotations

import difflib

from musegen.errors import UsageError
from musegen.song import Key

SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole tone": (0, 2, 4, 6, 8, 10),
    "diminished": (0, 2, 3, 5, 6, 8, 9, 11),
    "chromatic": tuple(range(12)),
}
"""Semitones above the tonic."""


def parse_scale(text: str, key: Key | None) -> frozenset[int]:
    """The pitch classes 0..11 of a scale such as "D dorian" or "Bm", or "dorian" of the key.

    UsageError where there is no such scale, or no tonic.
    """
    tonic, name = _parsed(text, key)
    return frozenset((tonic + step) % 12 for step in SCALES[name])


def scale_key(text: str, key: Key | None) -> Key:
    """The key that a scale suggests: its tonic, in minor where it has the minor third alone."""
    tonic, name = _parsed(text, key)
    return Key(tonic, 3 in SCALES[name] and 4 not in SCALES[name])


def _parsed(text: str, key: Key | None) -> tuple[int, str]:
    words = tuple(text.split())
    name = " ".join(words).lower()
    tonic = None if key is None else key.tonic
    if name not in SCALES and words:
        try:
            own = Key.parse(words[0].capitalize())
        except ValueError:
            pass
        else:
            tonic = own.tonic
            name = " ".join(("minor",) * own.is_minor + words[1:]).lower() or "major"
    if name not in SCALES:
        near = difflib.get_close_matches(name, SCALES, 1)
        hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(SCALES)}."
        raise UsageError(f"no scale {text!r}. {hint}")
    if tonic is None:
        raise UsageError(f"scale {text!r} has no tonic; write 'D {name}', or give a key")
    return tonic, name
