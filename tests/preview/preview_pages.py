"""Pages to look at, and what stands in them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import numpy as np

from musegen import midi
from musegen.preview import Page
from musegen.song import Marker, Notes, Song, Tempo, Track
from musegen.sound.envelope import Floats

BAR = 1920
EVIL = "</script><img src=x onerror=document.title='x'>'\"`$title${1}&amp;\u2028"
"""What a name must not do."""


def tune(bars: int = 2, track: str = "Lead", **more: Any) -> Song:
    """Four quarters a bar."""
    notes = Notes.of([(n * 480, 400, 60 + n % 12, 90) for n in range(4 * bars)])
    return Song((Track(notes, name=track),), bars * BAR, **more)


def hostile() -> Song:
    return tune(2, EVIL, name=EVIL, markers=(Marker(0, EVIL),))


def changing(bars: int = 4) -> Song:
    """At 120 bpm, and from bar 3 on at 60."""
    return tune(bars, tempos=(Tempo.from_bpm(120), Tempo.from_bpm(60, 2 * BAR)))


def quiet(seconds: float = 0.1) -> tuple[Floats, float]:
    """What is played where nobody listens."""
    return np.zeros((round(44_100 * seconds), 2), np.float32), 1.0


def page_of(*songs: Song, command: str = "musegen generate", name: str = "take") -> Page:
    page = Page("songs", command)
    for number, song in enumerate(songs, 1):
        data = midi.to_bytes(song)
        label = f"Take {number}"
        page.add(song, f"{name}_{number:02}.mid", data=data, play=quiet, label=label)
    return page


VOID = ("meta", "img", "link", "br")


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    """What stands in it, in elements within it too."""


class Parsed(HTMLParser):
    """The elements of a page in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page.decode("utf-8"))
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind; `class_` is the class."""
        return [element.attributes for element in self._found(tag, attributes)]

    def text(self, tag: str, **attributes: str) -> list[str]:
        return [element.text for element in self._found(tag, attributes)]

    def _found(self, tag: str, attributes: dict[str, str]) -> list[Element]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [e for e in self.elements if e.tag == tag and wanted.items() <= e.attributes.items()]

    @property
    def told(self) -> Any:
        (text,) = self.text("script", id="told")
        return json.loads(text)
