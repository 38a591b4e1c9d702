"""What we write is read alike by mido, pretty_midi, symusic and ourselves: 500 songs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from midi_files import BAR, SONG, song_of
from midi_readers import READERS, differences
from test_midi_writing import songs

import musegen
from musegen.midi import to_bytes
from musegen.song import CHANNEL_PRESSURE, PITCH_BEND, Controls, Key, Meter, Song, Tempo

MANY = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize("reader", READERS)
def test_whatever_differs_is_seen(reader: str) -> None:
    other = replace(
        song_of(
            (0, 7, 36, 1),
            length=3 * BAR,
            program=9,
            is_drum=True,
            name="Other",
            controls=Controls.of([(0, 7, 9), (0, PITCH_BEND, 9), (0, CHANNEL_PRESSURE, 9)]),
        ),
        ticks_per_quarter=240,
        tempos=(Tempo(0, 1_000_000),),
        meters=(Meter(0, 6, 8),),
        key=Key(0),
        name="Another",
    )
    data = to_bytes(other)
    assert differences(SONG, data)[reader] == list(READERS[reader](data))


@given(songs())
@MANY
def test_any_song_is_read_alike(song: Song) -> None:
    assert differences(song, to_bytes(song)) == {}


@given(songs(), st.sampled_from([25, 97, 1023, 32767]))
@MANY
def test_any_clock_is_read_alike(song: Song, ticks_per_quarter: int) -> None:
    song = replace(song, ticks_per_quarter=ticks_per_quarter)
    found = differences(song, to_bytes(song))
    # The end is on no bar line of such a clock, so that we move it, and drop what is then behind.
    behind = {"tempos", "tempo changes", "metres", "markers", "ends"}
    assert set(found.pop("musegen", [])) <= behind
    assert found == {}


@pytest.mark.parametrize("meter", ["4/4", "3/4", "6/8"])
def test_what_models_play_is_read_alike(
    tiny_model: Path, tiny_melody_model: Path, meter: str
) -> None:
    for model in (str(tiny_model), str(tiny_melody_model)):
        takes = musegen.generate(model=model, variations=50, length=2, seed=7, meter=meter)
        assert sum(take.note_count for take in takes) > 100
        for take in takes:
            assert differences(take, to_bytes(take, recipe=takes.recipe)) == {}
