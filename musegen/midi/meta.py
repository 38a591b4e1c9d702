"""What the events of no channel mean: tempo, metre, key, names, markers. Ticks are the file's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from musegen.midi.events import META, Events, Other
from musegen.midi.repairs import Repairs
from musegen.midi.text import RECIPE, decoded, printable
from musegen.song import Key

TEXT, TRACK_NAME, INSTRUMENT, LYRIC, MARKER, CUE = 1, 3, 4, 5, 6, 7
PORT, TEMPO, METER, KEY = 0x21, 0x51, 0x58, 0x59
"""The kinds of meta events that mean something here."""

# Slower than 5 or faster than 1000 quarters a minute is no tempo.
_TEMPO_RANGE = range(60_000, 12_000_001)


@dataclass
class Meta:
    """What belongs to the whole file."""

    names: dict[int, str] = field(default_factory=dict)  # number of a track -> name
    instruments: dict[int, str] = field(default_factory=dict)  # the same, where it is all there is
    ports: dict[int, int] = field(default_factory=dict)  # number of a track -> port
    tempos: list[tuple[int, int]] = field(default_factory=list)  # tick, microseconds
    meters: list[tuple[int, tuple[int, int]]] = field(default_factory=list)
    keys: list[tuple[int, Key]] = field(default_factory=list)
    markers: list[tuple[int, str]] = field(default_factory=list)
    recipe: str = ""
    ignored: Counter[str] = field(default_factory=Counter)


def read_meta(tracks: Iterable[Events], repairs: Repairs) -> Meta:
    """What the tracks say, each in order of time. What cannot be is told to `repairs`."""
    meta = Meta()
    for track in tracks:
        for event in track.others:
            if event.status == META:
                code = fault(event)
                if code:
                    repairs.add(code, track.number, event.byte)
                else:
                    _take(event, track.number, meta)
            else:
                meta.ignored["sysex events"] += 1
    meta.names = meta.instruments | meta.names
    for changes in (meta.tempos, meta.meters, meta.keys, meta.markers):
        changes.sort(key=lambda change: change[0])
    return meta


def fault(event: Other) -> str:
    """The code of what is wrong with a meta event, or ""."""
    data = event.data
    if event.kind == TEMPO:
        is_tempo = len(data) == 3 and int.from_bytes(data, "big") in _TEMPO_RANGE
        return "" if is_tempo else "tempo"
    if event.kind == METER:
        return "" if len(data) >= 4 and data[0] and data[1] <= 6 else "metre"
    if event.kind == KEY:
        is_key = len(data) == 2 and (data[0] + 7) % 256 <= 14 and data[1] <= 1
        return "" if is_key else "key"
    return ""


def _take(event: Other, number: int, meta: Meta) -> None:
    tick, kind, data = event.tick, event.kind, event.data
    if kind == TEMPO:
        meta.tempos.append((tick, int.from_bytes(data, "big")))
    elif kind == METER:
        meta.meters.append((tick, (data[0], 1 << data[1])))
    elif kind == KEY:
        fifths, is_minor = (data[0] + 7) % 256 - 7, bool(data[1])
        meta.keys.append((tick, Key((7 * fifths + 9 * is_minor) % 12, is_minor)))
    elif kind in (TRACK_NAME, INSTRUMENT):
        # The first is the name; programs of old put more of them after it.
        names = meta.names if kind == TRACK_NAME else meta.instruments
        if number not in names and (name := decoded(data)):
            names[number] = name
    elif kind in (MARKER, CUE):
        if text := decoded(data):
            meta.markers.append((tick, text))
    elif kind == PORT:
        meta.ports[number] = data[0] if data else 0
    elif kind == TEXT and data.startswith(RECIPE.encode()):
        # A file that was filled here and there has several.
        recipes = [meta.recipe, data.decode("utf-8", "replace")]
        meta.recipe = printable("; ".join(filter(None, recipes)), 1024)
    elif kind in (TEXT, LYRIC):
        meta.ignored["text events" if kind == TEXT else "lyrics events"] += 1
