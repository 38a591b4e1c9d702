"""Networks: they know tensors only. Axes: `B` batch, `T` time, `D` width, `V` vocabulary."""

from __future__ import annotations

from musegen.networks.lstm import AttentionLSTM, LSTMConfig
from musegen.networks.transformer import Transformer, TransformerConfig

NETWORKS = {
    "transformer": (TransformerConfig, Transformer),
    "lstm": (LSTMConfig, AttentionLSTM),
}
"""Each architecture's name in a model folder, with its config and its module."""

__all__ = ["NETWORKS", "AttentionLSTM", "LSTMConfig", "Transformer", "TransformerConfig"]
