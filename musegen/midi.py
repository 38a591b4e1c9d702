"""MIDI files <-> `Song`.

Reading is tolerant and says what it mended and what it left out; it raises nothing but
`MusegenError`. Writing obeys a few strict rules (see `to_bytes`), so that a file drops into any
sequencer with its exact length. mido knows the bytes of an event, this module what it means.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import mido
import numpy as np

from musegen.errors import LimitError, OutputError, UnreadableError
from musegen.song import (
    CHANNEL_PRESSURE,
    PITCH_BEND,
    SUSTAIN_PEDAL,
    Controls,
    IntArray,
    Key,
    Marker,
    Meter,
    Notes,
    Song,
    Tempo,
    Track,
)
from musegen.time import bar_count, bar_line_from, seconds

MAX_BYTES = 16 * 2**20
MAX_NOTES = 1_000_000
MAX_TRACKS = 1_024
MAX_BARS = 100_000
MAX_SECONDS = 6 * 3600

DRUM_CHANNEL = 9
NAME_LENGTH = 64
RECIPE = "musegen "
"""How the text event begins that says how musegen made a file."""

# Slower than 5 or faster than 1000 quarters a minute is no tempo.
_TEMPO_RANGE = range(60_000, 12_000_001)
# A shared End-of-Track on a bar line is the clip's length, unless more bars lie empty before it.
_MAX_EMPTY_BARS = 64
_HANGING_BARS = 4  # a note that never ends sounds this long at most
# Channel mode messages that silence every note: all sound off, all notes off, omni and mono/poly.
_SILENCING = frozenset((120, 123, 124, 125, 126, 127))
_SIGNATURES = (
    (b"SMF2CLIP", "a MIDI 2.0 clip"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PK", "a zip archive"),
    (b"%PDF", "a PDF document"),
    (b"RIFF", "a RIFF file (audio?)"),
    (b"FORM", "an AIFF file (audio?)"),
    (b"ID3", "an MP3 file"),
    (b"fLaC", "a FLAC file"),
    (b"OggS", "an Ogg file"),
    (b"<", "HTML or XML"),
)


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
                data = file.read(MAX_BYTES + 1)
        else:
            data = source.read(MAX_BYTES + 1)
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
    if len(data) > MAX_BYTES:
        raise LimitError(
            f"{name}: larger than {MAX_BYTES >> 20} MiB (the limit on a MIDI file); split it"
        )
    report = _Report()
    kind, division, chunks = _chunks(data, name, report)
    parts: dict[tuple[int, int], _Part] = {}
    shared = _Shared()
    failures: list[str] = []
    read_any = False
    note_count = 0
    for index, chunk in enumerate(chunks):
        try:
            messages = _messages(chunk)
        except Exception as error:  # mido lets out whatever the bytes lead it to
            reason = "it ends within an event" if isinstance(error, EOFError) else str(error)
            failures.append(f"track {index + 1} is damaged ({reason or type(error).__name__})")
            continue
        read_any = True
        note_count += _read_track(index, messages, parts, shared, report)
        if note_count > MAX_NOTES:
            raise LimitError(f"{name}: more than {MAX_NOTES:,} notes (the limit); split the file")
        if kind == 2 and note_count:
            if index + 1 < len(chunks):
                report.left_out.append(f"type 2: only sequence {index + 1} was taken")
            break
    if failures and not read_any:
        raise UnreadableError(f"{name}: {failures[0]}; export the file again")
    report.repairs += [f"{failure}: left out" for failure in failures]
    song = _song(kind == 0 and len(chunks) == 1, division, parts, shared, report)
    if seconds(song) > MAX_SECONDS or bar_count(song) > MAX_BARS:
        raise LimitError(
            f"{name}: longer than {MAX_SECONDS // 3600} hours or {MAX_BARS:,} bars (the limit);"
            " split the file"
        )
    return Reading(song, name, kind, *report.lines(), shared.recipe)


@dataclass
class _Report:
    repairs: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    repaired: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)

    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        return (
            (*self.repairs, *(f"{what}: {n}" for what, n in self.repaired.items() if n)),
            (*self.left_out, *(f"{what}: {n}" for what, n in self.ignored.items() if n)),
        )


@dataclass
class _Part:
    """What one channel of one MIDI track holds, in the file's ticks."""

    notes: list[tuple[int, int, int, int]] = field(default_factory=list)  # start, end, pitch, vel.
    sounding: dict[int, list[int]] = field(default_factory=dict)  # pitch -> places in `notes`
    controls: list[tuple[int, int, int]] = field(default_factory=list)  # tick, number, value
    programs: list[tuple[int, int]] = field(default_factory=list)  # tick, program


