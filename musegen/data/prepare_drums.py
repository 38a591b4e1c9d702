"""Files of MIDI with drum performances, to the tables of `data.drums`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from musegen import clips, midi
from musegen.codecs.grid import Grid
from musegen.codecs.hits import FEATURES, Hits, HitsLayout
from musegen.data import corpora, drums, shards
from musegen.data.corpora import SPLITS, Corpus
from musegen.data.drums import DrumSong
from musegen.data.files import line
from musegen.errors import LimitError, UnreadableError, UsageError
from musegen.song import Notes, Song


def drum_notes(song: Song) -> Notes:
    """The notes of all drum tracks."""
    return Notes.together(t.notes for t in song.tracks if t.is_drum)


def encode(song: Song, style: int, corpus: int = 0) -> list[DrumSong]:
    """One performance on the grids that it can be heard on."""
    whole = clips.whole_bars(song.at_resolution(480))
    notes = drum_notes(whole)
    own = Grid.of(whole, notes.start)
    straight = Grid.of(whole, notes.start, "16th")
    grids = [own] if len(own) == len(straight) else [own, straight]
    songs = []
    for grid in grids:
        hits = Hits.of(notes, grid)
        features = hits.features()
        columns = [hits.step, *(features[f] for f in FEATURES if f != "chord"), hits.velocity]
        table = np.concatenate((np.stack(columns, 1), features["chord"]), 1)
        bpm, weight = whole.tempos[0].bpm, 1 / len(grids)
        offset = hits.offset.astype(np.float32)
        songs.append(
            DrumSong(corpus, style, bpm, weight, table, offset, grid.place[:-1], grid.bar[:-1])
        )
    return songs


def prepare_drums(
    wanted: tuple[Corpus, ...],
    layout: HitsLayout,
    folder: Path,
    splits_file: Path,
    output: Path,
    *,
    report: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Encode the corpora found in `folder` into `output`; return what `shards.json` says."""
    shards.claim(output, "drums.npz")
    songs: dict[str, list[DrumSong]] = {split: [] for split in SPLITS}
    summary: dict[str, Any] = {}
    located = corpora.located(wanted, folder, splits_file)
    for number, (corpus, path, files) in enumerate(located):
        for field in ("tracks", "beats", "drum_map", "index", "licenses"):
            if getattr(corpus, field):
                raise UsageError(f"corpus {corpus.name}: {field!r} is for models of tokens")
        read = corpora.opener(path)
        dropped: Counter[str] = Counter()
        counts = {what: dict.fromkeys(SPLITS, 0) for what in ("songs", "hits")}
        for name, split in sorted(files.items()):
            try:
                song = midi.parse(read(name), name).song
            except (UnreadableError, LimitError, KeyError):
                dropped["unreadable, or missing"] += 1
                continue
            encoded = encode(song, style_of(name, corpus, layout), number)
            if not len(encoded[0].hits):
                dropped["no drums"] += 1
                continue
            songs[split] += encoded
            counts["songs"][split] += 1
            counts["hits"][split] += len(encoded[0].hits)
        summary[corpus.name] = counts | {"dropped": dict(sorted(dropped.items()))}
        hits = f"{sum(counts['hits'].values()):,} hits"
        report(line(corpus.name, counts["songs"], "songs", hits, dropped))
    for split in SPLITS:
        drums.save(songs[split], output / f"{split}.drums.npz")
    return shards.save_info(output, layout, summary)


def style_of(name: str, corpus: Corpus, layout: HitsLayout) -> int:
    """The place in `layout.styles` of a file's style; their number where it is unknown."""
    found = re.search(corpus.style_pattern, name) if corpus.style_pattern else None
    style = found[1] if found else corpus.style
    return layout.styles.index(style) if style in layout.styles else len(layout.styles)
