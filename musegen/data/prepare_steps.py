"""Files of MIDI with melodies or drums, to the tables of `data.steps`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from musegen import clips
from musegen.codecs.steps import Frame, StepsLayout, encode_drums, encode_melody
from musegen.data import corpora, shards, steps
from musegen.data.corpora import SPLITS, Corpus
from musegen.data.files import Job, excerpts, line, outcomes, trimmed
from musegen.data.prepare_drums import drum_notes
from musegen.data.steps import StepSong
from musegen.errors import UsageError
from musegen.song import Song

GRID = 12
"""Ticks a quarter of the melodies that frames are laid on."""
MIN_NOTES = 8


def encode(song: Song, corpus: Corpus, layout: StepsLayout, number: int) -> Iterator[StepSong]:
    """The parts of one song that the corpus's recipe wants."""
    if layout.is_melody:
        for excerpt in excerpts(song, corpus, GRID, single=True):
            notes = clips.melody(excerpt.tracks[0].notes)
            frame = Frame.of(excerpt, notes.start)
            if len(notes) >= MIN_NOTES:
                yield StepSong(number, encode_melody(notes, frame), frame.slots, frame.bar)
        return
    whole = trimmed(clips.whole_bars(song.at_resolution(480)))
    notes = drum_notes(whole)
    if len(notes) >= MIN_NOTES:
        frame = Frame.of(whole, notes.start)
        yield StepSong(number, encode_drums(notes, frame), frame.slots, frame.bar)


def prepare_steps(
    wanted: tuple[Corpus, ...],
    layout: StepsLayout,
    folder: Path,
    splits_file: Path,
    output: Path,
    *,
    workers: int | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Encode the corpora found in `folder` into `output`; return what `shards.json` says."""
    shards.claim(output, "steps.npz")
    songs: dict[str, list[StepSong]] = {split: [] for split in SPLITS}
    summary: dict[str, Any] = {}
    located = corpora.located(wanted, folder, splits_file)
    for number, (corpus, path, files) in enumerate(located):
        for field in ("tracks", "drum_map"):
            if getattr(corpus, field) and not layout.is_melody:
                raise UsageError(f"corpus {corpus.name}: {field!r} is not for drums")
        dropped: Counter[str] = Counter()
        counts = {what: dict.fromkeys(SPLITS, 0) for what in ("parts", "bars")}
        work = partial(_encode, layout=layout, number=number)
        for outcome in outcomes(corpus, path, files, work, workers):
            songs[outcome.split] += outcome.examples
            if outcome.dropped:
                dropped[outcome.dropped] += 1
            counts["parts"][outcome.split] += len(outcome.examples)
            counts["bars"][outcome.split] += sum(int(p.bar[-1]) + 1 for p in outcome.examples)
        summary[corpus.name] = counts | {"dropped": dict(sorted(dropped.items()))}
        bars = f"{sum(counts['bars'].values()):,} bars"
        report(line(corpus.name, counts["parts"], "parts", bars, dropped))
    for split in SPLITS:
        steps.save(songs[split], output / f"{split}.steps.npz")
    return shards.save_info(output, layout, summary)


def _encode(
    song: Song, corpus: Corpus, _: Job, layout: StepsLayout, number: int
) -> Iterator[StepSong]:
    return encode(song, corpus, layout, number)
