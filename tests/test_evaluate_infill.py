"""How `infill` is measured: what is hidden, and what counts as right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from bar_songs import CONTROLLED

from musegen.codecs import BarCodec
from musegen.data import shards
from musegen.errors import UsageError
from musegen.evaluate_infill import BARS, LEAST_NOTES, MOST_BARS, Gap, Matches, gaps, infilling
from musegen.song import Notes, Song, Track

CODEC = BarCodec(CONTROLLED)


def rising(bars: int = BARS) -> Song:
    """Quarters on a grid of 12, each bar a step higher than the one before."""
    rows = [(12 * i, 12, 40 + i // 4, 72) for i in range(4 * bars)]
    return Song((Track(Notes.of(rows)), Track(Notes.of(rows), 40)), 48 * bars, 12)


def test_notes_match_that_begin_together_at_one_pitch() -> None:
    hidden = Notes.of([(0, 9, 60, 80), (12, 9, 62, 80), (24, 9, 64, 80)])
    written = Notes.of([(0, 3, 60, 10), (12, 9, 63, 80)])
    found = Matches.of(written, hidden)
    assert found == Matches(1, 2, 3)
    assert found.f1 == pytest.approx(2 / 5)
    assert Matches.of(hidden, hidden).f1 == 1
    assert Matches.of(Notes(), hidden).f1 == 0
    assert Matches().f1 == 0
    assert found + Matches(1, 1, 1) == Matches(2, 3, 4)


def test_a_gap_knows_what_is_in_it_and_what_was_before() -> None:
    gap = Gap("tunes", rising(), 1, 6, 8)
    assert gap.ticks == (288, 384)
    inside = gap.inside(gap.song)
    assert inside.start.tolist() == [12 * i for i in range(8)]
    assert inside.pitch.tolist() == [46] * 4 + [47] * 4
    assert gap.before.length == 288
    assert gap.copied.start.tolist() == inside.start.tolist()
    assert gap.copied.pitch.tolist() == [44] * 4 + [45] * 4


@pytest.fixture(scope="module")
def shard(
    prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> shards.Shard:
    """Of pieces of 12 bars."""
    return shards.load(prepare_tunes(tmp_path_factory.mktemp("shards")), "train")


def test_pieces_that_are_too_short_have_no_gaps(shard: shards.Shard) -> None:
    assert list(gaps(shard, CODEC, 3, 2)) == []


def long_shard(songs: int = 4, bars: int = 20) -> shards.Shard:
    """Two corpora in turn, of rising tunes."""
    ids = CODEC.encode(rising(bars))
    lines = [i for i, id_ in enumerate(ids) if id_ in CODEC.vocabulary["bar"]]
    rows, starts = [], []
    for number in range(songs):
        first = number * len(ids)
        offsets = (first, first + lines[0], first + len(ids))
        rows.append([number % 2, *offsets, number * bars, bars, 8 * bars])
        starts += [[first + line, 3] for line in lines]
    tokens = np.array(ids * songs, dtype=np.uint16)
    return shards.Shard(tokens, np.array(starts), np.array(rows), ("one", "two"))


def test_gaps_are_drawn_from_each_corpus_in_turn() -> None:
    found = list(gaps(long_shard(), CODEC, 3, 2, seed=1))
    assert [gap.corpus for gap in found] == ["one", "two", "one"]
    for gap in found:
        assert len(gap.inside(gap.song)) >= LEAST_NOTES
        assert (gap.first, gap.stop) == (7, 9)
        assert gap.song.length == 48 * BARS
        assert gap.song.tracks[0].notes.pitch[0] == 42  # from the middle of the piece
    again = gaps(long_shard(), CODEC, 3, 2, seed=1)
    assert [(gap.corpus, gap.track) for gap in again] == [(gap.corpus, gap.track) for gap in found]
    assert len(list(gaps(long_shard(), CODEC, 99, 2))) == 4


def test_a_model_is_measured_beside_copies_and_itself(tiny_controlled_model: Path) -> None:
    chosen = list(gaps(long_shard(2), CODEC, 2, 2))
    seen: list[tuple[int, int]] = []
    totals = infilling(
        str(tiny_controlled_model),
        chosen,
        seed=3,
        report=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]
    assert set(totals) == {"infill", "continue", "copy"}
    assert {matches.hidden for matches in totals.values()} == {16}
    assert totals["copy"] == Matches(0, 16, 16)
    again = infilling(str(tiny_controlled_model), chosen, seed=3)
    assert again == totals


def test_nothing_is_told_of_what_is_hidden() -> None:
    gap = Gap("tunes", rising(), 1, 6, 8)
    assert len(gap.inside(gap.hollow)) == 0
    assert gap.hollow.tracks[0] == gap.song.tracks[0]
    assert len(gap.hollow.tracks[1].notes) == len(gap.song.tracks[1].notes) - 8


def test_a_gap_has_music_before_it_and_up_to_its_end() -> None:
    both = rising()
    alone = Song(both.tracks[:1], both.length, 12)
    assert Gap("tunes", both, 1, 6, 8).is_worth_filling
    for song, first, stop in (
        (alone.between(48 * 6, 48 * 16), 0, 2),  # nothing before
        (Song(alone.between(0, 48 * 8).tracks, 48 * 16, 12), 6, 8),  # and nothing behind
        (Song(tuple(rest(t, 5, 6) for t in alone.tracks), 48 * 16, 12), 6, 8),  # rests before
        (Song(tuple(rest(t, 6, 8) for t in alone.tracks), 48 * 16, 12), 6, 8),  # rests inside
    ):
        assert not Gap("tunes", song, 0, first, stop).is_worth_filling


def rest(track: Track, first: int, stop: int) -> Track:
    """The track without its notes in some bars."""
    start = track.notes.start
    return Track(track.notes.where((start < 48 * first) | (start >= 48 * stop)))


@pytest.mark.parametrize("width", [0, MOST_BARS + 1])
def test_a_gap_has_as_many_bars_before_it(width: int) -> None:
    with pytest.raises(UsageError, match=f"a gap of {width} bars is not one of 1 to {MOST_BARS}"):
        next(gaps(long_shard(), CODEC, 1, width))
    assert next(gaps(long_shard(), CODEC, 1, MOST_BARS)).copied.start.tolist() == [
        12 * i for i in range(4 * MOST_BARS)
    ]
