"""The events of one track, taken in by what they mean; times stay in the file's ticks.

mido knows the bytes of an event, this module what it means.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import mido

from musegen.midi.text import RECIPE, decoded, printable
from musegen.song import CHANNEL_PRESSURE, PITCH_BEND, Key

# Slower than 5 or faster than 1000 quarters a minute is no tempo.
_TEMPO_RANGE = range(60_000, 12_000_001)
# Channel mode messages that silence every note: all sound off, all notes off, omni and mono/poly.
_SILENCING = frozenset((120, 123, 124, 125, 126, 127))


@dataclass
class Report:
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
class Part:
    """What one channel of one MIDI track holds, in the file's ticks."""

    notes: list[tuple[int, int, int, int]] = field(default_factory=list)  # start, end, pitch, vel.
    sounding: dict[int, list[int]] = field(default_factory=dict)  # pitch -> places in `notes`
    controls: list[tuple[int, int, int]] = field(default_factory=list)  # tick, number, value
    programs: list[tuple[int, int]] = field(default_factory=list)  # tick, program


@dataclass
class Shared:
    """What belongs to the whole file, in the file's ticks."""

    names: dict[int, str] = field(default_factory=dict)  # MIDI track -> name
    ends: dict[int, int] = field(default_factory=dict)  # MIDI track -> End-of-Track
    ports: dict[int, int] = field(default_factory=dict)  # MIDI track -> port; each has 16 channels
    tempos: list[tuple[int, int]] = field(default_factory=list)
    meters: list[tuple[int, int, int]] = field(default_factory=list)
    keys: list[tuple[int, Key]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    recipe: str = ""


def messages_of(chunk: bytes) -> Sequence[Any]:
    """The mido messages of one track."""
    file = struct.pack(">4sLHHH4sL", b"MThd", 6, 1, 1, 480, b"MTrk", len(chunk)) + chunk
    messages: Sequence[Any] = mido.MidiFile(file=io.BytesIO(file), clip=True).tracks[0]
    return messages


def read_track(
    index: int,
    messages: Iterable[Any],
    parts: dict[tuple[int, int], Part],
    shared: Shared,
    report: Report,
) -> int:
    """Take in a track's events; returns how many notes they were."""
    tick = 0
    by_channel = [Part() for _ in range(16)]
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


def _end(part: Part, place: int, tick: int) -> None:
    start, _, pitch, velocity = part.notes[place]
    part.notes[place] = (start, tick, pitch, velocity)


def _read_shared(index: int, tick: int, message: Any, shared: Shared, report: Report) -> None:
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
        name = decoded(message.name)
        if name and (kind == "track_name" or index not in shared.names):
            shared.names[index] = name
    elif kind == "midi_port":
        shared.ports[index] = message.port
    elif kind in ("marker", "cue_marker"):
        if text := decoded(message.text):
            shared.markers.append((tick, text))
    elif kind == "text" and index == 0 and message.text.startswith(RECIPE):
        shared.recipe = shared.recipe or printable(message.text, 1024)
    elif kind in ("sysex", "polytouch", "lyrics", "text"):
        report.ignored[f"{kind} events"] += 1
