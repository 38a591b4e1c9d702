"""Parts as tokens of steps: where the steps are in every metre, and that the notes come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs.grid import GRIDS, GridKind
from musegen.codecs.steps import (
    HOLD,
    ONSET,
    REST,
    SLOTS,
    Frame,
    StepsLayout,
    attributes,
    begins,
    decode_drums,
    decode_melody,
    encode_drums,
    encode_melody,
    is_compound,
)
from musegen.general_midi import VOICES
from musegen.song import IntArray, Meter, Notes, Song

CLOCKS = (12, 96, 480)
NOWHERE = np.zeros(0, dtype=np.int64)
METERS = ((4, 4), (3, 4), (6, 8), (12, 8), (7, 8), (5, 4))


def song_of(*meters: tuple[int, int, int], clock: int = 480) -> Song:
    """An empty song of (bars, numerator, denominator), one after the other."""
    found, tick = [], 0
    for bars, numerator, denominator in meters:
        found.append(Meter(tick, numerator, denominator))
        tick += bars * found[-1].bar_ticks(clock)
    return Song((), tick, clock, meters=tuple(found))


def frame_of(*meters: tuple[int, int, int], kind: GridKind = "16th", clock: int = 480) -> Frame:
    return Frame.of(song_of(*meters, clock=clock), NOWHERE, kind)


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    """One or two metres; beats of quarters in 16ths, in triplets, or in both, as onsets want."""
    of = st.tuples(st.integers(1, 2), st.sampled_from(METERS))
    meters = [(bars, *meter) for bars, meter in draw(st.lists(of, min_size=1, max_size=2))]
    song = song_of(*meters, clock=draw(st.sampled_from(CLOCKS)))
    third = song.ticks_per_quarter // 3
    onsets = draw(st.lists(st.integers(0, song.length // third - 1), max_size=20))
    kind = draw(st.sampled_from(GRIDS))
    return Frame.of(song, third * np.array(sorted(onsets), dtype=np.int64), kind)


@st.composite
def melodies(draw: st.DrawFn) -> tuple[Frame, list[tuple[int, int, int]]]:
    """A frame, and notes in there: the steps where they start and end, and pitches."""
    frame = draw(frames())
    cuts = sorted(draw(st.sets(st.integers(0, len(frame.grid)), max_size=20)))
    of = st.one_of(st.none(), st.integers(0, 127))
    pitches = [draw(of) for _ in cuts[1:]]
    stretches = zip(cuts, cuts[1:], pitches, strict=False)
    return frame, [(start, end, pitch) for start, end, pitch in stretches if pitch is not None]


@st.composite
def beats(draw: st.DrawFn) -> tuple[Frame, list[tuple[int, int]]]:
    """A frame, and hits in there: steps and voices."""
    frame = draw(frames())
    steps, voices = st.integers(0, len(frame.grid) - 1), st.integers(0, len(VOICES) - 1)
    return frame, sorted(draw(st.sets(st.tuples(steps, voices), max_size=30)))


def melody_on(frame: Frame, rows: list[tuple[int, int, int]]) -> Notes:
    at = frame.grid.ticks
    return Notes.of([(int(at[s]), int(at[e] - at[s]), pitch, 80) for s, e, pitch in rows])


def drums_on(frame: Frame, hits: list[tuple[int, int]]) -> Notes:
    at = frame.grid.ticks
    return Notes.of([(int(at[step]), 1, VOICES[voice][1], 80) for step, voice in hits])


def rows_of(tokens: IntArray, frame: Frame) -> list[tuple[int, int, int]]:
    columns = (column.tolist() for column in decode_melody(tokens, frame))
    return list(zip(*columns, strict=True))


# Round trips


@settings(max_examples=60, deadline=None)
@given(melodies())
def test_a_melody_on_the_grid_comes_back(
    melody: tuple[Frame, list[tuple[int, int, int]]],
) -> None:
    frame, rows = melody
    assert rows_of(encode_melody(melody_on(frame, rows), frame), frame) == rows


@settings(max_examples=60, deadline=None)
@given(beats())
def test_a_drum_part_on_the_grid_comes_back(beat: tuple[Frame, list[tuple[int, int]]]) -> None:
    frame, hits = beat
    step, voice = decode_drums(encode_drums(drums_on(frame, hits), frame), frame)
    assert list(zip(step.tolist(), voice.tolist(), strict=True)) == hits


@settings(max_examples=40, deadline=None)
@given(frame=frames(), seed=st.integers(0, 99))
def test_any_tokens_at_all_are_notes_inside_the_frame(frame: Frame, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vocabulary = StepsLayout("melody", (2,)).vocabulary
    tokens = rng.integers(0, vocabulary, (len(frame), SLOTS))
    tokens[rng.random(tokens.shape) < 0.6] = HOLD
    start, end, pitch = decode_melody(tokens, frame)
    assert (start < end).all()
    assert (end[:-1] <= start[1:]).all()
    assert (end <= len(frame.grid)).all()
    assert ((pitch >= 0) & (pitch < 128)).all()
    step, voice = decode_drums(rng.integers(0, 512, (len(frame), SLOTS)), frame)
    assert ((step >= 0) & (step < len(frame.grid))).all()
    assert ((voice >= 0) & (voice < len(VOICES))).all()


@settings(max_examples=40, deadline=None)
@given(
    frame=frames(),
    shares=st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), max_size=12),
)
def test_notes_off_the_grid_begin_and_end_at_the_nearest_steps(
    frame: Frame, shares: list[tuple[float, float]]
) -> None:
    length = int(frame.grid.ticks[-1])
    times = sorted({int(share * length) for pair in shares for share in pair})
    pairs = list(zip(times[::2], times[1::2], strict=False))
    notes = Notes.of([(a, b - a, 60 + i, 80) for i, (a, b) in enumerate(pairs)])
    start, _ = frame.grid.nearest(notes.start)
    end = np.maximum(frame.grid.nearest(notes.end)[0], start + 1)
    last = np.append(start[1:] != start[:-1], True)[: len(start)]  # of those at one step
    kept = last & (start < len(frame.grid))
    wanted = zip(start[kept].tolist(), end[kept].tolist(), notes.pitch[kept].tolist(), strict=True)
    assert rows_of(encode_melody(notes, frame), frame) == list(wanted)


# Frames


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize(
    ("meter", "straight", "triplet"),
    [
        ((4, 4), [4] * 4, [6] * 4),
        ((3, 4), [4] * 3, [6] * 3),
        ((5, 4), [4] * 5, [6] * 5),
        ((7, 8), [4, 4, 4, 2], [6, 6, 6, 3]),
        ((2, 2), [4] * 4, [6] * 4),
        ((6, 8), [6] * 2, [6] * 2),
        ((9, 8), [6] * 3, [6] * 3),
        ((12, 8), [6] * 4, [6] * 4),
        ((3, 8), [6], [6]),
        ((9, 16), [6, 3], [6, 3]),
    ],
)
def test_a_bar_has_its_beats(
    meter: tuple[int, int], straight: list[int], triplet: list[int], clock: int
) -> None:
    kinds: dict[GridKind, list[int]] = {"16th": straight, "triplet": triplet}
    for kind, slots in kinds.items():
        frame = frame_of((2, *meter), kind=kind, clock=clock)
        assert frame.slots.tolist() == 2 * slots
        assert frame.place.tolist() == 2 * list(range(len(slots)))
        assert frame.bar.tolist() == [0] * len(slots) + [1] * len(slots)
        assert (len(frame), frame.bars) == (2 * len(slots), 2)
        assert frame.is_step.sum(1).tolist() == frame.slots.tolist()


def test_a_quarter_in_triplets_is_a_beat_of_six() -> None:
    onsets = [0, 240, 480, 640, 800, 960, 1200, 1440, 1680]
    assert Frame.of(song_of((1, 4, 4)), np.array(onsets)).slots.tolist() == [4, 6, 4, 4]


@pytest.mark.parametrize("kind", ["16th", "triplet"])
def test_where_the_metre_changes_a_beat_begins(kind: GridKind) -> None:
    frame = frame_of((1, 7, 8), (1, 3, 4), (1, 2, 4), kind=kind)
    assert frame.bar.tolist() == [0] * 4 + [1] * 3 + [2] * 2
    assert frame.place.tolist() == [0, 1, 2, 3, 0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("first", "slots"),
    [((2, 4), [4] * 2), ((3, 4), [4] * 3), ((6, 8), [6] * 2), ((7, 8), [4, 4, 4, 2])],
)
def test_a_first_bar_is_whole_though_the_next_one_is_longer(
    first: tuple[int, int], slots: list[int]
) -> None:
    frame = frame_of((1, *first), (1, 4, 4))
    assert frame.slots.tolist() == [*slots, 4, 4, 4, 4]
    assert frame.place.tolist() == [*range(len(slots)), 0, 1, 2, 3]


@settings(max_examples=40, deadline=None)
@given(frames())
def test_every_step_of_the_grid_is_in_one_beat(frame: Frame) -> None:
    numbers = np.arange(1, len(frame.grid) + 1)
    table = frame.beats(numbers)
    assert table.shape == (len(frame), SLOTS)
    assert table[frame.is_step].tolist() == numbers.tolist()
    assert not table[~frame.is_step].any()
    assert (np.diff(frame.bar) >= 0).all()
    assert ((frame.place == 0) == (np.diff(frame.bar, prepend=-1) > 0)).all()


def test_a_song_of_nothing_has_no_beats() -> None:
    frame = Frame.of(Song(), NOWHERE)
    assert (len(frame), frame.bars) == (0, 0)
    assert encode_melody(Notes(), frame).shape == encode_drums(Notes(), frame).shape == (0, SLOTS)
    assert rows_of(np.zeros((0, SLOTS), dtype=np.int64), frame) == []


@pytest.mark.parametrize(
    ("meter", "compound"),
    [((6, 8), True), ((3, 8), True), ((9, 16), True), ((3, 4), False), ((4, 8), False)],
)
def test_beats_of_three_are_known(meter: tuple[int, int], compound: bool) -> None:
    assert is_compound(Meter(0, *meter)) == compound


# Melodies


def test_tokens_of_a_melody() -> None:
    frame = frame_of((1, 2, 4))
    notes = Notes.of([(120, 120, 60, 80), (480, 240, 62, 80), (720, 240, 64, 80)])
    tokens = [[HOLD, ONSET + 60, REST, HOLD], [ONSET + 62, HOLD, ONSET + 64, HOLD]]
    assert encode_melody(notes, frame)[:, :4].tolist() == tokens


def test_a_note_has_a_step_however_short_it_is() -> None:
    frame = frame_of((1, 2, 4))
    notes = Notes.of([(0, 1, 60, 80), (840, 1, 64, 80)])
    assert rows_of(encode_melody(notes, frame), frame) == [(0, 1, 60), (7, 8, 64)]


def test_a_note_rings_to_the_end_and_not_beyond() -> None:
    frame = frame_of((1, 2, 4))
    notes = Notes.of([(480, 9999, 60, 80)])
    assert rows_of(encode_melody(notes, frame), frame) == [(4, 8, 60)]


def test_a_note_that_is_nearest_to_the_end_of_the_piece_is_left_out() -> None:
    frame = frame_of((1, 2, 4))
    notes = Notes.of([(0, 960, 60, 80), (910, 50, 36, 80)])
    assert rows_of(encode_melody(notes.where(notes.pitch == 36), frame), frame) == []
    assert rows_of(encode_melody(notes, frame), frame) == [(0, 8, 60)]
    assert not encode_drums(notes.where(notes.pitch == 36), frame).any()


def test_of_two_notes_at_one_step_the_later_one_is_kept_whole() -> None:
    frame = frame_of((1, 2, 4))
    grace = Notes.of([(0, 30, 60, 80), (30, 450, 62, 80)])
    assert rows_of(encode_melody(grace, frame), frame) == [(0, 4, 62)]


@settings(max_examples=30, deadline=None)
@given(melodies())
def test_what_stands_where_no_step_is_says_nothing(
    melody: tuple[Frame, list[tuple[int, int, int]]],
) -> None:
    frame, rows = melody
    tokens = np.where(frame.is_step, encode_melody(melody_on(frame, rows), frame), ONSET + 50)
    assert rows_of(tokens, frame) == rows


# Drums


def test_tokens_of_drums() -> None:
    frame = frame_of((1, 2, 4))
    notes = Notes.of([(0, 9, 36, 80), (10, 9, 42, 80), (480, 9, 38, 80), (490, 9, 40, 20)])
    assert encode_drums(notes, frame)[:, 0].tolist() == [0b101, 0b10]
    assert encode_drums(notes, frame).sum() == 0b111


def test_what_is_no_drum_is_left_out() -> None:
    notes = Notes.of([(0, 9, 12, 80), (0, 9, 100, 80)])
    assert not encode_drums(notes, frame_of((1, 4, 4))).any()


# Layouts


def test_a_layout_counts_its_tokens() -> None:
    melody, drums = (StepsLayout(part, (2, 4)) for part in ("melody", "drums"))
    assert (melody.is_melody, melody.voices, melody.vocabulary) == (True, 0, ONSET + 128)
    assert (drums.is_melody, drums.voices, drums.vocabulary) == (False, 9, 512)


@pytest.mark.parametrize("bars", [(), (4, 0), (2, 3)])
def test_a_layout_of_no_bars_is_refused(bars: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="each divides the next"):
        StepsLayout("melody", bars)


# What can be told of tokens

MELODY, DRUMS = StepsLayout("melody", (2,)), StepsLayout("drums", (2,))
NONE, A, B = MELODY.vocabulary, ONSET + 60, ONSET + 72


def test_what_begins_something_is_known() -> None:
    melody = np.array([HOLD, REST, ONSET, ONSET + 127, NONE])
    assert begins(melody, MELODY).tolist() == [False, False, True, True, False]
    drums = np.array([0, 1, 511, DRUMS.vocabulary])
    assert begins(drums, DRUMS).tolist() == [False, True, True, False]


def test_attributes_of_melodies() -> None:
    plain = [[A, HOLD, REST, HOLD, NONE, NONE]] * 4
    pushed = [[A, HOLD, HOLD, B, NONE, NONE], [HOLD, HOLD, B, HOLD, NONE, NONE]] * 2
    found = attributes(np.array([plain, pushed]), MELODY)
    assert found == pytest.approx(np.array([[1, 0, 60], [1.5, 2 / 3, 68]]))


def test_attributes_of_drums() -> None:
    none = DRUMS.vocabulary
    plain = [[0b101, 0, 0b100, 0, none, none]] * 4
    pushed = [[0, 0, 0b1, 0, none, none]] * 4
    found = attributes(np.array([plain, pushed]), DRUMS)
    assert found == pytest.approx(np.array([[3, 0], [1, 1]]))
    assert DRUMS.attributes == MELODY.attributes[:2] == ("density", "syncopation")


def test_silence_has_nothing_of_any_attribute() -> None:
    assert not attributes(np.full((1, 4, SLOTS), REST), MELODY).any()
    assert not attributes(np.zeros((1, 4, SLOTS), dtype=np.int64), DRUMS).any()
