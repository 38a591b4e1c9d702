"""`groove`: how a drum part is played. Every hit stays; its timing and loudness change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from musegen import models
from musegen.codecs.grid import Grid, GridKind
from musegen.codecs.hits import Hits, in_order
from musegen.errors import UnreadableError
from musegen.general_midi import TAP, voices
from musegen.options import Options, Variations, parse_names
from musegen.recipe import Recipe
from musegen.song import IntArray, Notes, Song
from musegen.source import chosen_tracks, listed
from musegen.time import FloatArray, bar_count, usual_tempo
from musegen.verbs.drums import (
    GROOVE_MODEL,
    check_share,
    check_size,
    on_our_clock,
    style_number,
)
from musegen.verbs.takes import Each, Making, Progress, Takes, serving


@dataclass(frozen=True, eq=False)
class Grooving:
    """What `groove` is asked for, checked and put in a model's terms; loads no torch."""

    recipe: Recipe
    song: Song
    hits: Hits
    """Of all the tracks that are played, as one part."""
    track: IntArray
    """Which track each of its notes [N] belongs to."""
    style: int | None
    feel: tuple[Hits, float] | None
    """A performance whose feel is borrowed, and its tempo in bpm."""
    timing: float
    velocity: float

    @classmethod
    def of(
        cls,
        song: Song,
        *,
        model: str | None = None,
        tracks: Sequence[str] | str = (),
        strength: float = 1.0,
        timing: float = 1.0,
        velocity: float = 1.0,
        style: str | None = None,
        feel: Song | None = None,
        grid: GridKind = "auto",
    ) -> Grooving:
        shares = {"strength": strength, "timing": timing, "velocity": velocity}
        for what, value in shares.items():
            check_share(what, value)
        places = drum_tracks(song, parse_names(tracks))
        recipe = serving("groove", model or GROOVE_MODEL)
        number = style_number(recipe, style)
        song = on_our_clock(song)
        hits, track = heard(song, places, grid)
        if not len(hits):
            raise UnreadableError("no drums found: no pitch of these tracks is a drum's (27 to 87)")
        check_size("hits", len(hits))
        borrowed = None if feel is None else performance(feel, grid)
        share = strength * timing, strength * velocity
        return cls(recipe, song, hits, track, number, borrowed, *share)

    @property
    def remarks(self) -> tuple[str, ...]:
        n = self.hits.notes
        said = []
        if odd := sorted({int(p) for p in n.pitch[voices(n.pitch) < 0]}):
            pitches = ", ".join(map(str, odd[:8])) + " ..." * (len(odd) > 8)
            said.append(f"no drum has pitch {pitches}: such notes stay as they are")
        if self.feel is not None and (self.feel[0].notes.pitch == TAP).all():
            said.append("the feel is that of a rhythm, which does not tell one drum from another")
        return tuple(said)

    @property
    def bpm(self) -> float:
        return usual_tempo(self.song).bpm

    def played(self, velocity: FloatArray, offset: FloatArray) -> Song:
        """The song with its hits at these velocities and offsets, as far as was asked for [H]."""
        hits = self.hits
        wanted = hits.velocity + self.velocity * (velocity - hits.velocity)
        start, loud = hits.moved(self.timing * offset, wanted)
        tracks = list(self.song.tracks)
        for place in np.unique(self.track).tolist():
            mine = self.track == place
            old = hits.notes.where(mine)
            new = in_order(start[mine], old.pitch, self.song.length)
            notes = Notes(new, old.duration, old.pitch, loud[mine]).without_overlaps()
            tracks[place] = replace(tracks[place], notes=notes.between(0, self.song.length))
        return replace(self.song, tracks=tuple(tracks))


def drum_tracks(song: Song, wanted: Sequence[str]) -> tuple[int, ...]:
    """The places of the drum tracks, or of those asked for. UnreadableError where there is none."""
    playing = chosen_tracks(song, wanted)
    drums = playing if wanted else tuple(i for i in playing if song.tracks[i].is_drum)
    if not drums:
        raise UnreadableError(
            "no drums found: no track is on channel 10. If one of the tracks plays drums, name it "
            f"with --track: {listed(song, playing)}"
        )
    return drums