@dataclass
class _Shared:
    """What belongs to the whole file, in the file's ticks."""

    names: dict[int, str] = field(default_factory=dict)  # MIDI track -> name
    ends: dict[int, int] = field(default_factory=dict)  # MIDI track -> End-of-Track
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[tuple[int, Key]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    recipe: str = ""


def _chunks(data: bytes, name: str, report: _Report) -> tuple[int, int, list[bytes]]:
    """The file's format, its division and the bodies of its tracks."""
    start = data.find(b"MThd", 0, 4096)
    if start < 0:
        raise UnreadableError(f"{name}: not a MIDI file but {_nature(data)}; export MIDI instead")
    if start:
        report.repairs.append(f"{start} bytes before the MIDI header skipped")
    if len(data) < start + 14:
        raise UnreadableError(f"{name}: cut off in the MIDI header; export the file again")
    size, kind, _, division = struct.unpack_from(">LHHH", data, start + 4)
    at = start + 8 + (size if 6 <= size <= 1024 else 6)
    chunks: list[bytes] = []
    while at + 8 <= len(data):
        tag, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "big")
        if tag == b"MTrk":
            if at + 8 + size > len(data):
                report.repairs.append(f"track {len(chunks) + 1} is shorter than it claims")
            chunks.append(data[at + 8 : at + 8 + size])
        elif not tag.isalnum():
            report.repairs.append("bytes after the last track ignored")
            break
        at += 8 + size
    if not chunks:
        raise UnreadableError(f"{name}: a MIDI header without tracks; export the file again")
    if len(chunks) > MAX_TRACKS:
        raise LimitError(f"{name}: more than {MAX_TRACKS:,} tracks (the limit); split the file")
    return kind, division, chunks


def _nature(data: bytes) -> str:
    if not data:
        return "empty"
    for signature, nature in _SIGNATURES:
        if data.startswith(signature):
            return nature
    if data.startswith(b"MTrk"):
        return "a MIDI track without its header"
    try:
        text = data[:1024].decode("utf-8", "ignore" if len(data) > 1024 else "strict")
    except UnicodeDecodeError:
        return "something else"
    return "text" if all(c.isprintable() or c.isspace() for c in text) else "something else"


def _messages(chunk: bytes) -> Sequence[Any]:
    """The mido messages of one track."""
    file = struct.pack(">4sLHHH4sL", b"MThd", 6, 1, 1, 480, b"MTrk", len(chunk)) + chunk
    messages: Sequence[Any] = mido.MidiFile(file=io.BytesIO(file), clip=True).tracks[0]
    return messages


def _read_track(
    index: int,
    messages: Iterable[Any],
    parts: dict[tuple[int, int], _Part],
    shared: _Shared,
    report: _Report,
) -> int:
    """Take in a track's events; returns how many notes they were."""
    tick = 0
    by_channel = [_Part() for _ in range(16)]
    for message in messages:
        tick += message.time
        kind = message.type
        if kind in ("note_on", "note_off"):
            part, pitch = by_channel[message.channel], message.note
            if kind == "note_on" and message.velocity:
                part.sounding.setdefault(pitch, []).append(len(part.notes))
                part.notes.append((tick, -1, pitch, message.velocity))
            elif part.sounding.get(pitch):
                _end(part, part.sounding[pitch].pop(0), tick)  # first in, first out
            else:
                report.repaired["note-offs without a note ignored"] += 1
        elif kind == "control_change":
            part = by_channel[message.channel]
            if message.control in _SILENCING:
                for places in part.sounding.values():
                    for place in places:
                        _end(part, place, tick)
                part.sounding.clear()
            else:
                part.controls.append((tick, message.control, message.value))
        elif kind == "pitchwheel":
            by_channel[message.channel].controls.append((tick, PITCH_BEND, message.pitch))
        elif kind == "aftertouch":
            by_channel[message.channel].controls.append((tick, CHANNEL_PRESSURE, message.value))
        elif kind == "program_change":
            by_channel[message.channel].programs.append((tick, message.program))
        elif kind == "end_of_track":
            break
        else:
            _read_shared(index, tick, message, shared, report)
    shared.ends[index] = tick
    for channel, part in enumerate(by_channel):
        if part.notes or part.controls or part.programs:
            parts[index, channel] = part
    return sum(len(part.notes) for part in by_channel)


