"""Model folders that are broken, hostile or of another kind: refused in one line, no code run."""

from __future__ import annotations

import builtins
import hashlib
import io
import json
import os
import pickle
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from model_refusals import many, or_model, refused
from safetensors.torch import load_file, save_file

from musegen import models, weights
from musegen.errors import LimitError, ModelError


@pytest.fixture
def folder(tiny_melody_model: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path / "model"))


@pytest.fixture(scope="session")
def victim(tiny_melody_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that is damaged many times."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path_factory.mktemp("victim") / "model"))


def safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def parts(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The header and the data of a model's weights."""
    whole = (folder / weights.WEIGHTS).read_bytes()
    end = 8 + int.from_bytes(whole[:8], "little")
    return json.loads(whole[8:end]), whole[end:]


# Pickles


class Bomb:
    """Leaves a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", [weights.WEIGHTS, "weights.pt", "pytorch_model.bin", "best.CKPT"])
@pytest.mark.parametrize("kind", ["zip", 2, 4, 5])
def test_a_pickle_is_refused_with_the_reason_and_never_opened(
    folder: Path, tmp_path: Path, name: str, kind: str | int
) -> None:
    (folder / weights.WEIGHTS).unlink()
    bomb = Bomb(tmp_path / "exploded")
    if isinstance(kind, int):
        (folder / name).write_bytes(pickle.dumps(bomb, kind))
    else:
        torch.save(bomb, folder / name)
    said = refused(folder)
    assert said.startswith(str(folder / name))
    assert "a pickle, which can run code when it is loaded" in said
    assert "safetensors.torch.save_file" in said
    assert not bomb.path.exists()


def test_a_pickle_by_itself_or_without_a_recipe_is_refused_so_too(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "model.pth")
    for name in (tmp_path, tmp_path / "model.pth"):
        assert "a pickle, which can run code" in refused(name)


def test_a_header_whose_length_looks_like_a_pickle_is_none(folder: Path) -> None:
    header, data = parts(folder)
    text = json.dumps(header).encode()
    length = next(n for n in (0x0280, 0x0380, 0x0480, 0x0580) if n >= len(text))
    (folder / weights.WEIGHTS).write_bytes(safetensors(text.ljust(length), data))
    assert (folder / weights.WEIGHTS).read_bytes().startswith(weights.PICKLE)
    assert models.load(str(folder)).name == "tiny-lstm"


# Files that are no weights


ENTRY = {"dtype": "F16", "shape": [2], "data_offsets": [0, 4]}

BROKEN = {
    "empty": b"",
    "a few bytes": b"\x00" * 5,
    "a header of length 0": struct.pack("<Q", 0) + b"{}",
    "a header of length 1": struct.pack("<Q", 1) + b"{}",
    "a header behind the end": struct.pack("<Q", 1000) + b"{}",
    "a header of length -1": struct.pack("<q", -1) + b"{}",
    "a header of 2^62 bytes": struct.pack("<Q", 1 << 62) + b"{}",
    "text": b"GIF89a or whatever it may be, it is no safetensors file",
    "no JSON": safetensors(b"{'a': 1}"),
    "no UTF-8": safetensors(b'{"\xff": 1}'),
    "UTF-16": safetensors('{"a": 1}'.encode("utf-16")),
    "deep lists": safetensors(b"[" * 100_000),
    "deep objects": safetensors(b'{"a":' * 100_000),
    "a list": safetensors([ENTRY]),
    "a number": safetensors(b" 7"),
    "a string": safetensors("a"),
    "null": safetensors(b"null"),
    "a name twice": safetensors(b'{"a":%b,"a":%b}' % ((json.dumps(ENTRY).encode(),) * 2), bytes(4)),
    "a key twice": safetensors(
        b'{"a":{"dtype":"F16","dtype":"F16","shape":[2],"data_offsets":[0,4]}}', bytes(4)
    ),
    "a huge number": safetensors(b'{"a":' + b"9" * 5000 + b"}"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_safetensors_file_is_refused(folder: Path, data: bytes) -> None:
    (folder / weights.WEIGHTS).write_bytes(data)
    assert "damaged, or not a safetensors file" in refused(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dtype": "F64"}, "type"),
        ({"dtype": "I8"}, "type"),
        ({"dtype": ["F16"]}, "type"),
        ({"dtype": None}, "type"),
        ({"shape": 2}, "shape and place"),
        ({"shape": None}, "shape and place"),
        ({"shape": "2"}, "shape and place"),
        ({"shape": [-2]}, "shape and place"),
        ({"shape": [2.0]}, "shape and place"),
        ({"shape": [True, 2]}, "shape and place"),
        ({"shape": [[2]]}, "shape and place"),
        ({"shape": [float("nan")]}, "shape and place"),
        ({"shape": [1] * 99}, "shape and place"),
        ({"shape": [1 << 62, 1 << 62]}, "as long as its shape"),
        ({"shape": [3]}, "as long as its shape"),
        ({"data_offsets": [0, 5]}, "as long as its shape"),
        ({"data_offsets": [4, 0]}, "as long as its shape"),
        ({"data_offsets": [1, 5]}, "follow each other"),
        ({"data_offsets": [-4, 0]}, "shape and place"),
        ({"data_offsets": [0, 4, 8]}, "shape and place"),
        ({"data_offsets": []}, "shape and place"),
        ({"more": 1}, "shape and place"),
    ],
)
def test_tensors_that_cannot_be_there_are_refused(
    folder: Path, changes: dict[str, Any], said: str
) -> None:
    (folder / weights.WEIGHTS).write_bytes(safetensors({"a": ENTRY | changes}, bytes(4)))
    assert said in refused(folder)


@pytest.mark.parametrize("name", ["", "a\nb", "\x1b[2J", "a" * 201])
def test_names_that_no_line_can_show_are_refused(folder: Path, name: str) -> None:
    (folder / weights.WEIGHTS).write_bytes(safetensors({name: ENTRY}, bytes(4)))
    assert "not printable" in refused(folder)


def test_tensors_over_one_another_or_with_a_gap_are_refused(folder: Path) -> None:
    path = folder / weights.WEIGHTS
    path.write_bytes(safetensors({"a": ENTRY, "b": ENTRY}, bytes(4)))
    assert "follow each other" in refused(folder)
    path.write_bytes(safetensors({"a": ENTRY, "b": ENTRY | {"data_offsets": [6, 10]}}, bytes(10)))
    assert "follow each other" in refused(folder)


@pytest.mark.parametrize("change", [-1000, -1, 1, 1000])
def test_a_file_that_is_cut_short_or_goes_on_is_refused(folder: Path, change: int) -> None:
    path = folder / weights.WEIGHTS
    os.truncate(path, path.stat().st_size + change)
    assert "it should hold" in refused(folder)


def test_other_types_of_number_are_read(folder: Path) -> None:
    stored = load_file(folder / weights.WEIGHTS)
    for kind in (torch.float32, torch.bfloat16):
        save_file({k: v.to(kind) for k, v in stored.items()}, folder / weights.WEIGHTS)
        assert models.load(str(folder)).decoder.embedding.weight.dtype == torch.float32


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_weights_that_are_not_numbers_are_refused(folder: Path, value: float) -> None:
    stored = load_file(folder / weights.WEIGHTS)
    stored["mix.weight"][3, 4] = value
    save_file(stored, folder / weights.WEIGHTS)
    assert "mix.weight is not all numbers" in refused(folder)


def test_a_missing_and_a_superfluous_tensor_are_named(folder: Path) -> None:
    stored = load_file(folder / weights.WEIGHTS)
    more = stored | {"a.b": torch.zeros(1, dtype=torch.float16)}
    save_file(more, folder / weights.WEIGHTS)
    assert "at a.b" in refused(folder)
    del stored["mix.weight"]
    save_file(stored, folder / weights.WEIGHTS)
    assert "at mix.weight" in refused(folder)


def test_a_folder_or_a_pipe_in_place_of_the_weights_is_refused(folder: Path) -> None:
    path = folder / weights.WEIGHTS
    path.unlink()
    assert "has no weights" in refused(folder)
    path.mkdir()
    assert "is not a file" in refused(folder)
    path.rmdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(path)
        assert "is not a file" in refused(folder)


def test_a_link_to_weights_is_followed(folder: Path, tmp_path: Path) -> None:
    (folder / weights.WEIGHTS).rename(tmp_path / "elsewhere")
    (folder / weights.WEIGHTS).symlink_to(tmp_path / "elsewhere")
    assert models.load(str(folder)).name == "tiny-lstm"


def test_a_file_beyond_the_limit_is_refused_before_it_is_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.truncate(folder / weights.WEIGHTS, (2 << 30) + 1)  # a hole, which takes no room
    with pytest.raises(LimitError, match="more than 2,048 MiB of weights") as error:
        models.load(str(folder))
    assert "MUSEGEN_MAX_MODEL_MIB" in str(error.value)
    monkeypatch.setenv("MUSEGEN_MAX_MODEL_MIB", "4096")
    assert "it should hold" in refused(folder)


# Whatever else may be in a file


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@many
@given(data=st.data())
def test_weights_with_any_bytes_changed_end_in_a_model_or_one_line(
    victim: Path, tiny_melody_model: Path, data: st.DataObject
) -> None:
    whole = bytearray((tiny_melody_model / weights.WEIGHTS).read_bytes())
    header = 8 + int.from_bytes(whole[:8], "little")
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    (victim / weights.WEIGHTS).write_bytes(whole)
    (victim / models.CONFIG).write_bytes((tiny_melody_model / models.CONFIG).read_bytes())
    or_model(victim)


@many
@given(data=st.data())
def test_weights_with_any_values_in_the_header_end_in_a_model_or_one_line(
    victim: Path, tiny_melody_model: Path, data: st.DataObject
) -> None:
    header, values = parts(tiny_melody_model)
    name = data.draw(st.sampled_from(sorted(header)))
    key = data.draw(st.sampled_from(["dtype", "shape", "data_offsets", None]))
    if key is None:
        header[data.draw(st.text() | st.just("__metadata__") | st.just(name))] = data.draw(JSON)
    else:
        header[name][key] = data.draw(JSON | st.lists(st.integers(0, 2000), max_size=3))
    (victim / weights.WEIGHTS).write_bytes(safetensors(header, values))
    (victim / models.CONFIG).write_bytes((tiny_melody_model / models.CONFIG).read_bytes())
    or_model(victim)


def test_no_name_of_a_model_ends_in_anything_but_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("", ".", "..", "/", "a\0b", "a" * 5000, "\n", "gone/gone", "SHA256SUMS"):
        with pytest.raises(ModelError, match=r"no model|no config\.toml") as error:
            models.load(name)
        assert str(error.value).isprintable()


# What comes with musegen


@pytest.fixture
def shelf(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shelf of the one model, and its sum."""
    digest = hashlib.sha256((folder / weights.WEIGHTS).read_bytes()).hexdigest()
    (tmp_path / weights.SUMS).write_text(f"{digest}  model/{weights.WEIGHTS}\n")
    monkeypatch.setattr(models, "shelf", lambda: tmp_path)
    return tmp_path


def change_a_weight(folder: Path) -> None:
    path = folder / weights.WEIGHTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))


