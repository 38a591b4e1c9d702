"""Round trips: every clip that a codec can say comes back as it was."""

from __future__ import annotations

import numpy as np
import pytest
from bar_songs import CONTROLLED, songs
from hypothesis import given, settings
from hypothesis import strategies as st

from musegen import clips
from musegen.codecs import CODECS, BarCodec, Layout
from musegen.codecs.layout import DRUM_KIT, TEMPOS_BPM, Header, nearest_tempo
from musegen.codecs.vocabulary import Vocabulary
from musegen.errors import UsageError
from musegen.song import Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_lines

LAYOUTS = (
    CODECS["melody"],
    CODECS["multitrack"],
    Layout(steps_per_quarter=24, max_tracks=3, velocity_bins=32),
    Layout(steps_per_quarter=12, max_tracks=5, order="position"),
    Layout(steps_per_quarter=24, max_tracks=0, velocity_bins=64),
    CONTROLLED,
)


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


def test_one_bar_as_tokens_in_the_order_of_positions() -> None:
    codec = BarCodec(Layout(order="position"))
    song = Song(
        (
            Track(Notes.of([(0, 12, 60, 72), (0, 12, 64, 72), (12, 12, 67, 104)])),
            Track(Notes.of([(0, 1, 36, 104), (6, 1, 42, 104)]), is_drum=True),
        ),
        length=48,
        ticks_per_quarter=12,
    )
    names = [codec.vocabulary.meaning(token) for token in codec.encode_bars(song)[0]]
    assert names == [
        *(("bar", 0), ("position", 0)),
        *(("slot", 0), ("velocity", 4), ("duration", 7), ("pitch", 60), ("pitch", 64)),
        *(("slot", 1), ("velocity", 6), ("drum", 9)),
        *(("position", 6), ("slot", 1), ("drum", 15)),  # as loud as before, in this bar
        *(("position", 12), ("slot", 0), ("velocity", 6), ("pitch", 67)),
    ]


@settings(max_examples=15, deadline=None)
@given(song=songs(Layout()))
def test_both_orders_have_the_same_events(song: Song) -> None:
    by_track, by_position = BarCodec(Layout()), BarCodec(Layout(order="position"))
    clip = by_track.clip(song)
    ids = by_position.encode(clip)
    assert by_track.decode(ids) == by_position.decode(by_track.encode(clip))
    bars = zip(by_track.encode_bars(clip), by_position.encode_bars(clip), strict=True)
    slots = by_track.vocabulary["slot"]
    for one, other in bars:
        assert one[0] == other[0]
        assert {i for i in one if i in slots} == {i for i in other if i in slots}


@pytest.mark.parametrize("steps", [12, 24])
@pytest.mark.parametrize("tracks", [1, 16])
def test_the_ids_of_a_layout_without_controls_are_the_first_of_one_with(
    steps: int, tracks: int
) -> None:
    plain = BarCodec(Layout(steps, tracks)).vocabulary
    told = BarCodec(Layout(steps, tracks, controls=True)).vocabulary
    assert told.ranges[: len(plain.ranges)] == plain.ranges
    assert len(told) > len(plain)


def test_the_order_changes_no_id() -> None:
    orders = (Layout(), Layout(order="position"))
    assert len({BarCodec(layout).vocabulary.ranges for layout in orders}) == 1


def test_controls_need_tracks_in_their_order() -> None:
    with pytest.raises(UsageError, match="controls need tracks"):
        Layout(max_tracks=0, controls=True)
    with pytest.raises(UsageError, match="order of tracks"):
        Layout(order="position", controls=True)


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
