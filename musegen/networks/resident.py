"""A transformer's step for a GPU: each row at a column of its own, all in memory that stays.

No shape depends on how far a row is, and nothing is asked of the processor on the way, so a step
can be recorded once and replayed (see `recording`). The logits are those of `Transformer.step` but
for rounding: attention goes over all columns that there is room for, and the empty ones weigh
nothing.

Axes: `B` rows, `T` columns, the others as in `transformer`.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from musegen.networks.cache import Cache
from musegen.networks.score import Reading
from musegen.networks.transformer import Layer, Transformer, rotate


class Resident:
    """Keys and values of `rows` rows in room for `columns` columns each."""

    def __init__(self, network: Transformer, rows: int, columns: int) -> None:
        c = network.config
        self.network, self.rows, self.columns = network, rows, columns
        self.layers = [layer for layer in network.layers if isinstance(layer, Layer)]
        shape = (c.layers, 2, rows, c.kv_heads, columns, c.head_width)
        # Zeros: what is not a number would stay that, however little it weighs.
        self.kv = network.embedding.weight.new_zeros(shape)
        self.row = torch.arange(rows, device=self.kv.device)
        self.column = torch.arange(columns, device=self.kv.device)

    def take(self, row: int, cache: Cache) -> None:
        """Let a row be that of a cache of one row."""
        self.kv[:, :, row, :, : cache.column] = cache.kv[:, :, 0, :, : cache.column]

    def step(self, ids: Tensor, column: Tensor, held: Tensor) -> Tensor:
        """Append one id to each row [B] in a column [B] of its own: logits [B, V].

        `held` is that of the `Place` of each, if the network reads a score [R + F + 2, B].
        """
        network, c = self.network, self.network.config
        x, reading = F.embedding(ids, network.embedding.weight), None  # B D
        if network.registers is not None:
            reading = Reading(held[:-2, :, None], held[-2, :, None], held[-1, :, None])
            x = x + F.embedding(held[:-2], network.registers.rows).sum(0)
        turns = network.turns(column[:, None], reading)  # B 1 1 C/2
        empty = self.column > column[:, None]  # B T
        hidden = x.new_zeros(empty.shape).masked_fill(empty, -math.inf)[:, None, None]  # B 1 1 T
        for layer, (keys, values) in zip(self.layers, self.kv, strict=True):
            heads = layer.qkv(layer.attention_norm(x)).view(self.rows, 1, -1, c.head_width)
            turning, v = torch.split(heads, [c.heads + c.kv_heads, c.kv_heads], dim=2)
            q, k = torch.split(rotate(turning, turns), [c.heads, c.kv_heads], dim=2)  # B 1 . C
            keys[self.row, :, column] = k[:, 0]
            values[self.row, :, column] = v[:, 0]
            q = q.view(self.rows, c.kv_heads, -1, c.head_width) * c.head_width**-0.5  # B G R C
            share = (q @ keys.mT + hidden).softmax(-1)  # B G R T
            x = x + layer.attention_out((share @ values).view(self.rows, -1))
            gate, up = layer.gate_up(layer.feed_norm(x)).chunk(2, dim=-1)  # B F, twice
            x = x + layer.feed_out(F.silu(gate) * up)
        return F.linear(network.norm(x), network.embedding.weight)
