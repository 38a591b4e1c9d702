from __future__ import annotations

import math

import numpy as np

from musegen.codecs import CODECS, BarCodec
from musegen.originality import runs, shared
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
