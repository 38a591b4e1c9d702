"""MIDI files of many corpora to the shards that one model trains on.

Each corpus is encoded on its own and kept as a part, so that an interrupted run goes on where it
was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from musegen import clips, midi
from musegen.analysis import key_of
from musegen.codecs.bars import METERS, BarCodec, Layout
from musegen.data import corpora
from musegen.data.beats import on_beats
from musegen.data.corpora import SPLITS, Corpus
from musegen.data.shards import Builder
from musegen.errors import LimitError, UnreadableError
from musegen.general_midi import TD11_TO_GM
from musegen.song import Notes, Song, Track
from musegen.time import bar_lines

MIN_BARS = 4
"""Shorter pieces are dropped."""
MIN_NOTES = 16
VERSION = 1
"""Of the encoding: parts that another version made are made anew."""


@dataclass(frozen=True)
class Encoded:
    """A song ready for a shard."""

    header: list[int]
    bars: list[list[int]]
    meters: list[int]
    notes: int


@dataclass(frozen=True)
class Outcome:
    """What became of one file: songs, or the reason why there are none."""

    split: str
    songs: tuple[Encoded, ...] = ()
    dropped: str = ""


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
    parts = output / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    summary: dict[str, Any] = {}
    for corpus in wanted:
        path = corpora.find(corpus.name, folder)
        files = corpora.splits(splits_file, corpus.name)
        key = _fingerprint(corpus, layout, files, path)
        part = parts / f"{corpus.name}-{key}.npz"
        if not part.exists():
            _write_part(part, corpus, layout, path, files, workers)
        summary[corpus.name] = json.loads(str(np.load(part)["summary"]))
        report(_line(corpus.name, summary[corpus.name]))
        summary[corpus.name]["part"] = part.name
    for split in SPLITS:
        builder = Builder()
        for number, corpus in enumerate(wanted):
            for song in _read_part(parts / summary[corpus.name]["part"], split):
                end = BarCodec(layout).vocabulary.token("end")
                builder.add(number, song.header, song.bars, song.meters, song.notes, end)
        builder.write(output, split)
    info = {"layout": asdict(layout), "corpora": summary}
    temporary = output / "shards.json.new"
    temporary.write_text(json.dumps(info, indent=1), encoding="utf-8")
    os.replace(temporary, output / "shards.json")
    return info


def _line(name: str, summary: dict[str, Any]) -> str:
    kept = ", ".join(f"{summary['songs'][s]:,} {s}" for s in SPLITS)
    dropped = ", ".join(f"{count} {reason}" for reason, count in summary["dropped"].items())
    notes, tokens = (sum(summary[what].values()) for what in ("notes", "tokens"))
    return f"{name}: {kept} songs; {notes:,} notes, {tokens / max(notes, 1):.2f} tokens a note" + (
        f"; dropped: {dropped}" if dropped else ""
    )


def _fingerprint(corpus: Corpus, layout: Layout, files: dict[str, str], path: Path) -> str:
    beats = (_beats(name, corpus) for name in files)
    read = {name for name in (*files, *beats, corpus.index) if name}
    facts = [
        VERSION,
        asdict(replace(corpus, weight=1.0)),
        asdict(layout),
        sorted(files.items()),
        sorted(corpora.marks(path, read).items()),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]


def _beats(name: str, corpus: Corpus) -> str | None:
    """The beat annotation beside the file `name`."""
    return corpus.beats and str(Path(name).parent / corpus.beats)


# One corpus


def _write_part(
    part: Path,
    corpus: Corpus,
    layout: Layout,
    path: Path,
    files: dict[str, str],
    workers: int | None,
) -> None:
    unlicensed = corpora.unlicensed(corpus, corpora.opener(path))
    dropped: Counter[str] = Counter()
    songs: dict[str, list[Encoded]] = {split: [] for split in SPLITS}
    jobs = sorted((name, split) for name, split in files.items() if name not in unlicensed)
    if len(jobs) < len(files):
        dropped["another licence"] = len(files) - len(jobs)
    work = partial(_encode_file, corpus=corpus, layout=layout, path=path)
    for outcome in _mapped(work, jobs, workers or os.cpu_count() or 1):
        songs[outcome.split] += outcome.songs
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
    temporary = part.with_suffix(".new.npz")
    np.savez_compressed(temporary, summary=np.array(json.dumps(summary)), **arrays)
    os.replace(temporary, part)


def _mapped(
    work: Callable[[tuple[str, str]], Outcome], jobs: list[tuple[str, str]], workers: int
) -> Iterator[Outcome]:
    """The outcomes of jobs in their order, from so many processes."""
    if workers == 1:
        yield from map(work, jobs)
        return
    # forking beside torch's threads can hang
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(work, jobs, chunksize=16)


def _read_part(part: Path, split: str) -> Iterator[Encoded]:
    with np.load(part) as arrays:
        tokens = arrays[f"{split}.tokens"].tolist()
        bars = arrays[f"{split}.bars"].tolist()
        songs = arrays[f"{split}.songs"].tolist()
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


# One file


@lru_cache(maxsize=1)
def _opened(path: Path) -> Callable[[str], bytes]:
    return corpora.opener(path)


def _encode_file(job: tuple[str, str], corpus: Corpus, layout: Layout, path: Path) -> Outcome:
    name, split = job
    try:
        song = midi.parse(_opened(path)(name), name).song
    except (UnreadableError, LimitError):
        return Outcome(split, dropped="unreadable")
    except KeyError:
        return Outcome(split, dropped="missing")
    try:
        if beats := _beats(name, corpus):
            song = on_beats(song, _opened(path)(beats).decode())
        encoded = tuple(encode(song, corpus, BarCodec(layout)))
    except KeyError:
        return Outcome(split, dropped="no beat annotation")
    except ValueError as error:
        return Outcome(split, dropped=str(error))
    return Outcome(split, encoded, "" if encoded else "too short, or no fitting track")


def encode(song: Song, corpus: Corpus, codec: BarCodec) -> Iterator[Encoded]:
    """The training examples in one song, as the corpus's recipe wants them."""
    key = key_of(song)
    tracks = [clips.sustained(t, song.length) for t in song.tracks if len(t.notes)]
    if corpus.drum_map == "td11":
        tracks = [_from_td11(t) if t.is_drum else t for t in tracks]
    if corpus.tracks == ("first",):
        tracks = tracks[:1]
    elif corpus.tracks:
        tracks = [t for t in tracks if t.name.startswith(corpus.tracks)]
    if codec.layout.max_tracks:
        groups = [tuple(tracks)]
    else:
        groups = [(t,) for t in tracks if not t.is_drum and clips.is_monophonic(t.notes)]
    for group in groups:
        whole = clips.whole_bars(replace(song, tracks=group, key=key))
        grid = clips.quantised(_known_meters(whole), codec.layout.steps_per_quarter)
        clip = codec.clip(_trimmed(grid))
        _, meters = bar_lines(clip)
        if len(meters) < MIN_BARS or clip.note_count < MIN_NOTES:
            continue
        header = codec.header(codec.header_of(clip, corpus.style))
        values = [codec.meter_value(m) for m in meters]
        yield Encoded(header, codec.encode_bars(clip), values, clip.note_count)


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


def _trimmed(song: Song) -> Song:
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
