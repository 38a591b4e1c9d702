"""The shelf: trained models as folders, found by name, loaded and saved.

A model is a codec, a network and a card. Its folder holds `config.toml` (the recipe),
`weights.safetensors` and `MODEL_CARD.md`. Weights are data alone: names, shapes and types are
checked against the recipe before anything is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import stat
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from musegen import recipe as recipes
from musegen.codecs import BarCodec, HitsLayout, Layout, StepsLayout
from musegen.errors import ModelError, UsageError
from musegen.recipe import Recipe
from musegen.weights import (
    MAX_NAME,
    PICKLES,
    WEIGHTS,
    check_sum,
    check_weights,
    first_line,
    is_name,
    pickled,
    refuse_pickles,
    unreadable,
    weights_header,
)

if TYPE_CHECKING:
    from musegen.networks import AttentionLSTM, Drummer, GrooveVAE, SequenceVAE, Transformer

CONFIG, CARD = "config.toml", "MODEL_CARD.md"
MAX_SIZE = 1 << 16
"""The largest number in a network's shape."""
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
    try:
        if stat.S_ISREG(os.stat(os.path.join(name, CONFIG)).st_mode):
            return Path(name)
    except PermissionError as error:
        raise unreadable(Path(name), error) from None
    except (OSError, ValueError):  # ValueError: a NUL
        pass
    if name in names():
        return shelf() / name
    if os.path.isdir(name):
        refuse_pickles(Path(name))
        raise ModelError(f"{name}: no {CONFIG} there, so it is no model; name a folder with one")
    if name.lower().endswith(PICKLES) and os.path.isfile(name):
        raise pickled(Path(name))
    near = difflib.get_close_matches(name, names(), 1)
    hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(names()) or 'none'}."
    raise ModelError(f"no model {name!r}. {hint}")


def read_recipe(folder: Path) -> Recipe:
    """The recipe in a model's folder. ModelError where it is damaged."""
    try:
        recipe = recipes.load(folder / CONFIG)
    except UsageError as error:
        raise ModelError(str(error)) from None
    if not all(is_name(text) for text in (recipe.name, recipe.network.kind, *recipe.verbs)):
        raise ModelError(f"{folder / CONFIG}: names are of 1 to {MAX_NAME} printable characters")
    return recipe


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
    where = f"{recipe.name}: network.shape"
    given = recipe.network.shape
    if isinstance(codec, Layout) and recipe.network.kind == "transformer":
        for name in {"registers", "tracks"} & given.keys():
            given = given | {name: register_ids(codec, given[name], f"{where}.{name}")}
        if given.keys() & {"tracks", "clock"}:
            sizes["roles"] = roles(codec)
    if twice := sorted(sizes.keys() & given.keys()):
        raise UsageError(f"{where}: {twice[0]!r} follows from the codec; leave it out")
    filled: Any = config.build(shape, sizes | given, where)
    check_sizes(filled, where)
    built: AttentionLSTM | Drummer | GrooveVAE | SequenceVAE | Transformer = network(filled)
    return built


def register_ids(layout: Layout, names: Any, where: str) -> list[list[list[int]]]:
    """Registers as ranges of ids; a recipe gives their names. UsageError where it is wrong."""
    vocabulary = BarCodec(layout).vocabulary
    try:
        ranges = [[vocabulary[str(name)] for name in register] for register in names]
    except (KeyError, TypeError):
        known = ", ".join(r.name for r in vocabulary.ranges)
        raise UsageError(f"{where} should be lists of: {known}") from None
    return [[[r.first, r.stop] for r in register] for register in ranges]


def roles(layout: Layout) -> dict[str, list[int]]:
    """What the ids of a codec's ranges do in a score; see `networks.score.Roles`."""
    names = {"track": "instrument"} | {
        name: name for name in ("start", "bar", "position", "slot", "fill", "answer")
    }
    ranges = {r.name: r for r in BarCodec(layout).vocabulary.ranges}
    return {
        role: [ranges[name].first, ranges[name].stop]
        for role, name in names.items()
        if name in ranges
    }


def check_sizes(shape: Any, where: str) -> None:
    """UsageError where a number makes no sense whatever the network is."""
    for field in dataclasses.fields(shape):
        value = getattr(shape, field.name)
        least = 0 if field.name in ("styles", "voices") else 1
        if type(value) is int and not least <= value <= MAX_SIZE:
            raise UsageError(f"{where}: {field.name} should be {least} to {MAX_SIZE:,}")
        if type(value) is float and not 0 <= value <= 1:
            raise UsageError(f"{where}: {field.name} should be 0 to 1, and is {value}")


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


def checked_header(folder: Path) -> dict[str, Any]:
    """Names, shapes and types of a model's tensors, with all checked that needs no torch.

    ModelError and LimitError as in `load`.
    """
    check_weights(folder)
    header = weights_header(folder / WEIGHTS)
    check_sum(folder, shelf())
    return header


def load(name: str, device: str = "cpu") -> Model:
    """The model of a name or a folder, ready to decode on `device` (see `resolved_device`).

    ModelError where it is missing, damaged, or of other shapes than its recipe says; LimitError
    where its weights are too large.
    """
    folder = find(name)
    recipe, header, path = read_recipe(folder), checked_header(folder), folder / WEIGHTS

    from safetensors import SafetensorError
    from safetensors.torch import load_file

    device = resolved_device(device)
    stored = {name: tuple(entry["shape"]) for name, entry in header.items()}
    network = fitting_network(recipe, stored, folder)
    try:
        network.load_state_dict(load_file(path))
    except OSError as error:
        raise unreadable(path, error) from None
    except (SafetensorError, RuntimeError) as error:
        raise ModelError(f"{path}: damaged ({first_line(error)}); install it again") from None
    network.requires_grad_(False).eval().float()
    for name, values in network.state_dict().items():
        if not values.sum().isfinite():  # ten times as fast as asking it of every value
            raise ModelError(f"{path}: damaged ({name} is not all numbers); install it again")
    return Model(recipe, network.to(device))


def fitting_network(
    recipe: Recipe, stored: dict[str, tuple[int, ...]], folder: Path
) -> AttentionLSTM | Drummer | GrooveVAE | SequenceVAE | Transformer:
    """The recipe's network, for which tensors of these names and shapes are stored.

    ModelError where they are not what it needs; it takes no more memory than they do, and a little.
    """
    from musegen.networks.allowance import Allowance

    try:
        with Allowance(len(stored), sum(map(math.prod, stored.values()))):
            network = build_network(recipe)
    except Exception as error:  # numbers that make no sense fail in many ways, some in torch
        why = first_line(error)
        raise ModelError(
            f"{folder / CONFIG}: does not fit {WEIGHTS} ({why}); get both from one place"
        ) from None
    expected = {name: tuple(values.shape) for name, values in network.state_dict().items()}
    odd = sorted(
        name for name in stored.keys() | expected.keys() if stored.get(name) != expected.get(name)
    )
    if odd:
        raise ModelError(
            f"{folder / WEIGHTS}: does not fit {CONFIG} (at {odd[0]}); get both from one place"
        )
    return network
