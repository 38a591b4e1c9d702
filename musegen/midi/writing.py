"""`Song` -> a MIDI file.

Writing obeys a few strict rules (see `to_bytes`), so that a file drops into any sequencer with its
exact length. mido knows the bytes of an event, this module what it means.
"""

from __future__ import annotations

import contextlib
import io
import os
import secrets
from pathlib import Path
from typing import Any

import mido
import numpy as np

from musegen.errors import OutputError
from musegen.general_midi import DRUM_CHANNEL
from musegen.midi.channels import assigned, merged
from musegen.midi.reading import parse
from musegen.midi.text import printable
from musegen.song import CHANNEL_PRESSURE, PITCH_BEND, SUSTAIN_PEDAL, Controls, Notes, Song


def to_bytes(song: Song, *, recipe: str | None = None, program_changes: bool = True) -> bytes:
    """The song as a MIDI file: the same song, the same bytes.

    Type 1. Track 0 conducts (name, `recipe`, tempo, metre, key, markers); then one track and one
    channel per instrument, drums on channel 10. Every track ends at `song.length`, where ringing
    notes, a held pedal and a pitch bend end too. At one tick note-offs come first, then controls
    and program, then note-ons; no pitch sounds twice at once on a channel. Beyond fifteen melodic
    tracks some share a channel, and the first of them has its controls; `shared_programs` says
    which play with another program.
    """
    file = mido.MidiFile(type=1, ticks_per_beat=song.ticks_per_quarter, charset="utf-8")
    file.tracks.append(_timed(_conductor(song, recipe), song.length))
    homes = assigned(song.tracks)
    channels = [channel for channel, _ in homes]
    for i, (track, notes) in enumerate(zip(song.tracks, _apart(song, channels), strict=True)):
        channel, program = homes[i]
        events = _name_event(track.name)
        if channel not in channels[:i]:
            sharers = zip(song.tracks, channels, strict=True)
            controls = merged(t.controls for t, c in sharers if c == channel)
            events += _control_events(controls, channel, song.length)
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
    """A channel's controls within the song; it is left with the pedal up and the pitch unbent."""
    rows = [row for row in controls.table().tolist() if 0 <= row[0] <= length]
    last = {number: value for _, number, value in rows}
    if last.get(SUSTAIN_PEDAL, 0) >= 64:
        rows.append([length, SUSTAIN_PEDAL, 0])
    if last.get(PITCH_BEND, 0):
        rows.append([length, PITCH_BEND, 0])
    return [(tick, 1, _control(channel, number, value)) for tick, number, value in rows]


def _control(channel: int, number: int, value: int) -> Any:
    """One change as a mido message, its value as near as MIDI can say it."""
    if number == PITCH_BEND:
        return mido.Message("pitchwheel", channel=channel, pitch=min(max(value, -8192), 8191))
    value = min(max(value, 0), 127)
    if number == CHANNEL_PRESSURE:
        return mido.Message("aftertouch", channel=channel, value=value)
    return mido.Message("control_change", channel=channel, control=number, value=value)


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
