"""How fast the models that are not of tokens write a clip.

Those of a latent space write all bars that they read at once, in 4/4, from a point drawn from the
prior. Those of drums play, or write drums to, four bars of kick, snare and hi-hat in eighths. What
is timed is all from there to the notes, without loading; the clock is that of `bench`.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from musegen import latent, models, playing
from musegen.bench import USUAL, Clock, Effort, Progress
from musegen.codecs.steps import Frame
from musegen.codecs.touch import Touch
from musegen.excerpt import CLOCK
from musegen.general_midi import DRUM_CHANNEL, USUAL_KIT, VOICES
from musegen.networks import Drummer, GrooveVAE
from musegen.sampling import Sampling, streams
from musegen.song import Meter, Notes, Song, Track
from musegen.threads import few_threads
from musegen.verbs.drumming import Drumming
from musegen.verbs.grooving import Grooving
from musegen.verbs.space import Place

BEAT_BARS = 4
Clip = Callable[[np.random.Generator], int]
"""Writes one, and returns how many notes it has."""


@dataclass(frozen=True)
class ClipSpeed:
    """How fast one model writes a clip, one at a time."""

    model: str
    bars: int
    """Of 4/4, in the clip."""
    clip_ms: float
    """The median of the runs."""
    clip_ms_least: float
    """Of the fastest run."""
    bars_per_second: float
    notes_per_second: float
    """Of all runs together, as they have more notes or fewer."""


def measure(
    name: str, effort: Effort = USUAL, device: str = "cpu", report: Progress | None = None
) -> ClipSpeed:
    """Time the model of that name or folder; `report` is told of runs.

    ModelError where it is a model of tokens.
    """
    device = models.resolved_device(device)
    clock, total = Clock.of(device), effort.repeats + 1
    with few_threads():
        bars, clip = _clip(name, device)
        seconds, notes = [], 0
        for repeat, random in enumerate(streams(effort.seed, range(total))):
            began = clock.now()
            written = clip(random)
            if repeat:
                seconds.append(clock.now() - began)
                notes += written
            if report is not None:
                report(repeat + 1, total)
    middle = statistics.median(seconds)
    return ClipSpeed(
        model=models.read_recipe(models.find(name)).name,
        bars=bars,
        clip_ms=1e3 * middle,
        clip_ms_least=1e3 * min(seconds),
        bars_per_second=bars / middle,
        notes_per_second=notes / sum(seconds),
    )


def _clip(name: str, device: str) -> tuple[int, Clip]:
    """How many bars the model of that name writes, and how."""
    recipe = models.read_recipe(models.find(name))
    if recipe.network.kind == "groove-vae":
        return BEAT_BARS, _played(name, device)
    if recipe.network.kind == "drummer":
        return BEAT_BARS, _drummed(name, device)
    layout = models.steps_layout(recipe)
    bars = max(layout.bars)
    song = Song((), bars * Meter().bar_ticks(CLOCK), CLOCK, meters=(Meter(),))
    place = Place.of(name, device, Frame.of(song, np.zeros(0, dtype=np.int64), "16th"))
    kit = None if layout.is_melody else USUAL_KIT
    touch = Touch.usual(1 if kit is None else len(VOICES), place.frame)
    zeros = place.network.directions.new_zeros(1, place.network.config.latent)

    def clip(random: np.random.Generator) -> int:
        return len(place.decode(latent.random_point(zeros, random), touch, kit, Sampling(), random))

    return bars, clip


def _played(name: str, device: str) -> Clip:
    plan = Grooving.of(beat(), model=name)
    network = models.load(name, device).network_as(GrooveVAE)
    setting = playing.Setting(plan.bpm)

    def clip(random: np.random.Generator) -> int:
        seen = network.seen(network.read(playing.score(network, plan.hits, setting)))
        velocity, _ = playing.play(network, seen, Sampling(), random)
        return len(velocity)

    return clip


def _drummed(name: str, device: str) -> Clip:
    plan = Drumming.of(beat(), model=name, fill=True)
    network = models.load(name, device).network_as(Drummer)
    setting = playing.Setting(120)

    def clip(random: np.random.Generator) -> int:
        rhythm = playing.rhythm(network, plan.taps, plan.grid, setting, None, plan.fill)
        played = playing.drum(network, network.read(rhythm), None, Sampling(), random)
        return int(played.sum())

    return clip


def beat() -> Song:
    """Four bars of 4/4: hi-hat in eighths, kick and snare on the beats in turn."""
    eighth = CLOCK // 2
    rows = [(eighth * i, eighth // 2, 42, 90) for i in range(8 * BEAT_BARS)]
    rows += [(CLOCK * i, eighth // 2, 38 if i % 2 else 36, 100) for i in range(4 * BEAT_BARS)]
    kit = Track(Notes.of(rows), is_drum=True, name="Drums", channel=DRUM_CHANNEL)
    return Song((kit,), BEAT_BARS * Meter().bar_ticks(CLOCK), CLOCK, meters=(Meter(),))
