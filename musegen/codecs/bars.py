"""Songs as tokens, bar by bar: the representation that both of our sequence models read and write.

A sequence is a header and then bars. The header says, in this order and each but the metre
optional, `style tempo key meter`, then one `instrument` for every track (multi-track layouts). A
bar is the token `bar`, a `meter` where it changes, and one run for every track that plays (REMI-z
order: Wu et al., 2024):

    slot  position [velocity] [duration] pitch [[velocity] [duration] pitch ...]  position ...

`velocity` and `duration` hold until the next one, within a run; a run begins with both. Drums have
no duration. `bar` carries the number of bars left, this one included, or 0 where that is not known.

In the order of positions (REMI+: von Rütte et al., 2023) a bar's positions come first, and in each
the tracks that play; `velocity` and `duration` hold for a track within the bar. It can be trained
on and scored, beside the other; the grammar does not know it.

This module knows songs on its grid and token ids; nothing of files or networks.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from musegen.clips import melody
from musegen.codecs.layout import (
    CONTROLS,
    DRUM_KIT,
    DURATIONS,
    FIRST_DRUM,
    LAST_DRUM,
    MAX_BAR_QUARTERS,
    MAX_BARS_LEFT,
    METERS,
    STYLES,
    TEMPOS_BPM,
    Header,
    Layout,
    instrument_of,
    nearest_tempo,
)
from musegen.codecs.vocabulary import Vocabulary
from musegen.errors import UsageError
from musegen.song import IntArray, Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_lines

Number = TypeVar("Number", int, IntArray)


class BarCodec:
    """Song clips to token ids and back, exactly for every clip that `clip` returns."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.scale = layout.steps_per_quarter // 12
        # The shortest note is one step on every grid.
        self.durations = (1,) * (self.scale > 1) + tuple(d * self.scale for d in DURATIONS)
        multitrack = layout.max_tracks > 0
        self.vocabulary = Vocabulary(
            [
                ("pad", 1),
                ("start", 1),
                ("end", 1),
                ("style", len(STYLES)),
                ("tempo", len(TEMPOS_BPM)),
                ("key", 24),
                ("meter", len(METERS)),
                *([("instrument", 129)] if multitrack else []),
                ("bar", MAX_BARS_LEFT + 1),
                *([("slot", layout.max_tracks)] if multitrack else []),
                ("position", MAX_BAR_QUARTERS * layout.steps_per_quarter),
                ("velocity", layout.velocity_bins),
                ("duration", len(self.durations)),
                ("pitch", 128),
                *([("drum", LAST_DRUM - FIRST_DRUM + 1)] if multitrack else []),
                *(CONTROLS.items() if layout.controls else []),
            ]
        )

    # Values between music and tokens

    def meter_value(self, meter: Meter) -> int:
        """The index of a metre; UsageError where it is not one of ours."""
        try:
            return METERS.index((meter.numerator, meter.denominator))
        except ValueError:
            known = " ".join(f"{n}/{d}" for n, d in METERS)
            raise UsageError(f"{meter} is not a metre this model knows; it knows {known}") from None

    def bar_steps(self, meter: int) -> int:
        numerator, denominator = METERS[meter]
        return Meter(0, numerator, denominator).bar_ticks(self.layout.steps_per_quarter)

    def velocity_bin(self, velocity: Number) -> Number:
        """The bin of a velocity, or of a column of them."""
        return velocity * self.layout.velocity_bins // 128

    def bin_velocity(self, value: Number) -> Number:
        """The velocity in the middle of a bin."""
        return (2 * value + 1) * 64 // self.layout.velocity_bins

    def key_value(self, key: Key) -> int:
        return key.tonic + 12 * key.is_minor

    @cached_property
    def _duration_bins(self) -> list[int]:
        """The duration value for every length in steps up to the longest."""
        lengths = np.arange(1, self.durations[-1] + 1)
        gaps = np.abs(np.log(lengths[:, None] / np.array(self.durations)[None, :]))
        return [0, *np.argmin(gaps, axis=1).tolist()]

    def duration_bin(self, steps: int) -> int:
        return self._duration_bins[min(steps, self.durations[-1])]

    # Song -> clip

    def hears(self, song: Song) -> tuple[int, ...]:
        """The places of the tracks that this codec can say: those with the most notes it knows."""
        counts = [int(self._known(t).sum()) for t in song.tracks]
        playing = [i for i, count in enumerate(counts) if count]
        busiest = sorted(playing, key=lambda i: -counts[i])[: max(self.layout.max_tracks, 1)]
        return tuple(sorted(busiest))

    def _known(self, track: Track) -> NDArray[np.bool_]:
        """Which notes there are tokens for: drums from 27 to 87, and none for one voice."""
        pitch = track.notes.pitch
        if not track.is_drum:
            return np.ones(len(pitch), dtype=bool)
        return (pitch >= FIRST_DRUM) & (pitch <= LAST_DRUM) & (self.layout.max_tracks > 0)

    def clip(self, song: Song) -> Song:
        """What is left of a quantised song of whole bars once this codec has seen it.

        The song must be on our grid (`clips.quantised`). The tracks are those that `hears` names;
        velocities and durations go to their bins, and one voice is the highest note of each onset.
        """
        if song.ticks_per_quarter != self.layout.steps_per_quarter:
            raise ValueError(f"the song has {song.ticks_per_quarter} ticks a quarter")
        tracks = (song.tracks[i] for i in self.hears(song))
        return replace(song, tracks=tuple(self._clip_track(t, song.length) for t in tracks))

    def _clip_track(self, track: Track, length: int) -> Track:
        notes = track.notes.where(self._known(track))
        durations = np.array(self.durations)
        if track.is_drum:
            notes = replace(notes, duration=np.ones(len(notes), dtype=np.int64))
        else:
            steps = np.minimum(notes.duration, self.durations[-1])
            notes = replace(notes, duration=durations[np.array(self._duration_bins)[steps]])
        velocity = self.bin_velocity(self.velocity_bin(notes.velocity))
        notes = replace(notes, velocity=velocity).without_overlaps().between(0, length)
        if self.layout.max_tracks == 0:
            notes = melody(notes)
        # A duration that was cut goes down to a bin.
        bins = np.searchsorted(durations, notes.duration, side="right") - 1
        notes = replace(notes, duration=durations[bins])
        return Track(notes, track.program, track.is_drum, track.name)

    # Clip -> tokens

    def header(self, header: Header) -> list[int]:
        """The tokens of a header."""
        token = self.vocabulary.token
        ids = [token("start")]
        if header.style is not None:
            ids.append(token("style", STYLES.index(header.style)))
        if header.tempo_bpm is not None:
            ids.append(token("tempo", nearest_tempo(header.tempo_bpm)))
        if header.key is not None:
            ids.append(token("key", self.key_value(header.key)))
        ids.append(token("meter", self.meter_value(header.meter)))
        if self.layout.max_tracks:
            ids += [token("instrument", i) for i in header.instruments]
        return ids

    def header_of(self, song: Song, style: str | None = None) -> Header:
        """The full header of a clip."""
        return Header(
            meter=replace(song.meters[0], tick=0),
            tempo_bpm=song.tempos[0].bpm,
            key=song.key,
            style=style,
            instruments=tuple(instrument_of(t) for t in song.tracks),
        )

    def encode(self, song: Song, header: Header | None = None) -> list[int]:
        """A clip's header (its own, or the one given) and bars. No `end` is added."""
        head = self.header(self.header_of(song) if header is None else header)
        return head + [token for bar in self.encode_bars(song) for token in bar]

    def encode_bars(self, song: Song) -> list[list[int]]:
        """Token ids per bar of a clip, `bar` first."""
        first = {r.name: r.first for r in self.vocabulary.ranges}
        lines, meters = bar_lines(song)
        bars: list[list[int]] = []
        previous = replace(song.meters[0], tick=0)
        for meter in meters:
            ids = [first["bar"]]
            if replace(meter, tick=0) != previous:
                ids.append(first["meter"] + self.meter_value(meter))
            previous = replace(meter, tick=0)
            bars.append(ids)
        notes = [track.notes.table() for track in song.tracks]
        slots = np.repeat(np.arange(len(notes)), [len(table) for table in notes])
        table = np.concatenate((np.zeros((0, 4), dtype=np.int64), *notes))
        bar = np.searchsorted(lines, table[:, 0], side="right") - 1
        keys = (table[:, 0], slots) if self.layout.order == "track" else (slots, table[:, 0])
        order = np.lexsort((*keys, bar))  # stable: one onset of one track keeps its order
        rows = np.column_stack((bar, slots, table[:, 0] - lines[bar], table[:, 1:]))[order]
        events = itertools.groupby(rows.tolist(), key=lambda row: row[0])
        is_drum = [track.is_drum for track in song.tracks]
        for number, group in events:
            bars[number] += self._events(group, is_drum, first)
        return bars

    def _events(
        self, rows: Iterable[list[int]], is_drum: Sequence[bool], first: dict[str, int]
    ) -> Iterator[int]:
        """The ids of one bar's notes: bar, slot, position, duration, pitch, velocity."""
        by_track = self.layout.order == "track"
        slot = position = -1
        touch: dict[tuple[str, int], int] = {}
        for _, track, place, length, pitch, loudness in rows:
            if by_track and track != slot:
                position = -1
            if not by_track and place != position:
                slot = -1
            if by_track and track != slot and self.layout.max_tracks:
                yield first["slot"] + track
            if place != position:
                yield first["position"] + place
            if not by_track and track != slot and self.layout.max_tracks:
                yield first["slot"] + track
            slot, position = track, place
            said = [("velocity", self.velocity_bin(loudness))]
            if not is_drum[track]:
                said.append(("duration", self.duration_bin(length)))
            for name, value in said:
                if touch.get((name, track)) != value:
                    touch[name, track] = value
                    yield first[name] + value
            yield first["drum"] + pitch - FIRST_DRUM if is_drum[track] else first["pitch"] + pitch

    def recent(self, ids: Sequence[int], limit: int) -> list[int]:
        """The header of ids, told the metre in force, and the last whole bars that fit in `limit`.

        Of a last bar that is too long alone, the last run and the shortest others are kept.
        """
        bar, meter = self.vocabulary["bar"], self.vocabulary["meter"]
        lines = [i for i, token in enumerate(ids) if token in bar]
        if not lines:
            return list(ids)[-limit:]
        header = list(ids[: lines[0]])
        room = limit - len(header)
        first = next((line for line in lines if len(ids) - line <= room), lines[-1])
        told = first + 1 < len(ids) and ids[first + 1] in meter
        before = [token for token in ids[: first + 2 if told else first] if token in meter]
        header = [before[-1] if token in meter else token for token in header]
        kept = [ids[first], *ids[first + (2 if told else 1) :]]
        return header + (kept if len(kept) <= room else self._cut(kept, room))

    def _cut(self, bar: Sequence[int], room: int) -> list[int]:
        """A bar's line, its last run, and as many of its others as fit, the shortest first."""
        starts = [i for i, t in enumerate(bar) if self.vocabulary.meaning(t)[0] == "slot"]
        if not starts or len(bar) - starts[-1] >= room:
            return [bar[0], *bar[len(bar) - room + 1 :]]
        *others, last = zip(starts, [*starts[1:], len(bar)], strict=True)
        kept, room = [last], room - 1 - (last[1] - last[0])
        for begin, stop in sorted(others, key=lambda span: span[1] - span[0]):
            if stop - begin <= room:
                kept.append((begin, stop))
                room -= stop - begin
        return [bar[0], *(token for begin, stop in sorted(kept) for token in bar[begin:stop])]

    # Tokens -> clip

    def decode(self, ids: Sequence[int]) -> Song:
        """The clip that ids say; a sequence with or without `end`.

        ValueError where a track plays that the header does not name.
        """
        tempo, key, instruments = Tempo(0), None, []
        meters: list[Meter] = []
        meter = Meter()
        bar_start = bar_end = 0
        in_bar = False
        rows: dict[int, list[tuple[int, int, int, int]]] = {}
        slot = position = 0
        velocity: defaultdict[int, int] = defaultdict(lambda: 1)
        duration: defaultdict[int, int] = defaultdict(lambda: 1)
        for token in ids:
            name, value = self.vocabulary.meaning(token)
            if name == "bar":
                in_bar, bar_start = True, bar_end
                bar_end = bar_start + meter.bar_ticks(self.layout.steps_per_quarter)
                slot = 0
            elif name == "meter":
                meter = Meter(bar_start, *METERS[value])
                meters.append(meter)
                if in_bar:
                    bar_end = bar_start + meter.bar_ticks(self.layout.steps_per_quarter)
            elif name == "tempo":
                tempo = Tempo.from_bpm(TEMPOS_BPM[value])
            elif name == "key":
                key = Key(value % 12, value >= 12)
            elif name == "instrument":
                instruments.append(value)
            elif name == "slot":
                slot = value
            elif name == "position":
                position = bar_start + value
            elif name == "velocity":
                velocity[slot] = self.bin_velocity(value)
            elif name == "duration":
                duration[slot] = self.durations[value]
            elif name == "pitch":
                rows.setdefault(slot, []).append((position, duration[slot], value, velocity[slot]))
            elif name == "drum":
                rows.setdefault(slot, []).append((position, 1, value + FIRST_DRUM, velocity[slot]))
        if not self.layout.max_tracks:
            instruments = [0]
        if any(slot >= len(instruments) for slot in rows):
            raise ValueError(f"slots {sorted(rows)} for {len(instruments)} instruments")

        def notes_of(slot: int) -> Notes:
            notes = Notes.of(rows.get(slot, [])).without_overlaps().between(0, bar_end)
            return notes if self.layout.max_tracks else melody(notes)

        tracks = tuple(
            Track(
                notes_of(i),
                program=0 if value == DRUM_KIT else value,
                is_drum=value == DRUM_KIT,
            )
            for i, value in enumerate(instruments)
        )
        return Song(
            tracks,
            length=bar_end,
            ticks_per_quarter=self.layout.steps_per_quarter,
            tempos=(tempo,),
            meters=_changes(meters),
            key=key,
        )


def _changes(meters: Sequence[Meter]) -> tuple[Meter, ...]:
    """A metre map: of metres at one tick the last holds, and none repeats the one before."""
    at = {m.tick: m for m in meters} or {0: Meter()}
    kept: list[Meter] = []
    for meter in at.values():
        if not kept or replace(meter, tick=kept[-1].tick) != kept[-1]:
            kept.append(meter)
    return tuple(kept)
