"""A song -> a `Drawing`: heading, legend, ruler, rolls, drum lanes. Knows no output format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from musegen.limits import BARS
from musegen.plot.flags import apart, flags
from musegen.plot.lanes import Part, Roll, Score, drum_label
from musegen.plot.marks import Marks, boxes, shades
from musegen.plot.shapes import Box, Drawing, Words
from musegen.plot.timeline import Timeline, fitting
from musegen.plot.words import cells, facts, note_name, shortened
from musegen.song import Song
from musegen.time import bar_count

QUARTER = 36
"""The width of a quarter while there is room."""
GAP = 8
NAME = 24
"""The columns that a track's name takes at most."""
TITLE, FACTS, SMALL = 18, 12, 10
"""Sizes of fonts."""
DIGIT = 0.62
"""The width of a letter, in sizes of its font: a little more than fonts have on average."""
STRIPE = 6
"""Rows lower than this have neither stripes for black keys nor air between notes."""
BLACK_KEYS = (1, 3, 6, 8, 10)


@dataclass(frozen=True)
class Format:
    """How large a picture is, in pixels, and whether it says what it is of."""

    width: int
    """At most."""
    least_area: int
    """The width of the music, at least."""
    margin: int
    roll: int
    """A shared roll is about as high as this, if its rows can be from the least to the most."""
    stack: int
    """So are rolls that each track has for itself, together."""
    least_row: int
    most_row: int
    lane: int
    """The height of a drum's lane."""
    label: int
    """The size of the font of labels."""
    has_heading: bool


PAGE = Format(1600, 560, 20, 340, 900, 4, 10, lane=15, label=11, has_heading=True)
"""A picture that stands alone."""
STRIP = Format(1120, 960, 1, 136, 420, 2, 6, lane=11, label=10, has_heading=False)
"""One among many in a page that says what each is. All are about as wide."""


def drawing(song: Song, title: str = "", format: Format = PAGE) -> Drawing:
    """The picture of a song. `title` is what to call it, where its own name does not do.

    As wide as `format` has it, usually at most 1,600 pixels; up to 128 rows of pitches if tracks
    share a roll, 720 if each has its own, and 24 drums. LimitError where the song has more bars
    than musegen reads.
    """
    song = whole(song)
    return _Page(song, Score.of(song), title or song.name or "Untitled", format).drawing()


def whole(song: Song) -> Song:
    """The song, ending no sooner than its last note. LimitError where it has too many bars."""
    ends = (int(t.notes.end.max()) for t in song.tracks if len(t.notes))
    song = replace(song, length=max(song.length, *ends, 0))
    BARS.check(bar_count(song), "the song")
    return song


@dataclass(frozen=True)
class _Lane:
    """Where a roll, or the drums, are drawn."""

    top: float
    row: float
    rows: int

    @property
    def height(self) -> float:
        return self.row * self.rows

    @property
    def bottom(self) -> float:
        return self.top + self.height


