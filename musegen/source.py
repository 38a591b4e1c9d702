"""A user's song on its way to a codec, and what a model wrote on its way back to the song.

On the way in the song loses what a codec cannot say (microtiming, pedal, its own velocities and
drum map). On the way out the new part gets back what the song has: its clock, tempo, names,
programs, channels, the velocities it uses and the pitches of its drums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen import clips
from musegen.analysis import key_of
from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import METERS
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import TD11_TO_GM, VOICE_OF
from musegen.song import (
    IntArray,
    Key,
    Marker,
    Notes,
    Song,
    Tempo,
    Track,
)
from musegen.time import bar_lines, usual_tempo

TEMPO_BARS = 8
"""Bars before the end whose usual tempo is that of a continuation."""


def chosen_tracks(song: Song, wanted: Sequence[str]) -> tuple[int, ...]:
    """The places of the tracks that have notes, or of those that are asked for.

    Asked for is by number (from 1), by name, or by a part of a name that only one track has.
    """
    playing = [i for i, track in enumerate(song.tracks) if len(track.notes)]
    if not playing:
        raise UnreadableError("no notes found")
    if not wanted:
        return tuple(playing)
    return tuple(sorted({_chosen(song, playing, text) for text in wanted}))


def _chosen(song: Song, playing: Sequence[int], text: str) -> int:
    number = int(text) if text.isdecimal() and len(text) < 10 else 0
    if 1 <= number <= len(song.tracks):
        found = [number - 1]
    else:
        named = {i: song.tracks[i].name.casefold() for i in playing}
        found = [i for i, name in named.items() if name == text.casefold()]
        found = found or [i for i, name in named.items() if text.casefold() in name]
    if len(found) == 1 and found[0] in playing:
        return found[0]
    problem = "more than one track is" if len(found) > 1 else "no track with notes is"
    raise UsageError(f"{problem} called {text!r}; there are: {listed(song, playing)}")


def listed(song: Song, places: Sequence[int]) -> str:
    """Tracks by number and name, the first of many."""
    names = ", ".join(f"{i + 1} {song.tracks[i].name or 'unnamed'}" for i in places[:8])
    return names + ", ..." * (len(places) > 8)


def clock(song: Song) -> int:
    """The song's ticks a quarter where our grid fits them, else 480."""
    ticks = song.ticks_per_quarter
    return ticks if 24 <= ticks <= 960 and ticks % 12 == 0 else 480


@dataclass(frozen=True)
class Source:
    """A song, and the tracks of it that a model is to hear."""

    song: Song
    """In whole bars."""
    places: tuple[int, ...]
    """Of the tracks in `song.tracks`."""
    end: int
    """The bar line, in ticks, at which the last of these tracks has fallen silent."""

    @classmethod
    def of(cls, song: Song, wanted: Sequence[str] = ()) -> Source:
        """UnreadableError where there is no note, UsageError where a track is not to be found."""
        places = chosen_tracks(song, wanted)
        whole = clips.whole_bars(clips.covering(song.at_resolution(clock(song))))
        lines, _ = bar_lines(whole)
        sixteenth = whole.ticks_per_quarter // 4
        last = 1
        for notes in (whole.tracks[i].notes for i in places):
            # A tail just over the line makes no bar; a note just before it belongs behind it.
            early = int(notes.start[-1]) + sixteenth // 4 + 1
            last = max(last, early, int(notes.end.max()) - sixteenth)
        end = lines[np.searchsorted(lines, min(last, int(lines[-1])))]
        return cls(whole, places, int(end))

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(self.song.tracks[i] for i in self.places)

    @property
    def bars(self) -> int:
        """How many there are up to the end."""
        return int(np.searchsorted(bar_lines(self.song)[0], self.end))

    @property
    def tempo(self) -> Tempo:
        """The tempo that holds longest in the last bars: a ritardando is not gone on with."""
        lines, _ = bar_lines(self.song)
        first = int(lines[max(self.bars - TEMPO_BARS, 0)])
        return usual_tempo(self.song.between(first, self.end))

    def with_instruments(self, instruments: Sequence[tuple[int, bool]]) -> Source:
        """The source with other programs, (program, is_drum), one for each track that is heard."""
        if len(instruments) != len(self.places):
            raise UsageError(
                f"{len(instruments)} instruments for {len(self.places)} tracks; name one for each"
            )
        tracks = list(self.song.tracks)
        for place, (program, is_drum) in zip(self.places, instruments, strict=True):
            if is_drum != tracks[place].is_drum:
                raise UsageError("drums stay drums, and other instruments cannot become drums")
            tracks[place] = replace(tracks[place], program=program)
        return replace(self, song=replace(self.song, tracks=tuple(tracks)))

    def unheard(self, heard: Source) -> tuple[str, ...]:
        """A remark on the tracks that a model cannot hear."""
        left = [
            self.song.tracks[i].name or str(i + 1) for i in self.places if i not in heard.places
        ]
        return (f"the model does not hear {', '.join(left)}",) if left else ()

    # In

    def clip(self, codec: BarCodec, key: Key | None = None) -> tuple[Song, Source]:
        """The last bars of a metre that the codec knows, as a clip; and the source of its tracks.

        With `key`, the clip is transposed to it. UsageError where the metre at the end is not
        known, or where the codec can say none of the tracks.
        """
        lines, meters = bar_lines(self.song)
        meters = meters[: self.bars]
        codec.meter_value(meters[-1])
        known = [(m.numerator, m.denominator) in METERS for m in meters]
        first = len(known) - next((i for i, k in enumerate(known[::-1]) if not k), len(known))
        tracks = [_in_general_midi(clips.sustained(t, self.song.length)) for t in self.tracks]
        if codec.layout.max_tracks == 0:
            tracks = [_one_voice(t) for t in tracks]
        part = replace(self.song, tracks=tuple(tracks)).between(int(lines[first]), self.end)
        own = key_of(part)
        if key is not None and own is not None:
            part = _transposed(part, _interval(own, key))
        grid = clips.quantised(
            replace(part, key=key or own, tempos=(self.tempo,)), codec.layout.steps_per_quarter
        )
        heard = tuple(self.places[i] for i in codec.hears(grid))
        if not heard:
            plays = "no drums" if codec.layout.max_tracks == 0 else "drums from 27 to 87 only"
            raise UsageError(f"this model plays {plays}: choose other tracks, or another model")
        return codec.clip(grid), replace(self, places=heard)

    # Out

    def dressed(self, part: Song, codec: BarCodec) -> Song:
        """What a model wrote for these tracks, as a song of its own in the source's clothes."""
        part = part.at_resolution(self.song.ticks_per_quarter)
        tracks = tuple(
            Track(
                like(new.notes, old.notes, old.is_drum, codec),
                old.program,
                old.is_drum,
                old.name,
                old.channel,
                old.controls.settings(self.end),
            )
            for new, old in zip(part.tracks, self.tracks, strict=True)
        )
        return replace(
            part, tracks=tracks, tempos=(self.tempo,), key=self.song.key, name=self.song.name
        )

    def joined(self, part: Song, marker: str) -> Song:
        """The whole song, then a part dressed for it, with a marker where it begins."""
        song, seam = self.song, self.song.length
        tracks = [replace(t, controls=t.controls.released(seam)) for t in song.tracks]
        for place, new in zip(self.places, part.tracks, strict=True):
            # The part's settings are the song's own at the seam: they are in force already.
            notes = tracks[place].notes.joined(new.notes.shifted(seam))
            tracks[place] = replace(tracks[place], notes=notes)
        tempos, meters = song.tempos, song.meters
        if part.tempos[0].microseconds != tempos[-1].microseconds:
            tempos += (replace(part.tempos[0], tick=seam),)
        for meter in part.meters:
            if replace(meter, tick=0) != replace(meters[-1], tick=0):
                meters += (replace(meter, tick=meter.tick + seam),)
        return replace(
            song,
            tracks=tuple(tracks),
            length=seam + part.length,
            tempos=tempos,
            meters=meters,
            markers=(*song.markers, Marker(seam, marker)),
        )


