"""The shelf: trained models as folders, found by name, loaded and saved.

A model is a codec, a network and a card. Its folder holds `config.toml` (the recipe),
`weights.safetensors` and `MODEL_CARD.md`. Weights are data alone: names, shapes and types are
checked against the recipe before anything is loaded, and no file of ours or yours can run code.
"""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from musegen import recipe as recipes
from musegen.codecs import BarCodec, HitsLayout, Layout, StepsLayout
from musegen.errors import ModelError, UsageError
from musegen.recipe import Recipe

if TYPE_CHECKING:
    from torch import nn

    from musegen.networks import AttentionLSTM, Drummer, GrooveVAE, SequenceVAE, Transformer

CONFIG, WEIGHTS, CARD = "config.toml", "weights.safetensors", "MODEL_CARD.md"
MAX_HEADER_BYTES = 1 << 20
N = TypeVar("N")
DEVICES = ("cpu", "cuda", "auto")


@dataclass(frozen=True)
class Model:
    """A network, and the recipe that says what it reads and writes."""

    recipe: Recipe
    network: AttentionLSTM | Drummer | GrooveVAE | SequenceVAE | Transformer

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def serves(self) -> str:
        """Its verbs, in words."""
        return ", ".join(self.recipe.verbs)

    @property
    def codec(self) -> BarCodec:
        """Of a model of tokens."""
        return bar_codec(self.recipe)

    def network_as(self, kind: type[N]) -> N:
        """The network, of the class that is needed. ModelError where it is another's."""
        if not isinstance(self.network, kind):
            raise ModelError(f"{self.name} has no {kind.__name__}; it serves {self.serves}")
        return self.network

    @property
    def decoder(self) -> AttentionLSTM | Transformer:
        """The network of a model of tokens."""
        from musegen.networks import AttentionLSTM, Transformer

        if not isinstance(self.network, (AttentionLSTM, Transformer)):
            raise ModelError(f"{self.name} is no model of tokens; it serves {self.serves}")
        return self.network


def shelf() -> Path:
    """The folder of the models that came with the package."""
    installed = Path(str(files("musegen"))) / "_models"
    return installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "models"


def names() -> list[str]:
    """The models on the shelf, whether their weights are there or not."""
    return sorted(path.parent.name for path in shelf().glob(f"*/{CONFIG}"))


def find(name: str) -> Path:
    """The folder of a model: a name on the shelf, or a path. ModelError where there is none."""
    if (Path(name) / CONFIG).is_file():
        return Path(name)
    if name in names():
        return shelf() / name
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names()) or 'none'}."
    raise ModelError(f"no model {name!r}. {hint}")


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a model's folder. ModelError where it is damaged."""
    try:
        return recipes.load(folder / CONFIG)
    except UsageError as error:
        raise ModelError(str(error)) from None


def bar_codec(recipe: Recipe) -> BarCodec:
    """The codec of a model of tokens. ModelError where it is a model of something else."""
    if not isinstance(recipe.codec, Layout):
        what = (
            "writes variations of a clip: give it one with --like"
            if isinstance(recipe.codec, StepsLayout)
            else f"is no model of tokens; it serves {', '.join(recipe.verbs)}"
        )
        raise ModelError(f"{recipe.name} {what}")
    return BarCodec(recipe.codec)


def hits_layout(recipe: Recipe) -> HitsLayout:
    """What a model of drum parts can be told. ModelError where it is a model of something else."""
    if not isinstance(recipe.codec, HitsLayout):
        raise ModelError(f"{recipe.name} is no model of drums; it serves {', '.join(recipe.verbs)}")
    return recipe.codec


def steps_layout(recipe: Recipe) -> StepsLayout:
    """What a model of steps writes. ModelError where it is a model of something else."""
    if not isinstance(recipe.codec, StepsLayout):
        raise ModelError(f"{recipe.name} has no latent space; it serves {', '.join(recipe.verbs)}")
    return recipe.codec


