"""The latent space of a model: bars of music as points, and points as bars of music."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from musegen import models
from musegen.codecs.grid import GridKind
from musegen.codecs.steps import ATTRIBUTES, Frame, Part, StepsLayout
from musegen.codecs.touch import Touch
from musegen.errors import UsageError
from musegen.excerpt import CLOCK, Excerpt, sounded
from musegen.general_midi import DRUM_CHANNEL, USUAL_KIT, VOICES
from musegen.options import Options, check_length, parse_meter, parse_names
from musegen.recipe import Recipe
from musegen.sampling import Sampling, streams
from musegen.song import Meter, Notes, Song, Tempo, Track
from musegen.time import FloatArray

if TYPE_CHECKING:
    from torch import Tensor

    from musegen.networks import SequenceVAE

USUAL_MODELS: dict[Part, str] = {"melody": "melody-vae-16", "drums": "drums-vae"}


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
        leaning: NDArray[np.float32] | None = None,
    ) -> Notes:
        """What lies at points [W, Z], played with this touch; of drums, on this kit.

        `leaning` is that of `latent.decode`.
        """
        from musegen import latent

        tokens = latent.decode(
            self.network, points, self.frame, self.windows, sampling, stream, leaning
        )
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

        space = Space("melody-vae-16", bars=4)
        points = space.encode(song)         # a torch tensor [W, Z]
        song = space.decode(points)

    Bars that are more than the model reads at once are read in windows, `W` of them. `grid` is
    "16th", or "triplet" for music in triplets. Raises UsageError, LimitError or ModelError.
    """

    def __init__(
        self,
        model: str = USUAL_MODELS["melody"],
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

    def encode(self, song: Song, *, tracks: Sequence[str] | str = ()) -> Tensor:
        """Where the song's first bars lie, [W, Z]; a song that is shorter is repeated.

        `tracks` names the melody, or the drums, as for `interpolate`. UnreadableError where there
        is nothing, UsageError where it is not clear what is meant.
        """
        from musegen.threads import few_threads

        excerpt = self._excerpt(song, parse_names(tracks))
        with few_threads():
            return self._place.encode(excerpt)

    def decode(
        self,
        points: Tensor | FloatArray,
        *,
        like: Song | None = None,
        tracks: Sequence[str] | str = (),
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Song:
        """The song that lies at points [W, Z], which may be an array of numpy too.

        With `like` it has that song's tempo, instrument, loudness and timing; `tracks` is as for
        `encode`. At `temperature` 0 (0..2) it is the likeliest note after note, and `seed` has no
        say. UsageError where the points are of another shape or not finite.
        """
        import torch

        from musegen.threads import few_threads

        place = self._place
        options = Options.checked(1, seed, temperature, 0, 1.0, 0.0)
        tensor = torch.as_tensor(points).detach().to(place.network.directions)
        if tuple(tensor.shape) != (len(place.windows), place.network.config.latent):
            raise UsageError(
                f"points of shape {tuple(tensor.shape)}; here they are "
                f"{(len(place.windows), place.network.config.latent)}"
            )
        if not bool(tensor.isfinite().all()):
            raise UsageError("points are not all finite numbers")
        is_melody = self.layout.is_melody
        kit: Sequence[int] | None
        if like is None:
            excerpt = None
            touch = Touch.usual(1 if is_melody else len(VOICES), place.frame)
            kit = None if is_melody else USUAL_KIT
        else:
            excerpt = self._excerpt(like, parse_names(tracks))
            touch, kit = excerpt.touch(place.frame), excerpt.kit
        stream = streams(options.seed, [0])[0]
        with few_threads():
            notes = place.decode(tensor, touch, kit, options.sampling, stream)
        if excerpt is not None:
            return excerpt.with_notes(notes)
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
