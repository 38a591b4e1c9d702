"""What lies beside a song's file, under its stem: its picture and its sound."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from .outputs import Folder

if TYPE_CHECKING:
    from musegen.song import Song
    from musegen.sound import Progress, SoundFont
    from musegen.sound.envelope import Floats


class Beside:
    """`audio` is a format without its dot, or None."""

    def __init__(self, is_plotted: bool, audio: str | None) -> None:
        self.is_plotted, self.audio = is_plotted, audio
        self._font: SoundFont | None = None

    @property
    def suffixes(self) -> tuple[str, ...]:
        return (".svg",) * self.is_plotted + (f".{self.audio}",) * bool(self.audio)

    def player(
        self, song: Song, progress: Progress | None = None
    ) -> Callable[[], tuple[Floats, float]]:
        """Plays the song as `sound.play` does, once, however often it is called."""

        @cache
        def play() -> tuple[Floats, float]:
            from musegen.sound import SoundFont, play, usual_font

            self._font = self._font or SoundFont(usual_font())
            return play(song, self._font, progress=progress)

        return play

    def write(
        self,
        folder: Folder,
        song: Song,
        path: Path,
        play: Callable[[], tuple[Floats, float]],
        progress: Progress | None = None,
    ) -> tuple[str | None, str | None]:
        """Where the picture and the sound are, if they are wanted; a silent song has no sound."""
        picture = sound = None
        if self.is_plotted:
            from musegen import plot

            drawn = plot.svg(plot.drawing(song, title=path.stem))
            picture = str(folder.write_beside(drawn.encode(), path, ".svg"))
        if self.audio is not None and song.note_count:
            from musegen.sound import encode

            samples, gain = play()
            data = encode(samples, f".{self.audio}", gain=gain, progress=progress)
            sound = str(folder.write_beside(data, path, f".{self.audio}"))
        return picture, sound
