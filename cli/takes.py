"""From a request to files: what `generate`, `continue` and every later verb have in common."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen import midi, models
from musegen.verbs.takes import serving
from musegen.weights import check_weights

from .beside import Beside
from .cluster import Cluster
from .console import SOUND, clean, percent
from .interrupts import held_back
from .job import Draft, Job, Patched, Share
from .names import Fields, fields
from .outputs import Folder
from .previews import Preview
from .report import Report
from .together import Together
from .written import Output

if TYPE_CHECKING:
    from musegen.song import Song
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
        stem: str = "musegen",
        batched: bool = False,
    ) -> None:
        """`steps` is how many songs make up one variation, `also` are further models it takes.

        `stem` is what a file of the whole run begins with; `batched` is for a verb that can be
        given a batch.
        """
        self.verb, self.report, self.sampling = verb, report, dict(sampling)
        report.more["preview"] = None
        inputs = tuple(inputs)
        self.beside = Beside(output["plot"], output["sounded"])
        self.folder = Folder(
            output["folder"],
            output["template"],
            output["on_exists"],
            inputs,
            beside=self.beside.suffixes,
        )
        self.program_changes = not output["no_program"]
        is_drawn = sampling["seed"] is None
        if is_drawn:
            self.sampling["seed"] = secrets.randbelow(2**32)
        self.seed, self.variations = self.sampling["seed"], self.sampling["variations"]
        self.steps = steps
        # Here, not for every input, nor where torch has been loaded for nothing.
        if sampling["model"] is not None:
            serving(verb, sampling["model"])
            self._check(sampling["model"])
        for model in also:
            self._check(model)
        self.preview = None
        if output["previewed"]:
            self.preview = Preview(report, stem, self.seed, is_drawn, output, inputs)
        # A page shows inputs in their order, and names of songs are given in it.
        in_order = self.preview is not None or self.folder.names_need_songs
        self.later: Cluster | Together | None = None
        """What gathers the work on all inputs, where one does not simply follow the other."""
        if output["ray"] is not None:
            self.later = Cluster(report, output["ray"], self.sampling)
        elif batched and report.expected > 1 and not in_order:
            self.later = Together(report, self.sampling)
        report.say(f"seed {self.seed}" + " (drawn)" * is_drawn)

    def run(
        self,
        verb: Callable[..., Takes],
        expected: Expected,
        input_name: str | None = None,
        source: Song | None = None,
        patched: Patched | None = None,
    ) -> None:
        """Write the takes of `verb`, which gets the sampling options and `progress`.

        `source` is the song that they were made from, if it is worth hearing beside them; `patched`
        gives the file of a take where it is the input's with some changes.
        """
        if self.sampling["model"] is None and expected.model is not None:
            self._check(expected.model)
        before = self.fields(expected.stem, expected.bars, expected.bpm, expected.key)
        paths: list[Path] = []
        skipped: set[int] = set()
        if self.report.dry_run or not self.folder.names_need_songs:
            paths = self.folder.paths([before] * (self.variations * self.steps))
            skipped = {k for k, path in enumerate(paths) if self.folder.is_skipped(path)}
            if self.report.dry_run or len(skipped) == len(paths):
                self._plan(expected, input_name, paths, skipped)
                return
        job = Job(self, input_name, expected.stem, source, patched, paths, skipped)
        wanted = job.numbers
        if self.later is not None:
            self.later.add(job, verb, wanted)
            for path in paths:
                self.folder.reserve(path)
            return
        with held_back():
            import torch  # noqa: F401 (broken off in the middle, it takes Python along)
        with (
            self.report.progress(input_name or self.verb) as update,
            self._played(input_name, len(wanted) * self.steps + 1) as job.share,
        ):
            takes = verb(
                **self.sampling
                | {"variations": self.variations if len(wanted) == self.variations else wanted},
                progress=update,
                each=job.add if job.comes_one_by_one else None,
            )
            job.gather(takes, wanted)
            job.finish()
        job.tell()

    def write(
        self,
        takes: Takes,
        k: int,
        draft: Draft,
        path: Path,
        name: Fields,
        input_name: str | None,
        share: Share,
    ) -> None:
        """Take `k`, and all that lies beside it; `share` is of its own sound."""
        song, data = draft.song, draft.data
        if data is None:
            data = midi.sound_bytes(
                song, str(path), recipe=takes.recipe, program_changes=self.program_changes
            )
        path, digest = self.folder.write(data, path, name)
        self.folder.reserve(path)
        output = Output.of(
            draft.facts,
            path,
            input_name,
            digest,
            variation=k // self.steps + 1,
            step=self._step(k),
            seed=takes.seed,
            model=takes.model,
        )
        self.report.outputs.append(output)
        play = self.beside.player(song, share(0, 0.4))
        picture, sound = self.beside.write(self.folder, song, path, play, share(0.4, 0.7))
        self.report.outputs[-1] = replace(output, plot=picture, audio=sound)
        if self.preview is not None:
            self.preview.add(
                song,
                path.name,
                play,
                data=data,
                label=self._label(k),
                group=input_name,
                model=takes.model,
                progress=share(0.7, 1),
            )

    @contextmanager
    def _played(self, input_name: str | None, songs: int) -> Iterator[Share]:
        """While so many songs are played, if they are: what makes the part of one of its share."""
        if self.preview is None and self.beside.audio is None:
            yield lambda first, last: None
            return
        from musegen.sound import part

        with self.report.progress(input_name or self.verb, SOUND) as update:
            whole = percent(update)
            yield lambda first, last: part(whole, first / songs, last / songs)

    def finish(self) -> None:
        """Have done what is left to do; write what is one file for the whole run.

        In a dry run, plan it.
        """
        if self.later is not None:
            self.later.finish()
        if self.preview is None:
            return
        if self.report.dry_run:
            self.preview.plan(len(self.report.outputs))
        else:
            self.preview.write()

    def _check(self, model: str) -> None:
        """The model's errors that are worth knowing early; in a dry run, all but torch's."""
        check = models.checked_header if self.report.dry_run else check_weights
        check(models.find(model))

    def fields(self, stem: str, bars: int, bpm: float | None, key: str | None) -> Fields:
        return fields(stem=stem, verb=self.verb, bpm=bpm, key=key, bars=bars, seed=self.seed)

    def _step(self, k: int) -> int | None:
        return k % self.steps + 1 if self.steps > 1 else None

    def _label(self, k: int) -> str:
        """What the page calls it."""
        if self.steps == 1:
            return f"Take {k + 1}"
        way = f"Way {k // self.steps + 1}, step" if self.variations > 1 else "Step"
        return f"{way} {k % self.steps + 1}"

    def skip(self, input_name: str | None, path: Path) -> None:
        self.folder.reserve(path)
        self.report.warn(input_name, f"{clean(str(path))} exists and was left as it is")

    def _plan(
        self,
        expected: Expected,
        input_name: str | None,
        paths: list[Path],
        skipped: Container[int],
    ) -> None:
        """What a dry run shows."""
        for k, path in enumerate(paths):
            if k in skipped:
                self.skip(input_name, path)
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
