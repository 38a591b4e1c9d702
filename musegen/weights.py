"""Files of weights: safetensors, checked before they are read; nothing in them can run code.

What ships is known by its SHA-256, which stands in `SHA256SUMS` on the shelf of models.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musegen.errors import ModelError
from musegen.limits import MODEL_MIB
from musegen.publishing import publish

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = "weights.safetensors"
SUMS = "SHA256SUMS"
"""As `sha256sum */*.safetensors > SHA256SUMS` writes it on the shelf."""
MAX_HEADER_BYTES = 1 << 20
VALUE_BYTES = {"F16": 2, "BF16": 2, "F32": 4}
"""Of one number, by the types that weights may have."""
MAX_AXES, MAX_NAME = 8, 200
"""Of a tensor."""
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")
ZIP, PICKLE = b"PK\x03\x04", tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
"""How a pickle begins: torch.save's in a zip, and one by itself."""


def check_weights(folder: Path) -> None:
    """ModelError, with the remedy, where the folder has no weights."""
    path = folder / WEIGHTS
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ModelError(f"{path}: is not a file; install the model again")
    except FileNotFoundError:
        refuse_pickles(folder)
        raise ModelError(
            f"{folder.name} has no weights ({path} is missing): install musegen again, or train it "
            "by its recipe ('musegen train --help')"
        ) from None
    except OSError as error:
        raise unreadable(path, error) from None


def refuse_pickles(folder: Path) -> None:
    """ModelError where there is one."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise unreadable(folder, error) from None
    for path in paths:
        if path.suffix.lower() in PICKLES:
            raise pickled(path)


def unreadable(path: Path, error: OSError) -> ModelError:
    """Why there is no reading a file or folder of a model."""
    return ModelError(f"{path}: cannot be read: {error.strerror}")


def pickled(path: Path) -> ModelError:
    """Why a pickle is refused."""
    return ModelError(
        f"{path}: a pickle, which can run code when it is loaded, so that only safetensors are "
        f"read; save its tensors as {WEIGHTS} with safetensors.torch.save_file"
    )


def check_sum(folder: Path, shelf: Path, name: str = WEIGHTS) -> None:
    """ModelError where a model on the shelf has another file than `SHA256SUMS` there lists.

    It must list all of them. A shelf without that file, as in development, is not checked.
    """
    home, sums = folder.resolve(), shelf / SUMS
    if home.parent != shelf.resolve() or not os.path.lexists(sums):
        return
    try:
        lines = sums.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError as error:
        raise unreadable(sums, error) from None
    entries = filter(None, (re.fullmatch(r"([0-9a-f]{64}) [ *](.+)", line) for line in lines))
    listed = {entry[2]: entry[1] for entry in entries}
    remedy = f"install musegen again, or, if you trained them, list their SHA-256 in {sums}"
    expected = listed.get(f"{home.name}/{name}")
    if expected is None:
        raise ModelError(f"{folder / name}: not listed in {SUMS}; {remedy}")
    try:
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise unreadable(folder / name, error) from None
    if found != expected:
        raise ModelError(
            f"{folder / name}: not the weights that came with musegen (their SHA-256 is not "
            f"that in {SUMS}); {remedy}"
        )


def weights_header(path: Path) -> dict[str, Any]:
    """Names, shapes and types of the tensors in a safetensors file, read without the tensors.

    The format: 8 bytes of header length (little-endian), then that much JSON, then the tensors
    without a gap. ModelError where it is another or cannot be read, LimitError where it is too
    large.
    """
    first = b""
    try:
        size = path.stat().st_size
        MODEL_MIB.check(size / (1 << 20), str(path))
        with path.open("rb") as file:
            first = file.read(8)
            length = int.from_bytes(first, "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise ValueError("no header")
            header = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=distinct)
        if not isinstance(header, dict):
            raise ValueError("no header")
        header.pop("__metadata__", None)
        check_tensors(header, size - 8 - length)
    except OSError as error:
        raise unreadable(path, error) from None
    except (ValueError, RecursionError) as error:
        if first.startswith((ZIP, *PICKLE)):
            raise pickled(path) from None
        raise ModelError(
            f"{path}: damaged, or not a safetensors file ({first_line(error)}); "
            "install the model again"
        ) from None
    return header


def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of a JSON text; the last of two equal keys would win."""
    table = dict(pairs)
    if len(table) < len(pairs):
        raise ValueError("a name stands twice in the header")
    return table


def check_tensors(header: dict[str, Any], size: int) -> None:
    """ValueError where the tensors are not laid end to end in the `size` bytes that there are."""
    spans = []
    for name, entry in header.items():
        if not is_name(name):
            raise ValueError("a tensor's name is not printable")
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise ValueError(f"{name} has no type, shape and place")
        kind, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(kind, str) or kind not in VALUE_BYTES:
            raise ValueError(f"{name} is not of type {', '.join(VALUE_BYTES)}")
        if not are_sizes(shape) or not are_sizes(offsets) or len(offsets) != 2:
            raise ValueError(f"{name} has no shape and place")
        if offsets[1] - offsets[0] != math.prod(shape) * VALUE_BYTES[kind]:
            raise ValueError(f"{name} is not as long as its shape")
        spans.append(offsets)
    end = 0
    for start, stop in sorted(spans):
        if start != end:
            raise ValueError("its tensors do not follow each other")
        end = stop
    if end != size:
        raise ValueError(f"it should hold {end:,} bytes of weights, and holds {size:,}")


def are_sizes(values: Any) -> bool:
    return (
        isinstance(values, list)
        and len(values) <= MAX_AXES
        and all(type(value) is int and value >= 0 for value in values)
    )


def is_name(text: str) -> bool:
    """Whether it can stand in a line of a message."""
    return 0 < len(text) <= MAX_NAME and text.isprintable()


def first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def save_weights(network: nn.Module, path: Path) -> None:
    """The network's weights in half precision, whole or not at all."""
    import torch
    from safetensors.torch import save

    half = {
        k: v.detach().cpu().to(torch.float16).contiguous() for k, v in network.state_dict().items()
    }
    publish(path, save(half), overwrite=True)