def _in_general_midi(track: Track) -> Track:
    """A drum track with the two TD-11 pitches that General MIDI lacks put in its terms."""
    if not track.is_drum:
        return track
    table = np.arange(128)
    for pitch in (22, 26):
        table[pitch] = TD11_TO_GM[pitch]
    return replace(track, notes=replace(track.notes, pitch=table[track.notes.pitch]))


def _one_voice(track: Track) -> Track:
    """The tune on top of a track of chords: a bass note that begins under it does not cut it."""
    if clips.is_monophonic(track.notes):
        return track
    return replace(track, notes=clips.skyline(track.notes))


def _interval(old: Key, new: Key) -> int:
    """Semitones, -6..5, between the scales of two keys: C major and A minor are one."""
    scales = [key.tonic + 3 * key.is_minor for key in (old, new)]
    return (scales[1] - scales[0] + 6) % 12 - 6


def _transposed(song: Song, semitones: int) -> Song:
    """All but drums moved; what would leave MIDI's range stays inside by an octave."""

    def moved(pitch: IntArray) -> IntArray:
        up = pitch + semitones
        return np.asarray(up + 12 * (up < 0) - 12 * (up > 127))

    tracks = (
        t if t.is_drum else replace(t, notes=replace(t.notes, pitch=moved(t.notes.pitch)))
        for t in song.tracks
    )
    return replace(song, tracks=tuple(tracks))


def like(new: Notes, old: Notes, is_drum: bool, codec: BarCodec) -> Notes:
    """New notes with the old ones' velocities, and on drums the old ones' pitches."""
    bins = codec.velocity_bin(old.velocity)
    velocity = new.velocity.copy()
    for value in np.unique(bins):
        usual = int(np.median(old.velocity[bins == value]))
        velocity[new.velocity == codec.bin_velocity(int(value))] = usual
    pitch = _kit_pitches(new.pitch, old.pitch) if is_drum else new.pitch
    return Notes(new.start, new.duration, pitch, velocity).without_overlaps()


def _kit_pitches(new: IntArray, old: IntArray) -> IntArray:
    """Each new pitch that the old part does not use becomes the one it uses most for that voice."""
    counts = np.bincount(old, minlength=128)
    table = np.arange(128)
    for pitch in np.unique(new).tolist():
        same = [p for p, v in VOICE_OF.items() if v == VOICE_OF.get(pitch) and counts[p]]
        if not counts[pitch] and same:
            table[pitch] = max(same, key=lambda p: int(counts[p]))
    return np.asarray(table[new])
