"""A `Drawing` as PNG."""

from __future__ import annotations

import io

from musegen.errors import UsageError
from musegen.plot.colors import Theme, palette
from musegen.plot.shapes import Box, Drawing

MAX_SCALE = 4


def png(drawing: Drawing, theme: Theme = "light", scale: int = 2) -> bytes:
    """The picture as the bytes of a PNG, `scale` dots to a pixel.

    The font is Pillow's own, which has Latin letters; others show as boxes. UsageError for another
    theme than "light" and "dark", or a scale that is not 1 to 4.
    """
    colors = palette(theme)
    if not 1 <= scale <= MAX_SCALE:
        raise UsageError(f"a scale of {scale}: it is from 1 to {MAX_SCALE}")
    # Pillow takes a tenth of a second to load, and most who import musegen draw nothing.
    from PIL import Image, ImageColor, ImageDraw, ImageFont

    size = (round(drawing.width * scale), round(drawing.height * scale))
    image = Image.new("RGB", size, colors["page"])
    brush = ImageDraw.Draw(image, "RGBA")
    rgb = {ink: ImageColor.getrgb(color)[:3] for ink, color in colors.items()}
    fonts = {
        words.size: ImageFont.load_default(words.size * scale)
        for words in drawing.shapes
        if not isinstance(words, Box)
    }
    anchors = {"start": "ls", "middle": "ms", "end": "rs"}
    for shape in drawing.shapes:
        x, y = round(shape.x * scale), round(shape.y * scale)
        if isinstance(shape, Box):
            right = max(round((shape.x + shape.width) * scale), x + 1)
            bottom = max(round((shape.y + shape.height) * scale), y + 1)
            color = (*rgb[shape.ink], round(255 * shape.opacity))
            brush.rectangle((x, y, right - 1, bottom - 1), fill=color)
        else:
            font, anchor = fonts[shape.size], anchors[shape.anchor]
            brush.text((x, y), shape.text, fill=rgb[shape.ink], font=font, anchor=anchor)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
