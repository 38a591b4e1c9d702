"""Columns say what a clip says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from bar_songs import CONTROLLED, clips
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen.codecs import CODECS, BarCodec, Layout
from musegen.codecs.columns import Columns
from musegen.song import Meter, Notes, Song, Track
from musegen.time import bar_lines


def columns_of(codec: BarCodec, *sequences: list[int]) -> Columns:
    return Columns.of(np.array([id_ for ids in sequences for id_ in ids], dtype=np.int64), codec)


def table(columns: Columns) -> list[list[int]]:
    """Slot, onset, pitch, duration, is_drum of each note, in order."""
    c = columns
    return sorted(np.stack((c.slot, c.onset, c.pitch, c.duration, c.is_drum), axis=1).tolist())


def told_of(clip: Song, codec: BarCodec) -> list[list[int]]:
    """The same of a clip, as its tokens have it: a cut duration is told by its bin."""
    lengths = codec.durations
    return sorted(
        [slot, start, pitch, lengths[codec.duration_bin(length)], track.is_drum]
        for slot, track in enumerate(clip.tracks)
        for start, length, pitch, _ in track.notes.table().tolist()
    )


@pytest.mark.parametrize("layout", [CONTROLLED, CODECS["melody"], Layout(24, 3)])
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_columns_have_the_notes_and_bars_of_a_clip(layout: Layout, data: st.DataObject) -> None:
    codec, clip = BarCodec(layout), data.draw(clips(layout))
    columns = columns_of(codec, codec.encode(clip))
    assert table(columns) == told_of(clip, codec)
    lines, meters = bar_lines(clip)
    assert columns.line.tolist() == lines[:-1].tolist()
    assert columns.width.tolist() == [meter.bar_ticks(layout.steps_per_quarter) for meter in meters]
    ids = codec.encode(clip)
    assert [ids[i] for i in columns.line_at] == [codec.vocabulary.token("bar")] * len(meters)


@settings(max_examples=20, deadline=None)
@given(first=clips(), second=clips())
def test_several_sequences_are_told_apart(first: Song, second: Song) -> None:
    codec = BarCodec(CONTROLLED)
    end = codec.vocabulary.token("end")
    both = columns_of(codec, [*codec.encode(first), end], codec.encode(second))
    later = [[s, onset + first.length, *rest] for s, onset, *rest in told_of(second, codec)]
    assert table(both) == sorted(told_of(first, codec) + later)
    assert both.width.sum() == first.length + second.length


def test_a_metre_that_changes_counts_from_its_own_bar_on() -> None:
    codec = BarCodec(CONTROLLED)
    song = Song((), 48 + 36 + 24, 12, meters=(Meter(), Meter(48, 3, 4), Meter(84, 2, 4)))
    assert columns_of(codec, codec.encode(song)).width.tolist() == [48, 36, 24]


def test_a_header_alone_has_no_notes_and_no_bars() -> None:
    codec = BarCodec(CONTROLLED)
    columns = columns_of(codec, codec.encode(Song((Track(),), 0, 12)))
    assert (len(columns.at), len(columns.line), len(columns.onset)) == (0, 0, 0)


def test_a_sequence_may_be_cut_anywhere() -> None:
    codec = BarCodec(CONTROLLED)
    song = Song((Track(Notes.of([(0, 12, 60, 72), (50, 12, 62, 72)])), Track()), 96, 12)
    ids = codec.encode(replace(song, tracks=song.tracks[:1]))
    found = [len(columns_of(codec, ids[:stop]).at) for stop in range(len(ids) + 1)]
    assert found == sorted(found)
    assert found[-1] == 2
