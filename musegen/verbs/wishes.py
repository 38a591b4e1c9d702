"""What can be asked of new bars beside their length: harmony, density, polyphony.

Chords, scale and polyphony hold without exception. Density and polyphony are told to a model that
has tokens for them, and every model is steered to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from musegen import clips
from musegen.analysis import nearest_key
from musegen.codecs.controls import DENSITIES, POLYPHONIES, bin_of, notes_a_quarter, told_of
from musegen.codecs.harmony import Chord
from musegen.codecs.layout import instrument_of
from musegen.errors import UsageError
from musegen.general_midi import CHORDAL
from musegen.ranges import RANGES
from musegen.scales import parse_scale, scale_key
from musegen.song import Key, Song, Track

MOST_VOICES = 16
FULL = 0.8
"""How many of the voices that may sound at once do so on average."""


@dataclass(frozen=True)
class Wishes:
    """Checked, and loads no torch; what is empty or None is left to the model."""

    scale: frozenset[int] = frozenset()
    chords: tuple[Chord, ...] = ()
    density: float | None = None
    """0 for a note a bar, 1 for 16ths throughout."""
    polyphony: int | None = None
    """The most notes of a track that sound at once; who plays chords is steered to nearly as many.
    """
    key: Key | None = None
    """What was asked for, or else what scale or chords suggest."""

    @classmethod
    def of(
        cls,
        *,
        scale: str | None = None,
        chords: Sequence[str] | str | None = None,
        density: float | None = None,
        polyphony: int | None = None,
        key: Key | None = None,
    ) -> Wishes:
        """UsageError where they make no sense, or exclude each other."""
        classes = frozenset[int]() if scale is None else parse_scale(scale, key)
        symbols = (chords.split() if isinstance(chords, str) else chords) or ()
        progression = tuple(Chord.parse(symbol) for symbol in symbols)
        if chords is not None and not progression:
            raise UsageError("chords are none; name one or more, such as 'Am F C G'")
        for chord in progression:
            if classes and not chord.classes & classes:
                raise UsageError(f"chord {chord.symbol} has no note of the scale {scale}")
        if density is not None and not 0 <= density <= 1:
            raise UsageError(f"density {density:g} is not between 0 and 1")
        if polyphony is not None and not (
            isinstance(polyphony, int) and 1 <= polyphony <= MOST_VOICES
        ):
            raise UsageError(f"polyphony {polyphony} is not a whole number from 1 to {MOST_VOICES}")
        if key is None and scale is not None:
            key = scale_key(scale, None)
        return cls(classes, progression, density, polyphony, key or _key_of(progression))

    @property
    def controls(self) -> dict[str, int]:
        """What tracks are told, as values of tokens."""
        controls = {}
        if self.density is not None:
            controls["density"] = bin_of(notes_a_quarter(self.density), DENSITIES)
        if self.polyphony is not None:
            controls["polyphony"] = bin_of(self.polyphony, POLYPHONIES)
        return controls

    def told(self, tracks: Iterable[Track]) -> dict[int, dict[str, int]]:
        """The same for each of some tracks, by its number."""
        return {
            slot: told_of(instrument_of(track), self.controls) for slot, track in enumerate(tracks)
        }

    def asked(self, heard: Iterable[Track] = ()) -> dict[str, Any]:
        """The fields of a `Request`: instruments keep their range, or go where they are heard."""
        ranges = dict(RANGES)
        for track in heard:
            if len(track.notes) and not track.is_drum:
                low, high = ranges[track.program]
                pitch = track.notes.pitch
                ranges[track.program] = min(low, int(pitch.min())), max(high, int(pitch.max()))
        steered: dict[str, Any] = {}
        if self.density is not None:
            steered["density"] = notes_a_quarter(self.density)
        if self.polyphony is not None:
            steered |= {"max_chord": self.polyphony, "voices": FULL * self.polyphony}
        return {
            "scale": self.scale,
            "chords": self.chords,
            "controls": self.controls,
            "ranges": ranges,
            **steered,
        }

    def kept(self, song: Song) -> Song:
        """What was written, with notes cut where more would sound at once than are to.

        A part that was made denser than it would be had no time to make its notes shorter.
        """
        return replace(song, tracks=tuple(map(self._kept, song.tracks)))

    def _kept(self, track: Track) -> Track:
        notes = track.notes
        if track.is_drum:
            return track
        if self.density is not None and track.program not in CHORDAL:
            notes = clips.in_turn(notes)
        if self.polyphony is not None:
            notes = clips.with_voices(notes, self.polyphony)
        return replace(track, notes=notes)


def _key_of(chords: Sequence[Chord]) -> Key | None:
    """What key a progression is in; roots count twice, and where it begins and ends once more."""
    weights = np.zeros(12)
    for chord in chords:
        weights[list(chord.classes)] += 1
    for chord in (*chords, *chords[:1], *chords[-1:]):
        weights[chord.root] += 1
    return nearest_key(weights)
