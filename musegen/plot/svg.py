"""A `Drawing` as SVG: on its own, or inside an HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import assert_never
from xml.sax.saxutils import escape

from musegen.plot.colors import INKS, palette
from musegen.plot.shapes import Box, Drawing, Words

FONTS = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', sans-serif"


def svg(drawing: Drawing, *, with_style: bool = True) -> str:
    """The picture as SVG text. It refers to nothing outside, and runs nothing.

    It follows the viewer's light or dark theme; a page around it can set each colour by a variable
    such as `--m-page` on the class `musegen-plot`. What shows SVG without style sheets shows the
    light one. A page of many pictures has them without style, and `style()` once. The attribute
    `data-area` has the left edge of time, the top, the width and the
    height, in pixels, and `data-ticks` how many ticks that width is.
    """
    area = drawing.area
    where = " ".join(_number(n) for n in (area.x, area.y, area.width, area.height))
    size = f"{_number(drawing.width)} {_number(drawing.height)}"
    width, height = size.split()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="musegen-plot" role="img" '
        f'width="{width}" height="{height}" viewBox="0 0 {size}" '
        f'data-area="{where}" data-ticks="{drawing.ticks}" font-family="{FONTS}">'
    )
    title = escape(f"{drawing.title}: {drawing.facts}")
    body = "\n".join(_elements(drawing.shapes))
    look = f"<style>{style()}</style>\n" if with_style else ""
    return f"{head}\n<title>{title}</title>\n{look}{body}\n</svg>\n"


def style() -> str:
    """Colours as variables, so that both themes are one file; attributes hold the light ones."""
    light, dark = (
        "".join(f"--m-{ink}:{color};" for ink, color in palette(theme).items())
        for theme in ("light", "dark")
    )
    fills = "".join(f".m-{ink}{{fill:var(--m-{ink})}}" for ink in INKS)
    return (
        f".musegen-plot{{{light}}}"
        f"@media (prefers-color-scheme:dark){{.musegen-plot{{{dark}}}}}{fills}"
    )


def _elements(shapes: Iterable[Box | Words]) -> Iterator[str]:
    """One group for what follows each other in one ink; in it, a path for each opacity."""
    colors = palette("light")
    for (kind, ink), group in groupby(shapes, key=lambda shape: (type(shape), shape.ink)):
        lines = [f'<g class="m-{ink}" fill="{colors[ink]}">']
        if kind is Box:
            boxes = (shape for shape in group if isinstance(shape, Box))
            for opacity, same in groupby(boxes, key=lambda box: box.opacity):
                shade = "" if opacity == 1 else f' fill-opacity="{opacity:g}"'
                lines.append(f'<path{shade} d="{"".join(map(_outline, same))}"/>')
        else:
            lines += [_text(shape) for shape in group if isinstance(shape, Words)]
        yield "\n".join([*lines, "</g>"])


def _outline(box: Box) -> str:
    width = _number(box.width)
    return f"M{_number(box.x)} {_number(box.y)}h{width}v{_number(box.height)}h-{width}z"


def _text(words: Words) -> str:
    match words.anchor:
        case "start":
            anchor = ""
        case "middle" | "end":
            anchor = f' text-anchor="{words.anchor}"'
        case _:
            assert_never(words.anchor)
    weight = ' font-weight="600"' if words.is_bold else ""
    return (
        f'<text x="{_number(words.x)}" y="{_number(words.y)}" '
        f'font-size="{_number(words.size)}"{anchor}{weight}>{escape(words.text)}</text>'
    )


def _number(value: float) -> str:
    """Rounded to tenths of a pixel, without a useless zero."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
