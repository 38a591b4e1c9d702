"""Whatever is drawn under the grammar is a clip of exactly the bars asked for."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from bar_songs import CONTROLLED, clips
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import CODECS, BarCodec, Layout
from musegen.codecs.gaps import answers, bars_of, filled, hidden
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.harmony import Chord
from musegen.codecs.layout import DRUM_KIT, METERS, Header
from musegen.codecs.request import Request
from musegen.codecs.state import State
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_count


def drawn(grammar: BarGrammar, seed: int) -> list[int]:
    """Ids drawn blindly from what is allowed, the bar line one time in ten."""
    source, state, ids = random.Random(seed), grammar.start, list[int]()
    closing = set(grammar.pooled.tolist())
    while not grammar.finished(state):
        choices = grammar.choices(state)
        open_ids = choices.ids.tolist()
        assert open_ids
        assert open_ids == sorted(set(open_ids))
        if choices.lean is not None:
            leaned = choices.lean(np.zeros(len(open_ids), dtype=np.float32))
            assert leaned.shape == choices.ids.shape
            assert np.isfinite(leaned).all()
        lines = [i for i in open_ids if i in closing]
        assert lines == ([open_ids[choices.closing]] if choices.closing >= 0 else [])
        ids.append(source.choice(lines if lines and source.random() < 0.1 else open_ids))
        state = grammar.advance(state, ids[-1])
    return ids


DENSITY = st.none() | st.floats(0.25, 4)


def forced(grammar: BarGrammar, state: State) -> int | None:
    """The next id, where there is only one."""
    ids = grammar.choices(state).ids
    return int(ids[0]) if len(ids) == 1 else None


@pytest.mark.parametrize("kind", CODECS)
@settings(max_examples=20, deadline=None)
@given(
    bars=st.integers(1, 6),
    meter=st.integers(0, len(METERS) - 1),
    counting=st.booleans(),
    fixed=st.booleans(),
    density=DENSITY,
    seed=st.integers(),
)
def test_what_is_allowed_is_a_clip(
    kind: str, bars: int, meter: int, counting: bool, fixed: bool, density: float | None, seed: int
) -> None:
    codec = BarCodec(CODECS[kind])
    request = Request(
        bars,
        {"tempo": None, "meter": meter},
        counting=counting,
        fixed_meter=fixed,
        density=density,
    )
    ids = drawn(BarGrammar(codec, request), seed)
    song = codec.decode(ids[:-1])
    assert bar_count(song) == bars
    if fixed:
        assert song.meters == (Meter(0, *METERS[meter]),)
    clip = codec.clip(song)
    playing = [t for t in song.tracks if len(t.notes)]
    for written, kept in zip(playing, clip.tracks, strict=True):
        # durations that the closing bar line or the next note cut may lie between bins
        assert (written.notes.table()[:, [0, 2, 3]] == kept.notes.table()[:, [0, 2, 3]]).all()
        assert (written.notes.duration >= kept.notes.duration).all()


@settings(max_examples=20, deadline=None)
@given(bars=st.integers(1, 5), seed=st.integers())
def test_a_continuation_starts_where_the_prompt_ends(bars: int, seed: int) -> None:
    codec = BarCodec(CODECS["multitrack"])
    clip = Song((Track(Notes.of([(0, 12, 60, 72), (50, 12, 62, 72)])),), 96, 12)
    prompt = [*codec.encode(clip), codec.vocabulary.token("bar")]
    song = codec.decode(prompt + drawn(BarGrammar(codec, Request(bars), prompt), seed)[:-1])
    assert bar_count(song) == 2 + bars
    before = song.tracks[0].notes.between(0, 96)
    assert (before.start == clip.tracks[0].notes.start).all()


def test_the_header_asked_for_is_the_only_one() -> None:
    codec = BarCodec(CODECS["multitrack"])
    request = Request(1, {"style": 1, "tempo": 5, "key": 3, "meter": 7}, instruments=(DRUM_KIT, 33))
    grammar = BarGrammar(codec, request)
    state, ids = grammar.start, list[int]()
    while (token := forced(grammar, state)) is not None:
        ids.append(token)
        state = grammar.advance(state, token)
    meanings = [codec.vocabulary.meaning(token) for token in ids]
    assert meanings == [
        *(("start", 0), ("style", 1), ("tempo", 5), ("key", 3), ("meter", 7)),
        *(("instrument", DRUM_KIT), ("instrument", 33), ("bar", 0), ("slot", 0)),
    ]


@settings(max_examples=30, deadline=None)
@given(bars=st.integers(1, 6), counting=st.booleans(), seed=st.integers())
def test_instruments_that_are_asked_for_begin_by_the_middle(
    bars: int, counting: bool, seed: int
) -> None:
    codec = BarCodec(CODECS["multitrack"])
    request = Request(bars, {"meter": 3}, (DRUM_KIT, 33, 0), counting=counting)
    song = codec.decode(drawn(BarGrammar(codec, request), seed)[:-1])
    middle = (bars + 1) // 2 * 48
    assert [track.notes.start.min() < middle for track in song.tracks] == [True] * 3


def test_rests_are_bounded() -> None:
    codec = BarCodec(CODECS["melody"])
    bar = codec.vocabulary.token("bar")
    prompt = [*codec.header(Header()), bar, bar]
    grammar = BarGrammar(codec, Request(4, max_empty_bars=1), prompt)
    assert bar not in grammar.choices(grammar.start).ids


def test_bars_are_counted_down_to_the_end() -> None:
    codec = BarCodec(CODECS["melody"])
    ids = drawn(BarGrammar(codec, Request(18, {"meter": 3}, counting=True)), 3)
    meanings = [codec.vocabulary.meaning(token) for token in ids]
    assert [v for name, v in meanings if name == "bar"] == [0, 0, *range(16, 0, -1)]
    assert meanings[-1] == ("end", 0)


# What is asked of a sample


TOLD = BarCodec(CONTROLLED)
LAYOUTS = [CODECS["melody"], CODECS["multitrack"], CONTROLLED]
SCALES = [frozenset(), frozenset((0, 2, 4, 5, 7, 9, 11)), frozenset((1, 6, 8))]
PROGRESSION = tuple(map(Chord.parse, ("Am", "F#dim", "C/D")))


def beats_of(meter: Meter, steps: int) -> int:
    """Steps from beat to beat, by the book: three eighths in 6/8, 9/8 and 12/8."""
    compound = (meter.numerator, meter.denominator) in ((6, 8), (9, 8), (12, 8), *SIXTEENTHS)
    return (3 if compound else 1) * 4 * steps // meter.denominator


SIXTEENTHS = ((6, 16), (9, 16), (12, 16))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=15, deadline=None)
@given(
    bars=st.integers(1, 5),
    meter=st.integers(0, len(METERS) - 1),
    scale=st.sampled_from(SCALES),
    chords=st.sampled_from([(), PROGRESSION[:1], PROGRESSION]),
    most=st.integers(1, 3),
    low=st.integers(0, 115),
    seed=st.integers(),
)
def test_what_is_asked_holds_for_every_note(
    layout: Layout,
    bars: int,
    meter: int,
    scale: frozenset[int],
    chords: tuple[Chord, ...],
    most: int,
    low: int,
    seed: int,
) -> None:
    codec = BarCodec(layout)
    multitrack = layout.max_tracks > 0
    request = Request(
        bars,
        {"meter": meter},
        instruments=(40, DRUM_KIT, 33) if multitrack else None,
        counting=True,
        max_chord=most,
        scale=scale,
        chords=chords,
        ranges={40: (low, low + 12)},
    )
    ids = drawn(BarGrammar(codec, request), seed)
    song = codec.decode(ids[:-1])
    assert bar_count(song) == bars
    width = Meter(0, *METERS[meter]).bar_ticks(12)
    beat = beats_of(Meter(0, *METERS[meter]), 12)
    for track in song.tracks:
        if track.is_drum:
            continue
        if track.program == 40:
            assert all(low <= pitch <= low + 12 for pitch in track.notes.pitch)
        onsets = track.notes.start.tolist()
        assert max(map(onsets.count, onsets), default=0) <= (most if multitrack else 1)
        for start, pitch in zip(onsets, track.notes.pitch.tolist(), strict=True):
            classes = scale
            if chords and start % width % beat == 0:
                chord = chords[start // width % len(chords)].classes
                classes = chord & scale or chord
            assert not classes or pitch % 12 in classes


@pytest.mark.parametrize("layout", [CODECS["multitrack"], CONTROLLED])
def test_chords_are_told_at_the_line_of_each_new_bar(layout: Layout) -> None:
    codec = BarCodec(layout)
    clip = Song((Track(Notes.of([(0, 12, 60, 72)])),), 96, 12)
    bar = codec.vocabulary.token("bar")
    prompt = [*codec.encode(clip), bar]
    ids = drawn(BarGrammar(codec, Request(4, chords=PROGRESSION), prompt), 1)
    after = [codec.vocabulary.meaning(id_) for id_ in [bar, *ids[:-1]]]
    told = [after[place + 1] for place, (name, _) in enumerate(after[:-1]) if name == "bar"]
    expected = [("chord", chord.value) for chord in (*PROGRESSION, PROGRESSION[0])]
    if layout.controls:
        assert told == expected
    else:
        assert not any(name == "chord" for name, _ in after)


def test_a_new_metre_is_told_before_its_chord() -> None:
    v = TOLD.vocabulary
    clip = Song((Track(Notes.of([(0, 12, 60, 72)])),), 48, 12)
    prompt = [*TOLD.encode(clip), v.token("bar"), v.token("meter", 2)]
    grammar = BarGrammar(TOLD, Request(2, chords=PROGRESSION), prompt)
    assert forced(grammar, grammar.start) == v.token("chord", PROGRESSION[0].value)
    song = TOLD.decode(prompt + drawn(grammar, 2)[:-1])
    assert [str(meter) for meter in song.meters] == ["4/4", "3/4"]
    assert bar_count(song) == 3


def test_controls_are_told_of_every_track_that_has_them() -> None:
    controls = {"density": 6, "polyphony": 2, "register": 1}
    request = Request(1, {"meter": 3}, (DRUM_KIT, 0, 33), controls=controls)
    grammar = BarGrammar(TOLD, request)
    state, ids = grammar.start, list[int]()
    while (token := forced(grammar, state)) is not None:
        ids.append(token)
        state = grammar.advance(state, token)
    assert [TOLD.vocabulary.meaning(token) for token in ids] == [
        *(("start", 0), ("meter", 3), ("instrument", DRUM_KIT), ("density", 6)),
        *(("instrument", 0), ("density", 6), ("polyphony", 2), ("register", 1)),
        *(("instrument", 33), ("density", 6), ("register", 1), ("bar", 0), ("slot", 0)),
    ]


def test_controls_are_told_of_tracks_that_the_model_chooses() -> None:
    request = Request(2, {"meter": 3}, counting=True, controls={"density": 6})
    ids = drawn(BarGrammar(TOLD, request), 4)
    names = [TOLD.vocabulary.meaning(id_)[0] for id_ in ids]
    assert names.count("density") == names.count("instrument") > 0
    assert bar_count(TOLD.decode(ids)) == 2


def test_a_codec_without_controls_is_told_none() -> None:
    codec = BarCodec(CODECS["multitrack"])
    request = Request(1, {"meter": 3}, (33,), controls={"density": 6}, chords=PROGRESSION)
    assert bar_count(codec.decode(drawn(BarGrammar(codec, request), 4)[:-1])) == 1


# Answers


def prompted(ids: Sequence[int]) -> list[int]:
    """Ids up to the first `answer`, it too."""
    return list(ids[: ids.index(TOLD.vocabulary.token("answer")) + 1])


@settings(max_examples=25, deadline=None)
@given(clip=clips(), data=st.data(), density=DENSITY, seed=st.integers())
def test_gaps_are_answered_in_their_bars_and_tracks(
    clip: Song, data: st.DataObject, density: float | None, seed: int
) -> None:
    whole = TOLD.encode(clip)
    _, bars = bars_of(whole, TOLD)
    if not clip.tracks:
        return
    cell = st.tuples(st.integers(0, len(bars) - 1), st.integers(0, len(clip.tracks) - 1))
    cells = sorted(data.draw(st.sets(cell, min_size=1, max_size=8)))
    wanted = data.draw(st.integers(1, len(cells)) | st.none())
    prompt = prompted(hidden(whole, cells, TOLD))
    request = Request(1, answers=wanted, density=density, voices=2.0)
    ids = drawn(BarGrammar(TOLD, request, prompt), seed)
    assert TOLD.vocabulary.meaning(ids[-1]) == (
        ("end", 0) if wanted in (None, len(cells)) else ("answer", wanted)
    )
    runs = answers([prompt[-1], *ids[:-1]], TOLD)
    assert len(runs) == (len(cells) if wanted is None else wanted)
    resting, most = 0, min(len({slot for _, slot in cells}), len(cells) - 1)
    for (_, slot), run in zip(cells, runs, strict=False):
        assert not run or run[0] == TOLD.vocabulary.token("slot", slot)
        resting = 0 if run else resting + 1
        assert resting <= most  # as many in a row as there are tracks, but not all
    _, after = bars_of(filled([*prompt, *ids[:-1]], TOLD), TOLD)
    for number, (bar, old) in enumerate(zip(after, bars, strict=True)):
        assert bar.line == old.line
        for slot in range(len(clip.tracks)):
            if (number, slot) not in cells:
                assert bar.runs.get(slot) == old.runs.get(slot)
    song = TOLD.decode(filled([*prompt, *ids[:-1]], TOLD))
    assert song.meters == clip.meters
    assert song.length == clip.length


def test_answers_keep_the_chord_of_their_bar() -> None:
    clip = Song((Track(Notes.of([(48 * i, 12, 60, 72) for i in range(6)])),), 48 * 6, 12)
    cells = [(bar, 0) for bar in (2, 3, 4)]
    prompt = prompted(hidden(TOLD.encode(clip), cells, TOLD))
    request = Request(1, chords=PROGRESSION, max_chord=2)
    for seed in range(5):
        ids = drawn(BarGrammar(TOLD, request, prompt), seed)
        notes = TOLD.decode(filled([*prompt, *ids[:-1]], TOLD)).tracks[0].notes
        for start, pitch in zip(notes.start.tolist(), notes.pitch.tolist(), strict=True):
            if start // 48 in (2, 3, 4) and start % 12 == 0:
                assert pitch % 12 in PROGRESSION[start // 48 - 2].classes


def test_a_rest_before_the_answers_is_none_of_theirs() -> None:
    clip = Song((Track(Notes.of([(0, 12, 60, 72)])),), 48 * 5, 12)
    prompt = prompted(hidden(TOLD.encode(clip), [(0, 0), (1, 0)], TOLD))
    grammar = BarGrammar(TOLD, Request(1), prompt)
    assert TOLD.vocabulary.token("answer", 1) in grammar.choices(grammar.start).ids
