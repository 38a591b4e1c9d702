"""A decoder-only transformer: rotary positions, grouped queries, SwiGLU, tied embedding, no biases.

Beside each token it may be told what holds there (see `score`). Its queries and keys may turn by
bar and position too: then what is a bar apart, or sounds together in another track, is always as
far apart for attention, however many tokens lie between.

`forward` is for training. `prefill` and `step` are for decoding: they keep keys and values in a
`Cache` and give the same logits, token by token. Nothing here knows what an id means.

Axes: `B` batch, `T` time, `D` width, `V` vocabulary, `H` query heads, `G` key and value heads,
`R` query heads to a key head (`H = G * R`), `C` width of a head, `F` hidden width, `L` layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.networks.attention import causal_attention
from musegen.networks.cache import Cache
from musegen.networks.int8 import int8_product
from musegen.networks.lean import Lean, LeanLayer
from musegen.networks.packed import Product, are_packed, product, version
from musegen.networks.score import Ids, Reading, Roles, Score, summed

MAX_TURNS = 1 << 24
"""Context times the width of a head, at most: what is laid out for it is in no file of weights."""


@dataclass(frozen=True)
class TransformerConfig:
    """Everything that shapes a `Transformer`; a weights file fits exactly one of these."""

    vocabulary: int
    """How many ids there are; they run from 0."""
    width: int
    """Length of the vector that stands for a token; a multiple of `heads`, the quotient even."""
    layers: int
    """How many attention and feed-forward pairs are stacked."""
    heads: int
    """Query heads in a layer."""
    kv_heads: int
    """Key and value heads in a layer; divides `heads`."""
    hidden: int
    """Width inside the feed-forward half of a layer."""
    context: int
    """The most tokens that can be looked at together, the prompt's included."""
    dropout: float = 0.0
    """Share of each residual that is dropped in training, 0 to 1."""
    registers: tuple[tuple[Ids, ...], ...] = ()
    """The ids that each register holds the latest of."""
    tracks: tuple[tuple[Ids, ...], ...] = ()
    """The ids that each register of a track holds the latest of."""
    clock: bool = False
    """Whether half of each head turns by bar and position."""
    roles: Roles | None = None
    """What ids do; tracks and clock need it."""
    int8: bool = False
    """Whether a step multiplies in int8, where the processor can; see `int8`."""

    def __post_init__(self) -> None:
        if (self.tracks or self.clock) and self.roles is None:
            raise ValueError("tracks and clock need roles of ids")
        for first, stop in (ids for held in self.registers + self.tracks for ids in held):
            if not 0 <= first < stop <= self.vocabulary:
                raise ValueError(
                    f"a register's ids {first} to {stop - 1} are not in the vocabulary"
                )
        if self.width % self.heads or self.width // self.heads % 2:
            raise ValueError(f"width {self.width} does not give {self.heads} heads of even width")
        if self.heads % self.kv_heads:
            raise ValueError(f"kv_heads {self.kv_heads} does not divide heads {self.heads}")
        if self.context * self.head_width > MAX_TURNS:
            raise ValueError(f"context {self.context} is too long for heads of {self.head_width}")

    @property
    def head_width(self) -> int:
        return self.width // self.heads


class Layer(nn.Module):
    """One attention and feed-forward pair."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        c = config
        self.config = config
        self.attention_norm = nn.LayerNorm(c.width, bias=False)
        self.qkv = nn.Linear(c.width, (c.heads + 2 * c.kv_heads) * c.head_width, bias=False)
        self.attention_out = nn.Linear(c.width, c.width, bias=False)
        self.feed_norm = nn.LayerNorm(c.width, bias=False)
        self.gate_up = nn.Linear(c.width, 2 * c.hidden, bias=False)
        self.feed_out = nn.Linear(c.hidden, c.width, bias=False)

    def forward(
        self, x: Tensor, turns: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Turn x [B, T, D] into the next layer's x; its keys and values [B, G, T, C] come along.

        Without a mask (bool [B, 1, T, T], true where a column may look) attention is causal.
        """
        c = self.config
        batch, time, _ = x.shape
        heads = self.qkv(self.attention_norm(x)).view(batch, time, -1, c.head_width)  # B T H+2G C
        turning, v = torch.split(heads, [c.heads + c.kv_heads, c.kv_heads], dim=2)
        turned = rotate(turning, turns).transpose(1, 2)  # B H+G T C
        q, k = torch.split(turned, [c.heads, c.kv_heads], dim=1)
        v = v.transpose(1, 2)  # B G T C
        if self.training and mask is None and x.device.type == "cpu":
            mixed = causal_attention(q, k, v)  # B H T C
        else:
            mixed = F.scaled_dot_product_attention(
                q, k, v, attn_mask=mask, is_causal=mask is None, enable_gqa=True
            )  # B H T C
        out = self.attention_out(mixed.transpose(1, 2).reshape(batch, time, c.width))  # B T D
        x = x + F.dropout(out, c.dropout, self.training)
        gate, up = self.gate_up(self.feed_norm(x)).chunk(2, dim=-1)  # B T F, twice
        x = x + F.dropout(self.feed_out(F.silu(gate) * up), c.dropout, self.training)
        return x, k, v

    def lean(self, layout: Callable[[Tensor], Product]) -> LeanLayer:
        return LeanLayer(
            self.attention_norm.weight,
            layout(self.qkv.weight),
            layout(self.attention_out.weight),
            self.feed_norm.weight,
            layout(self.gate_up.weight),
            layout(self.feed_out.weight),
        )


