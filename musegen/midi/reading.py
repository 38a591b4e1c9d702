"""A MIDI file -> `Song`, and what was mended and left out on the way.

Reading is tolerant and raises nothing but `MusegenError`. Here a file's events become notes with an
end, tracks of one instrument, and a length in whole bars.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from musegen.errors import LimitError, UnreadableError
from musegen.general_midi import DRUM_CHANNEL
from musegen.midi import limits
from musegen.midi.channels import merged
from musegen.midi.chunks import chunks_of
from musegen.midi.events import Part, Report, Shared, messages_of, read_track
from musegen.song import Controls, IntArray, Marker, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_count, bar_line_from, seconds

# A shared End-of-Track on a bar line is the clip's length, unless more bars lie empty before it.
_MAX_EMPTY_BARS = 64
_HANGING_BARS = 4  # a note that never ends sounds this long at most


@dataclass(frozen=True)
class Reading:
    """A song and how it was read.

    `repairs` and `left_out` are finished lines for people; `recipe` is how musegen made the file,
    or "".
    """

    song: Song
    name: str
    format: int
    repairs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    recipe: str = ""


def read(source: str | Path | BinaryIO) -> Reading:
    """Read a MIDI file.

    UnreadableError says what is wrong with it, LimitError which limit it exceeds.
    """
    name = str(source if isinstance(source, (str, Path)) else getattr(source, "name", "input"))
    name = "".join(c if c.isprintable() else "?" for c in name)
    try:
        if isinstance(source, (str, Path)):
            with open(source, "rb") as file:
                data = file.read(limits.MAX_BYTES + 1)
        else:
            data = source.read(limits.MAX_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableError(f"{name}: no such file; check the path") from None
    except IsADirectoryError:
        raise UnreadableError(f"{name}: is a directory; name a MIDI file in it") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path, a closed file
        reason = getattr(error, "strerror", None) or str(error)
        raise UnreadableError(f"{name}: cannot be read: {reason}") from None
    return parse(data, name)


def parse(data: bytes, name: str = "input") -> Reading:
    """Read the bytes of a MIDI file; `name` is what messages call it."""
    if len(data) > limits.MAX_BYTES:
        raise LimitError(
            f"{name}: larger than {limits.MAX_BYTES >> 20} MiB (the limit on a MIDI file); split it"
        )
    report = Report()
    kind, division, chunks = chunks_of(data, name, report.repairs)
    parts: dict[tuple[int, int], Part] = {}
    shared = Shared()
    failures: list[str] = []
    read_any = False
    note_count = 0
    for index, chunk in enumerate(chunks):
        try:
            messages = messages_of(chunk)
        except Exception as error:  # mido lets out whatever the bytes lead it to
            reason = "it ends within an event" if isinstance(error, EOFError) else str(error)
            failures.append(f"track {index + 1} is damaged ({reason or type(error).__name__})")
            continue
        read_any = True
        note_count += read_track(index, messages, parts, shared, report)
        if note_count > limits.MAX_NOTES:
            raise LimitError(
                f"{name}: more than {limits.MAX_NOTES:,} notes (the limit); split the file"
            )
        if kind == 2 and note_count:
            if index + 1 < len(chunks):
                report.left_out.append(f"type 2: only sequence {index + 1} was taken")
            break
    if failures and not read_any:
        raise UnreadableError(f"{name}: {failures[0]}; export the file again")
    report.repairs += [f"{failure}: left out" for failure in failures]
    song = _song(kind == 0 and len(chunks) == 1, division, parts, shared, report)
    if seconds(song) > limits.MAX_SECONDS or bar_count(song) > limits.MAX_BARS:
        raise LimitError(
            f"{name}: longer than {limits.MAX_SECONDS // 3600} hours or {limits.MAX_BARS:,} bars"
            " (the limit); split the file"
        )
    return Reading(song, name, kind, *report.lines(), shared.recipe)


def _clock(division: int, tempos: list[tuple[int, int]]) -> tuple[int, Callable[[Any], IntArray]]:
    """Ticks a quarter of the song, and the way from the file's ticks to the song's."""
    frames, per_frame = 256 - (division >> 8), division & 0xFF
    if division < 0x8000 or not per_frame:
        quarter = division if 0 < division < 0x8000 else 480
        return quarter, lambda ticks: np.asarray(ticks, dtype=np.int64)
    # SMPTE: the file's ticks are fractions of a second, whatever the tempo.
    rate = per_frame * (30 / 1.001 if frames == 29 else frames)
    known = dict([(0, 500_000), *sorted(tempos, key=lambda t: t[0])])
    at = np.array(list(known)) / rate
    per_second = 480e6 / np.array(list(known.values()))
    ticks_at = np.concatenate(([0.0], np.cumsum(np.diff(at) * per_second[:-1])))

    def to_ticks(ticks: Any) -> IntArray:
        second = np.asarray(ticks, dtype=np.int64) / rate
        i = np.searchsorted(at, second, side="right") - 1
        return np.rint(ticks_at[i] + (second - at[i]) * per_second[i]).astype(np.int64)

    return 480, to_ticks


def _song(
    is_type_0: bool,
    division: int,
    parts: dict[tuple[int, int], Part],
    shared: Shared,
    report: Report,
) -> Song:
    quarter, clock = _clock(division, shared.tempos)
    if division >= 0x8000:
        report.repairs.append("SMPTE time converted to 480 ticks a quarter")
    elif division == 0:
        report.repairs.append("no ticks a quarter given: 480 taken")

    def at(tick: int) -> int:
        return int(clock(tick))

    # At one tick the event that comes last holds; the default reigns before the first.
    tempos = {0: 500_000, **{at(t): us for t, us in sorted(shared.tempos, key=lambda t: t[0])}}
    meters = {0: (4, 4), **{at(t): m for t, *m in sorted(shared.meters, key=lambda m: m[0])}}
    song = Song(
        ticks_per_quarter=quarter,
        tempos=tuple(Tempo(tick, us) for tick, us in tempos.items()),
        meters=tuple(
            Meter(tick, n, d) for tick, (n, d) in meters.items() if n * 4 * quarter >= d or not tick
        ),
        key=min(shared.keys, key=lambda k: k[0])[1] if shared.keys else None,
    )
    sounding = [key for key, part in parts.items() if part.notes]
    played = {index for index, _ in sounding}
    is_split = is_type_0 and len(sounding) > 1
    # Programs and controls are a channel's, whichever of its tracks they stand in.
    sharers: dict[tuple[int, int], list[Part]] = {}
    for (index, channel), part in parts.items():
        sharers.setdefault((shared.ports.get(index, 0), channel), []).append(part)
    programs = {home: [p for part in its for p in part.programs] for home, its in sharers.items()}
    controls = {home: _controls(its, clock) for home, its in sharers.items()}
    tracks = []
    for index, channel in sounding:
        part, home = parts[index, channel], (shared.ports.get(index, 0), channel)
        is_drum = channel == DRUM_CHANNEL
        program = _program(part, programs[home], report)
        notes = _notes(part, song, clock, at(shared.ends[index]), is_drum, report)
        if not len(notes):
            continue
        name = "" if is_split else shared.names.get(index, "")
        tracks.append(Track(notes, program, is_drum, name, channel, controls[home]))
    ends = {at(end) for index, end in shared.ends.items() if index in played}
    length, meters_used = _length(song, tracks, ends or {at(max(shared.ends.values(), default=0))})
    kept = [(at(t), text) for t, text in sorted(shared.markers, key=lambda m: m[0])]
    report.ignored["tracks without notes"] = len(set(shared.ends) - {0} - played)
    report.ignored["key changes"] = len({key for _, key in shared.keys} - {song.key})
    report.ignored["markers after the end"] = sum(tick >= length for tick, _ in kept)
    return Song(
        tracks=tuple(tracks),
        length=length,
        ticks_per_quarter=quarter,
        tempos=tuple(t for t in song.tempos if t.tick < length or not t.tick),
        meters=meters_used,
        key=song.key,
        markers=tuple(Marker(tick, text) for tick, text in kept if tick < length),
        name=shared.names.get(0, "") if is_split or 0 not in played else "",
    )


def _controls(parts: list[Part], clock: Callable[[Any], IntArray]) -> Controls:
    """The controls of a channel, in the song's ticks."""
    controls = merged(Controls.of(part.controls) for part in parts)
    return replace(controls, tick=clock(controls.tick))


