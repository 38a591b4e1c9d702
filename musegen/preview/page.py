"""Rows -> one HTML file. It gathers them until it is full, and says what did not find room."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from html import escape
from importlib.resources import files
from string import Template

from musegen import limits, plot
from musegen.midi.text import printable
from musegen.plot.words import counted
from musegen.preview.rows import Row
from musegen.song import Song
from musegen.sound import RATE, Progress, encode, halved
from musegen.sound.envelope import Floats
from musegen.time import seconds

COMPRESSION = 0.75
"""An MP3 of 48 kbit/s at half our usual rate: a minute takes half a megabyte of the page."""
BYTES_A_SECOND = 48_000 / 8 * 4 / 3
"""In the page, where bytes are letters."""
DELAY = 1_105 / (RATE // 2)
"""Seconds that LAME puts before the sound; a file of a constant bit rate does not tell of them."""
SOUND_SHARE = 0.75
"""Of the page; the rest is left for pictures and files."""
MAX_INPUT_SECONDS = 180
"""An input that lasts longer is there to be seen."""

FULL = "not heard here: the page is full"

Play = Callable[[], tuple[Floats, float]]
"""Gives a song's sound as `sound.play` does, at its usual rate."""

_PAGE, _STYLE, _ROW_STYLE, _SCRIPT = (
    (files("musegen.preview") / name).read_text("utf-8")
    for name in ("page.html", "page.css", "row.css", "page.js")
)


class Page:
    """A page in the making. `command` is what makes its songs again, for a shell."""

    def __init__(self, title: str, command: str = "", about: tuple[str, ...] = ()) -> None:
        """`about` is said under the title: the seed, the model."""
        self.title, self.command, self.about = title, command, about
        self._most = limits.PREVIEW_MIB.value << 20
        self._sound_bytes = self._other_bytes = 0
        self._groups: dict[str, list[str]] = {}
        self._told: list[str] = []
        self._sounds: list[str] = []
        self._marks = hashlib.sha256()
        self.rows = 0
        """Songs that it shows, inputs not counted."""
        self.soundless = 0
        """Of these, those that it had no room to play."""
        self.left_out = 0
        """Songs that it had no room for."""

    def add(
        self,
        song: Song,
        name: str,
        *,
        data: bytes | None = None,
        play: Play | None = None,
        label: str = "",
        group: str = "",
        more: tuple[str, ...] = (),
        progress: Progress | None = None,
    ) -> None:
        """A row for the song that is called `name`, under the heading `group`.

        `data` is its MIDI file; without it, the song is shown as what the others were made from.
        `play` is only called where there is room for its sound; `progress` is told the share of it
        that is encoded. LimitError as `plot.drawing` has it.
        """
        is_take = data is not None
        silence = "not played" if play is None else self._silence(song, is_take=is_take)
        row = Row.of(song, name, label, data, silence, *more)
        number = None if silence else len(self._sounds)
        html, told = row.html(len(self._told) + 1), row.told(number)
        size = len(html.encode(errors="replace")) + len(told)
        if self._other_bytes + size > self._most * (1 - SOUND_SHARE):
            self.left_out += is_take
            return
        if number is not None and play is not None:
            self._sounds.append(_embedded(*play(), progress))
            self._sound_bytes += len(self._sounds[-1])
        self._groups.setdefault(group, []).append(html)
        self._told.append(told)
        self._other_bytes += size
        self._marks.update(data or b"")
        self.rows += is_take
        self.soundless += is_take and silence == FULL

    def html(self) -> bytes:
        """The page in UTF-8."""
        style = _STYLE + _ROW_STYLE + plot.style()
        mark = self._marks.hexdigest()[:16]
        about = (counted(self.rows, "file"), *self.about)
        text = Template(_PAGE).substitute(
            title=escape(printable(self.title, 200)),
            about="".join(f"<span>{escape(printable(fact, 200))}</span>" for fact in about),
            notice=escape(self.notice),
            command=escape(self.command),
            commanded="" if self.command else "hidden",
            rows="\n".join(self._sections()),
            told=f'{{"mark":"{mark}","delay":{DELAY:.4f},"rows":[{",".join(self._told)}]}}',
            sounds="\n".join(
                f'<script type="text/plain" id="sound-{n}">{sound}</script>'
                for n, sound in enumerate(self._sounds)
            ),
            script=_SCRIPT,
            script_hash=_digest(_SCRIPT),
            style=style,
            style_hash=_digest(style),
        )
        return text.encode("utf-8", "replace")

    @property
    def notice(self) -> str:
        """What found no room, in a sentence, or ""."""
        parts = []
        if self.soundless:
            parts.append(f"{counted(self.soundless, 'file')} cannot be heard here")
        if self.left_out:
            parts.append(f"{counted(self.left_out, 'more file')} cannot be seen here")
        if not parts:
            return ""
        most = f"{limits.PREVIEW_MIB.value:,} MiB"
        return f"{', and '.join(parts)}: the page is full at {most}. All files are in their folder."

    def _silence(self, song: Song, *, is_take: bool) -> str:
        """Why a song is not to be heard, or ""."""
        if not song.note_count:
            return "silent"
        length = seconds(plot.whole(song))
        longest = MAX_INPUT_SECONDS if not is_take else limits.RENDER_MINUTES.value * 60
        if length > longest:
            return "too long to be heard here"
        if self._sound_bytes + length * BYTES_A_SECOND > self._most * SOUND_SHARE:
            return FULL
        return ""

    def _sections(self) -> Iterator[str]:
        """One a group; a single one needs no heading."""
        for group, rows in self._groups.items():
            head = f"<h2>{escape(printable(group, 200))}</h2>" if len(self._groups) > 1 else ""
            yield "\n".join([f'<section class="group">{head}<ol>', *rows, "</ol></section>"])


def _embedded(samples: Floats, gain: float, progress: Progress | None) -> str:
    data = encode(
        halved(samples),
        ".mp3",
        rate=RATE // 2,
        gain=gain,
        compression=COMPRESSION,
        progress=progress,
    )
    return base64.b64encode(data).decode()


def _digest(text: str) -> str:
    """As a Content-Security-Policy names what may run."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