def rotate(x: Tensor, turns: Tensor) -> Tensor:
    """Turn each even and odd pair of x [B, T, ., C] by its token's [., T, 1, C/2] (RoFormer)."""
    pairs = torch.view_as_complex(x.float().view(*x.shape[:-1], -1, 2))  # B T . C/2
    return torch.view_as_real(pairs * turns).flatten(-2).type_as(x)  # B T . C


class Transformer(nn.Module):
    """ids [B, T] to the logits of each next id [B, T, V]."""

    turning: Tensor
    speeds: Tensor
    """[C/2] each; see the function `turning`."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.made: tuple[list[tuple[int, int]], Lean] | None = None
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        c = config
        self.registers = (
            Score(c.registers, c.tracks, c.roles, c.vocabulary, c.width)
            if c.registers or c.roles
            else None
        )
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width, bias=False)
        by, speeds = turning(config)
        self.register_buffer("turning", by, persistent=False)
        self.register_buffer("speeds", speeds, persistent=False)
        for name, weight in self.named_parameters():
            if weight.dim() == 2 and not name.startswith("registers"):
                residual = name.endswith("_out.weight")
                nn.init.normal_(weight, std=0.02 / math.sqrt(2 * config.layers if residual else 1))

    @property
    def context(self) -> int:
        """The most columns that a `Cache` can hold."""
        return self.config.context

    @property
    def row_bytes(self) -> int:
        """How much a `Cache` takes for a row at most."""
        c = self.config
        return 4 * 2 * c.layers * c.kv_heads * c.head_width * c.context

    @property
    def is_steady(self) -> bool:
        return are_packed(self)

    def forward(self, ids: Tensor) -> Tensor:
        x, turns = self.embed(ids)
        for layer in self.layers:
            x, _, _ = layer(x, turns)
        return F.linear(self.norm(x), self.embedding.weight)  # B T V

    def embed(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Look up ids [B, T] as [B, T, D], and their turns."""
        time = ids.shape[1]
        if time > self.context:
            raise ValueError(f"{time} tokens do not fit a context of {self.context}")
        x, column = self.embedding(ids), torch.arange(time, device=ids.device)
        reading = None
        if self.registers is not None:
            reading = self.registers.read(ids, padding)
            x = x + self.registers(reading.rows)
        x = F.dropout(x, self.config.dropout, self.training)
        return x, self.turns(column[None], reading)

    def turns(self, column: Tensor, reading: Reading | None) -> Tensor:
        """What queries and keys in columns [B or 1, T] are turned by, complex [., T, 1, C/2]."""
        by = column[..., None]
        if self.config.clock and reading is not None:
            held = reading.bar, reading.position
            by = torch.stack((column.expand_as(held[0]), *held), dim=-1)[..., self.turning]
        angles = by * self.speeds  # B T C/2, radians
        return torch.complex(angles.cos(), angles.sin())[..., None, :]

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Read prompts [B, T] at once, for the logits of what comes next [B, V] and the cache.

        Row b is dead in its first `padding[b]` columns, whatever ids stand there.
        """
        c = self.config
        ids = ids.to(self.embedding.weight.device)
        batch, time = ids.shape
        x, turns = self.embed(ids, padding)
        kv = x.new_empty(c.layers, 2, batch, c.kv_heads, c.context, c.head_width)
        mask, hidden = None, None
        if padding is not None:
            column = torch.arange(c.context, device=x.device)
            live = column >= padding.to(x.device)[:, None]  # B context
            hidden = x.new_zeros(live.shape).masked_fill_(~live, -math.inf)
            hidden = hidden.repeat_interleave(c.kv_heads, 0)[:, None]  # B*G 1 context
            column, live = column[:time], live[:, :time]
            mask = live[:, None] & (column <= column[:, None])  # B T T
            mask = (mask | (column == column[:, None]))[:, None]  # a dead column sees itself
        for layer, (keys, values) in zip(self.layers, kv, strict=True):
            x, keys[:, :, :time], values[:, :, :time] = layer(x, turns, mask)
        logits = F.linear(self.norm(x[:, -1]), self.embedding.weight)
        places = []
        if self.registers is not None:
            dead = [0] * batch if padding is None else padding.tolist()
            rows = zip(ids.tolist(), dead, strict=True)
            places = [self.registers.place(row[first:]) for row, first in rows]
        return logits, Cache(kv, hidden, time, self.lean(), places)

    def step(self, ids: Tensor, *caches: Cache) -> Tensor:
        """Append one id to each row [B], for the logits of what comes next [B, V].

        The rows are those of all caches in turn. Attention is for each cache alone.
        """
        c, lean = self.config, caches[0].lean
        if any(cache.column >= c.context for cache in caches):
            raise ValueError(f"the context of {c.context} tokens is full")
        batch, shape = len(ids), (c.width,)
        rows = [cache.rows for cache in caches]
        x, turn = self.embed_next(ids.to(caches[0].kv.device), caches)
        opened = [cache.open() for cache in caches]
        for w, *layers in zip(lean.layers, *opened, strict=True):
            qkv = w.qkv(torch.layer_norm(x, shape, w.attention_norm))
            # Without the values rows are apart in memory: torch rounds the last few of what lies
            # together otherwise than the others, and which are the last depends on all rows.
            qkv.view(torch.complex64).narrow(1, 0, turn.shape[1]).mul_(turn)
            heads = qkv.view(batch, -1, c.kv_heads, c.head_width)  # B R+2 G C
            if len(caches) == 1:
                mixed = caches[0].attend(layers[0], heads)  # B D
            else:
                parts = zip(caches, layers, heads.split_with_sizes(rows), strict=True)
                mixed = torch.cat([cache.attend(layer, part) for cache, layer, part in parts])
            x += w.attention_out(mixed)
            gate_up = w.gate_up(torch.layer_norm(x, shape, w.feed_norm))
            gate, up = gate_up.chunk(2, dim=-1)  # B F, twice
            x += w.feed_out(F.silu(gate).mul_(up))
        for cache in caches:
            cache.column += 1
        return lean.logits(torch.layer_norm(x, shape, self.norm.weight))

    def embed_next(self, ids: Tensor, caches: Sequence[Cache]) -> tuple[Tensor, Tensor]:
        """Look up the next id of each row [B] as [B, D], and what its queries and keys are turned
        and scaled by, complex [B or 1, (H+G)*C/2].
        """
        lean = caches[0].lean
        columns = [cache.column for cache in caches for _ in range(cache.rows)]
        if self.registers is None:
            x = F.embedding(ids, lean.table)
            # One column for all rows of one cache: it is all that they turn by.
            by = tensor_of([columns[:1] if len(caches) == 1 else columns], ids.device).T
        else:
            places = [place for cache in caches for place in cache.places]
            told = self.registers.advanced(places, ids.tolist())
            read = [[*row, column] for row, column in zip(told, columns, strict=True)]
            by = tensor_of(read, ids.device)
            x = summed(lean.table, by[:, :-3])
        angles = by.index_select(1, lean.turning)[:, None] * self.speeds  # B or 1 1 C/2
        return x, torch.polar(lean.scales, angles).flatten(1)

    def lean(self) -> Lean:
        """Lay the weights out for `step`, or return what was made of them last time."""
        now = version(self)
        if self.made is None or self.made[0] != now:
            c = self.config
            layout = int8_product if c.int8 else product
            layers = [each.lean(layout) for each in self.modules() if isinstance(each, Layer)]
            scales = self.speeds.new_ones(c.heads + c.kv_heads, 1)
            scales[: c.heads] = c.head_width**-0.5
            table, turning = self.embedding.weight, self.turning
            if self.registers is not None:
                table = torch.cat((self.registers.rows, table)).detach()
                # Of a row that `embed_next` reads, bar, position and column are the last three.
                turning = torch.tensor([-1, -3, -2], device=table.device)[turning]
                turning = turning + self.registers.holds + 2
            logits = layout(self.embedding.weight)
            self.made = now, Lean(table, turning, scales, layers, logits)
        return self.made[1]


def tensor_of(numbers: list[list[int]], device: torch.device) -> Tensor:
    """As torch.tensor, in half the time."""
    return torch.from_numpy(np.array(numbers, dtype=np.int64)).to(device)


def turning(config: TransformerConfig) -> tuple[Tensor, Tensor]:
    """What each pair of a head turns by, as 0 columns, 1 bars or 2 positions; and how fast [C/2].

    Columns as in RoFormer; a bar's pairs come round after 2, 4, 8 bars and so on, a position's
    after 3, 6, 12 steps and so on.
    """
    pairs = config.head_width // 2
    counts = [pairs - pairs // 4 * 2, pairs // 4, pairs // 4] if config.clock else [pairs, 0, 0]
    columns, bars, positions = map(torch.arange, counts)
    speeds = (
        10_000.0 ** -(columns / counts[0]),
        math.pi * 2.0**-bars,
        math.tau / 3 * 2.0**-positions,
    )
    return torch.arange(3).repeat_interleave(torch.tensor(counts)), torch.cat(speeds)
