from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from musegen import models
from musegen.codecs import CODECS, BarCodec
from musegen.data import shards
from musegen.data.shards import Shard, chunks, songs
from musegen.held_out import Excerpt, excerpts, ids_of, written
from musegen.sampling import Sampling
from musegen.time import bar_count

CODEC = BarCodec(CODECS["multitrack"])


@pytest.fixture(scope="module")
def train(prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Shard:
    return shards.load(prepare_tunes(tmp_path_factory.mktemp("data")), "train")


def test_an_excerpt_goes_on_as_the_composer_wrote_it(train: Shard) -> None:
    found = excerpts(train, CODEC, 99, 4, 3)
    assert len(found) == len(train.songs)
    whole = [CODEC.decode(ids.tolist()) for ids in songs(train)]
    for excerpt in found:
        assert (excerpt.corpus, bar_count(excerpt.following)) == ("tunes", 3)
        assert excerpt.prompt is not None
        line = excerpt.prompt.length
        assert bar_count(excerpt.prompt) == 4
        ids = ids_of(excerpt.following, excerpt.header, CODEC)
        assert CODEC.decode(ids).tracks == excerpt.following.tracks
        first = (12 - 4 - 3) // 3 * line // 4
        both = [song.between(first, first + line * 7 // 4) for song in whole]
        assert any(
            song.between(0, line).tracks == excerpt.prompt.tracks
            and song.between(line, song.length).tracks == excerpt.following.tracks
            for song in both
        )


def test_without_a_prompt_it_is_the_beginning(train: Shard) -> None:
    beginnings = [CODEC.decode(ids.tolist()).tracks[0].notes.pitch[0] for ids in songs(train)]
    found = excerpts(train, CODEC, 3, 0, 2, seed=1)
    assert [excerpt.prompt for excerpt in found] == [None] * 3
    assert all(e.following.tracks[0].notes.pitch[0] in beginnings for e in found)
    assert excerpts(train, CODEC, 3, 10, 3) == []
    names = [CODEC.vocabulary.meaning(token)[0] for token in found[0].header]
    assert names[:2] == ["start", "style"]
    assert names.count("instrument") == 3


@pytest.mark.parametrize("heard", [0, 4, 9])
@pytest.mark.parametrize("kind", ["model", "melody_model"])
def test_a_model_writes_so_many_bars_in_their_place(
    train: Shard,
    prepare_tunes: Callable[..., Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
    kind: str,
    heard: int,
) -> None:
    model = models.load(str(request.getfixturevalue(f"tiny_{kind}")))
    if kind == "melody_model":
        train = shards.load(prepare_tunes(tmp_path, kind="melody"), "train")
    told: list[tuple[int, int]] = []

    def write(pieces: list[Excerpt]) -> list[list[int]]:
        return written(model, pieces, 2, Sampling(), 5, lambda *done: told.append(done))

    pieces = excerpts(train, model.codec, 5, heard, 2)
    rows = write(pieces)
    assert told == [(done, 10) for done in range(1, 11)]
    for piece, ids in zip(pieces, rows, strict=True):
        song = model.codec.decode(ids)
        assert bar_count(song) == 2
        assert str(song.meters[0]) == str(piece.following.meters[0])
        assert [t.program for t in song.tracks] == [t.program for t in piece.following.tracks]
        assert song.note_count
    assert rows == write(pieces)
    assert len({tuple(ids) for ids in rows}) == 5


def test_chunks_are_all_songs_in_order(train: Shard) -> None:
    for size in (1, 700, 10**6):
        assert np.array_equal(np.concatenate(list(chunks(train, size))), train.tokens)
    start = CODEC.vocabulary.token("start")
    assert all(chunk[0] == start for chunk in chunks(train, 700))
    assert [len(ids) for ids in songs(train)] == [len(ids) for ids in chunks(train, 1)]
