"""Drum performances as tables: what is prepared can be read back, and says what was played."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from conftest import beat
from tiny_recipes import STYLE_PATTERN

from musegen import midi
from musegen.codecs.grid import Grid
from musegen.codecs.hits import FEATURES, Hits, HitsLayout
from musegen.codecs.taps import Taps
from musegen.data import drums, shards
from musegen.data.corpora import SPLITS, Corpus
from musegen.data.drums import COLUMNS, SNARE, DrumSong
from musegen.data.prepare_drums import drum_notes, encode, prepare_drums, style_of
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import VOICES
from musegen.song import Meter, Notes, Song, Track

LAYOUT = HitsLayout(("rock", "jazz", "funk"))
Prepare = Callable[[Path], Path]


def same(one: DrumSong, other: DrumSong) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(astuple(one), astuple(other), strict=True))


def test_every_performance_can_be_read_back(
    beats: Path, prepare_beats: Prepare, tmp_path: Path
) -> None:
    info = shards.load_info(prepare_beats(tmp_path))
    assert info["layout"] == {"styles": ["rock", "jazz", "funk"]}
    counts = info["corpora"]["beats"]
    assert counts["songs"] == {"train": 5, "valid": 2, "test": 1}
    assert counts["dropped"] == {"no drums": 1, "unreadable, or missing": 2}
    original = midi.parse(zipfile.ZipFile(beats / "beats.zip").read("drummer1/7_jazz_107.mid")).song
    again = drums.load(tmp_path, "test")
    assert all(map(same, again, encode(original, 1)))
    assert [len(song.hits) for song in again] == [counts["hits"]["test"]] * len(again)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    songs = [
        song
        for seed, meter in ((1, (4, 4)), (2, (7, 8)))
        for song in encode(beat(seed, 3, meter, swing=seed == 2), seed, corpus=seed)
    ]
    drums.save(songs, tmp_path / "train.drums.npz")
    again = drums.load(tmp_path, "train")
    assert len(again) == len(songs) == 3
    assert all(map(same, songs, again))
    assert [path.name for path in tmp_path.iterdir()] == ["train.drums.npz"]
    drums.save([], tmp_path / "valid.drums.npz")
    assert drums.load(tmp_path, "valid") == []


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    drums.save(encode(beat(1), 0), tmp_path / "train.drums.npz")
    whole = (tmp_path / "train.drums.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[200:300] = bytes(100)
    for content in (whole[: len(whole) // 2], b"", b"not a table", bytes(flipped)):
        (tmp_path / "valid.drums.npz").write_bytes(content)
        with pytest.raises(UnreadableError, match="the split 'valid' is missing or damaged"):
            drums.load(tmp_path, "valid")
    with pytest.raises(UnreadableError, match="the split 'test' is missing"):
        drums.load(tmp_path, "test")


def test_data_of_other_styles_is_refused(prepare_beats: Prepare, tmp_path: Path) -> None:
    shards.check(prepare_beats(tmp_path), LAYOUT, ["beats"])
    with pytest.raises(UsageError, match="another codec"):
        shards.check(tmp_path, HitsLayout(("rock", "jazz")), ["beats"])
    with pytest.raises(UsageError, match="other corpora"):
        shards.check(tmp_path, LAYOUT, ["loops"])


def test_what_only_models_of_tokens_know_is_refused(beats: Path, tmp_path: Path) -> None:
    corpus = Corpus("beats", drum_map="td11")
    with pytest.raises(UsageError, match="corpus beats: 'drum_map' is for models of tokens"):
        prepare_drums((corpus,), LAYOUT, beats, beats / "splits.csv", tmp_path)


def test_preparing_reports_what_it_found(beats: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    corpus = Corpus("beats", style_pattern=STYLE_PATTERN)
    places = (beats, beats / "splits.csv", tmp_path)
    prepare_drums((corpus,), LAYOUT, *places, report=lines.append)
    songs = [song for split in SPLITS for song in drums.load(tmp_path, split)]
    hits = sum(len(song.hits) for song in songs if song.weight == 1 or 8 in song.place % 12)
    assert lines == [
        f"beats: 5 train, 2 valid, 1 test songs; {hits} hits; "
        "dropped: 2 unreadable, or missing, 1 no drums"
    ]
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    prepare_drums((corpus,), LAYOUT, *places)
    again = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert json.loads(again["shards.json"]) == json.loads(first["shards.json"])
    assert first.keys() == again.keys()


@pytest.mark.parametrize(
    ("name", "pattern", "style", "expected"),
    [
        ("drummer1/3_rock_120.mid", STYLE_PATTERN, None, 0),
        ("drummer1/session2/14_funk-groove1_95.mid", STYLE_PATTERN, None, 2),
        ("drummer1/7_polka_120.mid", STYLE_PATTERN, None, 3),
        ("drummer1/take.mid", STYLE_PATTERN, None, 3),
        ("drummer1/take.mid", STYLE_PATTERN, "jazz", 1),
        ("drummer1/take.mid", None, "funk", 2),
        ("drummer1/3_rock_120.mid", None, None, 3),
    ],
)
def test_a_style_is_in_the_name_of_the_file(
    name: str, pattern: str | None, style: str | None, expected: int
) -> None:
    assert style_of(name, Corpus("beats", style=style, style_pattern=pattern), LAYOUT) == expected


def test_the_styles_are_stored(prepare_beats: Prepare, tmp_path: Path) -> None:
    songs = drums.load(prepare_beats(tmp_path), "train")
    assert {s.style for s in songs} == {0, 1, 2, 3}
    bpm = {round(s.bpm): s.style for s in songs}
    assert bpm == {100: 0, 101: 1, 102: 2, 103: 3, 104: 0}


def test_a_straight_beat_stands_there_once_and_a_swung_one_twice() -> None:
    (straight,) = encode(beat(1), 0)
    assert straight.weight == 1
    assert set(straight.place % 12) == {0, 3, 6, 9}
    swung, plain = encode(beat(1, swing=True), 0)
    assert swung.weight == plain.weight == 0.5
    assert 8 in swung.place % 12
    assert set(plain.place % 12) == {0, 3, 6, 9}
    # on 16ths the swing is in the offsets
    assert plain.offset[plain.column("phase") == 9].mean() < -0.25
    assert np.abs(swung.offset).mean() < 0.15
    assert np.abs(plain.offset).mean() > np.abs(swung.offset).mean()


@pytest.mark.parametrize("clock", [24, 96, 480, 960])
def test_a_table_says_what_the_hits_say(clock: int) -> None:
    song = beat(3, 2, (7, 8), clock=clock)
    (table,) = encode(song, 1)
    whole = song.at_resolution(480)
    hits = Hits.of(whole.tracks[0].notes, Grid.of(whole, whole.tracks[0].notes.start))
    features = hits.features()
    assert (table.hits.shape, table.offset.shape) == ((len(hits), len(COLUMNS)), (len(hits),))
    assert (table.column("step") == hits.step).all()
    assert (table.column("velocity") == hits.velocity).all()
    assert np.allclose(table.offset, hits.offset)
    for name in FEATURES:
        stored = table.hits[:, -len(VOICES) :] if name == "chord" else table.column(name)
        assert (stored == features[name]).all()
    assert len(table.place) == len(table.bar) == len(hits.grid)


def test_only_drum_tracks_are_encoded_and_all_of_them() -> None:
    drummer = beat(1).tracks[0]
    shaker = Track(Notes.of([(i * 240, 60, 70, 50) for i in range(32)]), is_drum=True)
    tune = Track(Notes.of([(0, 480, 36, 100)]))
    notes = drum_notes(Song((tune, drummer, shaker), 7680))
    assert notes == drummer.notes.joined(shaker.notes)
    assert len(drum_notes(Song((tune,), 1920))) == 0


def test_a_pick_up_is_made_a_whole_bar() -> None:
    rows = [(0, 60, 38, 80), (480, 60, 36, 90), (960, 60, 38, 70)]
    song = Song(
        (Track(Notes.of(rows), is_drum=True),), 480 + 1920, meters=(Meter(0, 1, 4), Meter(480))
    )
    (table,) = encode(song, 0)
    assert len(table.place) == 32
    assert table.column("step").tolist() == [12, 16, 20]


# What is made of a table


def performance() -> DrumSong:
    """Two bars in which kick, snare and hat meet, and each is the loudest somewhere."""
    rows = [
        *((0, 36, 100), (6, 42, 60), (240, 42, 50), (474, 38, 90), (480, 42, 110), (490, 36, 30)),
        *((1200, 42, 80), (1440, 38, 60), (1452, 46, 61), (2400, 36, 70), (3725, 49, 90)),
    ]
    notes = Notes.of([(start, 20, pitch, velocity) for start, pitch, velocity in rows])
    (song,) = encode(Song((Track(notes, is_drum=True),), 3840), 0)
    return song


def test_the_loudest_hit_of_each_step_is_known() -> None:
    song = performance()
    assert song.column("velocity").tolist() == [100, 60, 50, 30, 90, 110, 80, 60, 61, 70, 90]
    assert song.loudest.tolist() == [0, 0, 2, 5, 5, 5, 6, 8, 8, 9, 10]


def test_taps_are_those_of_the_codec() -> None:
    song = performance()
    starts = np.rint(song.column("step") * 120 + song.offset * 120).astype(np.int64)
    notes = Notes(starts, starts * 0 + 1, song.column("voice"), song.column("velocity"))
    taps = Taps.of(notes, Grid.of(Song((), 3840), notes.start, "16th"))
    velocity, offset = song.taps
    assert np.array_equal(velocity, taps.velocity, equal_nan=True)
    assert np.allclose(offset, taps.offset, equal_nan=True)
    assert (song.played.any(1) == taps.onset).all()


def test_which_voices_sound_is_a_table_of_steps() -> None:
    song = performance()
    assert song.played.shape == (32, len(VOICES))
    assert np.flatnonzero(song.played[4]).tolist() == [0, 1, 2]
    assert song.played.sum() == len(song.hits)


def test_a_tapped_performance_is_as_if_one_stick_had_played_it() -> None:
    song = performance()
    alone = song.loudest == np.arange(len(song.hits))
    starts = np.rint(song.column("step") * 120 + song.offset * 120).astype(np.int64)[alone]
    loud = song.column("velocity")[alone]
    taps = Notes(starts, starts * 0 + 1, starts * 0 + 38, loud)
    (expected,) = encode(Song((Track(taps, is_drum=True),), 3840), 0)
    tapped = song.tapped
    for name in COLUMNS:
        assert tapped.column(name).tolist() == expected.column(name).tolist(), name
    assert np.allclose(tapped.offset, expected.offset)
    assert set(tapped.column("voice")) == {SNARE}
    # and the performance itself is as it was
    assert same(song, performance())


def test_songs_are_drawn_by_their_hits_on_both_grids_together() -> None:
    one, two = performance(), replace(performance(), corpus=1)
    halves = [replace(one, weight=0.5)] * 2
    assert drums.chances([one, *halves, two], [1.0, 3.0]) == pytest.approx([0.2, 0.1, 0.1, 0.6])
