"""Songs made ready for a codec: whole bars, on a grid, the tracks that are wanted.

A clip is a `Song` that starts on a bar line, ends on one, and has no other kind of bar than full
ones.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np

from musegen.errors import UsageError
from musegen.song import SUSTAIN_PEDAL, IntArray, Meter, Notes, Song, Track
from musegen.time import bar_lines

# Onset grids within one quarter of 12 steps, each with what one note on it costs (in steps of
# displacement), so that the plainest grid that fits is taken: 16ths, 8th triplets, 16th triplets,
# all.
_GRIDS: tuple[tuple[int, float], ...] = ((3, 0.0), (4, 0.1), (2, 0.2), (1, 0.3))


def bars(song: Song, first: int, count: int) -> Song:
    """`count` bars from bar `first` (from 0) on, or as many as there are."""
    lines, _ = bar_lines(song)
    last = min(first + count, len(lines) - 1)
    return song.between(int(lines[first]), int(lines[last]))


def lasting(song: Song, length: int) -> Song:
    """The first `length` bars of a song, or the song again and again until it has so many.

    UsageError where it would have to be repeated, and changes tempo or metre.
    """
    lines, _ = bar_lines(song)
    bars, whole = len(lines) - 1, int(lines[-1])
    if length <= bars:
        return song if length == bars else song.between(0, int(lines[length]))
    changes = {str(m) for m in song.meters}, {t.microseconds for t in song.tempos}
    if any(len(values) > 1 for values in changes):
        raise UsageError(
            f"length {length}: the input has {bars} bars, and changes tempo or metre, so that it "
            "cannot be repeated"
        )
    times = -(-length // bars)
    tracks = []
    for track in song.tracks:
        again = (track.notes.between(0, whole).shifted(time * whole) for time in range(times))
        tracks.append(replace(track, notes=Notes.together(again)))
    repeated = replace(song, tracks=tuple(tracks), length=times * whole)
    return repeated.between(0, length * (whole // bars))


def covering(song: Song) -> Song:
    """The song, long enough for its last note to begin."""
    last = max((int(t.notes.start[-1]) for t in song.tracks if len(t.notes)), default=-1)
    return replace(song, length=max(song.length, last + 1))


@dataclass(frozen=True)
class _FullBars:
    """Where the bars of a song go when each is made full."""

    lines: IntArray
    """Of the song."""
    new_lines: IntArray
    targets: IntArray
    """Where each old bar's first tick goes: a pick-up's to the middle of its bar."""
    meters: list[Meter]
    """Each bar's."""

    @classmethod
    def of(cls, song: Song) -> _FullBars | None:
        """None where every bar is full."""
        lines, meters = bar_lines(song)
        if not meters:
            return None
        full = [m.bar_ticks(song.ticks_per_quarter) for m in meters]
        widths = np.diff(lines).tolist()
        meters_out = list(meters)
        pickup = len(widths) > 1 and widths[0] < full[1]
        if pickup:
            full[0], meters_out[0] = full[1], meters[1]
        if widths == full and lines[-1] == song.length:
            return None
        new_lines = np.concatenate(([0], np.cumsum(full)))
        targets = new_lines[:-1].copy()
        if pickup:
            targets[0] = full[0] - widths[0]
        return cls(lines, new_lines, targets, meters_out)


