"""Networks: they know tensors only. Axes: `B` batch, `T` time, `D` width, `V` vocabulary."""

from __future__ import annotations

from musegen.networks.drummer import Drummer, DrummerConfig
from musegen.networks.groove_vae import GrooveVAE, GrooveVAEConfig
from musegen.networks.lstm import AttentionLSTM, LSTMConfig
from musegen.networks.sequence_vae import SequenceVAE, SequenceVAEConfig
from musegen.networks.transformer import Transformer, TransformerConfig

NETWORKS = {
    "transformer": (TransformerConfig, Transformer),
    "lstm": (LSTMConfig, AttentionLSTM),
    "groove-vae": (GrooveVAEConfig, GrooveVAE),
    "drummer": (DrummerConfig, Drummer),
    "sequence-vae": (SequenceVAEConfig, SequenceVAE),
}
"""Each architecture's name in a model folder, with its config and its module."""

__all__ = [
    "NETWORKS",
    "AttentionLSTM",
    "Drummer",
    "DrummerConfig",
    "GrooveVAE",
    "GrooveVAEConfig",
    "LSTMConfig",
    "SequenceVAE",
    "SequenceVAEConfig",
    "Transformer",
    "TransformerConfig",
]
