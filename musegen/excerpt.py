"""Some bars of a user's song, one part of it: what is read into a latent space and out of it.

On the way in a part loses what tokens of steps cannot say, which is kept beside them: its touch,
its instrument, the pitches of its drums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from musegen import clips, limits
from musegen.codecs.layout import METERS
from musegen.codecs.steps import (
    Frame,
    Part,
    decode_drums,
    decode_melody,
    encode_drums,
    encode_melody,
)
from musegen.codecs.touch import Touch
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import USUAL_KIT, VOICES, voices
from musegen.song import IntArray, Meter, Notes, Song, Track
from musegen.source import chosen_tracks
from musegen.time import bar_count, bar_lines, usual_tempo

CLOCK = 480
"""Ticks a quarter of frames, and of what is written on them."""
COARSEST = 24
"""Fewest ticks a quarter on which music can be told."""
MELODIES = ("melody", "lead", "vocal", "voice", "tune", "solo", "sing")
"""Words in the names of tracks that have the melody."""


def parts(song: Song, wanted: Sequence[str] = ()) -> set[Part]:
    """Which parts a song has among its tracks, or among those asked for."""
    return {"drums" if song.tracks[i].is_drum else "melody" for i in chosen_tracks(song, wanted)}


def bars_in(song: Song, part: Part, wanted: Sequence[str] = ()) -> int:
    """How many bars there are to take an excerpt from."""
    return bar_count(_whole(song, part, wanted)[0])


@dataclass(frozen=True, eq=False)
class Excerpt:
    """Whole bars of one metre, and in them one track of notes; on the song's own clock."""

    song: Song
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, song: Song, part: Part, wanted: Sequence[str] = (), length: int | None = None
    ) -> Excerpt:
        """The first `length` bars, or the song again and again; all of it where that is None.

        UnreadableError where nothing is there, UsageError where it is not clear what is wanted,
        LimitError where it would be too long.
        """
        song, remarks = _whole(song, part, wanted)
        bars = bar_count(song)
        if length is not None:
            song = clips.lasting(song, length)
            if length > bars:
                own = "1 bar is" if bars == 1 else f"{bars} bars are"
                remarks += (f"its {own} repeated to make {length}",)
            elif length < bars:
                taken = f"of {bars} bars is" if length == 1 else f"{length} of {bars} bars are"
                remarks += (f"the first {taken} taken",)
        song = song.between(0, song.length)
        limits.LENGTH.check(bar_count(song), f"{bar_count(song):,} bars")
        if len(song.meters) > 1:
            bar = int(np.searchsorted(bar_lines(song)[0], song.meters[1].tick)) + 1
            raise UsageError(f"the metre changes at bar {bar}; --length {bar - 1} takes less")
        notes = song.tracks[0].notes
        if part == "drums" and (voices(notes.pitch) < 0).all():
            raise UnreadableError(f"no drum is struck in bars 1 to {bar_count(song)}")
        if (song.meters[0].numerator, song.meters[0].denominator) not in METERS:
            known = " ".join(f"{n}/{d}" for n, d in METERS)
            raise UsageError(f"no model knows the metre {song.meters[0]}; they know {known}")
        return cls(song, remarks)

    @property
    def track(self) -> Track:
        return self.song.tracks[0]

    @property
    def meter(self) -> Meter:
        return self.song.meters[0]

    @property
    def bars(self) -> int:
        return bar_count(self.song)

    @property
    def bpm(self) -> float:
        return usual_tempo(self.song).bpm

    def transposed(self, semitones: int) -> Excerpt:
        """The excerpt so many semitones higher."""
        notes = self.track.notes
        pitch = np.clip(notes.pitch + semitones, 0, 127)
        track = replace(self.track, notes=replace(notes, pitch=pitch))
        return replace(self, song=replace(self.song, tracks=(track,)))

    # To tokens and back

    def on_clock(self) -> Notes:
        """Its notes on the clock of frames; of a melody, one at a time."""
        notes = self.song.at_resolution(CLOCK).tracks[0].notes
        return notes if self.track.is_drum else clips.melody(notes)

    def tokens(self, frame: Frame) -> IntArray:
        """Its tokens [T, SLOTS] on a frame as long as it is, or longer."""
        encode = encode_drums if self.track.is_drum else encode_melody
        return encode(self.on_clock(), frame)

    def touch(self, frame: Frame) -> Touch:
        notes = self.on_clock()
        if not self.track.is_drum:
            return Touch.of(notes, np.zeros(len(notes), dtype=np.int64), 1, frame)
        voice = voices(notes.pitch)
        return Touch.of(notes.where(voice >= 0), voice[voice >= 0], len(VOICES), frame)

    def unheard(self, frame: Frame) -> tuple[str, ...]:
        """A remark on notes that tokens cannot say."""
        notes = len(self.track.notes)
        lost = notes - len(sounded(self.tokens(frame), frame, self.touch(frame), self.kit))
        why = "share a step, or are no drum's" if self.track.is_drum else "share a step"
        return (f"{lost} of {notes} notes {why}: the model does not hear them",) if lost else ()

    def with_notes(self, notes: Notes) -> Song:
        """Other notes, on the clock of frames, played by the excerpt's track in its bars.

        Of its controls the settings that its first note has stay; a pedal or a bend was for other
        notes.
        """
        song = self.song.at_resolution(CLOCK)
        settings = song.tracks[0].controls.settings(int(song.tracks[0].notes.start[0]) + 1)
        track = replace(song.tracks[0], notes=notes.between(0, song.length), controls=settings)
        return replace(song, tracks=(track,), tempos=(usual_tempo(song),), key=None, name="")

    @property
    def kit(self) -> tuple[int, ...] | None:
        """Of drums, the pitch of each voice: the one struck most, or the usual one."""
        if not self.track.is_drum:
            return None
        pitch = self.track.notes.pitch
        voice = voices(pitch)
        return tuple(
            int(np.bincount(pitch[voice == v]).argmax()) if (voice == v).any() else main
            for v, main in enumerate(USUAL_KIT)
        )


