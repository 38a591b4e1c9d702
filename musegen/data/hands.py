"""A keyboard's hands on one track.

Most corpora write a piano's two hands, or an organ's manuals, as neighbouring tracks. A model that
sees nothing else never meets a track that plays the whole piano, which is what people bring it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from itertools import groupby

from musegen.song import Notes, Song, Track, apart

KEYBOARDS = (*range(8), *range(16, 24))
"""General MIDI's families of pianos and organs."""


def together(song: Song) -> Song:
    """Each run of neighbouring tracks of one keyboard program as one track.

    It is the first of them with the notes of all. A pedal moves only its own track's notes, and
    should have been played by the fingers before (`clips.sustained`).
    """
    tracks: list[Track] = []
    for (program, is_drum), run in groupby(song.tracks, key=lambda t: (t.program, t.is_drum)):
        hands = list(run)
        if len(hands) > 1 and program in KEYBOARDS and not is_drum:
            notes = _played(Notes.together(hand.notes for hand in hands))
            hands = [replace(hands[0], notes=notes)]
        tracks += hands
    return replace(song, tracks=tuple(tracks))


def _played(notes: Notes) -> Notes:
    """The notes as one keyboard has them: a key that both hands strike keeps the longer note."""
    rows, end = apart(notes.start, notes.end, notes.pitch, notes.duration)  # rank: not velocity
    start = notes.start[rows]
    return Notes(start, end - start, notes.pitch[rows], notes.velocity[rows])


def is_chosen(name: str) -> bool:
    """Whether a file is among the half whose hands are put together, by its name alone.

    A half, because both ways of writing are met. The same on every machine, unlike `hash`.
    """
    return hashlib.sha256(name.encode()).digest()[0] % 2 == 0
