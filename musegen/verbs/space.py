"""The latent space of a model: bars of music as points, and points as bars of music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from musegen import models
from musegen.codecs.grid import GridKind
from musegen.codecs.steps import ATTRIBUTES, Frame, Part, StepsLayout
from musegen.codecs.touch import Touch
from musegen.errors import UsageError
from musegen.excerpt import CLOCK, Excerpt, sounded
from musegen.general_midi import DRUM_CHANNEL, VOICES
from musegen.options import check_length, parse_meter
from musegen.recipe import Recipe
from musegen.sampling import Sampling, streams
from musegen.song import Meter, Notes, Song, Tempo, Track

if TYPE_CHECKING:
    from torch import Tensor

    from musegen.networks import SequenceVAE

MELODY_MODEL, LONG_MELODY_MODEL, DRUMS_MODEL = "melody-vae", "melody-vae-16", "drums-vae"
LONG = 8
"""Bars from which on melodies are read by the hierarchical model."""


def usual_model(part: Part, bars: int) -> str:
    """The model for a part of so many bars."""
    if part == "drums":
        return DRUMS_MODEL
    return LONG_MELODY_MODEL if bars >= LONG else MELODY_MODEL


def filled(bars: int, layout: StepsLayout) -> int:
    """The least number of bars from `bars` on that windows of a layout's sizes can make up."""
    least = min(layout.bars)
    return -(-bars // least) * least


@dataclass(frozen=True, eq=False)
class Place:
    """A model's latent space as it is seen from some bars: their frame, in windows."""

    network: SequenceVAE
    frame: Frame
    windows: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, name: str, device: str, frame: Frame) -> Place:
        """Loads the model. ModelError where it has no such space."""
        model = models.load(name, device)
        layout = models.steps_layout(model.recipe)

        from musegen import latent  # torch is needed from here on
        from musegen.networks import SequenceVAE

        windows = latent.spans(frame.bars, layout.bars)
        return cls(model.network_as(SequenceVAE), frame, tuple(windows))

    def encode(self, excerpt: Excerpt) -> Tensor:
        """Where the excerpt lies, [W, Z]: a row for each window."""
        from musegen import latent

        return latent.encode(self.network, excerpt.tokens(self.frame), self.frame, self.windows)

    def decode(
        self,
        points: Tensor,
        touch: Touch,
        kit: Sequence[int] | None,
        sampling: Sampling,
        stream: np.random.Generator,
    ) -> Notes:
        """What lies at points [W, Z], played with this touch; of drums, on this kit."""
        from musegen import latent

        tokens = latent.decode(self.network, points, self.frame, self.windows, sampling, stream)
        return sounded(tokens, self.frame, touch, kit)

    def moved(self, points: Tensor, more: Sequence[str], less: Sequence[str]) -> Tensor:
        """Points with more of some attributes, and less of others."""
        for names, sign in ((more, 1.0), (less, -1.0)):
            for name in names:
                points = points + sign * self.network.directions[ATTRIBUTES.index(name)]
        return points


def check_attributes(recipe: Recipe, *names: str) -> None:
    """UsageError where a model's layout has no such attribute."""
    known = models.steps_layout(recipe).attributes
    for name in names:
        if name not in known:
            raise UsageError(f"no attribute {name!r}; {recipe.name} has: {', '.join(known)}")


class Space:
    """The latent space of a model, for melodies or drums of one length and metre.

        space = Space("melody-vae", bars=4)
        points = space.encode(song)         # a torch tensor [W, Z]
        song = space.decode(points)

    Bars that are more than the model reads at once are read in windows, `W` of them. `grid` is
    "16th", or "triplet" for music in triplets. Raises UsageError, LimitError or ModelError.
    """

    def __init__(
        self,
        model: str = MELODY_MODEL,
        *,
        bars: int = 4,
        meter: Meter | str = "4/4",
        grid: GridKind = "16th",
        device: str = "cpu",
    ) -> None:
        check_length(bars)
        self.model, self.bars, self.device = model, bars, device
        self.meter = parse_meter(str(meter)) or Meter()
        self.grid = grid
        self.layout = models.steps_layout(models.read_recipe(models.find(model)))
        least = min(self.layout.bars)
        if bars % least:
            raise UsageError(f"bars {bars}: {model} reads {least} at a time; take a multiple")

    @cached_property
    def _place(self) -> Place:
        song = Song(
            length=self.bars * self.meter.bar_ticks(CLOCK),
            ticks_per_quarter=CLOCK,
            meters=(Meter(0, self.meter.numerator, self.meter.denominator),),
        )
        frame = Frame.of(song, np.zeros(0, dtype=np.int64), self.grid)
        return Place.of(self.model, self.device, frame)

    def _excerpt(self, song: Song, tracks: Sequence[str]) -> Excerpt:
        excerpt = Excerpt.of(song, self.layout.part, tracks, self.bars)
        if str(excerpt.meter) != str(self.meter):
            raise UsageError(f"the song is in {excerpt.meter}, and this space in {self.meter}")
        return excerpt

    def encode(self, song: Song, *, tracks: Sequence[str] = ()) -> Tensor:
        """Where the song's first bars lie, [W, Z]; a song that is shorter is repeated.

        `tracks` names the melody, or the drums, as for `interpolate`. UnreadableError where there
        is nothing, UsageError where it is not clear what is meant.
        """
        return self._place.encode(self._excerpt(song, tracks))

    def decode(
        self,
        points: Tensor,
        *,
        like: Song | None = None,
        tracks: Sequence[str] = (),
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Song:
        """The song that lies at points [W, Z].

        With `like` it has that song's tempo, instrument, loudness and timing; `tracks` is as for
        `encode`.
        """
        place = self._place
        if tuple(points.shape) != (len(place.windows), place.network.config.latent):
            raise UsageError(
                f"points of shape {tuple(points.shape)}; here they are "
                f"{(len(place.windows), place.network.config.latent)}"
            )
        is_melody = self.layout.is_melody
        sampling, stream = Sampling(temperature), streams(seed, [0])[0]
        if like is not None:
            excerpt = self._excerpt(like, tracks)
            touch = excerpt.touch(place.frame)
            return excerpt.with_notes(place.decode(points, touch, excerpt.kit, sampling, stream))
        touch = Touch.usual(1 if is_melody else len(VOICES), place.frame)
        kit = None if is_melody else [main for _, main, _ in VOICES]
        notes = place.decode(points, touch, kit, sampling, stream)
        track = (
            Track(notes, name="Melody")
            if is_melody
            else Track(notes, 0, True, "Drums", DRUM_CHANNEL)
        )
        return Song(
            (track,),
            int(place.frame.grid.ticks[-1]),
            CLOCK,
            (Tempo.from_bpm(120),),
            (Meter(0, self.meter.numerator, self.meter.denominator),),
        )
