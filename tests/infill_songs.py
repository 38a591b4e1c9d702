"""Songs with bars to be filled."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from musegen.song import Notes, Song, Track

QUICK = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
KNOWN = ((4, 4), (3, 4), (6, 8), (7, 8))


def quarters(*pitches: int, bars: int = 4, program: int = 0, clock: int = 480) -> Track:
    """These pitches together on each quarter of bars in 4/4."""
    rows = [(i * clock, clock, pitch, 80) for i in range(4 * bars) for pitch in pitches]
    return Track(Notes.of(rows), program, name=f"part {program}")


def kit(bars: int = 4) -> Track:
    rows = [(i * 480, 60, 36 + 2 * (i % 2), 100) for i in range(4 * bars)]
    return Track(Notes.of(rows), is_drum=True, name="Kit")


def song_of(*tracks: Track, bars: int = 4) -> Song:
    return Song(tracks, 1920 * bars)


def outside(notes: Notes, start: int, end: int) -> Notes:
    return notes.where((notes.start < start) | (notes.start >= end))
