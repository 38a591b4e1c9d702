"""One run of a verb: each song becomes files as soon as it is there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import midi

from .facts import Facts
from .names import Fields

if TYPE_CHECKING:
    from musegen.song import Song
    from musegen.sound import Progress
    from musegen.verbs import Takes

    from .takes import Writer


@dataclass(frozen=True)
class Draft:
    """What a take is to be as a file."""

    song: Song
    """As it is read from the file."""
    facts: Facts
    data: bytes | None
    """The file, or None where the song is to be written anew."""

    @classmethod
    def of(cls, song: Song, data: bytes | None) -> Draft:
        # What shares a channel with other tracks may have had to make way for them.
        song = song if data is None else midi.parse(data).song
        return cls(song, Facts.of(song), data)


Patched = Callable[["Takes", int], bytes | None]
"""Gives the bytes of a take, or None where it is to be written anew."""
Share = Callable[[float, float], "Progress | None"]
"""What is told of the sound from the first share to the last."""


def _within(share: Share, place: int, first: float, last: float) -> Progress | None:
    return share(place + first, place + last)


class Job:
    """The takes of one input. They come in any order, and are written as they come.

    A page shows its songs in order, so with one each waits for its turn. Where names depend on the
    songs, all wait for the last.
    """

    def __init__(
        self,
        writer: Writer,
        input_name: str | None,
        stem: str,
        source: Song | None,
        patched: Patched | None,
        paths: Sequence[Path],
        skipped: Iterable[int],
    ) -> None:
        """`paths` are those of all takes, or none where they depend on the songs.

        `skipped` are the numbers of those that are there and stay.
        """
        self.writer, self.input_name, self.stem, self.source = writer, input_name, stem, source
        self.patched = patched
        self.share: Share = lambda first, last: None
        self._paths = dict(enumerate(paths)) if paths else None
        """Of the takes that are still to be written, by their number among all."""
        self._skipped = [paths[k] for k in sorted(skipped)]
        if self._paths is not None:
            for k in skipped:
                del self._paths[k]
        self._remarks: dict[str, None] = {}
        """Of the verb."""
        self._said: dict[int, tuple[str, ...]] = {}
        """Remarks of takes, by their variation."""
        self._shared: tuple[str, ...] = ()
        """What a person should know of the programs of the first take."""
        self._first: int | None = None
        self._waiting: dict[int, tuple[Takes, Draft]] = {}
        self._done = 0

    @property
    def numbers(self) -> list[int]:
        """Of the variations of which a file is missing."""
        every, steps = range(self.writer.variations), self.writer.steps
        if self._paths is None:
            return [*every]
        return [n for n in every if any(n * steps + i in self._paths for i in range(steps))]

    @property
    def comes_one_by_one(self) -> bool:
        """Whether a take may be written before all are made."""
        return self._paths is not None

    def add(self, number: int, takes: Takes) -> None:
        """The takes of one variation, by its number from 0 on."""
        self._said[number] = takes.remarks
        self._add([number], takes)

    def gather(self, takes: Takes, numbers: Sequence[int]) -> None:
        """What a verb returned: the takes that it has not handed over, and its remarks."""
        self._add(numbers, takes)
        self._remarks |= dict.fromkeys(takes.remarks)

    def finish(self) -> None:
        """Write what waits for the last song."""
        if self._paths is None:
            fields = {k: self._fields(d.facts) for k, (_, d) in sorted(self._waiting.items())}
            paths = self.writer.folder.paths([*fields.values()])
            for k, path in zip(fields, paths, strict=True):
                if self.writer.folder.is_skipped(path):
                    self._skipped.append(path)
                else:
                    self._write(k, path)
        else:
            for k in sorted(self._waiting):  # one before them could not be made
                self._write(k, self._paths.pop(k))

    def tell(self) -> None:
        """What there is to tell of it, once it is finished."""
        said = (remark for number in sorted(self._said) for remark in self._said[number])
        for remark in (*self._remarks, *said, *self._shared):
            self.writer.report.warn(self.input_name, remark)
        for path in self._skipped:
            self.writer.skip(self.input_name, path)

    def _add(self, numbers: Sequence[int], takes: Takes) -> None:
        steps = self.writer.steps
        for place in range(len(takes)):
            self._add_one(numbers[place // steps] * steps + place % steps, takes, place)

    def _add_one(self, k: int, takes: Takes, place: int) -> None:
        song, data = takes[place], None if self.patched is None else self.patched(takes, place)
        if self._first is None or k < self._first:
            self._first = k
            self._shared = midi.shared_programs(song) if data is None else ()
        if self._paths is None:
            self._waiting[k] = takes, Draft.of(song, data)
        elif k in self._paths:  # or its file is there, and that of another step was missing
            self._waiting[k] = takes, Draft.of(song, data)
            in_order = self.writer.preview is not None
            ready = list(takewhile(self._waiting.__contains__, self._paths)) if in_order else [k]
            for k in ready:
                self._write(k, self._paths.pop(k))

    def _write(self, k: int, path: Path) -> None:
        takes, draft = self._waiting.pop(k)
        preview, share = self.writer.preview, self.share
        if not self._done and preview is not None and self.source is not None:
            preview.add(
                self.source,
                "" if self.input_name is None else os.path.basename(self.input_name),
                self.writer.beside.player(self.source, share(0, 0.5)),
                label="The input",
                group=self.input_name,
                model=takes.model,
                progress=share(0.5, 1),
            )
        self._done += 1
        own = partial(_within, share, self._done)
        name = self._fields(draft.facts)
        self.writer.write(takes, k, draft, path, name, self.input_name, own)

    def _fields(self, facts: Facts) -> Fields:
        return self.writer.fields(self.stem, facts.bars, facts.bpm, facts.key or "nokey")
