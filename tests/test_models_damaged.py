"""Model folders that are broken, hostile or of another kind: refused in one line, no code run."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import shutil
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from musegen import models, weights
from musegen.errors import LimitError, ModelError, UsageError


@pytest.fixture
def folder(tiny_melody_model: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path / "model"))


@pytest.fixture(scope="session")
def victim(tiny_melody_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that is damaged many times."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path_factory.mktemp("victim") / "model"))


def refused(folder: Path | str) -> str:
    """Why a model is not loaded, in one line."""
    with pytest.raises(ModelError) as error:
        models.load(str(folder))
    said = str(error.value)
    assert said.isprintable()
    assert len(said) < 600
    return said


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


# Recipes


HOSTILE = {
    "no TOML": b"name = ",
    "no UTF-8": b'name = "\xff"',
    "deep lists": b"name = " + b"[" * 50_000,
    "deep tables": b"name = " + b"{a=" * 20_000,
    "a long key": b".".join([b"a"] * 30_000) + b" = 1",
    "too much": b"#" * (1 << 20),
    "a huge number": b"name = " + b"9" * 5000,
    "a number for a name": b"name = 3",
    "a list for a kind": b"[codec]\nkind = []",
    "a table for a kind": b"[codec]\nkind = {}",
    "an unknown kind": b'[codec]\nkind = "odd"',
    "a deep value": b"steps = " + b"[" * 200 + b"]" * 200,
    "a strange key": b'"\\u001b[2J\\n" = 1',
    "empty": b"",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_recipe_that_cannot_be_read_is_refused_with_its_file(folder: Path, text: bytes) -> None:
    (folder / models.CONFIG).write_bytes(text)
    assert refused(folder).startswith(str(folder / models.CONFIG))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("width = 16", "width = 1000000000"),
        ("width = 16", "width = 65536"),
        ("width = 16", "width = -16"),
        ("width = 16", "width = 0"),
        ("width = 16", "width = 99999999999999999999999"),
        ("width = 16", "width = 16\nheads = 0"),
        ("width = 16", "width = 16\nheads = 3"),
        ("width = 16", "width = 16\nheads = -4"),
        ("width = 16", "width = 16\nvocabulary = 9"),
        ("width = 16", "width = true"),
        ("layers = 2", "layers = 1000000000"),
        ("layers = 2", "layers = 65536"),
        ("layers = 2", "layers = 0"),
        ("layers = 2", "layers = 2\ndropout = nan"),
        ("layers = 2", "layers = 2\ndropout = 7"),
        ("layers = 2", "layers = 2\ndropout = -inf"),
        ("attention_window = 16", "attention_window = 0"),
        ("attention_window = 16", "attention_window = 1000000000"),
        ("max_tracks = 0", "max_tracks = 1000000000"),
        ("max_tracks = 0", "max_tracks = 99999999999999999999999"),
        ("velocity_bins = 8", "velocity_bins = 0"),
        ("velocity_bins = 8", "velocity_bins = 8\nsteps_per_quarter = 0"),
        ('kind = "lstm"', 'kind = "odd"'),
        ('kind = "lstm"', 'kind = "transformer"'),
        ('name = "tiny-lstm"', 'name = "a\\nb"'),
        ('name = "tiny-lstm"', 'name = ""'),
    ],
)
def test_a_number_that_makes_no_sense_is_the_recipe_s_fault(
    folder: Path, old: str, new: str
) -> None:
    text = (folder / models.CONFIG).read_text()
    assert old in text
    (folder / models.CONFIG).write_text(text.replace(old, new))
    assert models.CONFIG in refused(folder)


GREEDY = """
import resource, sys
from pathlib import Path
from musegen import models, weights
from musegen.errors import ModelError

def peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

for folder in sys.argv[1:]:
    models.load(folder)
before = peak()
for folder in map(Path, sys.argv[1:]):
    path = folder / models.CONFIG
    text = path.read_text()
    for line in (folder / "greedy").read_text().split("\\n"):
        shape = line.replace(";", "\\n")
        path.write_text(text.partition("[network.shape]")[0] + f"[network.shape]\\n{shape}\\n" +
            "[training]" + text.partition("[training]")[2])
        try:
            models.load(str(folder))
            sys.exit(f"{folder.name} is loaded with {line}")
        except ModelError as error:
            assert models.CONFIG in str(error), error
