"""What a picture consists of: filled boxes and words. A line is a thin box.

Knows nothing of music and nothing of files. All lengths are CSS pixels, from the top left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Anchor = Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle; `ink` is a name in `colors.INKS`."""

    x: float
    y: float
    width: float
    height: float
    ink: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text. `x` is where its `anchor` is, `y` its baseline, `size` that of the font."""

    x: float
    y: float
    text: str
    size: float
    ink: str = "text"
    anchor: Anchor = "start"
    is_bold: bool = False


@dataclass(frozen=True)
class Drawing:
    """Shapes in the order in which they are painted."""

    width: float
    height: float
    title: str
    """The song's name."""
    facts: str
    """What else the heading says, in one line."""
    area: Box
    """Where time runs: its left edge is tick 0, its right edge tick `ticks`."""
    ticks: int
    shapes: tuple[Box | Words, ...]
