"""The files of one corpus, read in many processes: what is made of each, or why it is dropped."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from musegen import clips, midi
from musegen.analysis import key_of
from musegen.codecs.layout import METERS
from musegen.data import corpora
from musegen.data.beats import on_beats
from musegen.data.corpora import SPLITS, Corpus
from musegen.errors import LimitError, UnreadableError
from musegen.general_midi import TD11_TO_GM
from musegen.song import Notes, Song, Track
from musegen.time import bar_lines

T = TypeVar("T")


class Job(NamedTuple):
    """A file of a corpus by its name, and its split."""

    name: str
    split: str


Encode = Callable[[Song, Corpus, Job], Iterable[T]]


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """What became of one file: examples, or the reason why there are none."""

    split: str
    examples: tuple[T, ...] = ()
    dropped: str = ""


def outcomes(
    corpus: Corpus, path: Path, files: dict[str, str], encode: Encode[T], workers: int | None
) -> Iterator[Outcome[T]]:
    """The outcome of each of the files (name to split) of a corpus, in the order of their names.

    `encode` must be a function that processes can be sent. What it refuses with ValueError is
    dropped for that reason.
    """
    unlicensed = corpora.unlicensed(corpus, path)
    for name in sorted(unlicensed & files.keys()):
        yield Outcome(files[name], dropped="another licence")
    jobs = sorted(Job(name, split) for name, split in files.items() if name not in unlicensed)
    work = partial(_outcome, corpus=corpus, path=path, encode=encode)
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(work, jobs)
        return
    # Forking beside torch's threads can hang. An interrupt is this process's to tell.
    with ProcessPoolExecutor(
        workers,
        multiprocessing.get_context("spawn"),
        initializer=signal.signal,
        initargs=(signal.SIGINT, signal.SIG_IGN),
    ) as pool:
        try:
            yield from pool.map(work, jobs, chunksize=16)
        finally:
            pool.shutdown(cancel_futures=True)


def line(
    name: str, kept: Mapping[str, int], what: str, more: str, dropped: Mapping[str, int]
) -> str:
    """What has become of a corpus in words: how much is kept of each split, and what is dropped."""
    counts = ", ".join(f"{kept[split]:,} {split}" for split in SPLITS)
    lost = ", ".join(f"{count} {reason}" for reason, count in dropped.items())
    return f"{name}: {counts} {what}; {more}" + (f"; dropped: {lost}" if lost else "")


def beats_of(name: str, corpus: Corpus) -> str | None:
    """The beat annotation beside the file `name`."""
    return corpus.beats and str(Path(name).parent / corpus.beats)


@lru_cache(maxsize=1)
def _opened(path: Path) -> Callable[[str], bytes]:
    return corpora.opener(path)


def _outcome(job: Job, corpus: Corpus, path: Path, encode: Encode[T]) -> Outcome[T]:
    name, split = job
    try:
        song = midi.parse(_opened(path)(name), name).song
    except UnreadableError:
        return Outcome(split, dropped="unreadable")
    except LimitError:
        return Outcome(split, dropped="beyond a limit")
    except KeyError:
        return Outcome(split, dropped="missing")
    try:
        if beats := beats_of(name, corpus):
            song = on_beats(song, _opened(path)(beats).decode())
        examples = tuple(encode(song, corpus, job))
    except (KeyError, LimitError, UnreadableError):
        return Outcome(split, dropped="no beat annotation")
    except ValueError as error:
        return Outcome(split, dropped=str(error))
    return Outcome(split, examples, "" if examples else "too short, or no fitting track")


# One song


def excerpts(song: Song, corpus: Corpus, steps_per_quarter: int, *, single: bool) -> Iterator[Song]:
    """What a corpus's recipe wants of a song, on a grid and without the silence around it.

    That is all the tracks wanted together, or, `single`, each melody among them by itself.
    """
    key = key_of(song)
    tracks = [clips.sustained(t, song.length) for t in song.tracks if len(t.notes)]
    if corpus.drum_map == "td11":
        tracks = [_from_td11(t) if t.is_drum else t for t in tracks]
    if corpus.tracks == ("first",):
        tracks = tracks[:1]
    elif corpus.tracks:
        tracks = [t for t in tracks if t.name.startswith(corpus.tracks)]
    groups = [tuple(tracks)]
    if single:
        groups = [(t,) for t in tracks if not t.is_drum and clips.is_monophonic(t.notes)]
    for group in groups:
        whole = clips.whole_bars(replace(song, tracks=group, key=key))
        yield trimmed(clips.quantised(_known_meters(whole), steps_per_quarter))


def _from_td11(track: Track) -> Track:
    table = np.arange(128)
    for pitch, general in TD11_TO_GM.items():
        table[pitch] = general
    notes = track.notes
    mapped = Notes(notes.start, notes.duration, table[notes.pitch], notes.velocity)
    return replace(track, notes=mapped.without_overlaps())


def _known_meters(song: Song) -> Song:
    """The longest stretch of bars whose metre the codec knows."""
    lines, meters = bar_lines(song)
    known = [(m.numerator, m.denominator) in METERS for m in meters]
    if all(known):
        return song
    best, first = (0, 0), None
    for i, good in enumerate([*known, False]):
        if good and first is None:
            first = i
        if not good and first is not None:
            best, first = max(best, (first, i), key=lambda span: span[1] - span[0]), None
    return song.between(int(lines[best[0]]), int(lines[best[1]]))


def trimmed(song: Song) -> Song:
    """Without the empty bars before the first note and after the last one."""
    if not song.note_count:
        return song
    lines, _ = bar_lines(song)
    first = min(int(t.notes.start[0]) for t in song.tracks if len(t.notes))
    last = max(int(t.notes.start[-1]) for t in song.tracks if len(t.notes))
    begin, end = np.searchsorted(lines, (first, last), side="right")
    if begin == 1 and end == len(lines) - 1:
        return song
    return song.between(int(lines[begin - 1]), int(lines[end]))
