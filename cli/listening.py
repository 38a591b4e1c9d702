"""Inputs of notes or of sound: a MIDI file is read, an audio file is listened to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musegen.audio import listen
from musegen.codecs.grid import GridKind
from musegen.errors import MusegenError, UsageError
from musegen.song import Song
from musegen.time import bar_count
from musegen.verbs import grooving

from .facts import counted, input_facts, sentence
from .inputs import Input

SUFFIXES = (".wav", ".flac", ".ogg", ".aiff", ".aif", ".mp3")
"""What is audio; a file of any other name is read as MIDI."""


@dataclass(frozen=True)
class Listening:
    """What came in: the song, one line of words about it, and all that is known for JSON."""

    song: Song
    words: str
    facts: dict[str, Any]

    @classmethod
    def of(cls, source: Input, audio: Mapping[str, Any]) -> Listening:
        """`audio` is the tempo and the metre of an audio file. Raises what reading it raises."""
        if source.path is None or not is_audio(source.path):
            reading = source.read()
            return cls(
                reading.song, sentence(source.name, reading), input_facts(source.name, reading)
            )
        heard = listen(source.path, **audio)
        song, meter = heard.song, heard.song.meters[0]
        bars = bar_count(song)
        facts = {
            "path": source.name,
            "onsets": song.note_count,
            "bars": bars,
            "meters": [str(meter)],
            "bpm": round(song.tempos[0].bpm, 2),
            "bpm_is_estimated": heard.tempo_is_estimated,
            "start_seconds": round(heard.start, 3),
        }
        words = f"{source.name}: {heard.words}, {counted(bars, 'bar')} of {meter}"
        return cls(song, words, facts)


def performance(source: Input, audio: Mapping[str, Any], grid: GridKind) -> Listening:
    """What is played in the one input whose feel is to be borrowed."""
    heard = Listening.of(source, audio)
    try:
        grooving.performance(heard.song, grid)
    except MusegenError as error:
        raise type(error)(f"{source.name}: {error}") from None
    return heard


def is_audio(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES


def check_audio(audio: Mapping[str, Any], paths: Iterable[Path]) -> None:
    """UsageError where a tempo or metre of audio is given, and none of the inputs is audio."""
    if any(value is not None for value in audio.values()) and not any(map(is_audio, paths)):
        raise UsageError("--tempo and --metre are for audio; a MIDI file has its own")
