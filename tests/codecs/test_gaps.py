"""What is hidden in gaps comes back from the answers."""

from __future__ import annotations

import pytest
from bar_songs import CONTROLLED, clips
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import BarCodec
from musegen.codecs.controls import told
from musegen.codecs.gaps import MAX_GAPS, Cell, answers, bars_of, filled, hidden, with_gaps
from musegen.song import Notes, Song, Track

CODEC = BarCodec(CONTROLLED)
V = CODEC.vocabulary
TWO = Song(
    (
        Track(Notes.of([(0, 12, 60, 72), (48, 12, 62, 72)])),
        Track(Notes.of([(48, 1, 36, 72)]), is_drum=True),
    ),
    96,
    12,
)


@st.composite
def cells(draw: st.DrawFn, clip: Song) -> set[Cell]:
    """Bars of tracks, among them such where a track rests."""
    bars = len(CODEC.encode_bars(clip))
    if not clip.tracks:
        return set()
    cell = st.tuples(st.integers(0, bars - 1), st.integers(0, len(clip.tracks) - 1))
    return draw(st.sets(cell, max_size=MAX_GAPS))


@settings(max_examples=30, deadline=None)
@given(clip=clips(), data=st.data())
def test_what_is_hidden_is_filled_in_again(clip: Song, data: st.DataObject) -> None:
    chosen = data.draw(cells(clip))
    bars = {i: {"chord": i} for i in range(0, 9, 2)}
    ids = told(CODEC.encode(clip), CODEC, {0: {"density": 1}}, bars)
    out = hidden(ids, chosen, CODEC)
    assert filled(out, CODEC) == ids
    assert sum(id_ in V["fill"] for id_ in out) == len(chosen)
    numbers = [id_ - V["answer"].first for id_ in out if id_ in V["answer"]]
    assert numbers == list(range(len(chosen)))
    assert (out[-1] == V.token("end")) == bool(chosen)


@settings(max_examples=20, deadline=None)
@given(clip=clips(), data=st.data())
def test_nothing_of_a_gap_is_seen_before_its_answer(clip: Song, data: st.DataObject) -> None:
    chosen = data.draw(cells(clip))
    out = hidden(CODEC.encode(clip), chosen, CODEC)
    first = next((i for i, id_ in enumerate(out) if id_ in V["answer"]), len(out))
    _, before = bars_of(out[:first], CODEC)
    _, whole = bars_of(CODEC.encode(clip), CODEC)
    for number, (shown, bar) in enumerate(zip(before, whole, strict=True)):
        for slot in range(len(clip.tracks)):
            run = shown.runs.get(slot, [])
            if (number, slot) in chosen:
                assert [V.meaning(id_)[0] for id_ in run] == ["slot", "fill"]
            else:
                assert run == bar.runs.get(slot, [])
    runs = answers(out[first:], CODEC)
    assert runs == [whole[bar].runs.get(slot, []) for bar, slot in sorted(chosen)]


@settings(max_examples=20, deadline=None)
@given(clip=clips())
def test_bars_are_their_lines_and_runs(clip: Song) -> None:
    ids = CODEC.encode(clip)
    header, bars = bars_of(ids, CODEC)
    assert header + [id_ for bar in bars for id_ in bar.ids] == ids
    assert [bar.ids for bar in bars] == CODEC.encode_bars(clip)
    assert header + with_gaps(bars, (), CODEC) == ids


def test_gaps_are_numbered_in_the_order_of_the_sequence() -> None:
    out = hidden(CODEC.encode(TWO), [(1, 0), (0, 1), (1, 1)], CODEC)
    names = [V.meaning(id_) for id_ in out if id_ not in V["velocity"]]
    assert names[names.index(("bar", 0)) :] == [
        *(("bar", 0), ("slot", 0), ("position", 0), ("duration", 7), ("pitch", 60)),
        *(("slot", 1), ("fill", 0)),
        *(("bar", 0), ("slot", 0), ("fill", 1), ("slot", 1), ("fill", 2)),
        *(("answer", 0), ("answer", 1)),
        *(("slot", 0), ("position", 0), ("duration", 7), ("pitch", 62)),
        *(("answer", 2), ("slot", 1), ("position", 0), ("drum", 9), ("end", 0)),
    ]


def test_what_has_no_gaps_stays_as_it_is() -> None:
    ids = CODEC.encode(TWO)
    assert hidden(ids, (), CODEC) == filled(ids, CODEC) == ids
    assert answers([], CODEC) == []


def test_a_gap_without_an_answer_is_a_rest() -> None:
    out = hidden(CODEC.encode(TWO), [(1, 0), (1, 1)], CODEC)
    cut = out[: out.index(V.token("answer", 1))]
    assert [len(track.notes) for track in CODEC.decode(filled(cut, CODEC)).tracks] == [2, 0]


def test_there_are_no_more_gaps_than_tokens_for_them() -> None:
    ids = CODEC.encode(Song((Track(),), 48 * (MAX_GAPS + 1), 12))
    out = hidden(ids, [(bar, 0) for bar in range(MAX_GAPS)], CODEC)
    assert filled(out, CODEC) == ids
    with pytest.raises(IndexError):
        hidden(ids, [(bar, 0) for bar in range(MAX_GAPS + 1)], CODEC)
