from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from musegen.codecs import CODECS, BarCodec
from musegen.data import shards
from musegen.data.augmentation import PLAIN, Augmentation
from musegen.data.batches import Windows

CODEC = BarCodec(CODECS["multitrack"])


@pytest.fixture(scope="module")
def windows(
    prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory
) -> Windows:
    folder = prepare_tunes(tmp_path_factory.mktemp("shards"))
    return Windows(shards.load(folder, "train"), CODEC, {"tunes": 1.0})


def meanings(ids: np.ndarray[tuple[int], np.dtype[np.int64]]) -> list[tuple[str, int]]:
    return [CODEC.vocabulary.meaning(int(token)) for token in ids]


def test_a_batch_depends_on_its_key_alone(windows: Windows) -> None:
    one = windows.batch(4, 300, (1, 2, 0), Augmentation())
    assert one.shape == (4, 300)
    assert np.array_equal(one, windows.batch(4, 300, (1, 2, 0), Augmentation()))
    assert not np.array_equal(one, windows.batch(4, 300, (1, 3, 0), Augmentation()))


def test_a_window_is_a_header_and_the_bars_from_there_on(windows: Windows) -> None:
    rng = np.random.default_rng(0)
    row = windows.shard.song(1)
    whole = windows.window(row["first_bar"], 10_000, rng, PLAIN)
    tokens = windows.shard.tokens
    assert np.array_equal(whole, tokens[row["header"] : row["stop"]])
    later = windows.window(row["first_bar"] + 5, 10_000, rng, PLAIN)
    start = int(windows.shard.bars[row["first_bar"] + 5, 0])
    assert np.array_equal(later[-(row["stop"] - start) :], tokens[start : row["stop"]])
    assert CODEC.decode(later[:-1].tolist()).meters == CODEC.decode(whole[:-1].tolist()).meters


def test_bars_left_are_counted_to_the_end(windows: Windows) -> None:
    counted = Augmentation(0.0, 0.0, 0.0, 1.0)
    row = windows.shard.song(0)
    ids = windows.window(row["first_bar"], 10_000, np.random.default_rng(0), counted)
    assert [v for name, v in meanings(ids) if name == "bar"] == list(range(row["bars"], 0, -1))


def test_transposition_moves_pitches_and_key_together(windows: Windows) -> None:
    moved = Augmentation(1.0, 0.0, 0.0, 0.0)
    row = windows.shard.song(2)
    plain = meanings(windows.window(row["first_bar"], 400, np.random.default_rng(3), PLAIN))
    shifts = set()
    for seed in range(20):
        other = meanings(windows.window(row["first_bar"], 400, np.random.default_rng(seed), moved))
        differences = {
            (b - a) if name == "pitch" else (b - a + 6) % 12 - 6
            for (name, a), (_, b) in zip(plain, other, strict=True)
            if name == "pitch" or name == "key"
        }
        assert len(differences) == 1 or differences == {6, -6}
        shifts |= differences
        same = [(a, b) for a, b in zip(plain, other, strict=True) if a[0] not in ("pitch", "key")]
        assert all(a == b for a, b in same)
    assert len(shifts) > 5


def test_optional_fields_are_dropped(windows: Windows) -> None:
    none = Augmentation(0.0, 0.0, 1.0, 0.0)
    ids = windows.window(0, 50, np.random.default_rng(0), none)
    assert not {"style", "tempo", "key"} & {name for name, _ in meanings(ids)}


def test_weights_decide_how_often_a_corpus_is_heard(
    prepare_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    folder = prepare_tunes(tmp_path)
    shard = shards.load(folder, "train")
    songs = shard.songs.copy()
    songs[5:, 0] = 1
    two = shards.Shard(shard.tokens, shard.bars, songs, ("tunes", "other"))
    heard = Windows(two, CODEC, {"tunes": 0.0, "other": 1.0})
    first = int(songs[5, 4])
    bars = [
        int(np.searchsorted(heard._cumulative, u, "right"))
        for u in np.linspace(0, heard._cumulative[-1] - 1, 50)
    ]
    assert min(bars) >= first
