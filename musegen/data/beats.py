"""Performances whose beats are annotated, moved onto a grid of bars.

The annotation is POP909's `beat_midi.txt`: a row a beat, with its second, whether it begins a bar
in simple metre, and whether it does in the slower count that the piece's bars are taken from here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musegen.song import IntArray, Meter, Song, Tempo
from musegen.time import ticks_to_seconds

TICKS = 480
MAX_SECONDS, MIN_PERIOD = 1e5, 0.03
"""Of an annotation: a day and its beats at 2,000 a minute."""


def on_beats(song: Song, annotation: str) -> Song:
    """The song with a quarter for every annotated beat, and bars where the annotation has them.

    ValueError where the annotation has fewer than 8 beats, beats in no order, or no regular bar.
    """
    rows = [[float(x) for x in line.split()] for line in annotation.splitlines() if line.strip()]
    table = np.array([r[:3] for r in rows if len(r) >= 3])
    if len(table) < 8:
        raise ValueError("fewer than 8 annotated beats")
    seconds, downs = table[:, 0], np.flatnonzero(table[:, 2] > 0)
    period = float(np.median(np.diff(seconds)))
    in_order = np.diff(seconds, prepend=-1).min() > 0 and seconds[-1] < MAX_SECONDS
    if not in_order or period < MIN_PERIOD:
        raise ValueError("annotated beats that do not follow each other")
    lengths = np.diff(downs)
    if not len(lengths) or lengths.max() > 8:
        raise ValueError("no annotated bars of 1 to 8 beats")
    usual = int(np.bincount(lengths).argmax())
    lead = -int(downs[0]) % usual  # beats of silence before the first annotated one

    def to_ticks(ticks: IntArray) -> IntArray:
        at = ticks_to_seconds(song, ticks)
        beat = np.interp(at, seconds, np.arange(len(seconds)))
        beat += np.minimum(at - seconds[0], 0) / period
        beat += np.maximum(at - seconds[-1], 0) / period
        return np.maximum(np.rint((beat + lead) * TICKS), 0).astype(np.int64)

    tracks = []
    end = 0
    for track in song.tracks:
        start, stop = to_ticks(track.notes.start), to_ticks(track.notes.end)
        notes = replace(track.notes, start=start, duration=np.maximum(stop - start, 1))
        controls = replace(track.controls, tick=to_ticks(track.controls.tick))
        tracks.append(replace(track, notes=notes, controls=controls))
        end = max(end, int(stop.max(initial=0)))
    # The bars: whole ones of the usual length up to the first annotated bar line, then as
    # annotated.
    opening = (int(downs[0]) + lead) // usual
    beats = [usual] * opening + lengths.tolist() + [usual]
    lines = np.concatenate(([0], np.cumsum(beats))) * TICKS
    meters = [Meter(0, beats[0], 4)]
    for line, count in zip(lines[1:-1].tolist(), beats[1:], strict=True):
        if count != meters[-1].numerator:
            meters.append(Meter(line, count, 4))
    bar = usual * TICKS
    last = int(lines[-2])
    return replace(
        song,
        tracks=tuple(tracks),
        length=last + max(-(-(end - last) // bar), 1) * bar,
        ticks_per_quarter=TICKS,
        tempos=(Tempo.from_bpm(60 / period),),
        meters=tuple(meters),
        markers=(),
    )
