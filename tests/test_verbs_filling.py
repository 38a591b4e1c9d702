"""What a model is shown of a song whose bars it fills, and where its answers go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from infill_songs import KNOWN, QUICK, outside, quarters, song_of

from musegen.codecs.gaps import MAX_GAPS, Bar, bars_of, filled
from musegen.codecs.grammar import BarGrammar
from musegen.codecs.harmony import Chord
from musegen.codecs.request import Request
from musegen.codecs.state import Part
from musegen.options import Options
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_lines
from musegen.verbs.infilling import Infilling

Asked = list[tuple[list[int], Request, tuple[Part, ...]]]
"""Prompts, what they ask for, and what the tracks have played by then."""


def answered(plan: Infilling) -> tuple[Song, Asked]:
    """The song with all that was hidden answered truly, and what was asked for."""
    options = Options.checked(1, 1, 1.0, 0, 1.0, 0.0)
    context = plan.recipe.network.shape["context"]
    made, asked = list[list[Bar]](), Asked()
    [take] = plan.filling.takes(context, options, lambda number, bars: made.append(bars), None)
    v, at = plan.codec.vocabulary, plan.filling.first
    for row in take:
        assert isinstance(row.grammar, BarGrammar)
        request = row.grammar.request
        asked.append((list(row.ids), request, row.state.parts))
        bars = (request.answers or 0) // len(plan.filling.slots)
        cells = [(at + n, slot) for n in range(bars) for slot in plan.filling.slots]
        at += bars
        for number, (bar, slot) in enumerate(cells):
            told = [v.token("answer", number)] * (number > 0)
            for id_ in told + plan.filling.bars[bar].runs.get(slot, []):
                row.append(id_)
        row.append(v.token("end"))
    [filled_bars] = made
    return plan.edited(plan.edits(filled_bars)), asked


@QUICK
@given(data=st.data())
def test_true_answers_are_the_song_again(data: st.DataObject, tiny_controlled_model: Path) -> None:
    meters, tick = list[Meter](), 0
    for meter in data.draw(st.lists(st.sampled_from(KNOWN), min_size=1, max_size=4, unique=True)):
        meters.append(Meter(tick, *meter))
        tick += data.draw(st.integers(1, 4)) * Meter(0, *meter).bar_ticks(480)
        tick -= data.draw(st.sampled_from((0, 0, 480)))  # a pick-up, or a bar that is cut short
    starts = st.lists(st.integers(0, tick // 120 - 1), min_size=1, max_size=30, unique=True)
    tracks = [
        Track(Notes.of([(120 * s, 40, p, 80) for s in data.draw(starts)]), program, p == 36)
        for program, p in enumerate((60, 70, 36))
    ]
    last = Notes.of([(tick - 120, 40, 72, 80)])
    song = Song((*tracks, Track(last)), tick, meters=tuple(meters))
    count = len(bar_lines(song)[1])
    first = data.draw(st.integers(1, count))
    bars = first, data.draw(st.integers(first, count))
    wanted = data.draw(st.sampled_from(((), ("1",), ("2", "4"), ("3",))))
    plan = Infilling.of(song, bars=bars, tracks=wanted, model=str(tiny_controlled_model))
    back, _ = answered(plan)
    assert replace(back, length=tick) == song
    assert back.length == (bar_lines(song)[0][-1] if bars[1] == count else tick)


@pytest.mark.parametrize("count", [1, 8, 16])
@pytest.mark.parametrize("wanted", [(), ("1",)])
@pytest.mark.parametrize("voices", [1, 9])
def test_what_is_shown_fits_the_context(
    count: int, wanted: tuple[str, ...], voices: int, tiny_controlled_model: Path
) -> None:
    tracks = [quarters(*range(40, 40 + voices), bars=24, program=i) for i in range(count)]
    song = song_of(*tracks, bars=24)
    plan = Infilling.of(song, bars=(3, 22), tracks=wanted, model=str(tiny_controlled_model))
    back, asked = answered(plan)
    assert back == song
    v, context = plan.codec.vocabulary, 256
    for prompt, *_ in asked:
        assert sum(id_ in v["fill"] for id_ in prompt) <= MAX_GAPS
        if len(plan.filling.slots) == 1:
            assert len(prompt) < context
            assert sum(id_ in v["pitch"] for id_ in prompt) or voices * count > 30


def test_around_a_gap_all_that_fits_is_shown(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60), quarters(50, program=33))
    model = str(tiny_controlled_model)
    plan = Infilling.of(song, bars=(2, 2), tracks="1", model=model)
    _, ((prompt, *_),) = answered(plan)
    v = plan.codec.vocabulary
    assert prompt[-1] == v.token("answer")
    heard = plan.codec.decode(filled(prompt, plan.codec))
    lost = song.tracks[0].notes
    assert (heard.tracks[0].notes.start * 40).tolist() == outside(lost, 1920, 3840).start.tolist()
    assert len(heard.tracks[1].notes) == 16


def test_chords_are_shown_and_held_to_in_every_chunk(tiny_controlled_model: Path) -> None:
    song = song_of(*(quarters(50 + i, bars=20, program=i) for i in range(3)), bars=20)
    symbols = "Am F C G E"
    plan = Infilling.of(song, bars=(2, 19), chords=symbols, model=str(tiny_controlled_model))
    wanted = [Chord.parse(symbol) for symbol in symbols.split()]
    _, asked = answered(plan)
    assert len(asked) > 2
    v, done = plan.codec.vocabulary, 0
    for prompt, request, _ in asked:
        _, bars = bars_of(prompt[:-1], plan.codec)
        gaps = [bar for bar in bars if any(run[-1] in v["fill"] for run in bar.runs.values())]
        named = [id_ - v["chord"].first for bar in gaps for id_ in bar.line if id_ in v["chord"]]
        assert named == [wanted[(done + i) % 5].value for i in range(len(gaps))]
        assert request.chords[0] == wanted[done % 5]
        done += (request.answers or 0) // len(plan.filling.slots)
    assert done == 18


def test_density_is_asked_of_all_chunks_together(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60, bars=20), quarters(50, 55, bars=20, program=33), bars=20)
    plan = Infilling.of(song, bars=(2, 19), density=0.5, model=str(tiny_controlled_model))
    _, asked = answered(plan)
    assert len(asked) > 2
    done = 0
    for number, (_, request, parts) in enumerate(asked):
        # The first gap's track is in the next bar already.
        assert [part.notes for part in parts] == [4 * done, 8 * done]
        assert [part.bar for part in parts] == [48 * done, 48 * max(done - 1, 0)]
        assert parts[0].width == (48 if number else 0)
        done += (request.answers or 0) // len(plan.filling.slots)


def test_the_metre_of_the_first_bar_shown_is_in_the_header(tiny_controlled_model: Path) -> None:
    meters = (Meter(), Meter(24 * 1920, 3, 4))
    rows = [(i * 480, 480, 60, 80) for i in range(24 * 4 + 24 * 3)]
    song = Song((Track(Notes.of(rows)),), 24 * (1920 + 1440), meters=meters)
    plan = Infilling.of(song, bars=(40, 46), model=str(tiny_controlled_model))
    back, asked = answered(plan)
    assert back == song
    for prompt, *_ in asked:
        plain = plan.codec.decode(filled(prompt, plan.codec))
        assert plain.meters == (Meter(0, 3, 4),)


def test_the_notes_that_are_filled_are_cut_at_the_next_bar(tiny_controlled_model: Path) -> None:
    song = song_of(quarters(60))
    plan = Infilling.of(song, bars=(2, 2), model=str(tiny_controlled_model))
    v = plan.codec.vocabulary
    ids = [("slot", 0), ("position", 36), ("velocity", 5), ("duration", 20), ("pitch", 64)]
    row = [Bar(bar.line, dict(bar.runs)) for bar in plan.filling.bars]
    row[1].runs[0] = [v.token(*each) for each in ids]
    (edit,) = plan.edits(row)
    assert edit.notes.table().tolist() == [[1920 + 3 * 480, 480, 64, 80]]
