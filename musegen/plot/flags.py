"""What is said over the music: markers, changes of metre, and the seam of a continuation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from musegen.song import Song

SEAM = "continue"
"""The marker where `continue_` with `include_input` begins what is new."""


@dataclass(frozen=True)
class Flag:
    """A word at a place in the song."""

    tick: int
    text: str
    is_seam: bool = False


def flags(song: Song) -> list[Flag]:
    """Seams first, since they matter most, then markers and changes of metre, each in time."""
    found = [Flag(m.tick, m.text, m.text == SEAM) for m in song.markers]
    found += [Flag(m.tick, str(m)) for m in song.meters[1:]]
    inside = (flag for flag in found if 0 <= flag.tick < song.length)
    return sorted(inside, key=lambda flag: (not flag.is_seam, flag.tick))


def apart(found: Iterable[Flag], places: Iterable[float]) -> list[tuple[float, Flag]]:
    """One flag for each whole place: a song may have a hundred thousand on one pixel."""
    standing: dict[int, tuple[float, Flag]] = {}
    for place, flag in zip(places, found, strict=True):
        standing.setdefault(round(place), (place, flag))
    return list(standing.values())