@pytest.mark.parametrize("by", [lambda f: "model", str, lambda f: f"{f}/../model/"])
def test_other_weights_on_the_shelf_are_refused(
    shelf: Path, folder: Path, by: Callable[[Path], str]
) -> None:
    assert models.load(by(folder)).name == "tiny-lstm"
    change_a_weight(folder)
    said = refused(by(folder))
    assert "not the weights that came with musegen" in said
    assert "install musegen again" in said


def test_a_model_of_one_s_own_needs_no_sum(shelf: Path, folder: Path, tmp_path: Path) -> None:
    elsewhere = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "model"))
    change_a_weight(elsewhere)
    assert models.load(str(elsewhere)).name == "tiny-lstm"
    (shelf / weights.SUMS).unlink()
    change_a_weight(folder)
    assert models.load("model").name == "tiny-lstm"


def test_a_sum_of_a_binary_file_is_one_too(shelf: Path, folder: Path) -> None:
    sums = shelf / weights.SUMS
    sums.write_text(sums.read_text().replace("  ", " *"))
    assert models.load("model").name == "tiny-lstm"
    change_a_weight(folder)
    assert "not the weights that came with musegen" in refused("model")


@pytest.mark.parametrize(
    "listed",
    ["", "\xff\0 not\n\n  a list", "{sum}", "{sum}  other/{file}", "{short}  model/{file}"],
)
def test_on_a_shelf_with_a_list_every_model_must_be_listed(shelf: Path, listed: str) -> None:
    digest = (shelf / weights.SUMS).read_text().split()[0]
    listed = listed.format(sum=digest, short=digest[:-1], file=weights.WEIGHTS)
    (shelf / weights.SUMS).write_bytes(listed.encode("latin-1"))
    said = refused("model")
    assert "not listed in SHA256SUMS; install musegen again, or, if you trained them, list" in said


# Places that cannot be read


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        (weights.WEIGHTS, os.open),
        (weights.WEIGHTS, os.stat),
        (models.CONFIG, os.open),
        (models.CONFIG, os.stat),
        (weights.SUMS, os.open),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_cannot_be_read_is_not_called_damaged(
    shelf: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, closed: Any
) -> None:
    def refuse(path: Any, *more: Any, **options: Any) -> Any:
        if str(path).endswith(name):
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, *more, **options)

    usual = io.open if closed is os.open else closed
    where = ((io, "open"), (builtins, "open")) if closed is os.open else ((os, "stat"),)
    for module, attribute in where:
        monkeypatch.setattr(module, attribute, refuse)
    said = refused(str(folder))
    assert "cannot be read" in said
    assert "Permission denied" in said
    assert "damaged" not in said


def test_a_folder_that_cannot_be_listed_is_the_model_s_fault(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    for name in (weights.WEIGHTS, models.CONFIG):
        (folder / name).unlink()
        assert refused(folder) == f"{folder}: cannot be read: Permission denied"
