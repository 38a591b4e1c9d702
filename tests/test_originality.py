from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from musegen.codecs import CODECS, BarCodec
from musegen.originality import Cells, Voices, longest_shared, measured, runs, shared
from musegen.song import IntArray, Meter, Notes, Song, Track

CODEC = BarCodec(CODECS["multitrack"])
TUNE = [60, 62, 64, 65, 67, 65, 64, 62, 60, 67, 60, 67]


def ids(pitches: list[int], meter: Meter | None = None, *, chords: bool = False) -> IntArray:
    rows = [(i * 12, 12, p, 72) for i, p in enumerate(pitches)]
    rows += [(i * 12, 12, p - 7, 72) for i, p in enumerate(pitches)] if chords else []
    meter = meter or Meter()
    bar = meter.bar_ticks(12)
    length = -(-len(pitches) * 12 // bar) * bar
    drums = Track(Notes.of([(0, 1, 36, 72)]), is_drum=True)
    song = Song((drums, Track(Notes.of(rows))), length, 12, meters=(meter,))
    return np.array(CODEC.encode(song))


def test_a_run_is_known_in_any_key_metre_and_harmony() -> None:
    assert len(runs(ids(TUNE), CODEC)) == len(TUNE) - 7
    known = np.unique(runs(ids(TUNE), CODEC))
    assert shared(ids([p + 5 for p in TUNE]), known, CODEC) == 1
    assert shared(ids(TUNE, Meter(0, 3, 4)), known, CODEC) == 1
    assert shared(ids(TUNE, chords=True), known, CODEC) == 1


def test_another_tune_is_not_known() -> None:
    known = np.unique(runs(ids(TUNE), CODEC))
    assert shared(ids([p * p % 31 + 50 for p in TUNE]), known, CODEC) == 0
    half = TUNE + [72, 48] * 6
    assert 0 < shared(ids(half), known, CODEC) < 0.5


def test_no_run_crosses_from_one_piece_to_the_next() -> None:
    two = np.concatenate((ids(TUNE), ids(TUNE)))
    assert len(runs(two, CODEC)) == 2 * (len(TUNE) - 7)


def test_a_metre_change_moves_no_note() -> None:
    rows = [(i * 12, 12, p, 72) for i, p in enumerate(TUNE)]
    meters = (Meter(0, 4, 4), Meter(48, 3, 4), Meter(84, 5, 4))
    song = Song((Track(Notes.of(rows)),), 144, 12, meters=meters)
    changing = np.array(CODEC.encode(song))
    assert shared(changing, np.unique(runs(ids(TUNE), CODEC)), CODEC) == 1


def test_too_few_notes_have_no_share() -> None:
    assert math.isnan(shared(ids(TUNE[:5]), np.unique(runs(ids(TUNE), CODEC)), CODEC))


def longest(piece: IntArray, *train: IntArray) -> int:
    whole = Voices.together([Voices.of(ids, CODEC) for ids in train])
    return longest_shared([Voices.of(piece, CODEC)], whole)[0]


def test_the_longest_run_is_counted_in_notes() -> None:
    higher = [p + 5 for p in TUNE]
    assert longest(ids(TUNE), ids(higher)) == len(TUNE)
    assert longest(ids([*higher[2:9], 40, 90]), ids(TUNE)) == 7
    assert longest(ids(TUNE), ids(higher[:6]), ids(higher[6:])) == 6
    assert longest(ids([60, 61, 63, 66, 70]), ids(TUNE)) == 0
    assert longest(ids(TUNE[:3]), ids(TUNE)) == 0  # too short to say
    assert longest_shared([], Voices.of(ids(TUNE), CODEC)) == []


def test_each_piece_has_its_own_longest_run() -> None:
    pieces = [ids(TUNE[:k]) for k in (12, 3, 5, 9)]
    found = longest_shared([Voices.of(p, CODEC) for p in pieces], Voices.of(ids(TUNE), CODEC))
    assert found == [12, 0, 5, 9]


@pytest.mark.parametrize("seed", range(5))
def test_the_longest_run_is_that_of_a_plain_search(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = (rng.choice([60, 62, 63], 60).tolist() for _ in range(2))

    def steps(pitches: list[int]) -> str:
        return "".join(chr(100 + b - a) for a, b in pairwise(pitches))

    known, own = steps(one), steps(other)
    parts = (own[a:b] for a in range(len(own)) for b in range(a + 3, len(own) + 1))
    assert longest(ids(other), ids(one)) == 1 + max(len(p) for p in parts if p in known)


def shingled(ids: IntArray, bars: int) -> set[int]:
    return set(Cells.of(ids, CODEC).shingles(bars).tolist())


def test_a_shingle_is_known_in_any_key_and_not_across_bar_lines() -> None:
    known = shingled(ids(TUNE), 2)
    assert len(known) == 2  # of three bars
    assert shingled(ids([p + 7 for p in TUNE]), 2) == known
    assert shingled(ids(TUNE[1:]), 2).isdisjoint(known)
    assert shingled(ids(TUNE, Meter(0, 3, 4)), 2).isdisjoint(known)
    assert shingled(ids(TUNE, chords=True), 2).isdisjoint(known)
    assert len(shingled(ids(TUNE, chords=True), 2)) == 2
    assert shingled(ids(TUNE), 4) == set()


def test_where_the_second_bar_lies_counts_too() -> None:
    moved = TUNE[:4] + [p + 1 for p in TUNE[4:8]]
    assert shingled(ids(moved), 1) == shingled(ids(TUNE[:8]), 1)
    assert shingled(ids(moved), 2) != shingled(ids(TUNE[:8]), 2)


def test_a_shingle_has_two_notes_a_bar_and_stays_in_its_song() -> None:
    rows = [(0, 12, 60, 72), (12, 12, 64, 72), (24, 12, 64, 72), (144, 12, 67, 72)]
    thin = Song((Track(Notes.of(rows)),), 192, 12)
    found = np.array(CODEC.encode(thin))
    assert [len(Cells.of(found, CODEC).shingles(bars)) for bars in (1, 2, 4)] == [1, 0, 0]
    two = np.concatenate((ids(TUNE[:4]), ids(TUNE[4:8])))
    assert len(Cells.of(two, CODEC).shingles(1)) == 2
    assert len(Cells.of(two, CODEC).shingles(2)) == 0
    rest = Song((Track(Notes.of([(t, 6, 60 + t, 72) for t in (0, 6, 12, 18, 96)])),), 144, 12)
    assert len(Cells.of(np.array(CODEC.encode(rest)), CODEC).shingles(2)) == 1


def test_pieces_are_held_against_all_of_the_training_songs() -> None:
    other = [p * p % 31 + 50 for p in TUNE]
    drums = Song((Track(Notes.of([(0, 1, 36, 72)]), is_drum=True),), 48, 12)
    pieces = [ids(TUNE), ids(other), np.array(CODEC.encode(drums))]
    for train in ([np.concatenate((ids(TUNE[4:]), ids(other)))], [ids(TUNE[4:]), ids(other)]):
        found = measured(pieces, train, CODEC)
        assert found.longest == pytest.approx([8, 12, math.nan], nan_ok=True)
        assert found.runs == pytest.approx([1 / 5, 1, math.nan], nan_ok=True)
        assert found.shingles[2] == pytest.approx([1 / 2, 1, math.nan], nan_ok=True)
        assert found.shingles[8] == pytest.approx([math.nan] * 3, nan_ok=True)
    assert measured(pieces[:1], [], CODEC).longest == [0]
