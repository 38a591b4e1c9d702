"""A model's recipe: the `config.toml` of its folder, from which the model can be made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from musegen import config
from musegen.codecs import LAYOUTS, HitsLayout, Layout, StepsLayout
from musegen.data.augmentation import Augmentation
from musegen.data.corpora import Corpus
from musegen.errors import UsageError

Optimizer = Literal["adamw", "muon"]


@dataclass(frozen=True)
class NetworkRecipe:
    """`kind` names a network of `networks.NETWORKS`; `shape` are the fields of its config."""

    kind: str
    shape: dict[str, Any]


@dataclass(frozen=True)
class Training:
    """How a model is trained. Lengths are in tokens, times in steps."""

    steps: int
    rows: int
    length: int
    learning_rate: float
    warmup: int = 200
    cooldown: float = 0.3
    """Share of the steps, at the end, over which the rate falls to nothing."""
    stop: int | None = None
    """The step to stop at before the last one: an average of the weights is good earlier."""
    original_keys: float = 0.07
    """Share of the steps, at the end, without augmentation of pitch and velocity."""
    optimizer: Optimizer = "adamw"
    """"muon" is for the matrices of layers; embeddings and vectors have AdamW beside it."""
    long: float = 0.0
    """Share of the steps, at the end, whose rows are twice as long and half as many."""
    weight_decay: float = 0.1
    clip: float = 1.0
    kl_weight: float = 0.2
    """Of a latent vector's divergence beside the nats of the music; 0.2 is MusicVAE's."""
    average: float = 0.999
    """Decay of the moving average of the weights (EMA), which is what is kept; 0 turns it off."""
    seed: int = 1
    validate_every: int = 500
    validation_rows: int = 64
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def end(self) -> int:
        """The last step that is made."""
        return self.steps if self.stop is None else min(self.stop, self.steps)


@dataclass(frozen=True)
class Recipe:
    """A whole `config.toml`."""

    name: str
    verbs: tuple[str, ...]
    codec: Layout | HitsLayout | StepsLayout
    """Its `kind` in the file, "bars" where there is none, says which."""
    network: NetworkRecipe
    training: Training
    corpora: tuple[Corpus, ...]


def load(path: Path) -> Recipe:
    """The recipe in a file. UsageError where it is damaged."""
    table = config.read(path)
    codec = table.get("codec")
    if isinstance(codec, dict):
        where = f"{path}: codec"
        kind = codec.pop("kind", "bars")
        if not isinstance(kind, str) or kind not in LAYOUTS:
            raise UsageError(f"{where}: no kind {kind!r}; there are: {', '.join(LAYOUTS)}")
        table["codec"] = config.build(LAYOUTS[kind], codec, where)
    return config.build(Recipe, table, str(path))
