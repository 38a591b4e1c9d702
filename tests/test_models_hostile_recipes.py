"""Recipes that are broken, greedy or make no sense: refused in one line, built of nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from model_refusals import many, or_model, refused

from musegen import models, weights


@pytest.fixture
def folder(tiny_melody_model: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path / "model"))


@pytest.fixture(scope="session")
def victim(tiny_melody_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy that is damaged many times."""
    return Path(shutil.copytree(tiny_melody_model, tmp_path_factory.mktemp("victim") / "model"))


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


def test_a_network_that_is_too_large_leaves_gradients_on(tiny_long_vae: Path, victim: Path) -> None:
    text = (tiny_long_vae / models.CONFIG).read_text()
    bars = next(line for line in text.splitlines() if line.startswith("bars = "))
    (victim / models.CONFIG).write_text(text.replace(bars, "bars = [10226, 10226, 10226]"))
    (victim / weights.WEIGHTS).write_bytes((tiny_long_vae / weights.WEIGHTS).read_bytes())
    assert "more than there are weights" in refused(victim)
    assert torch.is_grad_enabled()


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