def whole_bars(song: Song) -> Song:
    """Every bar made full, so that bars can be counted.

    A first bar shorter than the second is a pick-up: silence is put in front of it. Any other bar
    that a metre change cuts short is filled with silence at its end, and so is the last.
    """
    bars = _FullBars.of(song)
    if bars is None:
        return song
    lines, new_lines, targets, meters_out = bars.lines, bars.new_lines, bars.targets, bars.meters

    def moved(ticks: IntArray) -> IntArray:
        bar = np.clip(np.searchsorted(lines, ticks, side="right") - 1, 0, len(targets) - 1)
        return np.asarray(targets[bar] + ticks - lines[bar])

    def moved_one(tick: int) -> int:
        return int(moved(np.array([tick]))[0])

    changes = [0] + [
        i
        for i in range(1, len(meters_out))
        if replace(meters_out[i], tick=0) != replace(meters_out[i - 1], tick=0)
    ]
    tempos = {0: song.tempos[0]} | {moved_one(t.tick): t for t in song.tempos[1:]}
    return replace(
        song,
        length=int(new_lines[-1]),
        tracks=tuple(
            replace(
                t,
                notes=replace(t.notes, start=moved(t.notes.start)),
                controls=replace(t.controls, tick=moved(t.controls.tick)),
            )
            for t in song.tracks
        ),
        tempos=tuple(replace(t, tick=tick) for tick, t in tempos.items()),
        meters=tuple(replace(meters_out[i], tick=int(new_lines[i])) for i in changes),
        markers=tuple(replace(m, tick=moved_one(m.tick)) for m in song.markers),
    )


def unpadded(notes: Notes, song: Song) -> Notes:
    """Notes of `whole_bars(song)` where they are in `song`; none in what silence was put there."""
    bars = _FullBars.of(song)
    if bars is None:
        return notes
    bar = np.searchsorted(bars.new_lines, notes.start, side="right") - 1
    bar = np.clip(bar, 0, len(bars.targets) - 1)
    start = bars.lines[bar] + notes.start - bars.targets[bar]
    inside = (start >= bars.lines[bar]) & (start < bars.lines[bar + 1])
    return replace(notes.where(inside), start=start[inside])


def sustained(track: Track, end: int) -> Track:
    """The track with its pedal played by the fingers: notes last until the pedal is lifted."""
    pedal = track.controls.number == SUSTAIN_PEDAL
    if not pedal.any() or track.is_drum:
        return track
    ticks, down = track.controls.tick[pedal], track.controls.value[pedal] >= 64
    lifts = np.append(ticks[~down], end)
    at = np.searchsorted(ticks, track.notes.end, side="right") - 1
    held = (at >= 0) & down[np.maximum(at, 0)]
    lifted = lifts[np.searchsorted(lifts[:-1], track.notes.end, side="right")]
    ends = np.where(held, np.maximum(lifted, track.notes.end), track.notes.end)
    notes = replace(track.notes, duration=ends - track.notes.start)
    return replace(track, notes=notes.without_overlaps())


def quantised(song: Song, steps_per_quarter: int = 12) -> Song:
    """The song on a grid of `steps_per_quarter`, its onsets moved to the plainest grid that fits.

    Per track and quarter, the onsets decide between 16ths, triplet 8ths, triplet 16ths and the
    whole grid (where the grid has a multiple of 12 steps; otherwise they go to the nearest step). A
    score is left as it is; a performance loses its microtiming.
    """
    grid = song.at_resolution(steps_per_quarter)
    fine = steps_per_quarter // 12 if steps_per_quarter % 12 == 0 else 0

    def snap(notes: Notes) -> Notes:
        at = notes.start * (steps_per_quarter / song.ticks_per_quarter)
        end = np.rint(notes.end * (steps_per_quarter / song.ticks_per_quarter)).astype(np.int64)
        start = np.rint(at).astype(np.int64)
        if fine and len(notes):
            quarter = np.floor(at / steps_per_quarter).astype(np.int64)
            snapped, costs = [], []
            for step, cost in _GRIDS:
                width = step * fine
                near = width * np.rint(at / width).astype(np.int64)
                error = np.abs(at - near) / fine + cost
                snapped.append(near)
                costs.append(np.bincount(quarter, weights=error))
            choice = np.argmin(np.stack(costs), axis=0)[quarter]
            start = np.stack(snapped)[choice, np.arange(len(at))]
        duration = np.maximum(end - start, 1)
        return Notes(start, duration, notes.pitch, notes.velocity).without_overlaps()

    return replace(
        grid,
        tracks=tuple(
            replace(new, notes=snap(old.notes).between(0, grid.length))
            for old, new in zip(song.tracks, grid.tracks, strict=True)
        ),
    )


