from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musegen import midi
from musegen.codecs import CODECS, BarCodec
from musegen.data import shards
from musegen.data.beats import on_beats
from musegen.data.corpora import Corpus
from musegen.data.prepare import _fingerprint, prepare
from musegen.errors import UnreadableError, UsageError
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_count

TUNES = Corpus("tunes", style="folk")
BEATS_TUNES = replace(TUNES, beats="beats.txt", index="index.csv", licenses=("CC0",))


Prepare = Callable[..., Path]


def test_every_song_can_be_read_back(corpora: Path, prepare_tunes: Prepare, tmp_path: Path) -> None:
    info = shards.load_info(prepare_tunes(tmp_path))
    summary = info["corpora"]["tunes"]
    assert summary["songs"] == {"train": 10, "valid": 1, "test": 1}
    assert summary["dropped"] == {
        "missing": 1,
        "too short, or no fitting track": 1,
        "unreadable": 1,
    }
    shard = shards.load(tmp_path, "valid")
    row = shard.song(0)
    codec = BarCodec(CODECS["multitrack"])
    song = codec.decode(shard.tokens[row["header"] : row["stop"]].tolist())
    original = midi.parse(zipfile.ZipFile(corpora / "tunes.zip").read("a/10.mid")).song
    assert bar_count(song) == row["bars"] == bar_count(original)
    assert song.note_count == row["notes"] == original.note_count
    assert (song.tracks[0].notes.pitch == original.tracks[0].notes.pitch).all()
    lines = shard.bars[row["first_bar"] : row["first_bar"] + row["bars"], 0]
    assert {codec.vocabulary.meaning(int(t))[0] for t in shard.tokens[lines]} == {"bar"}


def test_a_second_run_reads_its_parts_and_writes_the_same(
    corpora: Path, prepare_tunes: Prepare, tmp_path: Path
) -> None:
    prepare_tunes(tmp_path)
    first = (tmp_path / "train.tokens.npy").read_bytes()
    (part,) = (tmp_path / "parts").glob("*.npz")
    made = part.stat().st_mtime_ns
    prepare_tunes(tmp_path)
    assert part.stat().st_mtime_ns == made
    assert (tmp_path / "train.tokens.npy").read_bytes() == first


def test_tracks_are_chosen_by_name_for_one_voice(
    corpora: Path, prepare_tunes: Prepare, tmp_path: Path
) -> None:
    corpus = replace(TUNES, tracks=("Le",))
    shard = shards.load(prepare_tunes(tmp_path, corpus, "melody"), "train")
    names = {BarCodec(CODECS["melody"]).vocabulary.meaning(int(t))[0] for t in shard.tokens}
    assert {"bar", "pitch", "velocity"} <= names
    assert len(shard.songs) == 10


def test_a_folder_serves_as_well_as_a_zip(
    corpora: Path, prepare_tunes: Prepare, tmp_path: Path
) -> None:
    zipfile.ZipFile(corpora / "tunes.zip").extractall(tmp_path / "in" / "tunes")
    (tmp_path / "in" / "splits.csv").write_bytes((corpora / "splits.csv").read_bytes())
    one = shards.load(prepare_tunes(tmp_path / "one"), "train")
    places = (tmp_path / "in", tmp_path / "in" / "splits.csv", tmp_path / "two")
    prepare((TUNES,), CODECS["multitrack"], *places, workers=1)
    two = shards.load(tmp_path / "two", "train")
    assert np.array_equal(one.tokens, two.tokens)


def test_only_what_has_changed_is_encoded_anew(corpora: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tunes"
    zipfile.ZipFile(corpora / "tunes.zip").extractall(folder)
    whole = BEATS_TUNES, CODECS["multitrack"], {"a/0.mid": "train", "gone.mid": "train"}
    seen = [_fingerprint(*whole, folder)]
    assert _fingerprint(*whole, folder) == seen[0]
    for name in ("a/0.mid", "gone.mid", "index.csv", "a/beats.txt"):
        file = folder / name
        file.write_bytes(file.read_bytes()[::-1] if file.exists() else b"new")
        os.utime(file, ns=(0, 1_000_000_007))
        seen.append(_fingerprint(*whole, folder))
    assert len(set(seen)) == 5
    (folder / "a/1.mid").write_bytes(b"not listed")
    assert _fingerprint(*whole, folder) == seen[-1]


def test_a_zip_is_known_by_its_checksums(tmp_path: Path) -> None:
    def fingerprint(content: bytes, date: int) -> str:
        with zipfile.ZipFile(tmp_path / "tunes.zip", "w") as archive:
            archive.writestr(zipfile.ZipInfo("a.mid", (2020, 1, date, 0, 0, 0)), content)
        return _fingerprint(TUNES, CODECS["melody"], {"a.mid": "train"}, tmp_path / "tunes.zip")

    assert fingerprint(b"ab", 1) == fingerprint(b"ab", 2) != fingerprint(b"ba", 1)


def test_data_that_do_not_fit_are_refused(prepare_tunes: Prepare, tmp_path: Path) -> None:
    layout = CODECS["multitrack"]
    shards.check(prepare_tunes(tmp_path), layout, ["tunes"])
    with pytest.raises(UsageError, match="another codec"):
        shards.check(tmp_path, CODECS["melody"], ["tunes"])
    for names in (["polkas"], ["tunes", "polkas"]):
        with pytest.raises(UsageError, match=r"other corpora than the recipe's \(at polkas\)"):
            shards.check(tmp_path, layout, names)
    with pytest.raises(UsageError, match=r"\(at tunes\)"):
        shards.check(tmp_path, layout, [])


def test_what_is_missing_is_named(corpora: Path, prepare_tunes: Prepare, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no corpus polkas"):
        prepare_tunes(tmp_path, Corpus("polkas"))
    (tmp_path / "tunes.zip").write_bytes(b"PK, but no more")
    with pytest.raises(UnreadableError, match="not a zip archive"):
        prepare((TUNES,), CODECS["melody"], tmp_path, corpora / "splits.csv", tmp_path / "out")
    with pytest.raises(UnreadableError, match="data prepare"):
        shards.load(tmp_path / "nowhere", "train")
    (tmp_path / "splits.csv").write_bytes(b"corpus,file,split\ntunes,Bl\xe4ser.mid,train\n")
    with pytest.raises(UnreadableError, match="no CSV table in UTF-8"):
        prepare((TUNES,), CODECS["melody"], corpora, tmp_path / "splits.csv", tmp_path / "out")
    (tmp_path / "splits.csv").write_text("a,b\n1,2\n")
    with pytest.raises(UsageError, match="columns"):
        prepare((TUNES,), CODECS["melody"], corpora, tmp_path / "splits.csv", tmp_path / "out")


def test_a_performance_is_put_on_its_annotated_beats() -> None:
    # beats of .6 s from .3 s on, the second of them a downbeat; played at 120 bpm without a grid
    beats = [0.3 + 0.6 * i for i in range(25)]
    rows = [f"{b} 1.0 {float((i - 1) % 4 == 0)}" for i, b in enumerate(beats)]
    starts = [round(b * 960) for b in beats]
    song = Song((Track(Notes.of([(s, 100, 60, 80) for s in starts])),), 16000)
    placed = on_beats(song, "\n".join(rows))
    assert placed.meters == (Meter(0, 4, 4),)
    assert (placed.tracks[0].notes.start / 480).round(2).tolist() == [3.0 + i for i in range(25)]
    assert placed.tempos[0].bpm == pytest.approx(100, abs=0.1)
    with pytest.raises(ValueError, match="beats"):
        on_beats(song, "0.1 1 1")
