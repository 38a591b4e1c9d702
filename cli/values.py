"""How the values of options are read and checked, so that a bad one is answered before any work.

A reader takes the text of an option and gives its value; what it raises, `checked` answers with the
option's name.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from musegen import limits
from musegen.errors import LimitError, MusegenError
from musegen.limits import Limit

F = TypeVar("F", bound=Callable[..., Any])
Callback = Callable[[click.Context, click.Parameter, Any], Any]

MAX_SHOWN = 40
"""Of a value, in characters."""

MAX_SEED = 2**53 - 1
"""The largest whole number that every reader of JSON keeps."""


@dataclass(frozen=True)
class Number:
    """Reads a number between two bounds and says them in words; `kind` is int or float.

    The lower bound itself is left out with `above`, the upper one with `below`.
    """

    kind: type[int] | type[float]
    low: int
    high: int
    above: bool = False
    below: bool = False

    def __call__(self, text: str) -> int | float:
        try:
            number = self.kind(text)
        except ValueError:
            number = math.nan  # which lies between no bounds
        inside = self.low <= number <= self.high
        if (
            not inside
            or (self.above and number == self.low)
            or (self.below and number == self.high)
        ):
            raise ValueError(f"{cut(text)} is not {self.words}")
        return number

    @property
    def words(self) -> str:
        noun = "a whole number" if self.kind is int else "a number"
        low = f"above {self.low} and up" if self.above else f"from {self.low}"
        return f"{noun} {low} to {'just below ' * self.below}{self.high}"


def checked(parse: Callable[[Any], Any]) -> Callback:
    """A callback that answers what `parse` raises, but a LimitError, with the option's name."""

    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        if value is None or value == ():
            return None
        try:
            return parse(value)
        except LimitError:
            raise
        except (MusegenError, ValueError) as error:
            raise click.BadParameter(str(error), ctx, param) from None

    return callback


def within(limit: Limit, low: int = 1) -> Callback:
    """A callback that reads a whole number from `low` up to a limit; LimitError beyond it."""

    def parse(text: str) -> int | float:
        with contextlib.suppress(ValueError):
            limit.check(int(text), cut(f"{int(text):,}"))
        return Number(int, low, limit.value)(text)

    return checked(parse)


def whole(name: str, low: int, high: int | Limit, default: int, text: str) -> Callable[[F], F]:
    """An option that takes a whole number."""
    read = within(high, low) if isinstance(high, Limit) else checked(Number(int, low, high))
    return click.option(
        name, type=str, callback=read, default=default, show_default=True, metavar="N", help=text
    )


def cut(text: str) -> str:
    """So much of it as a message can show."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


def word(text: str) -> str:
    """The name of a file or folder: nothing is none, where Python takes it for this folder."""
    if not text:
        raise ValueError("is empty; name a file or a folder")
    return text


def words(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(word, texts))


def place(text: str) -> Path:
    return Path(word(text))


def key(text: str) -> Any:
    from musegen.options import parse_key

    return parse_key(text)


def meter(text: str) -> Any:
    from musegen.options import parse_meter

    return parse_meter(text)


def instruments(lists: tuple[str, ...]) -> tuple[str, ...]:
    from musegen.general_midi import instrument

    names = tuple(name.strip() for text in lists for name in text.split(",") if name.strip())
    for name in names:
        instrument(name)
    return names


def instrument(text: str) -> str:
    from musegen.general_midi import instrument as parse

    parse(text)
    return text


def style(text: str) -> str:
    from musegen.codecs.layout import STYLES

    if text in STYLES:
        return text
    from difflib import get_close_matches

    near = get_close_matches(text.lower(), STYLES, 1)
    hint = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(STYLES)}."
    raise ValueError(f"no style {text!r}. {hint}")


def scale(text: str) -> str:
    from musegen.scales import parse_scale
    from musegen.song import Key

    parse_scale(text, Key(0))
    return text


def chords(text: str) -> tuple[str, ...]:
    from musegen.codecs.harmony import Chord

    symbols = tuple(text.replace(",", " ").split())
    for symbol in symbols:
        Chord.parse(symbol)
    if not symbols:
        raise ValueError("names no chord; write them as 'Am F C G'")
    return symbols


def bars(text: str) -> tuple[int, int]:
    """Such as 5-8, or one bar alone."""
    written = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", text)
    if not written:
        raise ValueError(f"{cut(text)!r} is not one bar, nor two such as 5-8")
    whole = Number(int, 1, limits.BARS.value)
    found = whole(written[1]), whole(written[2] or written[1])
    if found[0] > found[1]:
        raise ValueError(f"{cut(text)!r} ends before it begins")
    return int(found[0]), int(found[1])


def template(text: str) -> str:
    from .names import checked_template

    return checked_template(text)