def _end(part: _Part, place: int, tick: int) -> None:
    start, _, pitch, velocity = part.notes[place]
    part.notes[place] = (start, tick, pitch, velocity)


def _read_shared(index: int, tick: int, message: Any, shared: _Shared, report: _Report) -> None:
    """Take in an event that belongs to no channel."""
    kind = message.type
    if kind == "set_tempo":
        if message.tempo in _TEMPO_RANGE:
            shared.tempos.append((tick, message.tempo))
        else:
            report.repaired["impossible tempos ignored"] += 1
    elif kind == "time_signature":
        if message.numerator and message.denominator <= 64:
            shared.meters.append((tick, message.numerator, message.denominator))
        else:
            report.repaired["impossible time signatures ignored"] += 1
    elif kind == "key_signature":
        shared.keys.append((tick, Key.parse(message.key)))
    elif kind in ("track_name", "instrument_name"):
        name = _decoded(message.name)
        if name and (kind == "track_name" or index not in shared.names):
            shared.names[index] = name
    elif kind in ("marker", "cue_marker"):
        if text := _decoded(message.text):
            shared.markers.append((tick, text))
    elif kind == "text" and index == 0 and message.text.startswith(RECIPE):
        shared.recipe = shared.recipe or printable(message.text, 1024)
    elif kind in ("sysex", "polytouch", "lyrics", "text"):
        report.ignored[f"{kind} events"] += 1


def printable(text: str, length: int = NAME_LENGTH) -> str:
    """`text` as a name: one line of at most `length`, no control characters, no way up a path."""
    line = "".join(c for c in text if c.isprintable() or c.isspace())
    while "../" in line or "..\\" in line:
        line = line.replace("../", "").replace("..\\", "")
    return " ".join(line.split())[:length].rstrip()


def _decoded(latin: str) -> str:
    """A name whose bytes mido took for Latin-1: UTF-8, else Shift-JIS, else Latin-1 after all."""
    data = latin.encode("latin-1")
    for charset in ("utf-8", "shift_jis"):
        try:
            text = data.decode(charset)
        except UnicodeDecodeError:
            continue
        # "Bläser" in Latin-1 is also valid Shift-JIS, with one stray kanji among ASCII letters.
        if charset == "utf-8" or 2 * sum(not c.isascii() for c in text) >= len(text):
            return printable(text)
    return printable(latin)


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
    parts: dict[tuple[int, int], _Part],
    shared: _Shared,
    report: _Report,
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
    _adopt_controls(parts, sounding)
    programs: dict[int, list[tuple[int, int]]] = {}
    for (_, channel), part in parts.items():
        programs.setdefault(channel, []).extend(part.programs)
    tracks = []
    for index, channel in sounding:
        part = parts[index, channel]
        is_drum = channel == DRUM_CHANNEL
        program = _program(part, programs[channel], report)
        notes = _notes(part, song, clock, at(shared.ends[index]), is_drum, report)
        if not len(notes):
            continue
        controls = Controls.of(part.controls)
        controls = Controls(clock(controls.tick), controls.number, controls.value)
        name = "" if is_split else shared.names.get(index, "")
        tracks.append(Track(notes, program, is_drum, name, channel, controls))
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


def _adopt_controls(parts: dict[tuple[int, int], _Part], sounding: list[tuple[int, int]]) -> None:
    """Controls from a set-up track without notes go to the first track that plays the channel."""
    heirs = {channel: parts[index, channel] for index, channel in reversed(sounding)}
    for (_, channel), part in parts.items():
        if not part.notes and channel in heirs:
            heirs[channel].controls[:0] = part.controls


def _program(part: _Part, elsewhere: list[tuple[int, int]], report: _Report) -> int:
    """The program in effect at the first note; a track's own choice comes before its channel's."""
    first = part.notes[0][0]
    own_before = [p for tick, p in part.programs if tick <= first]
    before = own_before or [p for tick, p in sorted(elsewhere) if tick <= first]
    program = (before or [p for _, p in part.programs] or [0])[-1 if before else 0]
    changes = sum(tick > first and p != program for tick, p in part.programs)
    report.ignored["program changes after the first note"] += changes
    return program