def _whole(song: Song, part: Part, wanted: Sequence[str]) -> tuple[Song, tuple[str, ...]]:
    """That part of the song in whole bars, from its first note's bar on; and what is left out."""
    places = [i for i in chosen_tracks(song, wanted) if song.tracks[i].is_drum == (part == "drums")]
    if not places:
        raise UsageError(f"no {part} there; name another track")
    tracks = [song.tracks[i] for i in places]
    remarks: tuple[str, ...] = ()
    if part == "melody":
        track, remarks = _voice(list(zip(places, tracks, strict=True)))
    else:
        track = replace(tracks[0], notes=Notes.together(t.notes for t in tracks))
    track = replace(track, notes=track.notes.without_overlaps())
    song = _with_bars(replace(song, tracks=(track,), markers=()))
    song = clips.whole_bars(clips.covering(song))
    lines, _ = bar_lines(song)
    silent = int(np.searchsorted(lines, song.tracks[0].notes.start[0], side="right")) - 1
    if silent > 0:
        song = song.between(int(lines[silent]), song.length)
        bars = "bar is" if silent == 1 else f"{silent} bars are"
        remarks += (f"its first {bars} silent, and left out",)
    changes = [m for last, m in pairwise(song.meters) if str(m) != str(last)]
    return replace(song, meters=(song.meters[0], *changes)), remarks


def _with_bars(song: Song) -> Song:
    """The song on its own clock, or on a finer one where that cannot tell its bars."""
    ticks = song.ticks_per_quarter
    whole = all(4 * m.numerator * ticks % m.denominator == 0 for m in song.meters)
    if whole and ticks >= COARSEST:
        return song
    finer = ticks * CLOCK
    return song.at_resolution(finer if finer < 1 << 15 else CLOCK)


def _voice(tracks: Sequence[tuple[int, Track]]) -> tuple[Track, tuple[str, ...]]:
    """The track of the melody, of one voice, and what was left out; tracks come with a place."""
    remarks: tuple[str, ...] = ()
    if len(tracks) > 1:
        said = [t for t in tracks if any(word in t[1].name.casefold() for word in MELODIES)]
        single = [t for t in tracks if clips.is_monophonic(t[1].notes)]
        found = said if len(said) == 1 else single
        if len(found) != 1:
            names = ", ".join(f"{i + 1} {t.name or 'unnamed'}" for i, t in tracks[:8])
            raise UsageError(f"any of these could be the melody: {names}; choose with --track")
        tracks = found
        remarks = (f"the melody is track {found[0][0] + 1} {found[0][1].name or 'unnamed'}",)
    track = tracks[0][1]
    if clips.is_monophonic(track.notes):
        return track, remarks
    top = clips.skyline(track.notes)
    kept = f"of its chords the highest voice is kept, {len(top)} of {len(track.notes)} notes"
    return replace(track, notes=top), (*remarks, kept)


def common_frame(excerpts: Sequence[Excerpt], bars: int) -> Frame:
    """One frame for excerpts of one metre, of `bars` bars, which may be more than they have."""
    song = excerpts[0].song.at_resolution(CLOCK)
    length = bars * song.meters[0].bar_ticks(CLOCK)
    onsets = np.concatenate([e.on_clock().start for e in excerpts])
    return Frame.of(replace(song, length=length, tracks=()), np.sort(onsets))


def sounded(
    tokens: IntArray, frame: Frame, touch: Touch, kit: Sequence[int] | None = None
) -> Notes:
    """The notes that tokens [T, SLOTS] say: of drums where there is a kit, else of a melody."""
    sixteenth = frame.grid.sixteenth
    if kit is not None:
        step, voice = decode_drums(tokens, frame)
        start, velocity = touch.at(step, voice, frame)
        short = np.full(len(step), max(sixteenth // 2, 1))
        return Notes(start, short, np.array(kit)[voice], velocity).without_overlaps()
    first, last, pitch = decode_melody(tokens, frame)
    start, velocity = touch.at(first, np.zeros_like(first), frame)
    duration = np.maximum(frame.grid.ticks[last] - start, 1)
    return clips.melody(Notes(start, duration, pitch, velocity))
