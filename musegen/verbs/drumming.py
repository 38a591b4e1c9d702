"""`drumify`: drums to a melody, a bass line, a tapped rhythm or a whole song."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from musegen import models
from musegen.clips import lasting
from musegen.codecs.grid import Grid, GridKind
from musegen.codecs.hits import Hits
from musegen.codecs.taps import Taps
from musegen.errors import UnreadableError, UsageError
from musegen.general_midi import DRUM_CHANNEL, USUAL_KIT
from musegen.options import Options, Variations, check_length, parse_names
from musegen.recipe import Recipe
from musegen.song import IntArray, Notes, Song, Track
from musegen.source import chosen_tracks
from musegen.time import bar_lines, usual_tempo
from musegen.verbs.drums import (
    GROOVE_MODEL,
    check_share,
    check_size,
    on_our_clock,
    style_number,
)
from musegen.verbs.takes import Each, Making, Progress, Takes, serving

DRUMMER_MODEL = "drummer-lstm"
"""Chooses what is hit."""
HITS_A_QUARTER = (0.75, 3.0, 3.45, 3.88, 4.31, 4.69, 5.06, 5.5, 6.0, 6.62, 9.27)
"""Deciles of the Groove MIDI Dataset's training split, over stretches of four bars: what `density`
means from 0 to 1."""


@dataclass(frozen=True, eq=False)
class Drumming:
    """What `drumify` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    song: Song
    """What is drummed to, as long as the drums are to be."""
    grid: Grid
    taps: Taps
    style: int | None
    density: float | None
    """In octaves from one hit a quarter."""
    fill: bool
    include_input: bool

    @property
    def own_drums(self) -> tuple[Track, ...]:
        """The drum tracks of the input, where it is written too."""
        tracks = self.song.tracks if self.include_input else ()
        return tuple(t for t in tracks if t.is_drum and len(t.notes))

    @property
    def remarks(self) -> tuple[str, ...]:
        return ("the input's own drums play too",) if self.own_drums else ()

    @classmethod
    def of(
        cls,
        song: Song,
        *,
        model: str | None = None,
        length: int | None = None,
        tracks: Sequence[str] | str = (),
        density: float | None = None,
        style: str | None = None,
        fill: bool | None = None,
        include_input: bool = False,
        grid: GridKind = "auto",
    ) -> Drumming:
        if density is not None:
            check_share("density", density)
            hits = np.interp(density * (len(HITS_A_QUARTER) - 1), range(11), HITS_A_QUARTER)
            density = math.log2(float(hits))
        wanted = parse_names(tracks)
        places = chosen_tracks(song, wanted)
        melodic = tuple(i for i in places if not song.tracks[i].is_drum)
        if not wanted and melodic:
            places = melodic
        if fill is None:
            fill = any(not song.tracks[i].is_drum for i in places)
        recipe = serving("drumify", model or DRUMMER_MODEL)
        number = style_number(recipe, style)
        song = on_our_clock(_as_long_as(song, length, include_input))
        notes = Notes.together(song.tracks[i].notes for i in places)
        steps = Grid.of(song, notes.start, grid)
        check_size("steps", len(steps))
        taps = Taps.of(notes, steps)
        if not taps.onset.any():
            raise UnreadableError("nothing starts in these bars of the input: there is no rhythm")
        return cls(recipe, song, steps, taps, number, density, fill, include_input)

    def score(self, played: IntArray) -> Hits:
        """What is written, from the voices that sound at each step [S, voices]."""
        step, voice = np.nonzero(played)
        pitch = np.array(USUAL_KIT)[voice]
        short = np.full(len(step), max(self.grid.sixteenth // 2, 1))
        notes = Notes(self.grid.ticks[step], short, pitch, np.full(len(step), 80))
        return Hits.of(notes, self.grid)

    def take(self, notes: Notes) -> Song:
        """A song of the drums alone, or of the input and the drums.

        They are on one channel with the input's own, and leave out what those play already.
        """
        notes = notes.between(0, self.song.length)
        for track in self.own_drums:
            notes = notes.where(~_meets(notes, track.notes))
        kit = self.own_drums[0].program if self.own_drums else 0
        drums = Track(notes, kit, True, "Drums", DRUM_CHANNEL)
        tracks = (*self.song.tracks, drums) if self.include_input else (drums,)
        return replace(self.song, tracks=tracks)


def _meets(notes: Notes, others: Notes) -> NDArray[np.bool_]:
    """Which of the notes [N] sound while another of their pitch does."""
    met = np.zeros(len(notes), dtype=bool)
    for pitch in np.unique(notes.pitch):
        mine = notes.pitch == pitch
        there = others.where(others.pitch == pitch)
        if len(there):
            before = np.searchsorted(there.start, notes.end[mine]) - 1  # the last to begin by then
            ends = np.maximum.accumulate(there.end)
            met[mine] = (before >= 0) & (ends[before] > notes.start[mine])
    return met


def _as_long_as(song: Song, length: int | None, include_input: bool) -> Song:
    """The first bars of a song, or the song again and again, until it is `length` bars long."""
    if length is None:
        return song
    check_length(length)
    bars = len(bar_lines(song)[0]) - 1
    if include_input and length > bars:
        raise UsageError(
            f"length {length}: the input has {bars} bars; drums written into it cannot be longer"
        )
    return lasting(song, length)


def drumify(
    song: Song,
    *,
    variations: Variations = 4,
    length: int | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    density: float | None = None,
    style: str | None = None,
    fill: bool | None = None,
    include_input: bool = False,
    grid: GridKind = "auto",
    progress: Progress | None = None,
    each: Each | None = None,
) -> Takes:
    """Write drums to what `song` plays, `variations` times, in its tempo and metre.

    They are as long as the song, or `length` bars: its first ones, or all of it again and again.
    `fill` says whether the drums play between the onsets of the song too; by default they do to a
    melody or a mix, and not to a rhythm that was tapped, which is a song of nothing but drums.
    `density` 0..1 goes from the sparsest to the busiest of what the model learned from, `style` is
    one of the model's. With `include_input` a take is the song with a drum track more. `tracks`
    names the tracks that are heard; by default all but drums, or the drums where there is nothing
    else. What the song's timing and loudness tell, the drums follow. Raises UnreadableError where
    there is no note, UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    plan = Drumming.of(
        song,
        model=model,
        length=length,
        tracks=tracks,
        density=density,
        style=style,
        fill=fill,
        include_input=include_input,
        grid=grid,
    )
    drummer, player = models.load(model or DRUMMER_MODEL, device), models.load(GROOVE_MODEL, device)

    from musegen import playing  # torch is needed from here on
    from musegen.networks import Drummer, GrooveVAE
    from musegen.sampling import streams
    from musegen.threads import few_threads

    network, vae = drummer.network_as(Drummer), player.network_as(GrooveVAE)
    bpm = usual_tempo(plan.song).bpm
    own = playing.Setting(bpm, plan.style)
    styles = models.hits_layout(player.recipe).styles  # which may be others
    played = replace(own, style=styles.index(style) if style in styles else None)
    bars = len(bar_lines(plan.song)[0]) - 1
    names = f"{plan.recipe.name}+{player.name}"
    making = Making("drumify", options.seed, names, each)
    with few_threads():
        rhythm = playing.rhythm(network, plan.taps, plan.grid, own, plan.density, plan.fill)
        read = network.read(rhythm)
        onset = None if plan.fill else plan.taps.onset
        random = zip(options.numbers, streams(options.seed, options.numbers), strict=True)
        for done, (number, stream) in enumerate(random, 1):
            hits = plan.score(playing.drum(network, read, onset, options.sampling, stream))
            seen = vae.seen(vae.read(playing.score(vae, hits, played, plan.taps)))
            velocity, offset = playing.play(vae, seen, options.sampling, stream)
            making.add(number, plan.take(hits.played(offset, velocity)))
            if progress is not None:
                progress(done * bars, len(options.numbers) * bars)
    return making.takes(options.remarks + plan.remarks)
