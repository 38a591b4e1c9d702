"""What other programs read in a file that musegen wrote, against the song that went into it.

A reader tells a file as named aspects, in ticks; `differences` names those that are not the song's.
Where a reader drops tracks without notes, all are taken to.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import mido
import pretty_midi
from symusic.core import ScoreTick

from musegen.midi import parse, printable
from musegen.midi.channels import assigned
from musegen.song import CHANNEL_PRESSURE, PITCH_BEND, Key, Song

Aspects = dict[str, Any]


def differences(song: Song, data: bytes) -> dict[str, list[str]]:
    """Per reader that reads `data` as something else than `song`: what it reads otherwise."""
    wanted = aspects(song)
    found = {name: _otherwise(read(data), wanted) for name, read in READERS.items()}
    return {name: what for name, what in found.items() if what}


def _otherwise(read: Aspects, wanted: Aspects) -> list[str]:
    return [what for what, value in read.items() if value != wanted[what]]


def aspects(song: Song) -> Aspects:
    """The song as its file should be read."""
    homes = assigned(song.tracks)
    band = [(t, *home) for t, home in zip(song.tracks, homes, strict=True) if len(t.notes)]
    changes = [t.controls.table().tolist() for t, _, _ in band]
    tempos = [(t.tick, t.microseconds) for t in song.tempos]
    return {
        "ticks a quarter": song.ticks_per_quarter,
        "tempos": tempos,
        "tempo changes": _changes(tempos),
        "metres": [(m.tick, m.numerator, m.denominator) for m in song.meters],
        "keys": [] if song.key is None else [(0, song.key)],
        "markers": [(m.tick, m.text) for m in song.markers],
        "title": printable(song.name),
        "names": [printable(t.name) for t, _, _ in band],
        "channels": [channel for _, channel, _ in band],
        "programs": [program for _, _, program in band],
        "drums": [t.is_drum for t, _, _ in band],
        "notes": [sorted(map(tuple, t.notes.table().tolist())) for t, _, _ in band],
        "controls": [sorted((t, n, v) for t, n, v in rows if n < PITCH_BEND) for rows in changes],
        "bends": [sorted((t, v) for t, n, v in rows if n == PITCH_BEND) for rows in changes],
        "pressure": [
            sorted((t, v) for t, n, v in rows if n == CHANNEL_PRESSURE) for rows in changes
        ],
        "ends": {song.length},
    }


def _changes(tempos: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The tempos that are not those before."""
    return [next(same) for _, same in groupby(tempos, key=lambda tempo: tempo[1])]


def by_musegen(data: bytes) -> Aspects:
    return aspects(parse(data).song)


def by_mido(data: bytes) -> Aspects:
    file = mido.MidiFile(file=io.BytesIO(data), charset="utf-8")
    tracks, ends = [], set()
    for messages in file.tracks:
        track: list[tuple[int, Any]] = []
        tick = 0
        for message in messages:
            tick += message.time
            track.append((tick, message))
        ends.add(tick)
        tracks.append(track)

    def of(track: list[tuple[int, Any]], kind: str) -> list[tuple[int, Any]]:
        return [(tick, message) for tick, message in track if message.type == kind]

    conductor = tracks[0]
    band = [track for track in tracks if of(track, "note_on")]
    return {
        "ticks a quarter": file.ticks_per_beat,
        "tempos": [(t, m.tempo) for t, m in of(conductor, "set_tempo")],
        "metres": [(t, m.numerator, m.denominator) for t, m in of(conductor, "time_signature")],
        "keys": [(t, Key.parse(m.key)) for t, m in of(conductor, "key_signature")],
        "markers": [(t, m.text) for t, m in of(conductor, "marker")],
        "title": "".join(m.name for _, m in of(conductor, "track_name")),
        "names": ["".join(m.name for _, m in of(track, "track_name")) for track in band],
        "channels": [_one({m.channel for _, m in track if not m.is_meta}) for track in band],
        "programs": [_one({m.program for _, m in of(track, "program_change")}) for track in band],
        "notes": [_paired(track) for track in band],
        "controls": [
            sorted((t, m.control, m.value) for t, m in of(track, "control_change"))
            for track in band
        ],
        "bends": [sorted((t, m.pitch) for t, m in of(track, "pitchwheel")) for track in band],
        "pressure": [sorted((t, m.value) for t, m in of(track, "aftertouch")) for track in band],
        "ends": ends,
    }


