"""Drums out of models: which voices are played to a rhythm, and how hits are played.

This module puts music in the terms of `networks.groove_vae` and `networks.drummer`, and chooses
from their chances. It knows grids, and nothing of songs or files.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.codecs.grid import QUARTER, Grid
from musegen.codecs.hits import Hits, octaves
from musegen.codecs.taps import Taps, places
from musegen.general_midi import VOICES
from musegen.networks.drummer import Drummer, Rhythm
from musegen.networks.groove_vae import (
    Chances,
    Feel,
    GrooveVAE,
    Score,
    offset_middles,
    velocity_middles,
)
from musegen.sampling import Sampling, draw
from musegen.song import IntArray
from musegen.time import FloatArray


@dataclass(frozen=True)
class Setting:
    """What holds for a whole piece. `style` is its place in the model's layout, None if unknown."""

    bpm: float
    style: int | None = None

    def tensors(self, network: Drummer | GrooveVAE) -> tuple[Tensor, Tensor]:
        """Style and tempo, [1] each."""
        unknown = network.config.styles
        style = np.array([unknown if self.style is None else self.style])
        return tensor(style, network)[0], tensor(np.array([octaves(self.bpm)]), network)[0]


def tensor(column: NDArray[Any], network: Drummer | GrooveVAE) -> Tensor:
    """A column [N] as the network takes it, [1, N], where the network is."""
    there = torch.from_numpy(column)[None].to(next(network.parameters()).device)
    return there.float() if there.is_floating_point() else there


# How hits are played


def score(network: GrooveVAE, hits: Hits, setting: Setting, taps: Taps | None = None) -> Score:
    """The hits as the network reads them, [1, H]; `taps` say how some steps are to be played."""
    tensors = {name: tensor(column, network) for name, column in hits.features().items()}
    style, tempo = setting.tensors(network)
    known = np.full((2, len(hits)), np.nan)
    if taps is not None:
        inside = hits.step < len(taps.onset)
        known[:, inside] = np.stack((taps.velocity, taps.offset))[:, hits.step[inside]]
    velocity, offset = (tensor(column, network) for column in known)
    mask = torch.ones_like(velocity)
    return Score(
        **tensors, style=style, tempo=tempo, tap_velocity=velocity, tap_offset=offset, mask=mask
    )


def feel_of(network: GrooveVAE, hits: Hits, setting: Setting) -> Tensor:
    """The latent feel of a performance, [1, Z]."""
    feel = Feel(*(tensor(c * 1.0, network) for c in (hits.velocity, hits.offset)))
    return network.posterior(score(network, hits, setting), feel)[0]


