"""A transformer's weights as a step uses them: looking up a module's attributes costs too much.

Axes as in `transformer`.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from musegen.networks.packed import Product


class LeanLayer(NamedTuple):
    """One layer."""

    attention_norm: Tensor  # D
    qkv: Product
    attention_out: Product
    feed_norm: Tensor  # D
    gate_up: Product
    feed_out: Product


class Lean(NamedTuple):
    """The network."""

    table: Tensor
    """The rows of `Score`, if there are any, and the embedding."""
    turning: Tensor
    """Where each pair finds what it turns by: see `Transformer.embed_next`."""
    scales: Tensor
    """Of queries and keys [H+G, 1]."""
    layers: list[LeanLayer]
    logits: Product