def _one(values: set[int]) -> int:
    """The only value, 0 if there is none, -1 if there are several."""
    return values.pop() if len(values) == 1 else -bool(values)


def _paired(track: list[tuple[int, Any]]) -> list[tuple[int, ...]]:
    """Notes as rows; a note-off ends the note that sounds, and there is only one."""
    sounding: dict[int, tuple[int, int]] = {}
    rows = []
    for tick, message in track:
        if message.type == "note_on":
            assert message.note not in sounding
            sounding[message.note] = (tick, message.velocity)
        elif message.type == "note_off":
            start, velocity = sounding.pop(message.note)
            rows.append((start, tick - start, message.note, velocity))
    assert not sounding
    return sorted(rows)


def by_pretty_midi(data: bytes) -> Aspects:
    """Its seconds are brought back to ticks by its own table."""
    midi = pretty_midi.PrettyMIDI(io.BytesIO(data), charset="utf-8")
    tick = midi.time_to_tick
    band = midi.instruments
    return {
        "ticks a quarter": midi.resolution,
        "tempo changes": [  # a tempo that is the one before is no change to it
            (int(tick(at)), round(60e6 / bpm))
            for at, bpm in zip(*midi.get_tempo_changes(), strict=True)
        ],
        "metres": [(tick(m.time), m.numerator, m.denominator) for m in midi.time_signature_changes],
        "keys": [
            (tick(k.time), Key(k.key_number % 12, k.key_number >= 12))
            for k in midi.key_signature_changes
        ],
        "names": [i.name for i in band],
        "programs": [i.program for i in band],
        "drums": [i.is_drum for i in band],
        "notes": [
            sorted(
                (tick(n.start), tick(n.end) - tick(n.start), n.pitch, n.velocity) for n in i.notes
            )
            for i in band
        ],
        "controls": [
            sorted((tick(c.time), c.number, c.value) for c in i.control_changes) for i in band
        ],
        "bends": [sorted((tick(b.time), b.pitch) for b in i.pitch_bends) for i in band],
    }


def by_symusic(data: bytes) -> Aspects:
    score = ScoreTick.from_midi(data)
    band = [track for track in score.tracks if len(track.notes)]
    return {
        "ticks a quarter": score.ticks_per_quarter,
        "tempos": [(t.time, t.mspq) for t in score.tempos],
        "metres": [(m.time, m.numerator, m.denominator) for m in score.time_signatures],
        "keys": [(k.time, _key(k.key, bool(k.tonality))) for k in score.key_signatures],
        "markers": [(m.time, m.text) for m in score.markers],
        "names": [t.name for t in band],
        "programs": [t.program for t in band],
        "drums": [t.is_drum for t in band],
        "notes": [sorted((n.time, n.duration, n.pitch, n.velocity) for n in t.notes) for t in band],
        "controls": [sorted((c.time, c.number, c.value) for c in t.controls) for t in band],
        "bends": [sorted((b.time, b.value) for b in t.pitch_bends) for t in band],
    }


def _key(sharps: int, is_minor: bool) -> Key:
    return Key((7 * sharps + 9 * is_minor) % 12, is_minor)


READERS: dict[str, Callable[[bytes], Aspects]] = {
    "musegen": by_musegen,
    "mido": by_mido,
    "pretty_midi": by_pretty_midi,
    "symusic": by_symusic,
}
