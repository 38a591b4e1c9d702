"""MIDI's sixteen channels, one of them for drums, and the tracks that play on them.

A channel has one program and one set of controls, whichever track they stand in. Nothing here knows
of bytes or files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from musegen.general_midi import DRUM_CHANNEL, program_name
from musegen.midi.text import printable
from musegen.song import Controls, Song, Track

_MELODIC = tuple(channel for channel in range(16) if channel != DRUM_CHANNEL)


def merged(parts: Iterable[Controls]) -> Controls:
    """The controls of one channel from those of its tracks: what several say alike is said once.

    At one tick the tracks' order holds, so that the last word is the same as in a file of them.
    """
    latest = {part.table().tobytes(): part for part in reversed(list(parts)) if len(part)}
    distinct = list(reversed(latest.values()))
    if len(distinct) <= 1:
        return distinct[0] if distinct else Controls()
    table = np.concatenate([Controls().table(), *(part.table() for part in distinct)])  # [N, 3]
    order = np.lexsort((table[:, 1], table[:, 0]))  # by tick and number, else as they come
    is_double = np.zeros(len(table), dtype=bool)
    is_double[order[1:]] = (table[order[1:]] == table[order[:-1]]).all(axis=1)
    return Controls(*table[~is_double].T)


def assigned(tracks: Sequence[Track]) -> list[tuple[int, int]]:
    """Each track's channel, and the program that plays there.

    Channels go to one track of each program, the most used programs first, then to the other tracks
    in order; each has the channel it asks for if that is free. The tracks left over share one of
    their program, else of its General MIDI family, else of the nearest program. Drums all share
    theirs.
    """
    result: dict[int, tuple[int, int]] = {}
    for is_drum, channels in ((False, _MELODIC), (True, (DRUM_CHANNEL,))):
        band = [i for i, track in enumerate(tracks) if track.is_drum == is_drum]
        programs = [tracks[i].program for i in band]
        kept = Counter(programs).most_common(len(channels))  # of equals the first
        firsts = [band[programs.index(program)] for program, _ in kept]
        owners = sorted([*firsts, *(i for i in band if i not in firsts)][: len(channels)])
        free = list(channels)
        for i in owners:
            wish = tracks[i].channel
            if wish in free:
                free.remove(wish)
                result[i] = (wish, tracks[i].program)
        for i in owners:
            if i not in result:
                result[i] = (free.pop(0), tracks[i].program)
        homes = [result[i] for i in owners]
        for i in band:
            if i not in result:
                result[i] = _nearest(tracks[i].program, homes)
    return [result[i] for i in range(len(tracks))]


def _nearest(program: int, homes: list[tuple[int, int]]) -> tuple[int, int]:
    """The channel, with its program, for a track that has none of its own."""
    return min(homes, key=lambda home: (home[1] // 8 != program // 8, abs(home[1] - program)))


def shared_programs(song: Song) -> tuple[str, ...]:
    """A line for people about each track that a MIDI file of the song plays with another program.

    There are none unless the song has more than 15 instruments, or several drum kits.
    """
    return tuple(
        f"track {place} ({printable(track.name) or 'no name'}):"
        f" {program_name(track.program, track.is_drum)} becomes"
        f" {program_name(program, track.is_drum)};"
        f" MIDI has {'one drum kit' if track.is_drum else '15 instruments'} at a time"
        for place, (track, (_, program)) in enumerate(
            zip(song.tracks, assigned(song.tracks), strict=True), 1
        )
        if track.program != program
    )
