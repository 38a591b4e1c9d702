"""What is said of a song, in plain values: one line of words, a table row, JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from musegen.analysis import key_of, pitched, polyphony
from musegen.general_midi import program_name
from musegen.midi import Reading
from musegen.song import MINOR_TONICS, Notes, Song
from musegen.time import bar_count, seconds

from .console import table

NAMED_TRACKS = 8
"""More tracks than this are counted, not named, in a line of words."""
MAX_CHANGES = 9
"""Later changes of tempo or metre are not listed."""


@dataclass(frozen=True)
class Facts:
    """A song in numbers. `range` is its lowest and highest note, drums aside; C4 is middle C."""

    bars: int
    meters: tuple[str, ...]
    bpm: float
    """At the start, rounded to hundredths."""
    bpm_range: tuple[float, float]
    key: str | None
    key_is_estimated: bool
    seconds: float
    notes: int
    range: tuple[str, str] | None

    @classmethod
    def of(cls, song: Song) -> Facts:
        key = song.key or key_of(song)
        bpms = [round(t.bpm, 2) for t in song.tempos]
        return cls(
            bars=bar_count(song),
            meters=tuple(dict.fromkeys(str(m) for m in song.meters)),
            bpm=bpms[0],
            bpm_range=(min(bpms), max(bpms)),
            key=None if key is None else str(key),
            key_is_estimated=song.key is None and key is not None,
            seconds=round(seconds(song), 2),
            notes=song.note_count,
            range=note_range(pitched(song)),
        )

    @property
    def _key_words(self) -> str:
        if self.key is None:
            return "" if self.range is None else ", no clear key"
        return f", key {self.key}" + " (estimated)" * self.key_is_estimated

    @property
    def words(self) -> str:
        """Like `16 bars of 4/4 at 120 bpm, key A minor (estimated)`."""
        low, high = self.bpm_range
        bpm = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        meters = ", ".join(self.meters[:4]) + " ..." * (len(self.meters) > 4)
        return f"{counted(self.bars, 'bar')} of {meters} at {bpm} bpm{self._key_words}"


@dataclass(frozen=True)
class TrackFacts:
    """A track in numbers; `number` and `channel` count from 1, as musicians do."""

    number: int
    name: str
    instrument: str
    channel: int | None
    notes: int
    range: tuple[str, str] | None
    polyphony: float

    @classmethod
    def all_of(cls, song: Song) -> tuple[TrackFacts, ...]:
        return tuple(
            cls(
                number=number,
                name=track.name,
                instrument=program_name(track.program, track.is_drum),
                channel=None if track.channel is None else track.channel + 1,
                notes=len(track.notes),
                range=None if track.is_drum else note_range(track.notes),
                polyphony=round(polyphony(track.notes), 2),
            )
            for number, track in enumerate(song.tracks, 1)
        )


def sentence(name: str, reading: Reading) -> str:
    """What was read, in one line."""
    song = reading.song
    names = [t.name or program_name(t.program, t.is_drum) for t in song.tracks]
    named = f" ({', '.join(names[:NAMED_TRACKS])}{', ...' * (len(names) > NAMED_TRACKS)})"
    parts = [
        f"{name}: {Facts.of(song).words}, {counted(len(names), 'track')}"
        f"{named if names else ''}, {counted(song.note_count, 'note')}"
    ]
    if reading.repairs:
        faults = Counter[str]()
        for repair in reading.repairs:
            faults[repair.words] += repair.count
        listed = (f"{words}{f' ({n:,})' * (n > 1)}" for words, n in faults.items())
        parts.append(f"repaired: {', '.join(listed)}")
    if reading.left_out:
        parts.append(f"left out: {', '.join(reading.left_out)}")
    return "; ".join(parts)


def page(name: str, reading: Reading) -> list[str]:
    """All that is known of a file, in lines."""
    song, facts = reading.song, Facts.of(reading.song)
    lines = [name, f"  {facts.words}, {facts.seconds:.1f} s, {counted(facts.notes, 'note')}"]
    lines += [f"  tempo: {t.bpm:.6g} bpm from tick {t.tick}" for t in song.tempos[1:MAX_CHANGES]]
    lines += [f"  metre: {m} from tick {m.tick}" for m in song.meters[1:MAX_CHANGES]]
    rows = [
        (
            str(track.number),
            track.name or "-",
            track.instrument,
            "-" if track.channel is None else str(track.channel),
            str(track.notes),
            range_words(track.range),
            f"{track.polyphony:.1f}",
        )
        for track in TrackFacts.all_of(song)
    ]
    if rows:
        heads = ("track", "name", "instrument", "channel", "notes", "range", "polyphony")
        lines += ["", *(f"  {line}" for line in table(heads, rows, left=3)), ""]
    lines += [f"  repaired: {repair}" for repair in reading.repairs]
    lines += [f"  left out: {left_out}" for left_out in reading.left_out]
    lines += [f"  made by: {reading.recipe}"] if reading.recipe else []
    return lines


def input_facts(name: str, reading: Reading) -> dict[str, Any]:
    """All that is known of a file, for JSON."""
    return {
        "path": name,
        **asdict(Facts.of(reading.song)),
        "ticks_per_quarter": reading.song.ticks_per_quarter,
        "tracks": [asdict(track) for track in TrackFacts.all_of(reading.song)],
        "repairs": [{**asdict(r), "message": r.words} for r in reading.repairs],
        "left_out": reading.left_out,
        "recipe": reading.recipe,
    }


def all_facts(name: str, reading: Reading) -> dict[str, Any]:
    """The same with every change of tempo and metre, and the markers. Ticks count from 0."""
    song = reading.song
    return {
        **input_facts(name, reading),
        "format": reading.format,
        "length": song.length,
        "tempos": [{"tick": t.tick, "bpm": round(t.bpm, 4)} for t in song.tempos],
        "meter_changes": [{"tick": m.tick, "meter": str(m)} for m in song.meters],
        "markers": [{"tick": m.tick, "text": m.text} for m in song.markers],
    }


def note_name(pitch: int) -> str:
    """60 is C4, middle C."""
    return f"{MINOR_TONICS[pitch % 12]}{pitch // 12 - 1}"


def note_range(notes: Notes) -> tuple[str, str] | None:
    if not len(notes):
        return None
    return note_name(int(notes.pitch.min())), note_name(int(notes.pitch.max()))


def range_words(notes: tuple[str, str] | None) -> str:
    return "-" if notes is None else "-".join(notes)


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
