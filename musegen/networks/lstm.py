"""A stacked LSTM whose output attends to its own recent past (as in Magenta's Attention RNN).

`forward` is for training. `prefill` and `step` are for decoding: they keep the state in a `Cache`
and give the same logits, token by token, for as long as one likes.

Axes: `B` batch, `T` time, `D` width, `V` vocabulary, `E` hidden width of the LSTM, `H` heads,
`C` width of a head, `W` attention window, `L` layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.networks.packed import Product, are_packed, product, version


@dataclass(frozen=True)
class LSTMConfig:
    """Everything that shapes an `AttentionLSTM`; a weights file fits exactly one of these."""

    vocabulary: int
    """How many ids there are; they run from 0."""
    width: int
    """Length of the vector that stands for a token, and of the attention; a multiple of `heads`."""
    hidden: int
    """Length of an LSTM layer's state."""
    layers: int
    """How many LSTM layers are stacked."""
    attention_window: int
    """How many of the latest outputs, the current one included, can be attended to."""
    dropout: float = 0.0
    """Share of the embedding and of each layer's output that is dropped in training, 0 to 1."""
    heads: int = 4
    """Attention heads."""

    def __post_init__(self) -> None:
        if self.width % self.heads:
            raise ValueError(f"heads {self.heads} does not divide width {self.width}")


class Lean(NamedTuple):
    """The network as `step` uses it; nn.LSTM would lay its weights out anew at every call."""

    gates: list[Product]
    """Of each layer: what comes in and the last output to the gates in, forget, out, cell."""
    qkv: Product
    mix: Product
    logits: Product


@dataclass
class Cache:
    """The state of each layer, and the keys and values of the last `attention_window` outputs.

    Column t stands in slot `t % attention_window` of the ring. Columns are common to all rows; a
    row that began shorter than the others is hidden by the mask where it was not there yet.
    """

    inputs: list[Tensor]
    """Of each layer, [B, D+E], then [B, E+E]: what comes in, and the layer's last output."""
    states: list[Tensor]
    """Of each layer, [B, E]."""
    ring: Tensor
    """[2, B*H, W, C]"""
    mask: Tensor | None
    """[B*H, 1, W], 0 or in dead slots -inf; None if there are none."""
    column: int
    """The column that the next step writes."""
    lean: Lean
    """The network that fills it."""

    @property
    def rows(self) -> int:
        return len(self.states[0])

    def repeated(self, count: int) -> Cache:
        """`count` copies of a cache of one row."""
        inputs = [each.repeat(count, 1) for each in self.inputs]
        states = [each.repeat(count, 1) for each in self.states]
        mask = None if self.mask is None else self.mask.repeat(count, 1, 1)
        ring = self.ring.repeat(1, count, 1, 1)
        return Cache(inputs, states, ring, mask, self.column, self.lean)

    def drop(self, row: int) -> None:
        """Forget a row; the last one takes its place."""
        kept = [*range(self.rows - 1)]
        if row < len(kept):
            kept[row] = len(kept)
        ring = self.ring.view(2, self.rows, -1, *self.ring.shape[2:])  # 2 B H W C
        if self.mask is not None:
            mask = self.mask.view(self.rows, -1, *self.mask.shape[1:])  # B H 1 W
            self.mask = mask[kept].flatten(0, 1)
        self.inputs = [each[kept] for each in self.inputs]
        self.states = [each[kept] for each in self.states]
        self.ring = ring[:, kept].flatten(1, 2)


