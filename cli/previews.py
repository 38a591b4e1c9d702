"""The page to hear and see all that a run wrote: gathered on the way, published at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from musegen import __version__

from .console import clean
from .names import fields
from .outputs import Folder
from .report import Report
from .shell import command_line

if TYPE_CHECKING:
    from musegen.preview import Page
    from musegen.preview.page import Play
    from musegen.song import Song
    from musegen.sound import Progress

SUFFIX = ".html"


class Preview:
    """Where the page goes is known from the start; what it shows comes with the files."""

    def __init__(
        self,
        report: Report,
        stem: str,
        seed: int,
        is_drawn: bool,
        output: Mapping[str, Any],
        inputs: Iterable[Path],
    ) -> None:
        """OutputError where a page is there that must not be, before there is any work."""
        self.report, self.stem, self.seed, self.is_drawn = report, stem, seed, is_drawn
        template = "{stem}_{verb}_preview"
        self.folder = Folder(output["folder"], template, output["on_exists"], inputs, SUFFIX)
        self.fields = fields(stem=stem, verb=report.command, bpm=None, key=None, bars=0, seed=seed)
        (self.path,) = self.folder.paths([self.fields])
        self.is_wanted = not self.folder.is_skipped(self.path)
        if not self.is_wanted:
            report.warn(None, f"{clean(str(self.path))} exists and was left as it is")
        self._page: Page | None = None

    def add(
        self,
        song: Song,
        name: str,
        play: Play,
        *,
        data: bytes | None = None,
        label: str,
        group: str | None,
        model: str,
        progress: Progress | None = None,
    ) -> None:
        """A row of the page: of a file that was written, or, without `data`, of an input."""
        if not self.is_wanted:
            return
        if self._page is None:
            from musegen.preview import Page

            drawn = " (drawn)" * self.is_drawn
            about = (f"seed {self.seed}{drawn}", model, f"musegen {__version__}")
            command = command_line(_words(), self.report.command, self._seed_to_add)
            title = f"{self.stem} · {self.report.command}"
            self._page = Page(title, command, about)
        more = () if data is None else (f"seed {self.seed}",)
        self._page.add(
            song,
            name,
            data=data,
            play=play,
            label=label,
            group=group or "",
            more=more,
            progress=progress,
        )

    def write(self) -> None:
        """Publish the page, if it has anything to show, and say where it is."""
        page = self._page
        if page is None or not (page.rows or page.left_out):
            return
        with self.report.attempt(None):
            data = page.html()
            path, digest = self.folder.write(data, self.path, self.fields)
            self._tell(path, digest, page.rows, page.soundless, page.left_out)
            if notice := page.notice:
                self.report.warn(None, f"{clean(str(path))}: {notice}")
            size = f"{len(data) / 1e6:.1f} MB"
            self.report.say(f"to hear and compare, open {clean(str(path))} in a browser ({size})")

    def plan(self, files: int) -> None:
        """What a dry run shows of so many files."""
        if self.is_wanted and files:
            self._tell(self.path, None, files, 0, 0)

    def _tell(
        self, path: Path, digest: str | None, files: int, without_sound: int, left_out: int
    ) -> None:
        self.report.more["preview"] = {
            "path": str(path),
            "sha256": digest,
            "files": files,
            "without_sound": without_sound,
            "left_out": left_out,
        }

    @property
    def _seed_to_add(self) -> int | None:
        return self.seed if self.is_drawn else None


def _words() -> tuple[str, ...]:
    """Those that the program was started with."""
    context = click.get_current_context(silent=True)
    session = None if context is None else context.obj
    return () if session is None else tuple(session.words)
