"""Bars into a latent space and out of it, by a `SequenceVAE`, a window of bars after another.

This module knows frames and tokens, and nothing of songs or files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from musegen.analysis import scale_of
from musegen.codecs.steps import ONSET, SLOTS, Frame
from musegen.networks.sequence_vae import SequenceVAE
from musegen.sampling import Sampling, draw
from musegen.song import IntArray

LEANING = 5.0
"""How much less likely, in nats, a note outside of the scale is made half-way between two ends."""
Span = tuple[int, int]
"""The first bar of a window, and how many it has."""


def spans(bars: int, sizes: Sequence[int]) -> list[Span]:
    """`bars` bars as windows of these sizes, the longest first; `bars` must be made of them."""
    found: list[Span] = []
    first = 0
    for size in sorted(sizes, reverse=True):
        while bars - first >= size:
            found.append((first, size))
            first += size
    if first != bars:
        raise ValueError(f"{bars} bars are not made of windows of {sizes}")
    return found


def _slots(frame: Frame, span: Span) -> tuple[slice, IntArray]:
    """The beats of a window, and how many steps each has [N, K]."""
    first, bars = span
    beats = slice(*np.searchsorted(frame.bar, (first, first + bars)).tolist())
    return beats, frame.slots[beats].reshape(bars, -1)  # N K


def encode(network: SequenceVAE, tokens: IntArray, frame: Frame, windows: Sequence[Span]) -> Tensor:
    """Where each window of tokens [T, SLOTS] lies [W, Z]: the mean of its posterior."""
    device = next(network.parameters()).device
    means = []
    for span in windows:
        beats, slots = _slots(frame, span)
        own = np.where(frame.is_step[beats], tokens[beats], network.config.vocabulary)
        ids = torch.from_numpy(own.reshape(1, *slots.shape, SLOTS)).to(device)  # 1 N K SLOTS
        mean, _ = network.posterior(ids, torch.from_numpy(slots)[None].to(device))
        means.append(mean[0])
    return torch.stack(means)


def decode(
    network: SequenceVAE,
    latent: Tensor,
    frame: Frame,
    windows: Sequence[Span],
    sampling: Sampling,
    stream: np.random.Generator,
    leaning: NDArray[np.float32] | None = None,
) -> IntArray:
    """Tokens [T, SLOTS] of the windows that lie at `latent` [W, Z].

    `leaning` [V] is added to the logits of every step.
    """
    device = next(network.parameters()).device
    tokens = np.zeros((len(frame), SLOTS), dtype=np.int64)
    for point, span in zip(latent, windows, strict=True):
        beats, slots = _slots(frame, span)
        writing = network.writing(point, torch.from_numpy(slots).to(device))
        for beat, count in zip(range(beats.start, beats.stop), slots.flatten(), strict=True):
            for slot in range(count):
                logits = writing.chances().cpu().numpy()
                if leaning is not None:
                    logits = logits + leaning
                chosen = draw(logits, sampling, stream.random)
                tokens[beat, slot] = chosen
                writing.write(chosen)
    return tokens


def between(a: Tensor, b: Tensor, share: float, *, spherical: bool = True) -> Tensor:
    """The points [W, Z] that lie so far, 0..1, on the way from points `a` to points `b`.

    The way is, of points equally far from the origin, the arc of a circle about it: most of a
    normal distribution lies on a sphere (White, "Sampling Generative Networks", 2016). Or it is a
    straight line.
    """
    if not spherical:
        return torch.lerp(a, b, share)
    cosine = torch.cosine_similarity(a.double(), b.double(), dim=-1)[:, None]
    angle = cosine.clamp(-1, 1).arccos()
    arc = (((1 - share) * angle).sin() * a + (share * angle).sin() * b) / angle.sin()
    # Of points in line with the origin no arc is known.
    return torch.where(angle.sin() > 1e-4, arc.to(a), torch.lerp(a, b, share))


def random_point(like: Tensor, stream: np.random.Generator) -> Tensor:
    """A point of the prior for each of the points [W, Z]."""
    drawn = torch.from_numpy(stream.standard_normal(like.shape))
    return drawn.to(like)


def leaning_to_a_scale(
    a: IntArray, b: IntArray, share: float, vocabulary: int
) -> NDArray[np.float32]:
    """What to add to the logits of a melody's tokens [V], so far, 0..1, from tokens `a` to `b`.

    Half-way between two keys many notes are as near to the one as to the other, and a melody would
    be in none. So it leans to the scale that the notes of both ends, weighed by how near they are,
    have most of; at the ends not at all.
    """
    weights = np.zeros(12)
    for tokens, weight in ((a, 1 - share), (b, share)):
        pitches = tokens[(tokens >= ONSET) & (tokens < vocabulary)] - ONSET
        weights += weight * np.bincount(pitches % 12, minlength=12) / max(len(pitches), 1)
    outside = ~scale_of(weights)
    leaning = np.zeros(vocabulary, dtype=np.float32)
    pitch = np.arange(vocabulary - ONSET)
    leaning[ONSET:] = -LEANING * 4 * share * (1 - share) * outside[pitch % 12]
    return leaning
