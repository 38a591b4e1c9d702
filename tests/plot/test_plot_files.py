"""Pictures as SVG and as PNG."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from plot_songs import band, continued, tune

from musegen.errors import UsageError
from musegen.plot import Drawing, Words, drawing, png, style, svg
from musegen.plot.colors import INKS, Theme
from musegen.song import Track

SPACE = "{http://www.w3.org/2000/svg}"


def parsed(text: str) -> ET.Element:
    root = ET.fromstring(text)
    assert root.tag == f"{SPACE}svg"
    return root


def test_svg_holds_every_word_and_nothing_that_acts() -> None:
    picture = drawing(continued(16), "song.mid")
    root = parsed(svg(picture))
    assert {e.tag.removeprefix(SPACE) for e in root.iter()} == {
        *("svg", "title", "style", "g", "path", "text"),
    }
    texts = [element.text for element in root.iter(f"{SPACE}text")]
    assert texts == [s.text for s in picture.shapes if isinstance(s, Words)]
    assert root.findtext(f"{SPACE}title") == f"song.mid: {picture.facts}"
    text = svg(picture).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|href|<script|\son\w+=|\sid=", text)


def test_svg_has_the_size_and_says_where_time_runs() -> None:
    picture = drawing(band(8))
    root = parsed(svg(picture))
    assert float(root.attrib["width"]) == pytest.approx(picture.width, abs=0.06)
    assert float(root.attrib["height"]) == pytest.approx(picture.height, abs=0.06)
    left, top, width, height = map(float, root.attrib["data-area"].split())
    area = picture.area
    assert (left, top, width, height) == pytest.approx(
        (area.x, area.y, area.width, area.height), abs=0.06
    )
    assert int(root.attrib["data-ticks"]) == picture.ticks


def test_svg_has_both_themes_and_colors_without_style_sheets() -> None:
    text = svg(drawing(band(8)))
    assert "prefers-color-scheme:dark" in text
    for ink, colors in INKS.items():
        assert all(f"--m-{ink}:{color};" in text for color in colors)
    for group in parsed(text).iter(f"{SPACE}g"):
        assert group.attrib["fill"] == INKS[group.attrib["class"].removeprefix("m-")][0]


def test_pictures_of_one_page_share_their_style() -> None:
    picture = drawing(band(8))
    alone, part = svg(picture), svg(picture, with_style=False)
    assert alone.replace(f"<style>{style()}</style>\n", "") == part
    assert "<style" not in part


def test_svg_is_small_and_always_the_same() -> None:
    text = svg(drawing(band(16, 4)))
    assert len(text) < 60_000
    assert text == svg(drawing(band(16, 4)))


HOSTILE = "</text><script>alert(1)</script><a href='x' onload=\"y\">&amp;\x00\x1b[31m\ud800\ufffe"


@pytest.mark.parametrize("name", [HOSTILE, "日本語のトラック" * 30, "]]>", "\u202eabc", " "])
def test_names_do_no_harm(name: str) -> None:
    song = replace(band(2), tracks=(Track(tune(2), name=name),), name=name)
    root = parsed(svg(drawing(song, name)))
    assert not any(e.tag.endswith(("script", "a")) for e in root.iter())
    assert png(drawing(song, name), scale=1)


@given(st.text(max_size=60))
def test_any_name_is_well_formed(name: str) -> None:
    song = replace(band(1), tracks=(Track(tune(1), name=name),))
    parsed(svg(drawing(song, name)))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("scale", [1, 2])
def test_png_has_the_size_and_the_colors(theme: Theme, scale: int) -> None:
    picture = drawing(band(4))
    data = png(picture, theme, scale)
    image = Image.open(io.BytesIO(data))
    assert image.size == (round(picture.width * scale), round(picture.height * scale))
    page = INKS["page"][theme == "dark"]
    assert image.getpixel((0, 0)) == tuple(bytes.fromhex(page[1:]))
    assert data == png(picture, theme, scale)


def test_png_has_every_note() -> None:
    picture = drawing(band(2))
    image = Image.open(io.BytesIO(png(picture, scale=1)))
    empty = Image.open(io.BytesIO(png(without_notes(picture), scale=1)))
    for box in picture.shapes:
        if not isinstance(box, Words) and box.ink.startswith("track") and box.x > picture.area.x:
            at = int(box.x + box.width / 2), int(box.y + box.height / 2)
            assert image.getpixel(at) != empty.getpixel(at)


def without_notes(picture: Drawing) -> Drawing:
    return replace(
        picture, shapes=tuple(s for s in picture.shapes if not s.ink.startswith("track"))
    )


def test_png_refuses_what_it_has_not() -> None:
    picture = drawing(band(1))
    with pytest.raises(UsageError, match="'light' and 'dark'"):
        png(picture, "sepia")  # type: ignore[arg-type]
    for scale in (0, 5):
        with pytest.raises(UsageError, match="from 1 to 4"):
            png(picture, scale=scale)


def test_tracks_are_told_from_the_page_in_both_themes() -> None:
    def luminance(color: str) -> float:
        channels = [n / 255 for n in bytes.fromhex(color[1:])]
        linear = [n / 12.92 if n <= 0.04045 else ((n + 0.055) / 1.055) ** 2.4 for n in channels]
        return sum(w * n for w, n in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for theme in (0, 1):
        page = luminance(INKS["page"][theme])
        for ink in [name for name in INKS if name.startswith("track")] + ["text", "muted", "seam"]:
            low, high = sorted((page, luminance(INKS[ink][theme])))
            assert (high + 0.05) / (low + 0.05) >= 3, ink


def test_importing_plot_loads_no_pillow() -> None:
    code = "import sys, musegen.plot; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"PIL", "click", "matplotlib", "torch"} & set(done.stdout.split()) == set()
