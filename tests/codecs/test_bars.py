"""Round trips: every clip that a codec can say comes back as it was."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen import clips
from musegen.codecs import CODECS, BarCodec, Layout
from musegen.codecs.bars import DRUM_KIT, METERS, TEMPOS_BPM, Header, nearest_tempo
from musegen.codecs.vocabulary import Vocabulary
from musegen.errors import UsageError
from musegen.song import Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_lines

LAYOUTS = (
    CODECS["melody"],
    CODECS["multitrack"],
    Layout(steps_per_quarter=24, max_tracks=3, velocity_bins=32),
    Layout(steps_per_quarter=24, max_tracks=0, velocity_bins=64),
)


@st.composite
def songs(draw: st.DrawFn, layout: Layout) -> Song:
    """Whole bars on the layout's grid: metre changes, chords, overlaps, rests, drums."""
    grid = layout.steps_per_quarter
    meters: list[Meter] = []
    tick = 0
    for numerator, denominator in draw(st.lists(st.sampled_from(METERS), min_size=1, max_size=3)):
        meter = Meter(tick, numerator, denominator)
        if not meters or replace(meters[-1], tick=tick) != meter:
            meters.append(meter)
        tick += draw(st.integers(1, 3)) * meter.bar_ticks(grid)
    note = st.tuples(
        st.integers(0, tick - 1), st.integers(1, 300), st.integers(0, 127), st.integers(1, 127)
    )
    tracks = tuple(
        Track(Notes.of(rows), program=program, is_drum=is_drum)
        for rows, program, is_drum in draw(
            st.lists(
                st.tuples(st.lists(note, max_size=40), st.integers(0, 127), st.booleans()),
                max_size=5,
            )
        )
    )
    return Song(tracks, tick, grid, meters=tuple(meters))


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_clips_come_back(layout: Layout, data: st.DataObject) -> None:
    codec = BarCodec(layout)
    clip = codec.clip(data.draw(songs(layout)))
    back = codec.decode(codec.encode(clip))
    assert back.meters == clip.meters
    assert back.length == clip.length
    tracks = clip.tracks or back.tracks  # one voice without a note is still one track
    assert [t.notes for t in back.tracks] == [t.notes for t in tracks]
    assert codec.clip(back).tracks == back.tracks[: len(clip.tracks)]
    if layout.max_tracks:
        kinds = [(t.is_drum, t.is_drum or t.program) for t in clip.tracks]
        assert [(t.is_drum, t.is_drum or t.program) for t in back.tracks] == kinds


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_clip_is_close_to_its_song(layout: Layout, data: st.DataObject) -> None:
    song = data.draw(songs(layout))
    clip = BarCodec(layout).clip(song)
    assert len(clip.tracks) <= max(layout.max_tracks, 1)
    for track in clip.tracks:
        assert (track.notes.end <= song.length).all()
        assert (track.notes.velocity >= 1).all()
        starts = np.concatenate([t.notes.start for t in song.tracks])
        assert np.isin(track.notes.start, starts).all()


def test_one_bar_as_tokens() -> None:
    codec = BarCodec(CODECS["multitrack"])
    song = Song(
        (
            Track(Notes.of([(0, 12, 60, 72), (0, 12, 64, 72), (12, 24, 67, 104)])),
            Track(Notes.of([(0, 1, 36, 104), (6, 1, 42, 72)]), is_drum=True),
        ),
        length=48,
        ticks_per_quarter=12,
    )
    names = [codec.vocabulary.meaning(token) for token in codec.encode_bars(song)[0]]
    assert names == [
        ("bar", 0),
        *(("slot", 0), ("position", 0), ("velocity", 4), ("duration", 7), ("pitch", 60)),
        ("pitch", 64),
        *(("position", 12), ("velocity", 6), ("duration", 12), ("pitch", 67)),
        *(("slot", 1), ("position", 0), ("velocity", 6), ("drum", 9)),
        *(("position", 6), ("velocity", 4), ("drum", 15)),
    ]


def test_the_header_comes_back() -> None:
    codec = BarCodec(CODECS["multitrack"])
    header = Header(Meter(0, 6, 8), 90.0, Key(9, is_minor=True), "folk", (40, DRUM_KIT))
    song = codec.decode(codec.header(header))
    assert song.key == Key(9, is_minor=True)
    assert song.meters == (Meter(0, 6, 8),)
    assert [(t.program, t.is_drum) for t in song.tracks] == [(40, False), (0, True)]
    assert song.tempos[0] == Tempo.from_bpm(TEMPOS_BPM[nearest_tempo(90.0)])


def test_a_metre_that_is_not_known_is_named() -> None:
    with pytest.raises(UsageError, match="11/8"):
        BarCodec(CODECS["melody"]).meter_value(Meter(0, 11, 8))


def test_a_slot_without_an_instrument_is_refused() -> None:
    codec = BarCodec(CODECS["multitrack"])
    token = codec.vocabulary.token
    with pytest.raises(ValueError, match="slots"):
        codec.decode(
            [token("start"), token("meter", 3), token("bar"), token("slot", 2), token("pitch", 60)]
        )


def test_a_vocabulary_is_a_row_of_ranges() -> None:
    vocabulary = Vocabulary([("a", 2), ("b", 3)])
    assert len(vocabulary) == 5
    assert [vocabulary.meaning(i) for i in range(5)] == [
        ("a", 0),
        ("a", 1),
        ("b", 0),
        ("b", 1),
        ("b", 2),
    ]
    assert vocabulary.token("b", 2) == 4
    assert 2 in vocabulary["b"]
    assert 2 not in vocabulary["a"]
    assert "c" not in vocabulary
    with pytest.raises(IndexError):
        vocabulary.token("a", 2)


def test_bar_tokens_follow_the_bar_lines() -> None:
    codec = BarCodec(CODECS["multitrack"])
    song = clips.quantised(Song((), 480 * 7, meters=(Meter(0, 3, 4), Meter(1440, 4, 4))), 12)
    assert len(codec.encode_bars(song)) == len(bar_lines(song)[1]) == 2