sys.exit(peak() - before > 200 and f"takes {peak() - before:.0f} MB")
"""


def test_a_greedy_recipe_takes_neither_memory_nor_time(
    tmp_path: Path,
    tiny_model: Path,
    tiny_melody_model: Path,
    tiny_groove_model: Path,
    tiny_drummer_model: Path,
    tiny_long_vae: Path,
) -> None:
    """Every network, with numbers that would take gigabytes or hours to build."""
    pytest.importorskip("resource")
    transformer = "width={};layers={};heads=2;kv_heads=1;hidden={};context={}"
    lstm = "width={};hidden={};layers={};attention_window=16"
    greedy = {
        tiny_model: [
            transformer.format(20_000, 2, 64, 256),
            transformer.format(32, 60_000, 64, 256),
            transformer.format(32, 2, 60_000, 256),
            transformer.format(4, 60_000, 1, 256),
            transformer.format(60_000, 1, 1, 60_000),
        ],
        tiny_melody_model: [
            lstm.format(16, 20_000, 2),
            lstm.format(60_000, 24, 2),
            lstm.format(4, 1, 60_000),
        ],
        tiny_groove_model: [
            "width=20_000",
            "width=4;layers=60_000",
            "width=4;layers=60_000;encoder='transformer'",
            "width=12;offset_bins=65_536;velocity_bins=65_536;latent=60_000",
        ],
        tiny_drummer_model: [
            "width=12;voices=30",
            "width=12;voices=65_536",
            "width=20_000",
            "width=4;layers=60_000",
        ],
        tiny_long_vae: [
            "latent=60_000",
            "latent=8;width=12;hidden=16;share=60_000",
            "latent=8;width=12;hidden=16;share=8;slots=1_000",
            "latent=8;width=12;hidden=16;share=8;slots=60_000;beats=60_000",
            "latent=8;width=20_000;hidden=20_000;share=8",
        ],
    }
    copies = []
    for model, lines in greedy.items():
        copies.append(Path(shutil.copytree(model, tmp_path / model.name)))
        (copies[-1] / "greedy").write_text("\n".join(lines))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(GREEDY), *map(str, copies)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


# Whatever else may be in a file


def or_model(folder: Path) -> None:
    """A model, or one line."""
    try:
        said = models.load(str(folder)).name
    except (ModelError, LimitError, UsageError) as error:
        said = str(error)
    assert said.isprintable()


many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
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


def toml(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value)


VALUES: st.SearchStrategy[Any] = (
    st.integers(-2, 70_000)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=5)
    | st.lists(st.integers(-2, 70_000), max_size=3)
)


@pytest.mark.parametrize(
    "kind",
    ["tiny_model", "tiny_melody_model", "tiny_groove_model", "tiny_drummer_model", "tiny_long_vae"],
)
@settings(many, max_examples=50)
@given(data=st.data())
def test_recipes_with_any_value_changed_end_in_a_model_or_one_line(
    victim: Path, request: pytest.FixtureRequest, kind: str, data: st.DataObject
) -> None:
    model: Path = request.getfixturevalue(kind)
    lines = (model / models.CONFIG).read_text().splitlines()
    where = data.draw(st.sampled_from([i for i, line in enumerate(lines) if " = " in line]))
    lines[where] = f"{lines[where].partition(' = ')[0]} = {toml(data.draw(VALUES))}"
    (victim / models.CONFIG).write_text("\n".join(lines), encoding="utf-8")
    (victim / weights.WEIGHTS).write_bytes((model / weights.WEIGHTS).read_bytes())
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
    own = Path(shutil.copytree(folder, tmp_path / "own"))
    elsewhere = Path(shutil.copytree(folder, tmp_path / "elsewhere" / "model"))
    for each in (own, elsewhere):
        change_a_weight(each)
        assert models.load(str(each)).name == "tiny-lstm"
    (shelf / weights.SUMS).unlink()
    change_a_weight(folder)
    assert models.load("model").name == "tiny-lstm"


def test_a_list_of_sums_that_is_none_is_passed_over(shelf: Path) -> None:
    (shelf / weights.SUMS).write_bytes(b"\xff\x00 not\n\n  a list")
    assert models.load("model").name == "tiny-lstm"