def melody(notes: Notes) -> Notes:
    """One voice: of notes that start together the highest, each ended where the next begins."""
    top = np.ones(len(notes), dtype=bool)
    top[:-1] = notes.start[1:] != notes.start[:-1]  # within one start, pitches rise
    voice = notes.where(top)
    room = np.append(np.diff(voice.start), np.iinfo(np.int64).max)
    return replace(voice, duration=np.minimum(voice.duration, room))


def in_turn(notes: Notes) -> Notes:
    """Each note ended, at the latest, where one of another start begins."""
    starts = np.unique(notes.start)
    after = np.searchsorted(starts, notes.start, side="right")
    room = np.append(starts, np.iinfo(np.int64).max)[after] - notes.start
    return replace(notes, duration=np.minimum(notes.duration, room))


def skyline(notes: Notes) -> Notes:
    """The melody on top: `melody`, without the notes that begin under a higher one still sounding.

    A note that is held underneath, such as a bass, neither hides nor cuts the melody.
    """
    kept: list[list[int]] = []
    for row in sorted(notes.table().tolist(), key=lambda r: (r[0], -r[2])):
        if kept and row[0] < kept[-1][0] + kept[-1][1] and row[2] < kept[-1][2]:
            continue
        kept.append(row)
    return melody(Notes.of(kept))


def is_monophonic(notes: Notes) -> bool:
    """Whether at most a twentieth of the notes are joined by another before they are half over.

    So legato, where notes overlap a little, is one voice.
    """
    half = notes.start[:-1] + notes.duration[:-1] // 2
    return int((notes.start[1:] < half).sum()) <= len(notes) / 20


def beside(notes: Notes, staying: Notes) -> Notes:
    """New notes cut so that none sounds together with one of its pitch that stays.

    A note begins where one that rings in ends, ends where the next one begins, and is left out
    where nothing remains of it.
    """
    rows = []
    for start, duration, pitch, velocity in notes.without_overlaps().table().tolist():
        same = staying.pitch == pitch
        before = same & (staying.start < start)
        first = int(staying.end[before].max(initial=start))
        after = same & (staying.start >= start)
        last = int(staying.start[after].min(initial=start + duration))
        if first < last:
            rows.append((first, last - first, pitch, velocity))
    return Notes.of(rows)


def with_voices(notes: Notes, most: int, staying: Notes | None = None) -> Notes:
    """At most so many notes at once: a new one ends the one that has sounded longest.

    Of one onset, the lowest and the highest stay before those between. `staying` are notes beside
    them that sound too and are left as they are: where these take all the room, others are left
    out.
    """
    kept: list[list[int]] = []
    sounding: list[list[int]] = []
    rows = [[*row, 0] for row in notes.table().tolist()]
    if staying is not None and len(notes):
        near = (staying.start < notes.end.max()) & (staying.end > notes.start.min())
        rows += [[*row, 1] for row in staying.where(near).table().tolist()]
        rows.sort(key=lambda row: (row[0], row[2]))
    for start, group in itertools.groupby(rows, key=lambda row: row[0]):
        sounding = [row for row in sounding if row[0] + row[1] > start]
        chord: list[list[int]] = []
        for row in group:
            (sounding if row[-1] else chord).append(row)
        free = [row for row in sounding if not row[-1]]
        room = max(most - len(sounding) + len(free), 0)
        while len(chord) > room:
            del chord[len(chord) // 2 if room > 1 else 0]
        while len(free) + len(chord) > room:
            ended = free.pop(0)
            ended[1] = start - ended[0]
            sounding.remove(ended)
        sounding += chord
        kept += chord
    return Notes.of(tuple(row[:-1]) for row in kept)
