"""The training loop on a tiny model: it learns, logs, and goes on exactly where it was stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from musegen import models, train
from musegen.codecs import Layout
from musegen.errors import ModelError, UnreadableError, UsageError
from musegen.recipe import Recipe, Training

TIMINGS = ("tokens_per_second", "seconds", "seconds_left")
SMALLER = {"hidden": 32}


@pytest.fixture(scope="module")
def data(prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_tunes(tmp_path_factory.mktemp("data"))


@pytest.fixture
def recipe(tiny_model: Path) -> Recipe:
    return models.read_recipe(tiny_model)


class KilledError(Exception):
    pass


def kill_at(step: int) -> Callable[[dict[str, float]], None]:
    def report(line: dict[str, float]) -> None:
        if line["step"] == step:
            raise KilledError

    return report


def log(run: Path) -> list[dict[str, float]]:
    """The lines of a run's log, without what depends on the machine's speed."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in TIMINGS} for line in lines]


def with_training(recipe: Recipe, **changes: Any) -> Recipe:
    return replace(recipe, training=replace(recipe.training, **changes))


def test_a_run_leaves_weights_a_log_and_a_curve(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    lines: list[dict[str, float]] = []
    weights = train.train(recipe, data, tmp_path, report=lines.append)
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert log == lines
    assert [line["step"] for line in log] == [3, 6]
    assert {
        "train_bits_per_note",
        "valid_bits_per_note",
        "tokens_per_second",
        "seconds_left",
    } <= log[-1].keys()
    assert "<svg" in (tmp_path / "curve.svg").read_text()
    expected = models.build_network(recipe).state_dict()
    stored = load_file(weights)
    assert {k: v.shape for k, v in stored.items()} == {k: v.shape for k, v in expected.items()}
    assert {v.dtype for v in stored.values()} == {torch.float16}


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_killed_run_ends_as_if_it_had_not_been(
    recipe: Recipe, data: Path, tmp_path: Path, dropout: float
) -> None:
    shape = replace(recipe.network, shape=recipe.network.shape | {"dropout": dropout})
    recipe = replace(recipe, network=shape)
    whole = train.train(recipe, data, tmp_path / "whole")
    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(6))
    with (tmp_path / "cut" / "log.jsonl").open("a") as file:
        file.write('{"step": 6, "train_b')
    assert not (tmp_path / "cut" / "weights.safetensors").exists()
    resumed = train.train(recipe, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    assert log(tmp_path / "cut") == log(tmp_path / "whole")
    assert [line["step"] for line in log(tmp_path / "cut")] == [3, 6]


def test_a_run_without_a_checkpoint_begins_anew(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 3, "train_bits_per_note": 1.0}\n{"st')
    train.train(recipe, data, tmp_path)
    assert [line["step"] for line in log(tmp_path)] == [3, 6]


OTHERS: dict[str, Callable[[Recipe], Recipe]] = {
    "a rate": lambda r: with_training(r, learning_rate=2e-3),
    "a shape": lambda r: replace(r, network=replace(r.network, shape=r.network.shape | SMALLER)),
    "a weight": lambda r: replace(r, corpora=(replace(r.corpora[0], weight=2.0),)),
    "steps, and the fall had begun": lambda r: with_training(r, steps=60),
    "a fall that should have begun": lambda r: with_training(r, cooldown=1.0),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_run_of_another_recipe_is_refused(
    recipe: Recipe, data: Path, tmp_path: Path, other: Callable[[Recipe], Recipe]
) -> None:
    train.train(recipe, data, tmp_path)
    with pytest.raises(UsageError, match="holds another recipe's run; choose a new --run"):
        train.train(other(recipe), data, tmp_path)


@pytest.mark.parametrize(("cooldown", "original_keys"), [(0.5, 0.1), (0.1, 0.5)])
def test_a_run_can_be_lengthened_until_its_end_begins(
    recipe: Recipe, cooldown: float, original_keys: float
) -> None:
    begun = with_training(recipe, steps=100, cooldown=cooldown, original_keys=original_keys)
    longer = with_training(begun, steps=200)
    allowed = [train.continues(longer, asdict(begun), step) for step in range(101)]
    assert allowed == [True] * allowed.count(True) + [False] * allowed.count(False)
    assert allowed.count(True) in (51, 52)


def test_a_plateau_can_be_lengthened(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    longer = with_training(recipe, steps=12, cooldown=0.5)
    whole = train.train(longer, data, tmp_path / "whole")

    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(3))
    resumed = train.train(longer, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    assert log(tmp_path / "cut") == log(tmp_path / "whole")


def test_a_checkpoint_that_is_none_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    train.train(recipe, data, tmp_path)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    state = torch.load(path, weights_only=True)
    torch.save({k: v for k, v in state.items() if k != "recipe"}, path)
    for content in (path.read_bytes(), whole[:-1000], b"nothing", b""):
        path.write_bytes(content)
        with pytest.raises(UnreadableError, match=r"checkpoint\.pt: damaged, or of another"):
            train.train(recipe, data, tmp_path)


def test_it_learns(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    training = replace(
        recipe.training, steps=60, validate_every=20, average=0.5, learning_rate=1e-2
    )
    lines: list[dict[str, float]] = []
    train.train(replace(recipe, training=training), data, tmp_path, report=lines.append)
    bits = [line["valid_bits_per_note"] for line in lines if "valid_bits_per_note" in line]
    assert bits[-1] < 0.6 * bits[0]


def test_an_lstm_is_trained_by_the_same_loop(
    tiny_melody_model: Path, prepare_tunes: Callable[..., Path], tmp_path: Path
) -> None:
    recipe = models.read_recipe(tiny_melody_model)
    recipe = replace(recipe, codec=Layout(max_tracks=0, velocity_bins=16))
    weights = train.train(recipe, prepare_tunes(tmp_path / "data", kind="melody"), tmp_path / "run")
    assert weights.exists()


def test_the_rate_rises_rests_and_falls() -> None:
    training = Training(steps=100, rows=1, length=1, learning_rate=1.0, warmup=10, cooldown=0.5)
    rates = [train.learning_rate(step, training) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[10:50] == [1.0] * 40
    assert rates[75] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(0.02)


def test_data_of_another_codec_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    other = replace(recipe, codec=Layout(velocity_bins=32))
    with pytest.raises(UsageError, match="another codec"):
        train.train(other, data, tmp_path)


def test_a_device_that_is_not_there_is_said(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no device 'tpu'"):
        train.train(recipe, data, tmp_path, device="tpu")


def test_data_of_other_corpora_are_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    other = replace(recipe, corpora=(replace(recipe.corpora[0], name="polkas"),))
    with pytest.raises(UsageError, match="other corpora"):
        train.train(other, data, tmp_path)


def test_two_processes_share_a_batch(data: Path, tiny_model: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    program = (
        "import sys; from pathlib import Path; from musegen import models, train;"
        "train.train(models.read_recipe(Path(sys.argv[1])), Path(sys.argv[2]), Path(sys.argv[3]),"
        " device='cpu')"
    )
    script = tmp_path / "run.py"
    script.write_text(program)
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    arguments = [str(script), str(tiny_model), str(data), str(tmp_path / "run")]
    done = subprocess.run(
        [sys.executable, *launch, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run" / "weights.safetensors").exists()