class _Page:
    """One drawing in the making; `y` is how far down the page it has come."""

    def __init__(self, song: Song, score: Score, title: str, format: Format) -> None:
        self.song = song
        self.score = score
        self.format, self.margin, self.label = format, format.margin, format.label
        self.is_stacked = len(score.rolls) > 1
        gutter = self.margin + ceil(self._gutter()) + GAP
        most = format.width - gutter - self.margin
        self.timeline = Timeline.of(song, gutter, min(format.least_area, most), most, QUARTER)
        self.left, self.width = self.timeline.left, self.timeline.width
        self.right = self.left + self.width
        room = self.right - self.margin
        # A bold font is wider than others.
        self.title = shortened(title, int(room / (1.15 * DIGIT * TITLE)))
        self.facts = shortened(facts(song), int(room / (DIGIT * FACTS)))
        found = flags(song)
        self.flags = apart(found, self.timeline.x([flag.tick for flag in found]).tolist())

    def drawing(self) -> Drawing:
        head, y = self._heading()
        ruler, y = self._ruler(y)
        top = y
        lanes: list[_Lane] = []
        rows = max(sum(roll.rows for roll in self.score.rolls), 1)
        height = self.format.stack if self.is_stacked else self.format.roll
        row = max(self.format.least_row, min(self.format.most_row, height // rows))
        for roll in self.score.rolls:
            lanes.append(_Lane(y, row, roll.rows))
            y = lanes[-1].bottom + GAP
        drums = _Lane(y, self.format.lane, len(self.score.drums))
        bottom = drums.bottom if drums.rows else y - GAP
        area = Box(self.left, top, self.width, bottom - top, "area")
        y = bottom + self.margin
        foot: list[Box | Words] = []
        if self.score.left_out:
            y += self.label
            words = f"Not drawn: {', '.join(self.score.left_out)}"
            foot, y = [Words(self.left, y - GAP, words, self.label, "muted")], y + GAP
        grounds = [lane for lane in (*lanes, drums) if lane.rows]
        width = self.right + self.margin
        shapes = (
            Box(0, 0, width, y, "page"),
            *(Box(self.left, g.top, self.width, g.height, "area") for g in grounds),
            *self._rows(lanes, drums),
            *self._tint(grounds),
            *self._grid(grounds),
            *head,
            *ruler,
            *self._labels(lanes, drums),
            *self._notes(lanes, drums),
            *self._seams(area),
            *foot,
        )
        return Drawing(width, y, self.title, self.facts, area, self.timeline.ticks, shapes)

    def _gutter(self) -> float:
        """The width of the labels at the left."""
        labels = [drum_label(pitch) for pitch in self.score.drums]
        if self.is_stacked:
            names = [shortened(roll.parts[0].name, NAME) for roll in self.score.rolls]
            labels += [name + " " * 7 for name in names]
        return max(
            (_width(label, self.label) for label in labels), default=_width("C-1", self.label)
        )

    # Above the music

    def _heading(self) -> tuple[list[Box | Words], float]:
        shapes: list[Box | Words] = []
        y = 12.0
        if self.format.has_heading:
            shapes.append(Words(self.margin, 36, self.title, TITLE, is_bold=True))
            shapes.append(Words(self.margin, 57, self.facts, FACTS, "muted"))
            y = 80.0
        if self.is_stacked or not self.score.parts:
            return shapes, y - GAP
        x = float(self.margin)
        for part in self.score.parts:
            name = shortened(part.name, NAME)
            width = 14 + _width(name, self.label) + 14
            if x + width > self.right and x > self.margin:
                x, y = self.margin, y + 18
            shapes += [Box(x, y - 9, 10, 10, part.ink), Words(x + 15, y, name, self.label)]
            x += width
        return shapes, y + GAP

    def _ruler(self, y: float) -> tuple[list[Box | Words], float]:
        """Flags, then the numbers of bars; small ticks where the tempo changes."""
        shapes: list[Box | Words] = []
        bottom = y + (34 if self.flags else 18)
        labels = []
        for pole, flag in self.flags:
            shapes.append(Box(pole, bottom - 4, 1, 4, "muted"))
            text = shortened(flag.text, NAME)
            width = _width(text, SMALL)
            is_last = pole + width > self.right
            x = pole - 4 - width if is_last else pole + 4
            labels.append((x, width, (pole, text, "seam" if flag.is_seam else "muted")))
        for x, (pole, text, ink) in fitting(labels, DIGIT * SMALL):
            shapes += [Words(x, y + 16, text, SMALL, ink), Box(pole, y + 6, 1, 28, ink)]
        y = bottom
        for x, number in self.timeline.numbers(DIGIT * SMALL):
            shapes.append(Words(x + 3, y - 5, str(number), SMALL, "muted"))
        ticks = [t.tick for t in self.song.tempos[1:] if t.tick < self.song.length]
        places = np.unique(self.timeline.x(ticks).round()).tolist()
        shapes += [Box(x, y - 4, 1, 4, "text") for x in places]
        return shapes, y

    # Behind the notes

    def _rows(self, lanes: Sequence[_Lane], drums: _Lane) -> Iterator[Box]:
        """Black keys and every other drum, darker."""
        for roll, lane in zip(self.score.rolls, lanes, strict=True):
            for pitch in range(roll.low, roll.high + 1):
                if pitch % 12 in BLACK_KEYS and lane.row >= STRIPE:
                    y = lane.top + (roll.high - pitch) * lane.row
                    yield Box(self.left, y, self.width, lane.row, "row")
        for place in range(1, drums.rows, 2):
            yield Box(self.left, drums.top + place * drums.row, self.width, drums.row, "row")

    def _tint(self, grounds: Sequence[_Lane]) -> Iterator[Box]:
        """Behind what musegen wrote last."""
        for x in sorted(x for x, flag in self.flags if flag.is_seam)[-1:]:
            for ground in grounds:
                yield Box(x, ground.top, self.right - x, ground.height, "seam", 0.12)

    def _grid(self, grounds: Sequence[_Lane]) -> Iterator[Box]:
        """Beats, octaves, bars, and the bars that have numbers, each over the one before."""
        line = self.timeline
        bars = line.x(line.lines[:: line.bar_step(6)])
        numbered = [x for x, _ in line.numbers(DIGIT * SMALL)]
        for ground in grounds:
            for ink, xs in (("beat", line.beats(11)), ("bar", bars.tolist()), ("number", numbered)):
                for x in xs:
                    yield Box(round(x, 1), ground.top, 1, ground.height, ink)
        for roll, ground in zip(self.score.rolls, grounds, strict=False):
            for pitch in range(-(-roll.low // 12) * 12, roll.high + 1, 12):
                y = ground.top + (roll.high - pitch + 1) * ground.row
                yield Box(self.left, y - 1, self.width, 1, "bar")

    def _labels(self, lanes: Sequence[_Lane], drums: _Lane) -> Iterator[Box | Words]:
        x = self.left - GAP
        for roll, lane in zip(self.score.rolls, lanes, strict=True):
            for pitch in range(-(-roll.low // 12) * 12, roll.high + 1, 12):
                y = lane.top + (roll.high - pitch + 0.5) * lane.row + 3.5
                yield Words(x, y, note_name(pitch), SMALL, "muted", "end")
            if self.is_stacked:
                name = shortened(roll.parts[0].name, NAME)
                yield Box(self.margin, lane.top + 1, 10, 10, roll.parts[0].ink)
                yield Words(self.margin + 15, lane.top + 10, name, self.label)
        for place, pitch in enumerate(self.score.drums):
            y = drums.top + (place + 0.5) * drums.row + 4
            yield Words(x, y, drum_label(pitch), self.label, "muted", "end")

    # The notes, and what lies over them

    def _notes(self, lanes: Sequence[_Lane], drums: _Lane) -> list[Box]:
        marks = [
            self._pitched(part, roll, lane)
            for roll, lane in zip(self.score.rolls, lanes, strict=True)
            # Long notes first: short ones stay visible on them.
            for part in sorted(roll.parts, key=lambda p: -float(p.notes.duration.mean()))
        ]
        marks += [self._struck(part, drums) for part in self.score.drummers]
        return boxes(marks, self.left, self.right)

    def _pitched(self, part: Part, roll: Roll, lane: _Lane) -> Marks:
        notes = part.notes
        left, right = self.timeline.x(notes.start), self.timeline.x(notes.end)
        # A pixel of air tells two notes from one long one.
        right = np.maximum(right - np.where(right - left > 3, 1, 0), left + 1.5)
        top = np.asarray(lane.top + (roll.high - notes.pitch) * lane.row, dtype=np.float64)
        height = lane.row - 1 if lane.row >= STRIPE else lane.row
        return Marks(part.ink, height, left, right, top, shades(notes.velocity))

    def _struck(self, part: Part, lane: _Lane) -> Marks:
        """Drums have no length: all marks are as wide as a sixteenth, if that is not too much."""
        notes = part.notes.where(np.isin(part.notes.pitch, self.score.drums))
        sixteenth = self.song.ticks_per_quarter / 4 * self.timeline.scale
        left = self.timeline.x(notes.start)
        right = left + min(max(sixteenth - 1, 1.5), lane.row - 6)
        place = np.searchsorted(-np.array(self.score.drums), -notes.pitch)
        top = np.asarray(lane.top + place * lane.row + 3, dtype=np.float64)
        return Marks(part.ink, lane.row - 6, left, right, top, shades(notes.velocity))

    def _seams(self, area: Box) -> Iterator[Box]:
        for x, flag in self.flags:
            if flag.is_seam:
                yield Box(x, area.y, 1, area.height, "seam")


def _width(text: str, size: float) -> float:
    return cells(text) * DIGIT * size
