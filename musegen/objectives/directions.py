"""Directions of a latent space in which one attribute of the music grows.

After MusicVAE: a direction leads from the middle of the windows that have least of the attribute to
that of those that have most. How far one goes is measured by what comes out.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from musegen import latent
from musegen.codecs.steps import SLOTS, Frame, StepsLayout, attributes
from musegen.data.steps import Windows
from musegen.networks.sequence_vae import SequenceVAE
from musegen.sampling import Sampling, streams
from musegen.song import IntArray
from musegen.threads import few_threads
from musegen.time import FloatArray

ROWS, GROUP = 4096, 16
"""How many windows the directions are read off, and how many are drawn at once."""
TRIALS = 48
"""Windows that are moved, to see how far."""
WANTED = 0.8
"""How much of an attribute a direction adds, in standard deviations, if it can at all."""
REACHES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Lengths that are tried, the difference of the middles being 1."""
GREEDY = Sampling(temperature=0)
SEED = 0


@torch.no_grad()
@few_threads()
def directions(network: SequenceVAE, windows: Windows, layout: StepsLayout) -> Tensor:
    """A direction for each attribute [A, Z]: read off the longest windows, tried on others."""
    device = next(network.parameters()).device
    rng = np.random.default_rng(SEED)
    sizes = [shape.bars for shape in windows.shapes]
    tokens, slots = _drawn(windows, max(sizes), ROWS, rng)
    here = torch.cat(
        [
            network.posterior(torch.from_numpy(t).to(device), torch.from_numpy(s).to(device))[0]
            for t, s in zip(tokens, slots, strict=True)
        ]
    )
    table = np.concatenate([attributes(t.reshape(len(t), -1, SLOTS), layout) for t in tokens])
    tried, frames = _drawn(windows, min(sizes), TRIALS, rng)
    trials = [
        (t.reshape(-1, SLOTS), Frame.of_slots(s))  # T SLOTS
        for group, counts in zip(tried, frames, strict=True)
        for t, s in zip(group, counts, strict=True)
    ][:TRIALS]
    spans = [(0, min(sizes))]
    points = [latent.encode(network, t, frame, spans) for t, frame in trials]

    def written(direction: Tensor) -> FloatArray:
        """What the trials have of each attribute, moved so far."""
        found = []
        for (_, frame), point in zip(trials, points, strict=True):
            stream = streams(SEED, [0])[0]
            made = latent.decode(network, point + direction, frame, spans, GREEDY, stream)
            found.append(attributes(made[None], layout)[0])
        return np.array(found)

    spread = np.concatenate([attributes(t[None], layout) for t, _ in trials]).std(0)
    before = written(torch.zeros_like(here[0]))
    quarter = len(here) // 4
    rows = []
    for number, column in enumerate(table.T):
        order = torch.from_numpy(np.argsort(column, kind="stable")).to(device)
        apart = here[order[-quarter:]].mean(0) - here[order[:quarter]].mean(0)
        for reach in REACHES:
            more = (written(reach * apart) - before)[:, number].mean()
            if more >= WANTED * spread[number]:
                break
        rows.append(reach * apart)
    return torch.stack(rows)


def _drawn(
    windows: Windows, bars: int, count: int, rng: np.random.Generator
) -> tuple[list[IntArray], list[IntArray]]:
    """Groups of windows of so many bars, `count` of them or some more: tokens and slots."""
    tokens: list[IntArray] = []
    slots: list[IntArray] = []
    while sum(len(group) for group in slots) < count:
        group, counts = windows.tokens(*windows.drawn(GROUP, rng, bars))
        tokens.append(group)
        slots.append(counts)
    return tokens, slots