@dataclass(frozen=True, eq=False)
class Habits:
    """How a performance differs from what is usual: what a latent feel is too coarse to hold.

    `velocity` and `offset` [voices, places] are by voice and by place in the bar, in twelfths of a
    quarter.
    """

    velocity: FloatArray
    offset: FloatArray

    @classmethod
    def of(cls, hits: Hits, usual_velocity: FloatArray, usual_offset: FloatArray) -> Habits:
        """Means of the differences: all, drawn from there to each place's, and to each voice's."""
        place = hits.grid.place[hits.step]
        size = QUARTER * (int(hits.grid.place.max(initial=0)) // QUARTER + 1)
        tables = []
        for played, usual in ((hits.velocity, usual_velocity), (hits.offset, usual_offset)):
            away = played - usual
            anywhere = np.full(size, away.mean())
            at_place = _drawn_means(place, away, anywhere)
            by_voice = _drawn_means(hits.voice * size + place, away, np.tile(at_place, len(VOICES)))
            tables.append(by_voice.reshape(len(VOICES), size))
        return cls(*tables)

    def at(self, hits: Hits) -> tuple[FloatArray, FloatArray]:
        """What to add to the velocity and to the offset of other hits [H]."""
        place = hits.grid.place[hits.step] % self.offset.shape[1]
        return self.velocity[hits.voice, place], self.offset[hits.voice, place]


def _drawn_means(group: IntArray, values: FloatArray, towards: FloatArray) -> FloatArray:
    """The mean of each group's values and of two more that are as `towards` says [groups]."""
    totals = np.bincount(group, values, len(towards))
    counts = np.bincount(group, minlength=len(towards))
    return np.asarray((totals + 2 * towards) / (counts + 2))


def borrowed(network: GrooveVAE, hits: Hits, setting: Setting) -> tuple[Tensor, Habits]:
    """The latent feel [1, Z] of a performance, and its habits beside that."""
    latent = feel_of(network, hits, setting)
    seen = network.seen(network.read(score(network, hits, setting)), latent)
    usual = usual_feel(Chances(*(logits[0] for logits in network.usual(seen))))
    return latent, Habits.of(hits, *usual)


def usual_feel(chances: Chances) -> tuple[FloatArray, FloatArray]:
    """Velocity and offset to be expected of each hit [H]: the means of the chances [H, bins]."""
    velocity, offset = (
        (logits.float().cpu().softmax(-1) @ middles(logits.shape[-1])).double().numpy()
        for logits, middles in (
            (chances.velocity, velocity_middles),
            (chances.offset, offset_middles),
        )
    )
    return velocity, offset


def play(
    network: GrooveVAE, seen: Tensor, sampling: Sampling, stream: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Velocity 1..127 and offset in 16ths of each hit [H], from what `seen` gave [1, H, X].

    At temperature 0 they are what is to be expected, and nothing is drawn.
    """
    if sampling.temperature == 0 or not seen.shape[1]:
        return usual_feel(Chances(*(logits[0] for logits in network.usual(seen))))
    delays = offset_middles(network.config.offset_bins).double().numpy()
    width = 128 // network.config.velocity_bins
    velocity, offset = np.zeros((2, seen.shape[1]))
    performance = network.performance(seen) if network.config.history else None
    usual = network.usual(seen)
    for hit in range(seen.shape[1]):
        logits = performance.velocity() if performance else usual.velocity[0, hit]
        loud = draw(logits.cpu().numpy(), sampling, stream.random)
        # Any value of the bin: else the bins would be heard.
        velocity[hit] = max(loud * width + int(stream.random() * width), 1)
        logits = performance.offset(velocity[hit]) if performance else usual.offset[0, hit]
        late = draw(logits.cpu().numpy(), sampling, stream.random)
        spread = (stream.random() - 0.5) * (delays[1] - delays[0])
        offset[hit] = np.clip(delays[late] + spread, delays[0], delays[-1])
        if performance is not None:
            performance.play(velocity[hit], offset[hit])
    return velocity, offset


# What is played to a rhythm


def rhythm(
    network: Drummer, taps: Taps, grid: Grid, setting: Setting, density: float | None, fill: bool
) -> Rhythm:
    """Taps as the network hears them, [1, S]; `density` in octaves from one hit a quarter."""
    phase, beat = places(grid.place[:-1])
    style, tempo = setting.tensors(network)
    onset, velocity, offset = (
        tensor(column * 1.0, network) for column in (taps.onset, taps.velocity, taps.offset)
    )
    return Rhythm(
        onset=onset,
        velocity=velocity,
        offset=offset,
        phase=tensor(phase, network),
        beat=tensor(beat, network),
        style=style,
        tempo=tempo,
        density=tensor(np.array([math.nan if density is None else density]), network)[0],
        fill=tensor(np.array([float(fill)]), network)[0],
        mask=torch.ones_like(onset),
    )


def drum(
    network: Drummer,
    read: Tensor,
    onset: NDArray[np.bool_] | None,
    sampling: Sampling,
    stream: np.random.Generator,
) -> IntArray:
    """Which voices sound at each step [S, voices], from what `read` gave [1, S, X].

    With `onset` [S], something sounds where that says so, and nothing elsewhere.
    """
    performance = network.performance(read)
    combinations = np.zeros(read.shape[1], dtype=np.int64)
    for step in range(len(combinations)):
        logits = performance.chances().cpu().numpy()
        if onset is not None:
            allowed = slice(1, None) if onset[step] else slice(0, 1)
            chosen = draw(logits[allowed], sampling, stream.random) + allowed.start
        else:
            chosen = draw(logits, sampling, stream.random)
        combinations[step] = chosen
        performance.play(chosen)
    return combinations[:, None] >> np.arange(len(VOICES)) & 1
