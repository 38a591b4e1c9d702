"""What decoding asks of a network."""

from __future__ import annotations

from typing import Any, Protocol, Self

from torch import Tensor


class Cache(Protocol):
    """What a network remembers of the ids so far; each network has its own."""

    def repeated(self, count: int) -> Self:
        """`count` copies of a cache of one row."""


class Network(Protocol):
    """A network over ids 0 to V - 1; ids may be handed over on any device."""

    @property
    def context(self) -> int | None:
        """The most columns that a cache can hold; None is no limit."""

    def forward(self, ids: Tensor) -> Tensor:
        """Map ids [B, T] to the logits of each next id [B, T, V]; for training."""

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Read prompts [B, T] at once, for the logits of what comes next [B, V] and the cache.

        Row b is dead in its first `padding[b]` columns, whatever ids stand there.
        """

    def step(self, ids: Tensor, cache: Any, /) -> Tensor:
        """Append one id to each row [B], for the logits of what comes next [B, V].

        The cache is the network's own, and changes in place.
        """


class BatchCache(Cache, Protocol):
    """A cache whose rows may go one by one."""

    column: int
    """How many columns there are, common to all its rows."""

    def drop(self, row: int) -> None:
        """Forget a row, and let the last one take its place; it is not the only one."""


class BatchNetwork(Network, Protocol):
    """A network for many rows that began at different times."""

    def prefill(self, ids: Tensor, padding: Tensor | None = None) -> tuple[Tensor, BatchCache]: ...

    def step(self, ids: Tensor, /, *caches: Any) -> Tensor:
        """The same for the rows of all caches in turn. They are the network's own."""

    @property
    def row_bytes(self) -> int:
        """How much a cache takes for a row at most."""

    @property
    def is_steady(self) -> bool:
        """Whether a row comes out the same, to the last bit, whatever rows are beside it."""
