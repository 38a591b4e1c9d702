"""A user's song on its way to a codec, and what a model wrote on its way back to the song.

On the way in the song loses what a codec cannot say (microtiming, pedal, its own velocities and
drum map). On the way out the new part gets back what the song has: its clock, tempo, names,
programs, channels, the velocities it uses and the pitches of its drums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from musegen import clips
from musegen.analysis import key_of
from musegen.codecs.bars import DRUM_KIT, METERS, BarCodec
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import TD11_TO_GM, VOICE_OF
from musegen.song import Controls, IntArray, Key, Marker, Notes, Song, Tempo, Track
from musegen.time import bar_count, bar_lines


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
    if text.isdecimal() and 1 <= int(text) <= len(song.tracks):
        found = [int(text) - 1]
    else:
        named = {i: song.tracks[i].name.casefold() for i in playing}
        found = [i for i, name in named.items() if name == text.casefold()]
        found = found or [i for i, name in named.items() if text.casefold() in name]
    if len(found) == 1 and found[0] in playing:
        return found[0]
    tracks = ", ".join(f"{i + 1} {song.tracks[i].name or 'unnamed'}" for i in playing)
    problem = "more than one track is" if len(found) > 1 else "no track with notes is"
    raise UsageError(f"{problem} called {text!r}; there are: {tracks}")


@dataclass(frozen=True)
class Source:
    """A song and the tracks of it that a model is to hear, in whole bars up to the last note."""

    song: Song
    places: tuple[int, ...]
    """Of the tracks in `song.tracks`."""

    @classmethod
    def of(cls, song: Song, wanted: Sequence[str] = ()) -> Source:
        """UnreadableError where there is no note, UsageError where a track is not to be found."""
        places = chosen_tracks(song, wanted)
        whole = clips.whole_bars(song)
        lines, _ = bar_lines(whole)
        last = max(int(whole.tracks[i].notes.start[-1]) for i in places)
        end = int(lines[np.searchsorted(lines, last, side="right")])
        return cls(whole if end == whole.length else whole.between(0, end), places)

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(self.song.tracks[i] for i in self.places)

    @cached_property
    def key(self) -> Key | None:
        """The key of the tracks that are heard, by their notes."""
        return key_of(replace(self.song, tracks=self.tracks))

    @property
    def tempo(self) -> Tempo:
        """The tempo at the end."""
        return replace(self.song.tempos[-1], tick=0)

    def with_instruments(self, instruments: Sequence[int]) -> Source:
        """The source with other programs, one for each track that is heard."""
        if len(instruments) != len(self.places):
            raise UsageError(
                f"{len(instruments)} instruments for {len(self.places)} tracks; name one for each"
            )
        tracks = list(self.song.tracks)
        for place, program in zip(self.places, instruments, strict=True):
            if (program == DRUM_KIT) != tracks[place].is_drum:
                raise UsageError("drums stay drums, and other instruments cannot become drums")
            if program != DRUM_KIT:
                tracks[place] = replace(tracks[place], program=program)
        return replace(self, song=replace(self.song, tracks=tuple(tracks)))

    def unheard(self, heard: Source) -> tuple[str, ...]:
        """A remark on the tracks that a model had no room for."""
        left = [
            self.song.tracks[i].name or str(i + 1) for i in self.places if i not in heard.places
        ]
        return (f"the model has no room for {', '.join(left)}",) if left else ()

    def context(self, bars: int) -> tuple[str, ...]:
        """A remark where only the last `bars` bars are the context."""
        total = bar_count(self.song)
        return (f"the last {bars} of {total} bars are the context",) if bars < total else ()

    # In

    def clip(self, codec: BarCodec) -> tuple[Song, Source]:
        """The last bars of a metre that the codec knows, as a clip; and the source of just its
        tracks.

        UsageError where the metre at the end is not known, or where the codec can take no track.
        """
        lines, meters = bar_lines(self.song)
        codec.meter_value(meters[-1])
        known = [(m.numerator, m.denominator) in METERS for m in meters]
        first = len(known) - next((i for i, k in enumerate(known[::-1]) if not k), len(known))
        tracks = tuple(_in_general_midi(clips.sustained(t, self.song.length)) for t in self.tracks)
        part = replace(self.song, tracks=tracks, key=self.key)
        if first:
            part = part.between(int(lines[first]), self.song.length)
        grid = clips.quantised(part, codec.layout.steps_per_quarter)
        limit = max(codec.layout.max_tracks, 1)
        busiest = sorted(range(len(tracks)), key=lambda i: -len(grid.tracks[i].notes))[:limit]
        heard = [i for i in sorted(busiest) if len(grid.tracks[i].notes)]
        if not heard:
            raise UnreadableError("no notes found in the bars whose metre is known")
        clip = codec.clip(replace(grid, tracks=tuple(grid.tracks[i] for i in heard)))
        if len(clip.tracks) < len(heard):
            drums = "no drums" if codec.layout.max_tracks == 0 else "drums from 27 to 87"
            raise UsageError(f"this model plays {drums}: choose other tracks, or another model")
        return clip, replace(self, places=tuple(self.places[i] for i in heard))

    # Out

    @property
    def ticks_per_quarter(self) -> int:
        """The song's clock where our grid fits it, else 480."""
        ticks = self.song.ticks_per_quarter
        return ticks if 24 <= ticks <= 960 and ticks % 12 == 0 else 480

    def dressed(self, part: Song, codec: BarCodec) -> Song:
        """What a model wrote for these tracks, as a song of its own in the source's clothes."""
        part = part.at_resolution(self.ticks_per_quarter)
        tracks = tuple(
            Track(
                _like(new.notes, old.notes, old.is_drum, codec),
                old.program,
                old.is_drum,
                old.name,
                old.channel,
                _settings(old.controls, self.song.length),
            )
            for new, old in zip(part.tracks, self.tracks, strict=True)
        )
        return replace(
            part, tracks=tracks, tempos=(self.tempo,), key=self.song.key, name=self.song.name
        )

    def joined(self, part: Song, marker: str) -> Song:
        """The source's song, then a part dressed for it, with a marker where it begins."""
        song = self.song.at_resolution(part.ticks_per_quarter)
        seam = song.length
        tracks = list(song.tracks)
        for place, new in zip(self.places, part.tracks, strict=True):
            old = tracks[place]
            # the part's controls are the song's own at the seam: they are in force already
            tracks[place] = replace(old, notes=old.notes.joined(new.notes.shifted(seam)))
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


def _settings(controls: Controls, end: int) -> Controls:
    """The volume, pan and effects in force at `end`, for a new beginning; no pedal, no bend."""
    lasting = np.isin(controls.number, (0, 7, 10, 11, 32, 91, 93))
    table = controls.table()[lasting & (controls.tick < max(end, 1))]
    return Controls.of([(0, n, v) for n, v in {int(n): int(v) for _, n, v in table}.items()])


def _like(new: Notes, old: Notes, is_drum: bool, codec: BarCodec) -> Notes:
    """New notes with the old ones' velocities, and on drums the old ones' pitches."""
    bins = old.velocity * codec.layout.velocity_bins // 128
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
