"""Drum parts for the tests of `groove` and `drumify`, and the rules that a written file obeys."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from typing import Any

import mido
from conftest import EXAMPLES, beat
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from musegen import midi
from musegen.general_midi import VOICES
from musegen.song import Controls, Key, Marker, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_lines

QUICK = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
MAIN = {pitch for _, pitch, _ in VOICES}


def example(name: str) -> Song:
    return midi.read(EXAMPLES / f"{name}.mid").song


def check_file(song: Song, recipe: str) -> None:
    """Assert that the song, written, obeys the rules of output, and reads back as it was."""
    data = midi.to_bytes(song, recipe=recipe)
    reading = midi.parse(data)
    assert reading.repairs == ()
    # a track without notes is not read again
    assert [t.notes for t in reading.song.tracks] == [t.notes for t in song.tracks if len(t.notes)]
    assert reading.song.tempos == song.tempos
    assert reading.song.meters == song.meters
    assert reading.song.length == song.length == bar_lines(song)[0][-1]
    file = mido.MidiFile(file=io.BytesIO(data))
    assert (file.type, file.ticks_per_beat) == (1, song.ticks_per_quarter)
    conductor, *tracks = file.tracks
    assert all(message.is_meta for message in conductor)
    assert recipe in [message.text for message in conductor if message.type == "text"]
    for track, parts in zip(song.tracks, tracks, strict=True):
        assert sum(message.time for message in parts) == song.length
        assert parts[-1].type == "end_of_track"
        channels = {message.channel for message in parts if not message.is_meta}
        assert channels <= {9} if track.is_drum else 9 not in channels
        sounding: set[int] = set()
        for message in parts:
            if message.type == "note_on":
                assert message.note not in sounding
                assert 1 <= message.velocity <= 127
                sounding.add(message.note)
            elif message.type == "note_off":
                sounding.remove(message.note)


def kit(*rows: tuple[int, int, int], bars: int = 2, **song: Any) -> Song:
    """A drum part of (start, pitch, velocity) in 4/4, on a clock of 480."""
    track = Track(Notes.of([(s, 30, p, v) for s, p, v in rows]), is_drum=True, name="Kit")
    return Song((track,), bars * 1920, **song)


METERS = st.sampled_from(((4, 4), (3, 4), (6, 8), (7, 8), (5, 4), (2, 2)))


def pitches(track: Track) -> Counter[int]:
    return Counter(track.notes.pitch.tolist())


def band() -> Song:
    """A song in which much else goes on beside the drums."""
    drums = beat(2, 4).tracks[0]
    controls = Controls.of([(0, 7, 90), (100, 64, 127), (900, 64, 0)])
    keys = Track(Notes.of([(17, 400, 60, 81), (1921, 900, 64, 13)]), 4, name="Keys", channel=3)
    return Song(
        (
            keys,
            replace(drums, controls=Controls.of([(0, 7, 100)]), program=16),
            replace(keys, name="Pad", channel=None, controls=controls),
        ),
        4 * 1920,
        tempos=(Tempo.from_bpm(91), Tempo.from_bpm(140, 1920)),
        meters=(Meter(0, 4, 4), Meter(1920, 2, 4), Meter(5760, 4, 4)),
        key=Key(2, is_minor=True),
        markers=(Marker(0, "Verse"), Marker(1920, "Chorus")),
        name="A Song",
    )
