from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from musegen import index as indexes
from musegen import models
from musegen.codecs import CODECS, BarCodec
from musegen.errors import ExistsError, ModelError
from musegen.index import INDEX, KINDS, NOTES, Index, beside, copied, windows
from musegen.originality import Voices
from musegen.song import IntArray, Notes, Song, Track

CODEC = BarCodec(CODECS["multitrack"])


def melody(seed: int, notes: int = 200) -> Notes:
    """Pitches and rhythms by chance."""
    rng = np.random.default_rng(seed)
    start = np.cumsum(rng.choice([3, 6, 12, 18], notes))
    return Notes(start, np.full(notes, 3), rng.integers(50, 80, notes), np.full(notes, 72))


def ids(*voices: Notes) -> IntArray:
    end = max(int(notes.end.max()) for notes in voices)
    song = Song(tuple(Track(notes) for notes in voices), -(-end // 48) * 48, 12)
    return np.array(CODEC.encode(song))


def spliced(known: Notes, first: int, count: int, seed: int) -> Notes:
    """`count` notes of a melody, a fifth higher, between others."""
    part = known.where((np.arange(len(known)) >= first) & (np.arange(len(known)) < first + count))
    part = replace(part, start=part.start - part.start[0], pitch=part.pitch + 7)
    before, after = melody(seed, 60), melody(seed + 1, 60)
    part = part.shifted(int(before.start[-1]) + 6)
    return Notes.together([before, part, after.shifted(int(part.start[-1]) + 6)])


@pytest.fixture(scope="module")
def index() -> Index:
    train = [ids(melody(k)) for k in range(40)]
    return Index.of([np.concatenate(train)], [ids(melody(k)) for k in range(100, 120)], CODEC)


def test_what_it_was_made_of_it_holds(index: Index) -> None:
    for seed in range(40):
        _, hashes = Voices.of(ids(melody(seed)), CODEC).runs(NOTES)
        assert index.holds(hashes)[indexes._kept(hashes)].all()
        assert copied(ids(melody(seed)), CODEC, index) > 190
        assert copied(ids(melody(seed + 1000), melody(seed)), CODEC, index) > 190


def test_other_runs_it_takes_for_its_own_as_seldom_as_the_formula_says(index: Index) -> None:
    others = np.random.default_rng(1).integers(0, 2**63, 100_000).astype(np.uint64)
    formula = (1 - np.exp(-indexes.PROBES * index.runs / (8 * len(index.filter)))) ** 7
    assert index.mistaken == pytest.approx(formula, rel=0.1)
    assert index.mistaken < 0.01
    assert index.holds(others).mean() == pytest.approx(formula, abs=0.002)
    assert 8 * len(index.filter) < 11 * index.runs


def test_a_stretch_is_measured_in_notes(index: Index) -> None:
    for seed, count in enumerate((20, 30, 45, 60)):
        found = index.longest(ids(spliced(melody(seed), 50, count, 300 + seed)), CODEC)
        assert count - 8 <= found <= count + 8  # every second run is known, and some by mistake
    assert index.longest(ids(melody(500)), CODEC) <= index.allowed
    assert index.longest(ids(melody(500, 5)), CODEC) == 0


def test_it_does_not_go_on_from_voice_to_voice_or_song_to_song(index: Index) -> None:
    half = melody(3, 100)
    alone = index.longest(ids(half), CODEC)
    assert index.longest(ids(half, half), CODEC) == alone
    assert index.longest(np.concatenate((ids(half), ids(half))), CODEC) == alone


def test_what_tells_no_tune_is_nobodys() -> None:
    plain = [
        Notes.of([(6 * i, 6, pitch(i), 72) for i in range(200)])
        for pitch in (lambda _: 60, lambda i: 60 + 4 * (i % 3))
    ]
    index = Index.of([ids(notes) for notes in plain], [], CODEC)
    assert (index.runs, index.mistaken) == (0, 0)
    assert index.longest(ids(plain[0]), CODEC) == 0
    assert KINDS > 4


def test_new_music_may_have_what_held_out_music_has() -> None:
    train = melody(1)
    held_out = [ids(spliced(train, 20, 24 + k % 7, 700 + k)) for k in range(100)]
    index = Index.of([ids(train)], held_out, CODEC)
    assert sum(bool(copied(window, CODEC, index)) for window in held_out) <= 1
    assert copied(ids(train), CODEC, index)
    assert Index.of([ids(train)], [], CODEC).allowed == NOTES


def test_windows_are_a_song_in_parts() -> None:
    song = CODEC.decode(ids(melody(1)).tolist())
    whole = np.array(CODEC.encode(song))
    parts = list(windows(whole, CODEC, 7))
    bars = song.length // 48
    head = len(CODEC.header(CODEC.header_of(song)))
    assert len(parts) == bars // 7
    bodies = np.concatenate([part[head:] for part in parts])
    assert np.array_equal(bodies, whole[head : head + len(bodies)])
    (short,) = windows(whole, CODEC, 999)
    assert np.array_equal(short, whole)


def test_it_is_kept_in_a_file(index: Index, tmp_path: Path) -> None:
    assert beside(tmp_path) is None
    index.save(tmp_path / INDEX)
    found = beside(tmp_path)
    assert found is not None
    assert (found.runs, found.allowed) == (index.runs, index.allowed)
    assert np.array_equal(found.filter, index.filter)
    with pytest.raises(ExistsError):
        index.save(tmp_path / INDEX)


def damaged(path: Path, kind: str) -> None:
    told = {"format": "musegen index 1", "runs": "1", "allowed": "1"}
    bits = np.zeros(8, dtype=np.uint8)
    if kind == "nothing":
        path.write_bytes(b"")
    elif kind == "pickle":
        path.write_bytes(b"\x80\x04.")
    elif kind == "folder":
        path.mkdir()
    elif kind == "large":
        with path.open("wb") as file:
            os.truncate(file.fileno(), indexes.MAX_BYTES + 1)
    elif kind == "other tensor":
        save_file({"weight": bits}, path, told)
    elif kind == "floats":
        save_file({"filter": bits.astype(np.float32)}, path, told)
    elif kind == "table":
        save_file({"filter": bits.reshape(2, 4)}, path, told)
    elif kind == "no bits":
        save_file({"filter": bits[:0]}, path, told)
    elif kind == "untold":
        save_file({"filter": bits}, path)
    else:
        save_file({"filter": bits}, path, told | json.loads(kind))


@pytest.mark.parametrize(
    "kind",
    [
        *("nothing", "pickle", "folder", "large", "other tensor", "floats", "table", "no bits"),
        *("untold", '{"format": "2"}', '{"runs": "x"}', '{"runs": "-1"}', '{"allowed": ""}'),
    ],
)
def test_a_damaged_file_is_refused(tmp_path: Path, kind: str) -> None:
    damaged(tmp_path / INDEX, kind)
    with pytest.raises(ModelError, match=INDEX):
        beside(tmp_path)


def test_on_the_shelf_it_is_the_one_that_is_listed(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "some-model"
    folder.mkdir()
    index.save(folder / INDEX)
    monkeypatch.setattr(models, "shelf", lambda: tmp_path)
    assert beside(folder) is not None
    (tmp_path / "SHA256SUMS").write_text(f"{'0' * 64}  some-model/{INDEX}\n")
    with pytest.raises(ModelError, match="that came with musegen"):
        beside(folder)


def test_it_answers_for_pieces_of_any_length(index: Index) -> None:
    assert index.longest(ids(melody(1, 1)), CODEC) == 0
    assert index.longest(np.array(CODEC.encode(Song((), 48, 12))), CODEC) == 0
    assert index.longest(np.zeros(0, dtype=np.int64), CODEC) == 0