def _notes(
    part: _Part,
    song: Song,
    clock: Callable[[Any], IntArray],
    track_end: int,
    is_drum: bool,
    report: _Report,
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


def to_bytes(song: Song, *, recipe: str | None = None, program_changes: bool = True) -> bytes:
    """The song as a MIDI file: the same song, the same bytes.

    Type 1. Track 0 conducts (name, `recipe`, tempo, metre, key, markers); then one track and one
    channel per instrument, drums on channel 10. Every track ends at `song.length`, where ringing
    notes and a held pedal end too. At one tick note-offs come first, then controls and program,
    then note-ons; no pitch sounds twice at once on a channel. Tracks beyond the fifteenth share
    channels with tracks of their program, else of their family.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=song.ticks_per_quarter, charset="utf-8")
    file.tracks.append(_timed(_conductor(song, recipe), song.length))
    channels = _channels(song.tracks)
    programs = {c: t.program for t, c in reversed(list(zip(song.tracks, channels, strict=True)))}
    for track, channel, notes in zip(song.tracks, channels, _apart(song, channels), strict=True):
        events = _name_event(track.name)
        events += _control_events(track.controls, channel, song.length)
        program = programs[channel]
        if program_changes and (program or channel != DRUM_CHANNEL):
            event = mido.Message("program_change", channel=channel, program=program)
            events.append((0, 1, event))
        for start, duration, pitch, velocity in notes.table().tolist():
            on = mido.Message("note_on", channel=channel, note=pitch, velocity=velocity)
            off = mido.Message("note_off", channel=channel, note=pitch)
            events += [(start, 2, on), (start + duration, 0, off)]
        file.tracks.append(_timed(events, song.length))
    data = io.BytesIO()
    file.save(file=data)
    return data.getvalue()


def write(
    song: Song,
    path: str | Path,
    *,
    recipe: str | None = None,
    program_changes: bool = True,
    overwrite: bool = False,
) -> Path:
    """Write `to_bytes` to `path` in one step: the whole file appears, or none.

    OutputError where `path` exists, unless `overwrite`, and where it cannot be written.
    """
    path = Path(path)
    if not path.name:
        raise OutputError(f"{path}: is not a file name; give one")
    data = to_bytes(song, recipe=recipe, program_changes=program_changes)
    if repairs := parse(data, str(path)).repairs:
        raise OutputError(f"{path}: would not read back cleanly ({repairs[0]}); please report this")
    draft = path.with_name(f".musegen-{secrets.token_hex(6)}.part")
    try:
        with open(draft, "xb") as file:
            file.write(data)
        if overwrite:
            os.replace(draft, path)
        else:
            _publish(draft, path, data)
    except FileExistsError:
        raise OutputError(f"{path}: exists; choose another name, or overwrite it") from None
    except FileNotFoundError:
        raise OutputError(f"{path}: no such directory; make it first") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path}: cannot be written: {reason}") from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            draft.unlink()
    return path


def _publish(draft: Path, path: Path, data: bytes) -> None:
    """Give the draft its name, unless that is taken."""
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        with open(path, "xb") as file:
            try:
                file.write(data)
            except OSError:
                path.unlink()
                raise


# A tick, what comes first at one tick (0 before 1 before 2), and the mido message.
_Event = tuple[int, int, Any]


def _timed(events: list[_Event], length: int) -> mido.MidiTrack:
    """Events as a track with delta times that ends at `length`."""
    track, now = mido.MidiTrack(), 0
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        message.time, now = tick - now, tick
        track.append(message)
    track.append(mido.MetaMessage("end_of_track", time=length - now))
    return track


def _name_event(name: str) -> list[_Event]:
    name = printable(name)
    return [(0, 0, mido.MetaMessage("track_name", name=name))] if name else []


def _conductor(song: Song, recipe: str | None) -> list[_Event]:
    events = _name_event(song.name)
    if recipe:
        events.append((0, 0, mido.MetaMessage("text", text=printable(recipe, 1024))))
    events += [
        (tempo.tick, 0, mido.MetaMessage("set_tempo", tempo=tempo.microseconds))
        for tempo in song.tempos
    ]
    for meter in song.meters:
        beat = 3 if meter.denominator >= 8 and meter.numerator in (6, 9, 12) else 1
        event = mido.MetaMessage(
            "time_signature",
            numerator=meter.numerator,
            denominator=meter.denominator,
            clocks_per_click=max(96 // meter.denominator * beat, 1),
        )
        events.append((meter.tick, 0, event))
    if song.key is not None:
        tonic, mode = str(song.key).split()
        event = mido.MetaMessage("key_signature", key=tonic + ("m" if mode == "minor" else ""))
        events.append((0, 0, event))
    for marker in song.markers:
        event = mido.MetaMessage("marker", text=printable(marker.text))
        events.append((marker.tick, 0, event))
    return [event for event in events if event[0] < song.length or not event[0]]


def _control_events(controls: Controls, channel: int, length: int) -> list[_Event]:
    events: list[_Event] = []
    pedal = 0
    for tick, number, value in controls.table().tolist():
        if not 0 <= tick <= length:
            continue
        if number == PITCH_BEND:
            bend = min(max(value, -8192), 8191)
            message = mido.Message("pitchwheel", channel=channel, pitch=bend)
        elif number == CHANNEL_PRESSURE:
            message = mido.Message("aftertouch", channel=channel, value=min(max(value, 0), 127))
        else:
            value = min(max(value, 0), 127)
            message = mido.Message("control_change", channel=channel, control=number, value=value)
            pedal = value if number == SUSTAIN_PEDAL else pedal
        events.append((tick, 1, message))
    if pedal >= 64:
        up = mido.Message("control_change", channel=channel, control=SUSTAIN_PEDAL, value=0)
        events.append((length, 1, up))
    return events


def _channels(tracks: Sequence[Track]) -> list[int]:
    """Each track's channel: the one it asks for where that is free; drums have theirs."""
    shares: tuple[Callable[[int], int], ...] = (
        lambda i: i,
        lambda i: tracks[i].program,
        lambda i: tracks[i].program // 8,  # General MIDI's families
        lambda i: tracks[i].program // 8 % 15,
    )
    melodic = [i for i, track in enumerate(tracks) if not track.is_drum]
    share = next(s for s in shares if len({s(i) for i in melodic}) <= 15)
    free = [channel for channel in range(16) if channel != DRUM_CHANNEL]
    given: dict[int, int] = {}
    for i in melodic:
        wish = tracks[i].channel
        if share(i) not in given and wish in free:
            given[share(i)] = wish
            free.remove(wish)
    for i in melodic:
        if share(i) not in given:
            given[share(i)] = free.pop(0)
    return [DRUM_CHANNEL if track.is_drum else given[share(i)] for i, track in enumerate(tracks)]


def _apart(song: Song, channels: list[int]) -> list[Notes]:
    """Each track's notes within the song, none of them on another of its pitch and channel."""
    result = [_within(track.notes, song.length).without_overlaps() for track in song.tracks]
    for channel in {c for c in channels if channels.count(c) > 1}:
        sharers = [i for i, c in enumerate(channels) if c == channel]
        loudest: dict[tuple[int, int], tuple[int, int]] = {}  # start, pitch -> velocity, track
        together = Notes()
        for i in sharers:
            together = together.joined(result[i])
            for start, _, pitch, velocity in result[i].table().tolist():
                if velocity > loudest.get((start, pitch), (0, 0))[0]:
                    loudest[start, pitch] = (velocity, i)
        together = together.without_overlaps()
        places = zip(together.start.tolist(), together.pitch.tolist(), strict=True)
        owner = np.array([loudest[place][1] for place in places], dtype=np.int64)
        for i in sharers:
            result[i] = together.where(owner == i)
    return result


def _within(notes: Notes, length: int) -> Notes:
    """The notes that MIDI can say, begun at 0 at the earliest and cut at `length`."""
    start = np.maximum(notes.start, 0)
    end = np.minimum(np.maximum(notes.end, start + 1), length)
    kept = (start < length) & (notes.pitch >= 0) & (notes.pitch <= 127)
    columns = (start, end - start, notes.pitch, np.clip(notes.velocity, 1, 127))
    return Notes(*(column[kept] for column in columns))