def build_network(
    recipe: Recipe,
) -> AttentionLSTM | Drummer | GrooveVAE | SequenceVAE | Transformer:
    """The recipe's network with fresh weights."""
    from musegen import config
    from musegen.networks import NETWORKS

    if recipe.network.kind not in NETWORKS:
        kinds = ", ".join(NETWORKS)
        raise ModelError(f"{recipe.name}: no network {recipe.network.kind!r}; there are {kinds}")
    shape, network = NETWORKS[recipe.network.kind]
    codec = recipe.codec
    sizes: dict[str, Any]
    if isinstance(codec, HitsLayout):
        sizes = {"styles": len(codec.styles)}
    elif isinstance(codec, StepsLayout):
        sizes = {
            "vocabulary": codec.vocabulary,
            "voices": codec.voices,
            "bars": max(codec.bars),
        }
    else:
        sizes = {"vocabulary": len(BarCodec(codec).vocabulary)}
    table: dict[str, Any] = sizes | recipe.network.shape
    built: AttentionLSTM | Drummer | GrooveVAE | SequenceVAE | Transformer = network(
        config.build(shape, table, f"{recipe.name}: network.shape")
    )
    return built


def resolved_device(device: str) -> str:
    """The device, "auto" being CUDA where it is there. ModelError where there is no such device."""
    import torch

    if device not in DEVICES:
        raise ModelError(f"no device {device!r}; there are {', '.join(DEVICES)}")
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelError("no CUDA device here; use --device cpu")
    return device


def load(name: str, device: str = "cpu") -> Model:
    """The model of a name or a folder, ready to decode on `device` (see `resolved_device`).

    ModelError where it is missing, damaged, or of other shapes than its recipe says.
    """
    folder = find(name)
    recipe = read_recipe(folder)
    check_weights(folder)

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    device = resolved_device(device)
    network = build_network(recipe)
    expected = {k: tuple(v.shape) for k, v in network.state_dict().items()}
    stored = {k: tuple(v["shape"]) for k, v in weights_header(folder / WEIGHTS).items()}
    if stored != expected:
        odd = sorted(k for k in stored.keys() | expected.keys() if stored.get(k) != expected.get(k))
        raise ModelError(
            f"{folder / WEIGHTS}: does not fit {CONFIG} (at {odd[0]}); get both from one place"
        )
    try:
        network.load_state_dict(load_file(folder / WEIGHTS))
    except (SafetensorError, OSError, RuntimeError) as error:
        raise ModelError(f"{folder / WEIGHTS}: damaged ({error}); install it again") from None
    network.requires_grad_(False).eval().float().to(device)
    return Model(recipe, network)


def check_weights(folder: Path) -> None:
    """ModelError, with the remedy, where the folder has no weights."""
    if not (folder / WEIGHTS).is_file():
        raise ModelError(
            f"{folder.name} has no weights ({folder / WEIGHTS} is missing): install musegen again, "
            f"or train it by its {CONFIG} ('musegen train --help')"
        )


def weights_header(path: Path) -> dict[str, Any]:
    """Names, shapes and types of the tensors in a safetensors file, read without the tensors.

    The format: 8 bytes of header length (little-endian), then that much JSON.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, path.stat().st_size):
                raise ValueError("no header")
            header: dict[str, Any] = json.loads(file.read(length))
    except (OSError, ValueError):
        raise ModelError(f"{path}: not a safetensors file; install the model again") from None
    header.pop("__metadata__", None)
    if not all(isinstance(v, dict) and isinstance(v.get("shape"), list) for v in header.values()):
        raise ModelError(f"{path}: not a safetensors file; install the model again")
    return header


def save_weights(network: nn.Module, path: Path) -> None:
    """The network's weights in half precision, whole or not at all."""
    import torch
    from safetensors.torch import save_file

    half = {
        k: v.detach().cpu().to(torch.float16).contiguous() for k, v in network.state_dict().items()
    }
    temporary = path.with_suffix(".new")
    save_file(half, temporary)
    os.replace(temporary, path)
