r"""Pictures of a song: a piano roll over drum lanes, as SVG, PNG or lines of text.

>>> from musegen import plot
>>> picture = plot.drawing(song, title="song.mid")
>>> Path("song.svg").write_text(plot.svg(picture), encoding="utf-8")
>>> Path("song.png").write_bytes(plot.png(picture, theme="dark"))
>>> print(*plot.terminal(song, columns=80), sep="\n")

Nothing here reads or writes files. Whatever the song, a picture is bounded in size, and says what
it leaves out.
"""

from __future__ import annotations

from musegen.plot.layout import PAGE, STRIP, Format, drawing, whole
from musegen.plot.png import png
from musegen.plot.shapes import Box, Drawing, Words
from musegen.plot.svg import style, svg
from musegen.plot.terminal import terminal

__all__ = [
    "PAGE",
    "STRIP",
    "Box",
    "Drawing",
    "Format",
    "Words",
    "drawing",
    "png",
    "style",
    "svg",
    "terminal",
    "whole",
]
