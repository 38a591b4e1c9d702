"""Files of MIDI to tables of steps: what is kept of which, and why the others are dropped."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import beat, tune

from musegen import midi
from musegen.codecs.steps import (
    HOLD,
    ONSET,
    REST,
    Frame,
    StepsLayout,
    decode_drums,
    decode_melody,
    encode_melody,
)
from musegen.data import shards, steps
from musegen.data.corpora import Corpus
from musegen.data.prepare_steps import MIN_NOTES, encode, prepare_steps
from musegen.data.steps import StepSong, Windows
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import VOICES
from musegen.song import Meter, Notes, Song, Track

MELODY, DRUMS = StepsLayout("melody", (2, 4)), StepsLayout("drums", (2, 4))
TUNES = Corpus("tunes", tracks=("Lead",))
ALL = Corpus("any")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tunes.zip` and `splits.csv`: 4 good files, and one for each reason to drop it."""
    folder = tmp_path_factory.mktemp("steps")
    meters = ((4, 4), (3, 4), (4, 4), (3, 4))
    files = {f"{i}.mid": midi.to_bytes(tune(i, 4 + i, meter)) for i, meter in enumerate(meters)}
    chords = Notes.of([(480 * i, 480, 60 + p, 80) for i in range(16) for p in (0, 4)])
    files |= {
        "short.mid": midi.to_bytes(tune(9, bars=1)),
        "chords.mid": midi.to_bytes(Song((Track(chords, name="Lead"),), 7680)),
        "broken.mid": b"not music",
        "other.mid": midi.to_bytes(tune(8)),
    }
    rows = ["corpus,file,split", "tunes,gone.mid,train"]
    rows += [f"tunes,{name},{('train', 'valid')[name == '3.mid']}" for name in files]
    files["index.csv"] = "\n".join(
        ["file,license", *(f"{name},PD" for name in files if name != "other.mid"), "other.mid,no"]
    ).encode()
    with zipfile.ZipFile(folder / "tunes.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    (folder / "splits.csv").write_text("\n".join(rows))
    return folder


def drum_song(*rows: tuple[int, int], bars: int = 2) -> Song:
    """Drums of (start, pitch) in 4/4, on a clock of 480."""
    notes = Notes.of([(start, 20, pitch, 80) for start, pitch in rows])
    return Song((Track(notes, is_drum=True),), bars * 1920)


def only(song: Song, layout: StepsLayout, corpus: Corpus = ALL) -> StepSong:
    (part,) = encode(song, corpus, layout, 0)
    return part


# A whole corpus


def test_melodies_are_prepared_and_what_is_dropped_has_its_reason(
    folder: Path, tmp_path: Path
) -> None:
    lines: list[str] = []
    corpus = replace(TUNES, index="index.csv", licenses=("PD",))
    places = (folder, folder / "splits.csv", tmp_path)
    info = prepare_steps((corpus,), MELODY, *places, workers=1, report=lines.append)
    stored = shards.load_info(tmp_path)
    assert stored["layout"] == {"part": "melody", "bars": [2, 4]}
    assert stored["corpora"] == info["corpora"]
    assert info["corpora"]["tunes"] == {
        "parts": {"train": 3, "valid": 1, "test": 0},
        "bars": {"train": 15, "valid": 7, "test": 0},
        "dropped": {
            "another licence": 1,
            "missing": 1,
            "too short, or no fitting track": 2,
            "unreadable": 1,
        },
    }
    (line,) = lines
    assert line.startswith("tunes: 3 train, 1 valid, 0 test parts; 22 bars; dropped: 1 another ")
    shards.check(tmp_path, MELODY, ["tunes"])
    with pytest.raises(UsageError, match="another codec"):
        shards.check(tmp_path, replace(MELODY, bars=(4,)), ["tunes"])


def test_what_is_prepared_are_the_notes_of_the_files(folder: Path, tmp_path: Path) -> None:
    prepare_steps((TUNES,), MELODY, folder, folder / "splits.csv", tmp_path, workers=1)
    (part,) = steps.load(tmp_path, "valid")
    song = tune(3, 7, (3, 4))
    lead = song.tracks[0].notes
    frame = Frame.of(song, lead.start)
    assert np.array_equal(part.tokens, encode_melody(lead, frame))
    assert np.array_equal(part.slots, frame.slots)
    assert np.array_equal(part.bar, frame.bar)
    windows = Windows(tmp_path, "valid", MELODY, (1.0,))
    assert [(s.bars, s.beats, len(s.first)) for s in windows.shapes] == [(2, 3, 6), (4, 3, 4)]


def test_drums_are_prepared(beats: Path, tmp_path: Path) -> None:
    corpus = Corpus("beats")
    info = prepare_steps((corpus,), DRUMS, beats, beats / "splits.csv", tmp_path, workers=1)
    assert info["corpora"]["beats"] == {
        "parts": {"train": 5, "valid": 2, "test": 1},
        "bars": {"train": 24, "valid": 10, "test": 5},
        "dropped": {"missing": 1, "too short, or no fitting track": 1, "unreadable": 1},
    }
    assert [int(s.bar[-1]) + 1 for s in steps.load(tmp_path, "valid")] == [6, 4]


def test_preparing_twice_makes_the_same_files(folder: Path, tmp_path: Path) -> None:
    found = []
    for _ in range(2):
        prepare_steps((TUNES,), MELODY, folder, folder / "splits.csv", tmp_path, workers=1)
        names = sorted(path.name for path in tmp_path.iterdir())
        parts = [s for split in ("train", "valid") for s in steps.load(tmp_path, split)]
        found.append((names, [p.tokens.tolist() for p in parts]))
    assert found[0] == found[1]
    assert found[0][0] == ["shards.json", *(f"{s}.steps.npz" for s in ("test", "train", "valid"))]
    assert json.loads((tmp_path / "shards.json").read_text())["corpora"].keys() == {"tunes"}


def test_each_corpus_has_its_number(folder: Path, beats: Path, tmp_path: Path) -> None:
    for name, source in (("tunes", folder), ("beats", beats)):
        (tmp_path / f"{name}.zip").write_bytes((source / f"{name}.zip").read_bytes())
    rows = [(source / "splits.csv").read_text().split("\n", 1)[1] for source in (folder, beats)]
    (tmp_path / "splits.csv").write_text("\n".join(["corpus,file,split", *rows]))
    output = tmp_path / "out"
    wanted = (Corpus("tunes"), Corpus("beats"))
    prepare_steps(wanted, DRUMS, tmp_path, tmp_path / "splits.csv", output, workers=1)
    assert {s.corpus for s in steps.load(output, "test")} == {1}
    assert {s.corpus for s in steps.load(output, "valid")} == {0, 1}


def test_a_corpus_that_is_not_there_is_said(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="no corpus gone"):
        prepare_steps((Corpus("gone"),), MELODY, folder, folder / "splits.csv", tmp_path)


# One song


def test_every_melody_of_a_song_is_a_part_by_itself() -> None:
    parts = list(encode(tune(1, bars=8), ALL, MELODY, 5))
    assert [p.corpus for p in parts] == [5, 5]
    starts = [int((p.tokens >= ONSET).sum()) for p in parts]
    assert starts == [32, 8]  # the lead and the drone


def test_a_part_of_few_notes_is_none() -> None:
    for notes, parts in ((MIN_NOTES - 1, 0), (MIN_NOTES, 1)):
        rows = [(480 * i, 480, 60 + i, 80) for i in range(notes)]
        melody = Song((Track(Notes.of(rows)),), 3840)
        assert len(list(encode(melody, ALL, MELODY, 0))) == parts
        drums = drum_song(*((480 * i, 36) for i in range(notes)))
        assert len(list(encode(drums, ALL, DRUMS, 0))) == parts


def test_a_pick_up_is_made_a_whole_bar_and_empty_bars_around_are_cut_off() -> None:
    rows = [(1920 * 2 + 480 * i, 240, 60 + i, 80) for i in range(9)]
    song = Song((Track(Notes.of(rows)),), 480 + 1920 * 7, meters=(Meter(0, 1, 4), Meter(480)))
    part = only(song, MELODY)
    assert part.bar.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    begins = np.flatnonzero((part.tokens >= ONSET).any(1))
    assert begins.tolist() == list(range(3, 12))


def test_a_melody_in_triplets_has_beats_of_six() -> None:
    rows = [(160 * i, 160, 60 + i % 5, 80) for i in range(24)]
    part = only(Song((Track(Notes.of(rows)),), 3840), MELODY)
    assert part.slots.tolist() == [6] * 8
    assert (part.tokens[:, ::2] >= ONSET).all()
    assert (part.tokens[:, 1::2] == HOLD).all()


def test_a_melody_played_loosely_is_on_the_grid() -> None:
    rng = np.random.default_rng(1)
    rows = [(480 * i + int(rng.integers(-20, 20)) * (i > 0), 400, 60 + i, 80) for i in range(8)]
    part = only(Song((Track(Notes.of(rows)),), 3840), MELODY)
    assert part.tokens[:, 0].tolist() == [ONSET + 60 + i for i in range(8)]


def test_a_rest_is_kept() -> None:
    rows = [(480 * i, 240, 60, 80) for i in range(8)]
    part = only(Song((Track(Notes.of(rows)),), 3840), MELODY)
    assert (part.tokens[:, 2] == REST).all()


def test_a_metre_that_no_codec_knows_is_no_trouble() -> None:
    rows = [(240 * i, 240, 60, 80) for i in range(44)]
    song = Song((Track(Notes.of(rows)),), 2640 * 4, meters=(Meter(0, 11, 8),))
    assert list(encode(song, ALL, MELODY, 0)) == []


def test_the_drums_of_all_tracks_are_one_part() -> None:
    kick = drum_song(*((480 * i, 36) for i in range(8)))
    hat = drum_song(*((480 * i + 240, 42) for i in range(8)))
    tune_track = Track(Notes.of([(0, 480, 38, 90)]))
    part = only(replace(kick, tracks=(*kick.tracks, tune_track, *hat.tracks)), DRUMS)
    assert part.tokens[:, 0].tolist() == [1] * 8
    assert part.tokens[:, 2].tolist() == [1 << 2] * 8
    assert part.tokens.sum() == 8 * (1 + 4)


@pytest.mark.parametrize("swing", [False, True])
def test_a_table_of_drums_says_what_was_struck(swing: bool) -> None:
    song = beat(3, 4, swing=swing)
    part = only(song, DRUMS)
    frame = Frame.of(song, song.tracks[0].notes.start)
    assert part.slots.tolist() == frame.slots.tolist()
    assert (6 in part.slots) == swing
    step, voice = decode_drums(part.tokens, frame)
    of_kicks = [s for s, v in zip(step.tolist(), voice.tolist(), strict=True) if v == 0]
    starts = song.tracks[0].notes.where(song.tracks[0].notes.pitch == VOICES[0][1]).start
    assert of_kicks == sorted(set(frame.grid.nearest(starts)[0].tolist()))


def test_a_melody_is_one_voice_on_the_grid() -> None:
    legato = [(480 * i, 500, 60 + i, 80) for i in range(8)]
    part = only(Song((Track(Notes.of(legato)),), 3840), MELODY)
    frame = Frame.of(Song((), 3840), np.array([0]))
    start, end, pitch = decode_melody(part.tokens, frame)
    assert start.tolist() == list(range(0, 32, 4))
    assert end.tolist() == list(range(4, 36, 4))
    assert pitch.tolist() == list(range(60, 68))
