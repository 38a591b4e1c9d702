"""Parts of steps on disk, and windows: which there are, and what chance does to them."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import numpy as np
import pytest

from musegen.codecs.steps import HOLD, ONSET, REST, SLOTS, StepsLayout
from musegen.data import steps
from musegen.data.steps import HIGHEST, LOWEST, MIXED, StepSong, Windows, augmented
from musegen.errors import UnreadableError
from musegen.song import IntArray

MELODY, DRUMS = StepsLayout("melody", (2, 4)), StepsLayout("drums", (2, 4))


def song_of(bars: str, layout: StepsLayout = MELODY, corpus: int = 0, seed: int = 0) -> StepSong:
    """A part of bars with so many quarters each; after a "-" nothing begins in a bar."""
    rng = np.random.default_rng(seed)
    widths = [int(bar) for bar in bars if bar != "-"]
    silent = np.array([bars[: i + 1].endswith("-" + b) for i, b in enumerate(bars) if b != "-"])
    bar = np.repeat(np.arange(len(widths)), widths)
    tokens = np.zeros((len(bar), SLOTS), dtype=np.int64)
    tokens[:, 0] = ONSET + rng.integers(60, 72, len(bar)) if layout.is_melody else 1
    tokens[:, 2] = REST if layout.is_melody else rng.integers(0, 512, len(bar))
    tokens[silent[bar]] = HOLD
    return StepSong(corpus, tokens, np.full(len(bar), 4), bar)


def windows_of(
    folder: Path, *songs: StepSong, layout: StepsLayout = MELODY, weights: tuple[float, ...] = (1,)
) -> Windows:
    steps.save(songs, folder / "train.steps.npz")
    return Windows(folder, "train", layout, weights)


def same(one: StepSong, other: StepSong) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(astuple(one), astuple(other), strict=True))


def found(windows: Windows) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """Song and first beat of each window, by their bars and beats a bar."""
    return {
        (s.bars, s.beats): list(zip(s.song.tolist(), s.first.tolist(), strict=True))
        for s in windows.shapes
    }


# On disk


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    songs = [song_of("4444", seed=1), song_of("33"), song_of("444", DRUMS, corpus=2)]
    steps.save(songs, tmp_path / "train.steps.npz")
    again = steps.load(tmp_path, "train")
    assert len(again) == len(songs)
    assert all(map(same, songs, again))
    assert all(column.dtype == np.int64 for s in again for column in (s.tokens, s.slots, s.bar))
    assert [path.name for path in tmp_path.iterdir()] == ["train.steps.npz"]
    steps.save([], tmp_path / "valid.steps.npz")
    assert steps.load(tmp_path, "valid") == []


def test_what_is_missing_or_damaged_is_said(tmp_path: Path) -> None:
    steps.save([song_of("4444")], tmp_path / "train.steps.npz")
    whole = (tmp_path / "train.steps.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[60:160] = bytes(100)
    for content in (whole[: len(whole) // 2], b"", b"not a table", bytes(flipped)):
        (tmp_path / "valid.steps.npz").write_bytes(content)
        with pytest.raises(UnreadableError, match="the split 'valid' is missing or damaged"):
            steps.load(tmp_path, "valid")
    with pytest.raises(UnreadableError, match="the split 'test' is missing"):
        steps.load(tmp_path, "test")


# Which windows there are


def test_a_window_begins_at_every_bar(tmp_path: Path) -> None:
    windows = windows_of(tmp_path, song_of("44444"), song_of("333"))
    assert found(windows) == {
        (2, 3): [(1, 0), (1, 3)],
        (2, 4): [(0, 0), (0, 4), (0, 8), (0, 12)],
        (4, 4): [(0, 0), (0, 4)],
    }


def test_bars_of_a_window_have_equally_many_beats(tmp_path: Path) -> None:
    windows = windows_of(tmp_path, song_of("443344"))
    assert found(windows) == {(2, 3): [(0, 8)], (2, 4): [(0, 0), (0, 14)]}


@pytest.mark.parametrize("layout", [MELODY, DRUMS])
def test_where_nothing_happens_is_no_window(tmp_path: Path, layout: StepsLayout) -> None:
    windows = windows_of(tmp_path, song_of("44-44-4-444", layout), layout=layout)
    assert found(windows)[2, 4] == [(0, 0), (0, 24)]
    # of four bars one may be silent
    assert found(windows)[4, 4] == [(0, 0)]


def test_where_hardly_anything_happens_is_no_window(tmp_path: Path) -> None:
    song = song_of("4444")
    song.tokens[2:6] = HOLD  # two notes in either of the first bars
    song.tokens[7, 0] = HOLD
    assert found(windows_of(tmp_path, song))[2, 4] == [(0, 4), (0, 8)]


def test_a_split_of_no_windows_is_said(tmp_path: Path) -> None:
    for songs in ([], [song_of("4")], [song_of("-4-4-4")]):
        with pytest.raises(UnreadableError, match="no window of 2 bars in 'train'"):
            windows_of(tmp_path, *songs)


# What is drawn of them


def test_a_window_is_its_beats_and_behind_its_steps_there_is_none(tmp_path: Path) -> None:
    song = song_of("444")
    song.slots[5] = 6
    windows = windows_of(tmp_path, song)
    (shape,) = windows.shapes
    tokens, slots = windows.tokens(shape, np.array([1, 0]))
    assert (tokens.shape, slots.shape) == ((2, 2, 4, SLOTS), (2, 2, 4))
    assert slots[0].tolist() == [[4, 6, 4, 4], [4, 4, 4, 4]]
    for window, first in ((0, 4), (1, 0)):
        assert (
            tokens[window, ..., :4] == song.tokens[first : first + 8, :4].reshape(2, 4, 4)
        ).all()
    real = np.arange(SLOTS) < slots[..., None]
    assert (tokens[~real] == MELODY.vocabulary).all()
    assert (tokens[real] < MELODY.vocabulary).all()


def test_of_shorter_windows_more_are_drawn(tmp_path: Path) -> None:
    windows = windows_of(tmp_path, song_of("44444"))
    rng = np.random.default_rng(1)
    drawn = [windows.drawn(3, rng) for _ in range(20)]
    assert {(shape.bars, len(rows)) for shape, rows in drawn} == {(2, 6), (4, 3)}
    assert all((rows < len(shape.song)).all() for shape, rows in drawn)


def test_windows_are_drawn_by_the_weights_of_their_corpora(tmp_path: Path) -> None:
    songs = (song_of("444"), song_of("444", corpus=1), song_of("333", corpus=1))
    windows = windows_of(tmp_path, *songs, layout=StepsLayout("melody", (2,)), weights=(1, 3))
    rng = np.random.default_rng(1)
    counts = {3: [0, 0, 0], 4: [0, 0, 0]}
    for _ in range(200):
        shape, rows = windows.drawn(10, rng)
        for song in shape.song[rows].tolist():
            counts[shape.beats][song] += 1
    assert sum(counts[3]) / 2000 == pytest.approx(6 / 14, abs=0.1)
    assert counts[4][0] / sum(counts[4]) == pytest.approx(1 / 4, abs=0.05)
    assert counts[4][2] == 0


def test_what_has_no_weight_is_not_drawn(tmp_path: Path) -> None:
    songs = (song_of("444"), song_of("444", corpus=1), song_of("333"))
    windows = windows_of(tmp_path, *songs, weights=(0, 1))
    rng = np.random.default_rng(1)
    for shape, rows in (windows.drawn(20, rng) for _ in range(10)):
        assert set(shape.song[rows].tolist()) == {1}


@pytest.mark.parametrize("layout", [MELODY, DRUMS])
def test_a_batch_depends_on_its_key_alone(tmp_path: Path, layout: StepsLayout) -> None:
    songs = [song_of("44444", layout, seed=seed) for seed in range(3)]
    windows = windows_of(tmp_path, *songs, layout=layout)

    def batch(key: int) -> IntArray:
        rng = np.random.default_rng(key)
        return windows.tokens(*windows.drawn(8, rng), rng)[0]

    first = batch(1)
    assert not np.array_equal(first, batch(2))
    assert np.array_equal(first, batch(1))
    # and the songs are as they were
    assert all(map(same, windows.songs, songs))


# What chance does to them


def melodies(low: int, high: int, rows: int = 200) -> IntArray:
    """Windows [B, T, SLOTS] whose pitches reach from `low` to `high`."""
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, ONSET, (rows, 8, SLOTS))
    tokens[:, 1:, 0] = ONSET + rng.integers(low, high + 1, (rows, 7))
    tokens[:, 2, 0], tokens[:, 3, 0] = ONSET + low, ONSET + high
    return tokens


def four(tokens: IntArray) -> IntArray:
    return np.full(tokens.shape[:2], 4)


@pytest.mark.parametrize(
    ("low", "high", "shifts"),
    [
        (60, 72, range(-6, 7)),
        (LOWEST + 2, 72, range(-2, 7)),
        (60, HIGHEST, range(-6, 1)),
        (LOWEST - 6, 72, range(7)),  # what is beyond the bounds goes no further
        (10, 120, range(1)),
    ],
)
def test_melodies_are_transposed_as_a_whole_and_within_bounds(
    low: int, high: int, shifts: range
) -> None:
    tokens = melodies(low, high)
    changed = augmented(tokens, four(tokens), MELODY, np.random.default_rng(1))
    begins = tokens >= ONSET
    assert np.array_equal(changed[~begins], tokens[~begins])
    shift = (changed - tokens)[:, 2, 0]
    assert ((changed - tokens)[begins] == np.repeat(shift, begins.sum((1, 2)))).all()
    assert set(shift.tolist()) == set(shifts)


def test_a_window_without_notes_is_left_as_it_is() -> None:
    tokens = np.full((4, 8, SLOTS), REST)
    assert np.array_equal(augmented(tokens, four(tokens), MELODY, np.random.default_rng(1)), tokens)


def test_some_drums_play_voices_of_one_other_window() -> None:
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 512, (400, 8, SLOTS))
    changed = augmented(tokens, four(tokens), DRUMS, rng)
    mixed = (changed != tokens).any((1, 2))
    assert mixed.mean() == pytest.approx(MIXED, abs=0.07)
    other = np.roll(tokens, 1, 0)
    for row in np.flatnonzero(mixed):
        for voice in range(DRUMS.voices):
            of_each = [(t[row] >> voice & 1).tolist() for t in (changed, tokens, other)]
            assert of_each[0] in of_each[1:]


def test_drums_are_mixed_with_none_that_have_other_steps() -> None:
    rng = np.random.default_rng(3)
    tokens = rng.integers(0, 512, (40, 8, SLOTS))
    slots = four(tokens)
    slots[::2, 3] = 6
    assert np.array_equal(augmented(tokens, slots, DRUMS, rng), tokens)