class AttentionLSTM(nn.Module):
    """ids [B, T] to the logits of each next id [B, T, V]."""

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__()
        c = config
        self.config = config
        self.made: tuple[list[tuple[int, int]], Lean] | None = None
        self.embedding = nn.Embedding(c.vocabulary, c.width)
        between = c.dropout if c.layers > 1 else 0.0
        self.lstm = nn.LSTM(c.width, c.hidden, c.layers, batch_first=True, dropout=between)
        self.qkv = nn.Linear(c.hidden, 3 * c.width, bias=False)
        self.mix = nn.Linear(c.hidden + c.width, c.width, bias=False)
        self.norm = nn.LayerNorm(c.width, bias=False)
        nn.init.normal_(self.embedding.weight, std=c.width**-0.5)
        for name, parameter in self.lstm.named_parameters():
            if name.startswith("bias"):  # gates in, forget, cell, out: E each
                nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                nn.init.ones_(parameter.data[c.hidden : 2 * c.hidden])

    @property
    def context(self) -> None:
        """No limit."""

    @property
    def row_bytes(self) -> int:
        """How much a `Cache` takes for a row at most."""
        c = self.config
        return 4 * (2 * c.attention_window * c.width + c.layers * (c.width + 2 * c.hidden))

    @property
    def is_steady(self) -> bool:
        return are_packed(self)

    def forward(self, ids: Tensor) -> Tensor:
        c = self.config
        batch, time = ids.shape
        outputs, _ = self.lstm(F.dropout(self.embedding(ids), c.dropout, self.training))  # B T E
        outputs = F.dropout(outputs, c.dropout, self.training)
        q, k, v = self.qkv(outputs).view(batch, time, 3, c.heads, -1).permute(2, 0, 3, 1, 4)
        column = torch.arange(time, device=ids.device)
        distance = column[:, None] - column  # T T
        band = (distance >= 0) & (distance < c.attention_window)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=band)  # B H T C
        return self.logits(outputs, mixed.transpose(1, 2).reshape(batch, time, c.width))

    def logits(self, outputs: Tensor, mixed: Tensor) -> Tensor:
        """Join outputs [..., E] with what they attended to [..., D] into logits [..., V]."""
        x = self.norm(self.mix(torch.cat((outputs, mixed), dim=-1)))
        return F.linear(x, self.embedding.weight)

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Read prompts [B, T] at once, for the logits of what comes next [B, V] and the cache.

        Row b is dead in its first `padding[b]` columns, whatever ids stand there: its state is
        that of the rest alone.
        """
        c = self.config
        x = self.embedding(ids.to(self.embedding.weight.device))  # B T D
        batch, time = ids.shape
        outputs = x.new_zeros(batch, time, c.hidden)  # B T E
        last, state = x.new_zeros(2, c.layers, batch, c.hidden)  # L B E, twice
        if padding is None:
            outputs, (last, state) = self.lstm(x)
        else:
            for row, start in enumerate(padding.tolist()):
                one = slice(row, row + 1)
                read, (last[:, one], state[:, one]) = self.lstm(x[one, start:])
                outputs[one, start:] = read
        slots = torch.arange(max(0, time - c.attention_window), time, device=x.device)
        kv = self.qkv(outputs[:, slots])[..., c.width :]  # B W 2D
        ring = x.new_zeros(2, batch * c.heads, c.attention_window, c.width // c.heads)
        ring[:, :, slots % c.attention_window] = (
            kv.view(batch, len(slots), 2, c.heads, -1).permute(2, 0, 3, 1, 4).flatten(1, 2)
        )  # 2 B*H W C
        mask = None
        if padding is not None:
            dead = slots < padding.to(x.device)[:, None]  # B W
            mask = x.new_zeros(batch, c.attention_window)
            mask[:, slots % c.attention_window] = x.new_zeros(dead.shape).masked_fill(
                dead, -math.inf
            )
            mask = mask.repeat_interleave(c.heads, 0)[:, None]  # B*H 1 W
        incoming = [c.width, *[c.hidden] * (c.layers - 1)]
        inputs = [
            torch.cat((x.new_zeros(batch, width), output), dim=1)
            for width, output in zip(incoming, last, strict=True)
        ]
        cache = Cache(inputs, [each.clone() for each in state], ring, mask, time, self.lean())
        q = self.qkv(outputs[:, -1])[:, : c.width]  # B D
        return self.logits(outputs[:, -1], self.attend(q, cache)), cache

    def step(self, ids: Tensor, *caches: Cache) -> Tensor:
        """Append one id to each row [B], for the logits of what comes next [B, V].

        The rows are those of all caches in turn.
        """
        if len(caches) > 1:
            parts = torch.split(ids, [cache.rows for cache in caches])
            steps = (self.step(*part) for part in zip(parts, caches, strict=True))
            return torch.cat([*steps])
        (cache,) = caches
        c, lean = self.config, cache.lean
        x = F.embedding(ids.to(cache.ring.device), self.embedding.weight)  # B D
        for layer, inputs, state in zip(lean.gates, cache.inputs, cache.states, strict=True):
            inputs[:, : -c.hidden].copy_(x)
            gates = layer(inputs)  # B 4E
            entering, forget, out = gates[:, : -c.hidden].sigmoid_().chunk(3, dim=-1)  # B E each
            cell = gates[:, -c.hidden :].tanh_()
            state.mul_(forget).addcmul_(entering, cell)
            x = state.tanh().mul_(out)
            inputs[:, -c.hidden :].copy_(x)
        qkv = lean.qkv(x)  # B 3D
        slot = cache.column % c.attention_window
        heads = qkv[:, c.width :].view(len(ids), 2, c.heads, -1).transpose(0, 1)  # 2 B H C
        cache.ring[:, :, slot].copy_(heads.flatten(1, 2))
        if cache.mask is not None:
            cache.mask[..., slot] = 0.0
        cache.column += 1
        mixed = lean.mix(torch.cat((x, self.attend(qkv[:, : c.width], cache)), dim=-1))  # B D
        return lean.logits(torch.layer_norm(mixed, (c.width,), self.norm.weight))

    def attend(self, q: Tensor, cache: Cache) -> Tensor:
        """Mix the values in the ring by how well their keys answer q [B, D]."""
        c = self.config
        filled = min(cache.column, c.attention_window)
        keys, values = cache.ring[:, :, :filled]  # B*H W C, twice
        q = (q * (c.width // c.heads) ** -0.5).reshape(len(keys), 1, -1)  # B*H 1 C
        if cache.mask is None:
            scores = torch.bmm(q, keys.transpose(1, 2))  # B*H 1 W
        else:
            scores = torch.baddbmm(cache.mask[..., :filled], q, keys.transpose(1, 2))
        return torch.bmm(scores.softmax(-1), values).view(-1, c.width)

    def lean(self) -> Lean:
        """Lay the weights out for `step`, or return what was made of them last time."""
        now = version(self)
        if self.made is None or self.made[0] != now:
            gates = [self.gates(*weights) for weights in self.lstm.all_weights]
            others = (product(m.weight) for m in (self.qkv, self.mix, self.embedding))
            self.made = now, Lean(gates, *others)
        return self.made[1]

    def gates(
        self, in_weight: Tensor, last_weight: Tensor, in_bias: Tensor, last_bias: Tensor
    ) -> Product:
        """Join a layer's weights [4E, .], [4E, E] and biases [4E], with the cell gate last."""
        entering, forget, cell, out = torch.arange(4 * self.config.hidden).chunk(4)
        order = torch.cat((entering, forget, out, cell)).to(in_bias.device)
        weight = torch.cat((in_weight, last_weight), dim=1)
        return product(weight[order], (in_bias + last_bias)[order])
