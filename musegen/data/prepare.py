"""MIDI files of many corpora to the shards that one model trains on.

Each corpus is encoded on its own and kept as a part, so that an interrupted run goes on where it
was. Where the codec has many tracks, half of the songs to train on have a keyboard's hands on one
track (`data.hands`); those that a model is measured on stay as they are, so that figures compare.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musegen.codecs.bars import BarCodec
from musegen.codecs.layout import Layout
from musegen.data import corpora, hands, shards
from musegen.data.corpora import SPLITS, Corpus
from musegen.data.files import Job, beats_of, excerpts, line, outcomes
from musegen.data.shards import Builder
from musegen.errors import OutputError, UnreadableError
from musegen.song import Song
from musegen.time import bar_lines

MIN_BARS = 4
"""Shorter pieces are dropped."""
MIN_NOTES = 16
VERSION = 2
"""Of the encoding: parts that another version made are made anew."""


@dataclass(frozen=True)
class Encoded:
    """A song ready for a shard."""

    header: list[int]
    bars: list[list[int]]
    meters: list[int]
    notes: int


def prepare(
    wanted: tuple[Corpus, ...],
    layout: Layout,
    folder: Path,
    splits_file: Path,
    output: Path,
    *,
    workers: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Encode the corpora found in `folder` into `output`; return what `shards.json` says."""
    shards.claim(output, *(f"{part}.npy" for part in shards.PARTS))
    parts = output / "parts"
    if parts.is_symlink():
        raise OutputError(f"{parts}: a link, which is not written through; choose a new --output")
    summary: dict[str, Any] = {}
    for corpus, path, files in corpora.located(wanted, folder, splits_file):
        key = _fingerprint(corpus, layout, files, path)
        part = parts / f"{corpus.name}-{key}.npz"
        if not part.is_file():
            _write_part(part, corpus, layout, path, files, workers)
        summary[corpus.name] = json.loads(str(_arrays(part, ["summary"])[0]))
        report(_line(corpus.name, summary[corpus.name]))
        summary[corpus.name]["part"] = part.name
    for split in SPLITS:
        builder = Builder()
        for number, corpus in enumerate(wanted):
            for song in _read_part(parts / summary[corpus.name]["part"], split):
                end = BarCodec(layout).vocabulary.token("end")
                builder.add(number, song.header, song.bars, song.meters, song.notes, end)
        builder.write(output, split)
    return shards.save_info(output, layout, summary)


def _line(name: str, summary: dict[str, Any]) -> str:
    notes, tokens = (sum(summary[what].values()) for what in ("notes", "tokens"))
    more = f"{notes:,} notes, {tokens / max(notes, 1):.2f} tokens a note"
    return line(name, summary["songs"], "songs", more, summary["dropped"])


def _fingerprint(corpus: Corpus, layout: Layout, files: dict[str, str], path: Path) -> str:
    beats = (beats_of(name, corpus) for name in files)
    read = {name for name in (*files, *beats, corpus.index) if name}
    facts = [
        VERSION,
        asdict(replace(corpus, weight=1.0)),
        asdict(replace(layout, controls=False)),
        sorted(files.items()),
        sorted(corpora.marks(path, read).items()),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


# One corpus


def _write_part(
    part: Path,
    corpus: Corpus,
    layout: Layout,
    path: Path,
    files: dict[str, str],
    workers: int | None,
) -> None:
    dropped: Counter[str] = Counter()
    songs: dict[str, list[Encoded]] = {split: [] for split in SPLITS}
    for outcome in outcomes(corpus, path, files, partial(_encode, layout=layout), workers):
        songs[outcome.split] += outcome.examples
        if outcome.dropped:
            dropped[outcome.dropped] += 1
    arrays: dict[str, Any] = {}
    summary: dict[str, Any] = {"songs": {}, "bars": {}, "notes": {}, "tokens": {}}
    for split, encoded in songs.items():
        flat = [t for s in encoded for ids in (s.header, *s.bars) for t in ids]
        arrays[f"{split}.tokens"] = np.array(flat, dtype=np.uint16)
        arrays[f"{split}.bars"] = np.array(
            [(len(b), m) for s in encoded for b, m in zip(s.bars, s.meters, strict=True)],
            dtype=np.int32,
        ).reshape(-1, 2)
        arrays[f"{split}.songs"] = np.array(
            [(len(s.header), len(s.bars), s.notes) for s in encoded], dtype=np.int64
        ).reshape(-1, 3)
        summary["songs"][split] = len(encoded)
        summary["bars"][split] = sum(len(s.bars) for s in encoded)
        summary["notes"][split] = sum(s.notes for s in encoded)
        summary["tokens"][split] = len(flat)
    summary["dropped"] = dict(sorted(dropped.items()))
    shards.save_arrays(part, summary=np.array(json.dumps(summary)), **arrays)


def _arrays(part: Path, names: Iterable[str]) -> list[Any]:
    try:
        with open(part, "rb") as file, np.load(file) as arrays:
            return [arrays[name] for name in names]
    except shards.DAMAGES:
        raise UnreadableError(f"{part}: damaged; remove it, and prepare again") from None


def _read_part(part: Path, split: str) -> Iterator[Encoded]:
    names = (f"{split}.{name}" for name in shards.PARTS)
    tokens, bars, songs = (array.tolist() for array in _arrays(part, names))
    at = bar = 0
    for header_length, bar_count, notes in songs:
        header = tokens[at : at + header_length]
        at += header_length
        contents = []
        for length, _ in bars[bar : bar + bar_count]:
            contents.append(tokens[at : at + length])
            at += length
        yield Encoded(header, contents, [m for _, m in bars[bar : bar + bar_count]], notes)
        bar += bar_count


# One song


def encode(
    song: Song, corpus: Corpus, codec: BarCodec, *, one_keyboard: bool = False
) -> Iterator[Encoded]:
    """The training examples in one song, as the corpus's recipe wants them.

    `one_keyboard` puts a keyboard's hands on one track.
    """
    layout = codec.layout
    for excerpt in excerpts(song, corpus, layout.steps_per_quarter, single=not layout.max_tracks):
        # Not before: the recipe may want but one hand, and each hand has a pedal and a grid.
        clip = codec.clip(hands.together(excerpt) if one_keyboard else excerpt)
        _, meters = bar_lines(clip)
        if len(meters) < MIN_BARS or clip.note_count < MIN_NOTES:
            continue
        header = codec.header(codec.header_of(clip, corpus.style))
        values = [codec.meter_value(m) for m in meters]
        yield Encoded(header, codec.encode_bars(clip), values, clip.note_count)


def _encode(song: Song, corpus: Corpus, job: Job, layout: Layout) -> Iterator[Encoded]:
    one_keyboard = layout.max_tracks > 0 and job.split == "train" and hands.is_chosen(job.name)
    return encode(song, corpus, BarCodec(layout), one_keyboard=one_keyboard)
