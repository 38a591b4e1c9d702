"""What `groove` and `drumify` share: songs on a clock that grids fit, and styles by name."""

from __future__ import annotations

import difflib
from dataclasses import replace

from musegen import limits, models
from musegen.clips import covering
from musegen.errors import UsageError
from musegen.recipe import Recipe
from musegen.song import Song
from musegen.source import clock
from musegen.time import bar_count, bar_lines

GROOVE_MODEL = "groove-vae"
"""Plays hits."""


def on_our_clock(song: Song) -> Song:
    """The song with a clock that grids fit, to the bar line at its end and after its last note.

    LimitError where it is longer than we write.
    """
    song = covering(song)
    bars = bar_count(song)
    limits.LENGTH.check(bars, f"{bars:,} bars")
    song = song.at_resolution(clock(song))
    return replace(song, length=int(bar_lines(song)[0][-1]))


def check_size(what: str, count: int) -> None:
    """LimitError where there is more than can be played in bounded time and memory."""
    limits.HITS.check(count, f"{count:,} {what}")


def style_number(recipe: Recipe, style: str | None) -> int | None:
    """The place of a style in a model's layout. UsageError where it has no such style."""
    styles = models.hits_layout(recipe).styles
    if style is None or style in styles:
        return None if style is None else styles.index(style)
    near = difflib.get_close_matches(style.lower(), styles, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(styles)}."
    raise UsageError(f"no style {style!r}. {hint}")


def check_share(what: str, value: float) -> None:
    """UsageError where a share is not between 0 and 1."""
    if not 0 <= value <= 1:
        raise UsageError(f"{what} {value:g} is not between 0 and 1")
