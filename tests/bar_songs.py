"""Songs for the codec of bars, drawn at random."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from musegen.codecs import BarCodec, Layout
from musegen.codecs.layout import METERS
from musegen.song import Meter, Notes, Song, Track

CONTROLLED = Layout(controls=True)


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


@st.composite
def clips(draw: st.DrawFn, layout: Layout = CONTROLLED) -> Song:
    """Songs as the codec says them."""
    return BarCodec(layout).clip(draw(songs(layout)))
