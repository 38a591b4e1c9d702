"""From a request to files: what `generate`, `continue` and every later verb have in common."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import midi, models
from musegen.verbs.takes import serving
from musegen.weights import check_weights

from .console import clean, progress
from .facts import Facts
from .interrupts import held_back
from .names import Fields, fields
from .outputs import Folder
from .report import Output, Report

if TYPE_CHECKING:
    from musegen.song import Song
    from musegen.sound import SoundFont
    from musegen.verbs import Takes


@dataclass(frozen=True)
class Expected:
    """What is known of the songs before they are written; `bpm` and `key` may not be."""

    stem: str
    bars: int
    bpm: float | None
    key: str | None
    model: str | None = None
    """Where none was asked for, the one that was chosen."""


class Writer:
    """Runs one verb, once or for one input after another, into one folder."""

    def __init__(
        self,
        verb: str,
        report: Report,
        sampling: Mapping[str, Any],
        output: Mapping[str, Any],
        inputs: Iterable[Path] = (),
        steps: int = 1,
        also: Iterable[str] = (),
    ) -> None:
        """`steps` is how many songs make up one variation, `also` are further models it takes."""
        self.verb, self.report, self.sampling = verb, report, dict(sampling)
        self.is_plotted, self.audio = output["plot"], output["sounded"]
        self.folder = Folder(
            output["folder"],
            output["template"],
            output["on_exists"],
            inputs,
            beside=(".svg",) * self.is_plotted + (f".{self.audio}",) * bool(self.audio),
        )
        self._font: SoundFont | None = None
        self.program_changes = not output["no_program"]
        if sampling["seed"] is None:
            self.sampling["seed"] = secrets.randbelow(2**32)
        self.seed, self.variations = self.sampling["seed"], self.sampling["variations"]
        self.steps = steps
        # Here, not for every input, nor where torch has been loaded for nothing.
        if sampling["model"] is not None:
            serving(verb, sampling["model"])
            self._check(sampling["model"])
        for model in also:
            self._check(model)
        report.say(f"seed {self.seed}" + " (drawn)" * (sampling["seed"] is None))

    def run(
        self,
        verb: Callable[..., Takes],
        expected: Expected,
        input_name: str | None = None,
    ) -> None:
        """Write the takes of `verb`, which gets the sampling options and `progress`."""
        if self.sampling["model"] is None and expected.model is not None:
            self._check(expected.model)
        if self.report.dry_run or not self.folder.names_need_songs:
            before = self._fields(expected.stem, expected.bars, expected.bpm, expected.key)
            paths = self.folder.paths([before] * (self.variations * self.steps))
            skipped = [path for path in paths if self.folder.is_skipped(path)]
            if self.report.dry_run or len(skipped) == len(paths):
                self._plan(expected, input_name, paths, skipped)
                return
        with held_back():
            import torch  # noqa: F401 (broken off in the middle, it takes Python along)
        with progress(input_name or self.verb, wanted=not self.report.quiet) as update:
            takes = verb(**self.sampling, progress=update)
        for remark in (*takes.remarks, *midi.shared_programs(takes[0])):
            self.report.warn(input_name, remark)
        facts = [Facts.of(song) for song in takes]
        names = [self._fields(expected.stem, f.bars, f.bpm, f.key or "nokey") for f in facts]
        paths = self.folder.paths(names)
        for k, path in enumerate(paths):
            if self.folder.is_skipped(path):
                self._skip(input_name, path)
                continue
            data = midi.sound_bytes(
                takes[k], str(path), recipe=takes.recipe, program_changes=self.program_changes
            )
            path, digest = self.folder.write(data, path, names[k])
            self.folder.reserve(path)
            self.report.outputs.append(
                Output.of(
                    facts[k],
                    path,
                    input_name,
                    digest,
                    variation=k // self.steps + 1,
                    step=self._step(k),
                    seed=takes.seed,
                    model=takes.model,
                    plot=self._plot(takes[k], path),
                    audio=self._audio(takes[k], path),
                )
            )

    def _plot(self, song: Song, path: Path) -> str | None:
        """Where the picture of a song is, if there is to be one."""
        if not self.is_plotted:
            return None
        from musegen import plot

        picture = plot.svg(plot.drawing(song, title=path.stem))
        return str(self.folder.write_beside(picture.encode(), path, ".svg"))

    def _audio(self, song: Song, path: Path) -> str | None:
        """Where the sound of a song is, if there is to be some; a silent one has none."""
        if self.audio is None or not song.note_count:
            return None
        from musegen.sound import SoundFont, encode, play, usual_font

        self._font = self._font or SoundFont(usual_font())
        samples, gain = play(song, self._font)
        data = encode(samples, f".{self.audio}", gain=gain)
        return str(self.folder.write_beside(data, path, f".{self.audio}"))

    def _check(self, model: str) -> None:
        """The model's errors that are worth knowing early; in a dry run, all but torch's."""
        check = models.checked_header if self.report.dry_run else check_weights
        check(models.find(model))

    def _fields(self, stem: str, bars: int, bpm: float | None, key: str | None) -> Fields:
        return fields(stem=stem, verb=self.verb, bpm=bpm, key=key, bars=bars, seed=self.seed)

    def _step(self, k: int) -> int | None:
        return k % self.steps + 1 if self.steps > 1 else None

    def _skip(self, input_name: str | None, path: Path) -> None:
        self.folder.reserve(path)
        self.report.warn(input_name, f"{clean(str(path))} exists and was left as it is")

    def _plan(
        self,
        expected: Expected,
        input_name: str | None,
        paths: list[Path],
        skipped: list[Path],
    ) -> None:
        """What a dry run shows."""
        for k, path in enumerate(paths):
            if path in skipped:
                self._skip(input_name, path)
                continue
            self.folder.reserve(path)
            self.report.outputs.append(
                Output(
                    path=str(path),
                    input=input_name,
                    variation=k // self.steps + 1,
                    step=self._step(k),
                    seed=self.seed,
                    model=expected.model or self.sampling["model"],
                    bars=expected.bars,
                    bpm=expected.bpm,
                    key=expected.key,
                )
            )
