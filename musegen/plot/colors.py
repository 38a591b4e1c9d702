"""The colours of a picture by name, on a light page and on a dark one.

Those of tracks are Okabe and Ito's (2008, "Color Universal Design"), which colour-blind people tell
apart, made darker or lighter until each has a contrast of 3 to 1 with the page.
"""

from __future__ import annotations

from typing import Literal

from musegen.errors import UsageError

Theme = Literal["light", "dark"]

TRACKS = (
    ("#0072b2", "#4ba3e3"),  # blue
    ("#d55e00", "#f08a4b"),  # vermilion
    ("#009068", "#2dbf95"),  # bluish green
    ("#b5548d", "#de8fbb"),  # reddish purple
    ("#a87b00", "#e6b431"),  # orange, towards yellow
    ("#2f93c6", "#8ed1f5"),  # sky blue
    ("#5a50a8", "#a79ff0"),  # indigo
    ("#6b6b6b", "#b3b3b3"),  # grey
)

INKS = {
    "page": ("#ffffff", "#15171c"),
    "area": ("#f8f8f9", "#1c1f25"),
    "row": ("#eff0f2", "#181a1f"),
    "beat": ("#e8eaed", "#23272f"),
    "bar": ("#d9dce1", "#30353f"),
    "number": ("#b9bec7", "#474e5b"),
    "text": ("#1c1f24", "#e9ebef"),
    "muted": ("#5c626d", "#9ba2ae"),
    "seam": ("#7a4fd0", "#b394ff"),
    **{f"track{place}": pair for place, pair in enumerate(TRACKS)},
}
"""Name -> (light, dark). `bar` is a bar line, `number` one that is numbered, `row` a black key."""


def ink_of(place: int) -> str:
    """The ink of the track at `place`; the inks come again after the last."""
    return f"track{place % len(TRACKS)}"


def palette(theme: Theme) -> dict[str, str]:
    """Every ink's colour. UsageError where there is no such theme."""
    if theme not in ("light", "dark"):
        raise UsageError(f"no theme {theme!r}; there are 'light' and 'dark'")
    return {name: pair[theme == "dark"] for name, pair in INKS.items()}
