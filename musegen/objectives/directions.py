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

ROWS, BATCHES = 64, 64
"""How many windows the directions are read off."""
TRIALS = 32
"""Windows that are moved, to see how far."""
WANTED = 0.8
"""How much of an attribute a direction adds, in standard deviations, if it can at all."""
REACHES = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Lengths that are tried, the difference of the middles being 1."""
GREEDY = Sampling(temperature=0)
SEED = 0


@torch.no_grad()
def directions(network: SequenceVAE, windows: Windows, layout: StepsLayout) -> Tensor:
    """A direction for each attribute [A, Z], read off the longest windows."""
    rng = np.random.default_rng(SEED)
    longest = max(shape.bars for shape in windows.shapes)
    device = next(network.parameters()).device
    points: list[Tensor] = []
    amounts, frames = [], []
    while len(points) < BATCHES:
        shape, chosen = windows.drawn(ROWS, rng)
        if shape.bars != longest:
            continue
        tokens, slots = windows.tokens(shape, chosen)
        ids, counts = (torch.from_numpy(a).to(device) for a in (tokens, slots))
        points.append(network.posterior(ids, counts)[0])
        amounts.append(attributes(tokens.reshape(len(tokens), -1, SLOTS), layout))
        frames += [Frame.of_slots(s) for s in slots]
    here, table = torch.cat(points), np.concatenate(amounts)
    trials = rng.permutation(len(here))[:TRIALS].tolist()

    def written(direction: Tensor) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
        """What the trials have of each attribute, moved so far."""
        found = []
        for trial in trials:
            point, spans = (here[trial] + direction)[None], [(0, longest)]
            stream = streams(SEED, [0])[0]
            made = latent.decode(
                network, point, frames[trial], spans, Sampling(temperature=0), stream
            )
            found.append(attributes(made[None], layout)[0])
        return np.array(found)

    before, spread = written(torch.zeros_like(here[0])), table.std(0)
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