def _program(part: Part, elsewhere: list[tuple[int, int]], report: Report) -> int:
    """The program in effect at the first note; a track's own choice comes before its channel's."""
    first = part.notes[0][0]
    own_before = [p for tick, p in part.programs if tick <= first]
    before = own_before or [p for tick, p in sorted(elsewhere) if tick <= first]
    program = (before or [p for _, p in part.programs] or [0])[-1 if before else 0]
    changes = sum(tick > first and p != program for tick, p in part.programs)
    report.ignored["program changes after the first note"] += changes
    return program


def _notes(
    part: Part,
    song: Song,
    clock: Callable[[Any], IntArray],
    track_end: int,
    is_drum: bool,
    report: Report,
) -> Notes:
    table = np.array(part.notes, dtype=np.int64)  # [N, 4]: start, end, pitch, velocity
    hanging = table[:, 1] < 0
    start, end = clock(table[:, 0]), clock(np.maximum(table[:, 1], 0))
    if hanging.any():
        report.repaired["notes that never ended closed"] += int(hanging.sum())
        meters = np.array([(m.tick, m.bar_ticks(song.ticks_per_quarter)) for m in song.meters])
        bars = meters[np.searchsorted(meters[:, 0], start[hanging], side="right") - 1, 1]
        end[hanging] = np.minimum(start[hanging] + _HANGING_BARS * bars, track_end)
    empty = end <= start
    if is_drum:
        end[empty] = start[empty] + max(song.ticks_per_quarter // 8, 1)
        empty[:] = False
    report.repaired["notes of no length dropped"] += int(empty.sum())
    columns = (start, end - start, table[:, 2], table[:, 3])
    notes = Notes(*(column[~empty] for column in columns))
    apart = notes.without_overlaps()
    report.repaired["doubled notes dropped"] += len(notes) - len(apart)
    return apart


def _length(song: Song, tracks: list[Track], ends: set[int]) -> tuple[int, tuple[Meter, ...]]:
    """Where the song ends, on a bar line, and the metres before that.

    The End-of-Track that all tracks share is the length if it is a bar line; many programs write it
    at the last note, and some hours late, so any other gives way to the bar line after the notes.
    """
    last = max((int(track.notes.end.max()) for track in tracks), default=0)
    shared = max(ends) if len(ends) == 1 else last

    def meters_before(tick: int) -> tuple[Meter, ...]:
        return tuple(m for m in song.meters if m.tick < tick or not m.tick)

    for end in (shared, last):
        meters = meters_before(end)
        line = bar_line_from(meters, song.ticks_per_quarter, end)
        empty = line - bar_line_from(meters_before(last), song.ticks_per_quarter, last)
        bar = max(meters[-1].bar_ticks(song.ticks_per_quarter), 1)
        if end == last or (line == end > last and empty <= _MAX_EMPTY_BARS * bar):
            break
    return line, meters
