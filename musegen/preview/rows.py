"""A song as a row of the page: its picture, its sound, and what is said of it."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from html import escape
from importlib.resources import files
from string import Template

from musegen import plot
from musegen.midi.text import printable
from musegen.preview.playhead import Playhead
from musegen.song import Song

NAME_LENGTH = 300
"""Of a file's name; file systems take 255 bytes."""

_ROW, _PLAY, _TAKE = (
    Template((files("musegen.preview") / f"{name}.html").read_text("utf-8").strip())
    for name in ("row", "play", "take")
)


@dataclass(frozen=True)
class Row:
    """What stands in the page of one song. Texts are as they are, not yet escaped."""

    name: str
    label: str
    facts: tuple[str, ...]
    picture: str
    """SVG."""
    playhead: Playhead
    data: bytes | None
    """The MIDI file, to take along."""
    silence: str
    """Why there is nothing to hear, or ""."""

    @classmethod
    def of(
        cls, song: Song, name: str, label: str, data: bytes | None, silence: str, *more: str
    ) -> Row:
        """`more` is said of it after what its picture says."""
        drawing = plot.drawing(song, name, plot.STRIP)
        return cls(
            name=printable(name, NAME_LENGTH),
            label=printable(label),
            facts=(*drawing.facts.split(" · "), *more),
            picture=plot.svg(drawing, with_style=False).strip(),
            playhead=Playhead.of(plot.whole(song)),
            data=data,
            silence=silence,
        )

    def html(self, number: int) -> str:
        """The list item, the `number`th of the page."""
        name = escape(self.name)
        play = "" if self.silence else _PLAY.substitute(name=name)
        take = ""
        if self.data is not None:
            file = f"data:audio/midi;base64,{base64.b64encode(self.data).decode()}"
            take = _TAKE.substitute(name=name, file=file)
        return _ROW.substitute(
            number=number,
            kind="source" if self.data is None else "take",
            name=name,
            label=escape(self.label),
            facts="".join(f"<span>{escape(fact)}</span>" for fact in self.facts),
            picture=self.picture,
            play=play,
            take=take,
            silence=escape(self.silence),
        )

    def told(self, sound: int | None) -> str:
        """What the page's script is told, as JSON; `sound` is the number of its sound."""
        told = {"name": self.name, "sound": sound, **asdict(self.playhead)}
        return json.dumps(told, separators=(",", ":")).replace("<", "\\u003c")