def performance(feel: Song, grid: GridKind) -> tuple[Hits, float]:
    """The hits of a performance, and its tempo in bpm. UnreadableError where it has none."""
    feel = on_our_clock(feel)
    playing = chosen_tracks(feel, ())
    drums = tuple(i for i in playing if feel.tracks[i].is_drum)
    if not drums:
        feel = tapped(feel)
    hits, _ = heard(feel, drums or playing, grid)
    check_size("hits", len(hits))
    if not len(hits):
        raise UnreadableError("no drums found in the performance whose feel is to be taken")
    return hits, usual_tempo(feel).bpm


def tapped(song: Song) -> Song:
    """The song with every note on one stick."""
    tracks = (
        replace(t, notes=replace(t.notes, pitch=np.full(len(t.notes), TAP))) for t in song.tracks
    )
    return replace(song, tracks=tuple(tracks))


def heard(song: Song, places: Sequence[int], grid: GridKind) -> tuple[Hits, IntArray]:
    """Some tracks as one drum part, and the track of each of its notes [N]."""
    tables = [song.tracks[i].notes.table() for i in places]
    table = np.concatenate(tables)
    track = np.repeat(places, [len(t) for t in tables])
    order = np.lexsort((table[:, 2], table[:, 0]))  # as `Notes` has it
    notes = Notes(*table[order].T)
    return Hits.of(notes, Grid.of(song, notes.start, grid)), track[order]


def groove(
    song: Song,
    *,
    variations: Variations = 4,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    seed: int | None = None,
    model: str | None = None,
    device: str = "cpu",
    tracks: Sequence[str] | str = (),
    strength: float = 1.0,
    timing: float = 1.0,
    velocity: float = 1.0,
    style: str | None = None,
    feel: Song | None = None,
    grid: GridKind = "auto",
    progress: Progress | None = None,
    each: Each | None = None,
) -> Takes:
    """Play the drums of `song` as a drummer would, `variations` times; every hit is kept.

    A take is the whole song. Hits go to the `grid` ("auto", "16th" or "triplet") and from there as
    far as `strength` says, 0..1: at 0 the take is the quantised song, with its own velocities.
    `timing` and `velocity`, 0..1 each, scale one of the two alone. `feel` is a performance to
    borrow the feel of, such as `midi.read(...).song` or `audio.listen(...).song`; without drums,
    that of its rhythm. `style` is one of the model's. At temperature 0 every hit is played as is
    usual for it. `tracks` names the tracks that play drums; by default those on channel 10. Raises
    UnreadableError where there are no drums, UsageError, LimitError or ModelError.
    """
    options = Options.checked(variations, seed, temperature, top_k, top_p, min_p)
    plan = Grooving.of(
        song,
        model=model,
        tracks=tracks,
        strength=strength,
        timing=timing,
        velocity=velocity,
        style=style,
        feel=feel,
        grid=grid,
    )
    loaded = models.load(model or GROOVE_MODEL, device)

    from musegen import playing  # torch is needed from here on
    from musegen.networks import GrooveVAE
    from musegen.sampling import streams
    from musegen.threads import few_threads

    network = loaded.network_as(GrooveVAE)
    bars = bar_count(plan.song)
    own = playing.Setting(plan.bpm, plan.style)
    making = Making("groove", options.seed, plan.recipe.name, each)
    with few_threads():
        read = network.read(playing.score(network, plan.hits, own))
        latent, louder, later = None, np.zeros(1), np.zeros(1)
        if plan.feel is not None:
            performance, bpm = plan.feel
            setting = playing.Setting(bpm, plan.style)
            latent, habits = playing.borrowed(network, performance, setting)
            louder, later = habits.at(plan.hits)
        random = zip(options.numbers, streams(options.seed, options.numbers), strict=True)
        for done, (number, stream) in enumerate(random, 1):
            seen = network.seen(read, latent)
            velocity_played, offset = playing.play(network, seen, options.sampling, stream)
            offset = np.clip(offset + later, -0.5, 0.5)  # a hit stays at its step
            making.add(number, plan.played(velocity_played + louder, offset))
            if progress is not None:
                progress(done * bars, len(options.numbers) * bars)
    return making.takes(options.remarks + plan.remarks)
