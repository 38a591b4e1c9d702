from __future__ import annotations

import zipfile
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musegen import midi
from musegen.codecs import CODECS, BarCodec
from musegen.data import hands, shards
from musegen.data.corpora import Corpus
from musegen.data.prepare import prepare
from musegen.song import Notes, Song, Track

PIANO, HARPSICHORD, ORGAN, VIOLIN = 0, 6, 19, 40
NOTE = st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(58, 62), st.integers(1, 127))
TRACK = st.builds(
    Track,
    st.lists(NOTE, max_size=8).map(lambda rows: Notes.of(rows).without_overlaps()),
    st.sampled_from((PIANO, HARPSICHORD, ORGAN, VIOLIN)),
    st.sampled_from((False, False, False, True)),
    st.sampled_from(("", "Right", "Left")),
)


def test_two_hands_are_one_track_under_the_name_of_the_first() -> None:
    right = Track(Notes.of([(0, 480, 72, 80), (480, 480, 74, 81)]), PIANO, name="Right", channel=2)
    left = Track(Notes.of([(0, 960, 48, 60)]), PIANO, name="Left", channel=3)
    song = Song((right, left), 960)
    both = Notes.of([(0, 960, 48, 60), (0, 480, 72, 80), (480, 480, 74, 81)])
    assert hands.together(song) == replace(song, tracks=(replace(right, notes=both),))


def test_a_key_that_both_hands_strike_is_held_by_the_longer() -> None:
    right = Track(Notes.of([(0, 100, 60, 120), (500, 100, 60, 90)]))
    left = Track(Notes.of([(0, 900, 60, 50)]))
    (track,) = hands.together(Song((right, left), 960)).tracks
    assert track.notes == Notes.of([(0, 500, 60, 50), (500, 100, 60, 90)])


@pytest.mark.parametrize(
    ("programs", "left"),
    [
        ((0, 0, 0), (0,)),
        ((0, 40, 0), (0, 40, 0)),
        ((19, 19, 0, 0, 40, 40), (19, 0, 40, 40)),
        ((0, 1, 7, 7, 8, 8), (0, 1, 7, 8, 8)),
        ((15, 15, 16, 16, 23, 23, 24, 24), (15, 15, 16, 23, 24, 24)),
    ],
)
def test_neighbours_of_one_keyboard_are_merged(
    programs: tuple[int, ...], left: tuple[int, ...]
) -> None:
    note = Notes.of([(0, 10, 60, 80)])
    song = Song(tuple(Track(note, program) for program in programs), 10)
    assert tuple(track.program for track in hands.together(song).tracks) == left


def test_drums_of_a_kit_numbered_like_a_piano_stay() -> None:
    kit = Track(Notes.of([(0, 10, 36, 80)]), PIANO, is_drum=True)
    song = Song((kit, kit, replace(kit, is_drum=False)), 10)
    assert hands.together(song) == song


@given(st.lists(TRACK, max_size=7))
def test_no_onset_is_lost_and_other_tracks_are_untouched(tracks: list[Track]) -> None:
    song = Song(tuple(tracks), 100)
    merged = iter(hands.together(song).tracks)
    for (program, is_drum), run in groupby(tracks, key=lambda t: (t.program, t.is_drum)):
        played = list(run)
        if is_drum or program == VIOLIN or len(played) == 1:
            assert all(next(merged) is track for track in played)
            continue
        track = next(merged)
        assert replace(track, notes=played[0].notes) == played[0]
        longest: dict[tuple[int, int], int] = {}
        for start, duration, pitch, _ in (row for t in played for row in t.notes.table().tolist()):
            longest[start, pitch] = max(longest.get((start, pitch), 0), duration)
        assert len(track.notes) == len(longest)
        assert track.notes == track.notes.without_overlaps()
        for start, duration, pitch, _ in track.notes.table().tolist():
            later = [s for s, p in longest if p == pitch and s > start]
            assert duration == min([longest[start, pitch], *(s - start for s in later)])
    assert next(merged, None) is None


@given(st.lists(TRACK, max_size=7))
def test_what_is_together_stays(tracks: list[Track]) -> None:
    song = hands.together(Song(tuple(tracks), 100))
    assert hands.together(song) == song


def test_half_of_all_names_are_chosen_and_always_the_same() -> None:
    names = [f"folder/{i}.mid" for i in range(1000)]
    assert 450 < sum(map(hands.is_chosen, names)) < 550
    assert [hands.is_chosen(name) for name in ("a.mid", "b.mid", "é.mid")] == [False, True, False]


SPLITS = {"train": 40, "valid": 12, "test": 12}


@pytest.fixture(scope="module")
def duets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`duets.zip` and `splits.csv`: pianos of two tracks of one voice each, and a violin."""
    folder = tmp_path_factory.mktemp("duets")
    rows = ["corpus,file,split"]
    with zipfile.ZipFile(folder / "duets.zip", "w") as archive:
        for split, count in SPLITS.items():
            for i in range(count):
                right, left, violin = (
                    Notes.of([(480 * k, 480, pitch + (k * i) % 7, 80) for k in range(32)])
                    for pitch in (72, 48, 84)
                )
                tracks = (
                    Track(right, PIANO, name="Right"),
                    Track(left, PIANO, name="Left"),
                    Track(violin, VIOLIN, name="Violin"),
                )
                archive.writestr(f"{split}{i}.mid", midi.to_bytes(Song(tracks, 32 * 480)))
                rows.append(f"duets,{split}{i}.mid,{split}")
    (folder / "splits.csv").write_text("\n".join(rows))
    return folder


def prepared(
    duets: Path, output: Path, kind: str = "multitrack", tracks: tuple[str, ...] = ()
) -> dict[str, list[Song]]:
    """The songs of each split as its shard has them, in the order of their files' names."""
    layout = CODECS[kind]
    corpus = Corpus("duets", tracks=tracks)
    prepare((corpus,), layout, duets, duets / "splits.csv", output, workers=1)
    songs: dict[str, list[Song]] = {}
    for split in SPLITS:
        written = shards.songs(shards.load(output, split))
        songs[split] = [BarCodec(layout).decode(ids.tolist()) for ids in written]
    return songs


def test_half_of_the_songs_to_train_on_have_their_hands_together(
    duets: Path, tmp_path: Path
) -> None:
    songs = prepared(duets, tmp_path)
    for split, count in SPLITS.items():
        names = sorted(f"{split}{i}.mid" for i in range(count))
        programs = [tuple(t.program for t in song.tracks) for song in songs[split]]
        chosen = [split == "train" and hands.is_chosen(name) for name in names]
        assert programs == [(PIANO,) * (2 - one) + (VIOLIN,) for one in chosen]
        assert {song.note_count for song in songs[split]} == {96}
        assert (split == "train") == (count // 4 < sum(chosen) < count * 3 // 4)


def test_one_voice_keeps_each_hand_by_itself(duets: Path, tmp_path: Path) -> None:
    songs = prepared(duets, tmp_path, "melody")
    assert {split: len(found) for split, found in songs.items()} == {
        split: 3 * count for split, count in SPLITS.items()
    }


def test_a_hand_that_the_recipe_leaves_out_stays_out(duets: Path, tmp_path: Path) -> None:
    songs = prepared(duets, tmp_path, tracks=("Right",))
    assert {song.note_count for found in songs.values() for song in found} == {32}
