"""A song as lines of text: a coarse roll of half blocks over lanes of drums."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from musegen.errors import UsageError
from musegen.plot.columns import Columns
from musegen.plot.flags import apart, flags
from musegen.plot.lanes import Part, drum_label, drums_of, parts_of
from musegen.plot.layout import whole
from musegen.plot.timeline import every, fitting
from musegen.plot.words import cells, facts, note_name, shortened
from musegen.song import IntArray, Song

LEAST_COLUMNS, MOST_COLUMNS = 32, 400
MAX_ROWS = 32
"""Of the roll, two to a line; with more pitches than these, some share a row."""
MAX_DRUMS = 12
COLORS = (36, 33, 32, 35, 34, 31)
"""SGR's numbers of a foreground for the tracks in turn; a background's is ten more."""


@dataclass(frozen=True)
class Signs:
    """What a picture is set in. `halves` are none, the upper, the lower and both."""

    halves: str
    bar: str
    flag: str
    swatch: str
    replaced: dict[int, str]

    def can_go_through(self, encoding: str) -> bool:
        try:
            (self.halves + self.bar + self.flag + self.swatch + "·…").encode(encoding)
        except (LookupError, UnicodeEncodeError):
            return False
        return True


BLOCKS = Signs(" ▀▄█", "│", "▾", "■", {})
ASCII = Signs(" -_=", "|", "v", "#", {ord("·"): "-", ord("…"): "~"})


def terminal(
    song: Song,
    columns: int = 80,
    *,
    title: str = "",
    encoding: str | None = "utf-8",
    color: bool = False,
) -> list[str]:
    """The song as lines of at most `columns` signs, without control codes unless `color`.

    `encoding` is what the stream takes: where that lacks block elements, the picture is plain
    ASCII. More than 400 columns are not used. UsageError for fewer than 32, LimitError where the
    song has more bars than musegen reads.
    """
    if columns < LEAST_COLUMNS:
        raise UsageError(f"{columns} columns: a picture in text needs at least {LEAST_COLUMNS}")
    song, columns = whole(song), min(columns, MOST_COLUMNS)
    signs = BLOCKS if BLOCKS.can_go_through(encoding or "ascii") else ASCII
    pitched, drummers = parts_of(song)
    drums, more_drums = drums_of(drummers, MAX_DRUMS)
    labels = [shortened(drum_label(pitch), columns // 4) for pitch in drums]
    gutter = max(map(len, ["C-1", *labels])) + 1
    axis = Columns.of(song, columns - gutter)
    canvas = _Canvas(axis, signs, gutter, color)
    parts = (*pitched, *drummers)
    lines = [
        shortened(title or song.name or "Untitled", columns),
        shortened(facts(song), columns),
        *_legend(parts, signs, columns, color),
        *_flags(song, axis, gutter, signs),
        _ruler(axis, gutter),
        *_roll(pitched, canvas),
        *_lanes(drummers, drums, labels, canvas, len(pitched)),
        *[f"and {more_drums} more drums"] * (more_drums > 0),
    ]
    return [_sendable(line.rstrip(), signs, encoding) for line in lines]


class _Canvas:
    """Turns who sounds where into lines of the music."""

    def __init__(self, axis: Columns, signs: Signs, gutter: int, color: bool) -> None:
        self.axis = axis
        self.signs = signs
        self.gutter = gutter
        self.color = color
        self.bars = set(axis.starts.tolist()) if axis.room else set()

    def line(self, label: str, upper: Sequence[int], lower: Sequence[int], hit: str = "") -> str:
        """A line of two rows of numbers of tracks, 0 for none; where either, `hit` if given."""
        line, style = f"{label:>{self.gutter - 1}} ", ""
        for column, (top, bottom) in enumerate(zip(upper, lower, strict=True)):
            half = bool(top) + 2 * bool(bottom)
            sign = self.signs.halves[half] if not hit else hit if half else " "
            codes = [str(COLORS[(n - 1) % len(COLORS)]) for n in (top or bottom,) if n]
            if not half and column in self.bars:
                sign = self.signs.bar
            if top and bottom and top != bottom and self.color and self.signs is BLOCKS:
                sign = self.signs.halves[1]
                codes.append(str(COLORS[(bottom - 1) % len(COLORS)] + 10))
            wanted = ";".join(codes) if self.color else ""
            if wanted != style:
                line += f"\x1b[0;{wanted}m" if wanted else "\x1b[0m"
                style = wanted
            line += sign
        return line + "\x1b[0m" * bool(style)

    def owners(
        self, parts: Iterable[tuple[int, Part, IntArray]], rows: int, *, hits: bool
    ) -> NDArray[np.int64]:
        """[rows, columns]: the number of the track that sounds there, the last of several, or 0.

        Of each part its number and the row of each note, or -1 where it has none.
        """
        owners = np.zeros((rows, self.axis.count), dtype=np.int64)
        for number, part, row in parts:
            notes = part.notes.where(row >= 0)
            owners[self.axis.painted(notes, row[row >= 0], rows, hits=hits)] = number
        return owners


def _legend(parts: Sequence[Part], signs: Signs, columns: int, color: bool) -> list[str]:
    """The names of the tracks, with their colours if there are any."""
    lead = 2 * color
    shown: list[str] = []
    width = 0
    for place, part in enumerate(parts):
        name = shortened(part.name, 24)
        rest = f"{len(parts) - place} more"
        room = columns if place + 1 == len(parts) else columns - len(rest) - 2
        if width + lead + cells(name) > room:
            shown.append(rest)
            break
        width += lead + cells(name) + 2
        code = COLORS[place % len(COLORS)]
        shown.append(f"\x1b[0;{code}m{signs.swatch}\x1b[0m {name}" if color else name)
    return ["  ".join(shown) if color else ", ".join(shown)] if shown else []


def _flags(song: Song, axis: Columns, gutter: int, signs: Signs) -> list[str]:
    """Markers and changes of metre over their columns, as far as there is room."""
    found = flags(song)
    ticks = np.array([flag.tick for flag in found], dtype=np.int64)
    last, labels = gutter + axis.count, []
    for place, flag in apart(found, np.floor(axis.at(ticks)).tolist()):
        text, column = shortened(flag.text, 16), gutter + int(place)
        width = cells(text) + 1
        if column + width <= last:
            labels.append((column, width, signs.flag + text))
        else:
            labels.append((column + 1 - width, width, text + signs.flag))
    line = ""
    for start, text in sorted(fitting((label for label in labels if label[0] >= 0), 1)):
        line += " " * (int(start) - cells(line)) + text
    return [line] if line else []


def _ruler(axis: Columns, gutter: int) -> str:
    """The numbers of the bars that have room."""
    bars = len(axis.lines) - 1
    step = every((axis.count - 1) / max(bars, 1), len(str(bars)) + 2)
    line = ""
    for bar in range(0, bars, step):
        column = gutter + int(axis.starts[bar]) + axis.room
        if not line or column > len(line):
            line = line.ljust(column) + str(bar + 1)
    return line[: gutter + axis.count]


def _roll(parts: Sequence[Part], canvas: _Canvas) -> list[str]:
    if not parts:
        return []
    low = min(int(part.notes.pitch.min()) for part in parts)
    high = max(int(part.notes.pitch.max()) for part in parts)
    fold = -(-(high - low + 1) // MAX_ROWS)
    rows = -(-(high - low + 1) // (2 * fold)) * 2
    numbered = ((n, part, (high - part.notes.pitch) // fold) for n, part in enumerate(parts, 1))
    owners = canvas.owners(numbered, rows, hits=False).tolist()
    lines = []
    for row in range(0, rows, 2):
        top = high - row * fold
        # The C in a line's pitches, if there is one.
        c = top // 12 * 12
        label = note_name(c) if c > top - 2 * fold else ""
        lines.append(canvas.line(label, owners[row], owners[row + 1]))
    return lines


def _lanes(
    parts: Sequence[Part], drums: Sequence[int], labels: Sequence[str], canvas: _Canvas, before: int
) -> list[str]:
    """A line for each drum; `before` tracks have their numbers already."""
    places = np.full(128, -1)
    places[list(drums)] = np.arange(len(drums))
    numbered = ((n, part, places[part.notes.pitch]) for n, part in enumerate(parts, before + 1))
    owners = canvas.owners(numbered, len(drums), hits=True).tolist()
    return [canvas.line(name, row, row, "x") for name, row in zip(labels, owners, strict=True)]


def _sendable(line: str, signs: Signs, encoding: str | None) -> str:
    """`line` in what the stream takes; other letters become `?`."""
    if signs is ASCII:
        line = line.translate(signs.replaced)
    try:
        return line.encode(encoding or "ascii", "replace").decode(encoding or "ascii")
    except LookupError:
        return line.encode("ascii", "replace").decode("ascii")
