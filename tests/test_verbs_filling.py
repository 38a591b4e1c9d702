"""What a model is shown of a song whose bars it fills, and where its answers go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from infill_songs import KNOWN, QUICK, outside, quarters, song_of

from musegen import models
from musegen.codecs.gaps import MAX_GAPS, Bar, bars_of, filled
from musegen.codecs.harmony import Chord
from musegen.codecs.request import Request
from musegen.options import Options
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_lines
from musegen.verbs.infilling import Infilling


def true_answers(plan: Infilling, prompts: list[list[int]]) -> Callable[..., list[list[int]]]:
    """A model that remembers what it was not shown, in place of `write`."""
    v, at = plan.codec.vocabulary, plan.filling.first

    def write(model: object, rows: list[list[int]], request: Request, *_: object) -> Any:
        nonlocal at
        assert request.answers is not None
        cells = [
            (at + number, slot)
            for number in range(request.answers // len(plan.filling.slots))
            for slot in plan.filling.slots
        ]
        at = cells[-1][0] + 1
        prompts.extend(rows)
        ids = list[int]()
        for number, (bar, slot) in enumerate(cells):
            ids += [v.token("answer", number)] * (number > 0) + plan.filling.bars[bar].runs.get(
                slot, []
            )
        return [ids for _ in rows]

    return write


def shown(plan: Infilling, model: Path, patch: pytest.MonkeyPatch) -> tuple[Song, list[list[int]]]:
    """The song with all that was hidden answered truly, and what was asked."""
    prompts: list[list[int]] = []
    patch.setattr("musegen.writing.write", true_answers(plan, prompts))
    options = Options.checked(1, 1, 1.0, 0, 1.0, 0.0)
    ((_, row),) = plan.filling.fill(models.load(str(model)), options, None)
    return plan.edited(plan.edits(row)), prompts


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
    with pytest.MonkeyPatch.context() as patch:
        back, _ = shown(plan, tiny_controlled_model, patch)
    assert replace(back, length=tick) == song
    assert back.length == (bar_lines(song)[0][-1] if bars[1] == count else tick)


@pytest.mark.parametrize("count", [1, 8, 16])
@pytest.mark.parametrize("wanted", [(), ("1",)])
@pytest.mark.parametrize("voices", [1, 9])
def test_what_is_shown_fits_the_context(
    count: int,
    wanted: tuple[str, ...],
    voices: int,
    tiny_controlled_model: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tracks = [quarters(*range(40, 40 + voices), bars=24, program=i) for i in range(count)]
    song = song_of(*tracks, bars=24)
    plan = Infilling.of(song, bars=(3, 22), tracks=wanted, model=str(tiny_controlled_model))
    back, prompts = shown(plan, tiny_controlled_model, monkeypatch)
    assert back == song
    v, context = plan.codec.vocabulary, 256
    for prompt in prompts:
        assert sum(id_ in v["fill"] for id_ in prompt) <= MAX_GAPS
        if len(plan.filling.slots) == 1:
            assert len(prompt) < context
            assert sum(id_ in v["pitch"] for id_ in prompt) or voices * count > 30


def test_around_a_gap_all_that_fits_is_shown(
    tiny_controlled_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = song_of(quarters(60), quarters(50, program=33))
    model = str(tiny_controlled_model)
    plan = Infilling.of(song, bars=(2, 2), tracks="1", model=model)
    _, (prompt,) = shown(plan, tiny_controlled_model, monkeypatch)
    v = plan.codec.vocabulary
    assert prompt[-1] == v.token("answer")
    heard = plan.codec.decode(filled(prompt, plan.codec))
    lost = song.tracks[0].notes
    assert (heard.tracks[0].notes.start * 40).tolist() == outside(lost, 1920, 3840).start.tolist()
    assert len(heard.tracks[1].notes) == 16


def test_chords_are_shown_and_held_to_in_every_chunk(
    tiny_controlled_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = song_of(*(quarters(50 + i, bars=20, program=i) for i in range(3)), bars=20)
    symbols = "Am F C G E"
    plan = Infilling.of(song, bars=(2, 19), chords=symbols, model=str(tiny_controlled_model))
    wanted = [Chord.parse(symbol) for symbol in symbols.split()]
    told_of: list[tuple[Chord, ...]] = []
    counts: list[int | None] = []
    prompts: list[list[int]] = []
    true = true_answers(plan, prompts)

    def write(model: object, rows: Any, request: Request, *rest: object) -> Any:
        told_of.append(request.chords)
        counts.append(request.answers)
        return true(model, rows, request, *rest)

    monkeypatch.setattr("musegen.writing.write", write)
    options = Options.checked(1, 1, 1.0, 0, 1.0, 0.0)
    list(plan.filling.fill(models.load(str(tiny_controlled_model)), options, None))
    assert len(prompts) > 2
    answered = iter([count or 0 for count in counts])
    v, done = plan.codec.vocabulary, 0
    for prompt, asked in zip(prompts, told_of, strict=True):
        _, bars = bars_of(prompt[:-1], plan.codec)
        gaps = [bar for bar in bars if any(run[-1] in v["fill"] for run in bar.runs.values())]
        named = [id_ - v["chord"].first for bar in gaps for id_ in bar.line if id_ in v["chord"]]
        assert named == [wanted[(done + i) % 5].value for i in range(len(gaps))]
        assert asked[0] == wanted[done % 5]
        done += next(answered) // len(plan.filling.slots)
    assert done == 18


def test_the_metre_of_the_first_bar_shown_is_in_the_header(
    tiny_controlled_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meters = (Meter(), Meter(24 * 1920, 3, 4))
    rows = [(i * 480, 480, 60, 80) for i in range(24 * 4 + 24 * 3)]
    song = Song((Track(Notes.of(rows)),), 24 * (1920 + 1440), meters=meters)
    plan = Infilling.of(song, bars=(40, 46), model=str(tiny_controlled_model))
    back, prompts = shown(plan, tiny_controlled_model, monkeypatch)
    assert back == song
    for prompt in prompts:
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
