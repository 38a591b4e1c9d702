"""`Song` <-> `pretty_midi.PrettyMIDI`: what `Song.from_pretty_midi` and `.to_pretty_midi` do.

pretty_midi counts in seconds; its own tick tables bring every time back to the exact tick. It is
imported when a function here is called, no earlier.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from musegen.general_midi import DRUM_CHANNEL
from musegen.midi import printable, to_bytes
from musegen.song import PITCH_BEND, Controls, Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_line_from

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI


def from_pretty_midi(midi: PrettyMIDI) -> Song:
    """See `Song.from_pretty_midi`."""
    tick = midi.time_to_tick
    tempos = {0: 500_000}
    for seconds, bpm in zip(*midi.get_tempo_changes(), strict=True):
        tempos[int(tick(seconds))] = round(60e6 / bpm)
    meters = {0: Meter()}
    for change in sorted(midi.time_signature_changes, key=lambda c: c.time):
        at = int(tick(change.time))
        meters[at] = Meter(at, change.numerator, change.denominator)
    keys = sorted(midi.key_signature_changes, key=lambda c: c.time)
    tracks = []
    for instrument in midi.instruments:
        rows = [
            (start, max(int(tick(note.end)) - start, 1), note.pitch, max(note.velocity, 1))
            for note in instrument.notes
            for start in (int(tick(note.start)),)
        ]
        changes = [
            *((tick(c.time), c.number, c.value) for c in instrument.control_changes),
            *((tick(b.time), PITCH_BEND, b.pitch) for b in instrument.pitch_bends),
        ]
        if rows:
            track = Track(
                notes=Notes.of(rows).without_overlaps(),
                program=instrument.program,
                is_drum=instrument.is_drum,
                name=printable(instrument.name),
                channel=DRUM_CHANNEL if instrument.is_drum else None,
                controls=Controls.of(changes),
            )
            tracks.append(track)
    last = max((int(np.max(track.notes.end)) for track in tracks), default=0)
    song = Song(
        tracks=tuple(tracks),
        ticks_per_quarter=midi.resolution,
        tempos=tuple(Tempo(at, us) for at, us in tempos.items() if at < last or not at),
        meters=tuple(meter for meter in meters.values() if meter.tick < last or not meter.tick),
        key=Key(keys[0].key_number % 12, keys[0].key_number >= 12) if keys else None,
    )
    return replace(song, length=bar_line_from(song.meters, song.ticks_per_quarter, last))


def to_pretty_midi(song: Song) -> PrettyMIDI:
    """See `Song.to_pretty_midi`."""
    from pretty_midi import PrettyMIDI

    return PrettyMIDI(io.BytesIO(to_bytes(song)), charset="utf-8")
