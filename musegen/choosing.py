"""Choosing the next ids of many rows at once, where the logits are: the rules of `sampling`.

Of logits that equal the last of the top-k, all stay here.

Axes: `B` rows, `V` vocabulary.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from musegen.sampling import COLDEST

NOTHING = -1
"""Chosen where the logits are not finite, or all that may come is ruled out."""


class Asked(NamedTuple):
    """What each row may choose from, and how."""

    open: Tensor
    """Which ids may come: bool [B, V]."""
    pooled: Tensor
    """Which are one choice to the network, that of `closing`: bool [B, V]."""
    closing: Tensor
    """The id that gets the probability of them all, or V where none does [B]."""
    top_k: Tensor
    """[B]; 0 keeps all."""
    temperature: Tensor
    top_p: Tensor
    min_p: Tensor
    number: Tensor
    """0 to below 1. These four are [B], in double precision."""


def choose_all(logits: Tensor, asked: Asked) -> Tensor:
    """Choose an id of each row [B] from logits [B, V]; `NOTHING` where none can be."""
    vocabulary = logits.shape[-1]
    together = logits.masked_fill(~asked.pooled, -math.inf).logsumexp(-1, keepdim=True)  # B 1
    closed = torch.cat((logits, together), -1)  # B V+1: a column for those without
    closed = closed.scatter(1, asked.closing[:, None], together)[:, :vocabulary]
    scores = closed.masked_fill(~asked.open, -math.inf)
    highest = scores.amax(-1, keepdim=True)
    temperature = asked.temperature.clamp(min=COLDEST)[:, None]
    gaps = (scores - highest).double() / temperature  # B V
    falling = gaps.sort(dim=-1, descending=True).values
    last = torch.where(asked.top_k > 0, asked.top_k, vocabulary).clamp(max=vocabulary) - 1
    least = falling.gather(1, last[:, None])
    totals = falling.masked_fill(falling < least, -math.inf).exp().cumsum(-1)
    needed = (totals < asked.top_p[:, None] * totals[:, -1:]).sum(-1, keepdim=True)
    is_whole = (asked.top_p >= 1)[:, None]
    nucleus = falling.gather(1, needed.clamp(max=vocabulary - 1))
    least = torch.maximum(least, nucleus.masked_fill(is_whole, -math.inf))
    weights = gaps.exp() * (gaps >= least)
    weights = weights * (weights >= asked.min_p[:, None])
    totals = weights.cumsum(-1)
    # 1 - number is above 0, so that what has no probability is never reached.
    drawn = (totals < (1 - asked.number)[:, None] * totals[:, -1:]).sum(-1)
    chosen = torch.where(asked.temperature == 0, scores.argmax(-1), drawn)
    return chosen.masked_fill(~highest[:, 0].isfinite(), NOTHING)
