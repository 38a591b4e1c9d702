"""The keys and values that a transformer keeps, and attention over them for one more column.

Axes as in `transformer`; `P` columns that are shared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor

from musegen.networks.lean import Lean
from musegen.networks.score import Place

SHARED = 256
"""So many columns that copies of one row begin with are kept once: memory is read for one row, and
the cache of the processor for the others. Fewer are not worth the further products. A single row
keeps them apart too, so that it comes out as it would among others."""


class Open(NamedTuple):
    """A layer of a `Cache` at a step: what it writes, and what it reads, that included."""

    column: Tensor  # B 2 G C
    keys: Tensor  # B*G C T
    values: Tensor  # B*G T C
    mask: Tensor | None  # B*G 1 T
    common: tuple[list[Tensor], list[Tensor]] | None
    """What `times` takes of `Cache.shared`: [B, C, P] and [B, P, C] in each group."""


@dataclass
class Cache:
    """The keys and values of the columns so far, in room for a whole context.

    Columns are common to all rows. A row that began shorter than the others has dead columns at
    the left, hidden by the mask for good; only distances between columns matter to the network.
    Copies of one row may share what they begin with.
    """

    kv: Tensor
    """[L, 2, B, G, context, C], without the columns in `shared`."""
    mask: Tensor | None
    """[B*G, 1, context], 0 or in dead columns -inf; None if there are none."""
    column: int
    """The column that the next step writes."""
    lean: Lean
    """The network that fills it."""
    places: list[Place] = field(default_factory=list)
    """Where each row stands in its score, if the network reads any."""
    shared: Tensor | None = None
    """[L, 2, G, ., C]: the first columns, where they are the same in all rows and none is dead."""

    def __post_init__(self) -> None:
        self.room = self.kv.shape[2]
        self.first = 0 if self.shared is None else self.shared.shape[3]
        self.lay_out()

    @property
    def own(self) -> int:
        """How many columns there are in `kv`."""
        return self.column - self.first

    def lay_out(self) -> None:
        """Make the views that `open` uses."""
        self.rows = self.kv.shape[2]
        self.columns = self.kv.permute(4, 0, 2, 1, 3, 5)  # context L B 2 G C
        self.keys = self.kv[:, 0].flatten(1, 2).mT  # L B*G C context
        self.values = self.kv[:, 1].flatten(1, 2)  # L B*G context C
        self.common: list[tuple[list[Tensor], list[Tensor]] | None] = [None] * len(self.kv)
        for layer, kv in enumerate(() if self.shared is None else self.shared):
            both = kv[0].mT, kv[1]  # G C P, G P C
            if self.rows == 1:
                keys, values = ([x] for x in both)
            else:
                keys, values = ([each.expand(self.rows, -1, -1) for each in x] for x in both)
            self.common[layer] = keys, values

    def open(self) -> list[Open]:
        """The next column of each layer."""
        end = self.own + 1
        mask = None if self.mask is None else self.mask.narrow(2, 0, end)
        each = zip(
            self.columns[end - 1].unbind(),
            self.keys.narrow(3, 0, end).unbind(),
            self.values.narrow(2, 0, end).unbind(),
            self.common,
            strict=True,
        )
        return [Open(column, keys, values, mask, common) for column, keys, values, common in each]

    def repeated(self, count: int) -> Cache:
        """`count` copies of a cache of one row."""
        mask = None if self.mask is None else self.mask.repeat(count, 1, 1)
        places = [place.copy() for place in self.places * count]
        if self.first or mask is not None or self.column < SHARED:
            return Cache(self.copied(count), mask, self.column, self.lean, places, self.shared)
        layers, two, _, groups, context, width = self.kv.shape
        kv = self.kv.new_empty(layers, two, count, groups, context - self.column, width)
        shared = self.kv[:, :, 0, :, : self.column]
        return Cache(kv, None, self.column, self.lean, places, shared)

    def copied(self, rows: int) -> Tensor:
        """The keys and values of the columns so far, of all rows or, of one row, so many times.

        What comes after them is not read before it is written.
        """
        kv = self.kv.new_empty(*self.kv.shape[:2], rows, *self.kv.shape[3:])
        kv[..., : self.own, :] = self.kv[..., : self.own, :]
        return kv

    def drop(self, row: int) -> None:
        """Forget a row; the last one takes its place."""
        last = self.rows - 1
        self.kv[:, :, row, :, : self.own] = self.kv[:, :, last, :, : self.own]
        self.kv = self.kv[:, :, :last]
        if self.mask is not None:
            mask = self.mask.view(self.rows, -1, *self.mask.shape[1:])  # B G 1 context
            mask[row] = mask[last]
            self.mask = mask[:last].flatten(0, 1)
        if self.places:
            self.places[row] = self.places[last]
            del self.places[last]
        if last <= self.room // 2:
            self.kv, self.room = self.copied(last), last
        self.lay_out()

    def attend(self, layer: Open, heads: Tensor) -> Tensor:
        """Write the next column of a layer, and mix the values of all by how queries answer keys.

        Of each row, `heads` [B, R+2, G, C] are the turned queries and key, and the value.
        """
        column, k, v, mask, common = layer
        q, new = heads.split_with_sizes((heads.shape[1] - 2, 2), 1)
        column.copy_(new)
        q = q.reshape(len(k), -1, heads.shape[-1])  # B*G R C
        scores = torch.bmm(q, k) if mask is None else torch.baddbmm(mask, q, k)  # B*G R T
        if common is None:
            return torch.bmm(scores.softmax(-1), v).view(self.rows, -1)  # B D
        keys_of_all, values_of_all = common
        scores = torch.cat((self.times(q, keys_of_all), scores), -1)  # B*G R P+T
        share = scores.softmax(-1)
        mixed = torch.bmm(share[..., self.first :], v)  # B*G R C
        mixed += self.times(share[..., : self.first], values_of_all)
        return mixed.view(self.rows, -1)  # B D

    def times(self, x: Tensor, shared: list[Tensor]) -> Tensor:
        """Multiply x [B*G, R, .] by matrices that each stand for one group in all rows.

        Every row has a product of its own, as without sharing: of a common one its numbers would
        depend on how many rows there are. A matrix is only read from afar once. One row needs but
        one call for all groups, to the same effect.
        """
        if self.rows == 1:
            return torch.bmm(x, shared[0])
        groups = x.view(self.rows, -1, *x.shape[1:]).unbind(1)  # B R . each
        products = [torch.bmm(each, matrix) for each, matrix in zip(groups, shared, strict=True)]
        return torch.cat(products, 1).view(*x.shape[:2], -1)  # from B G*R .
