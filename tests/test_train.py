"""The training loop on a tiny model: it learns, logs, and goes on exactly where it was stopped."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load, load_file, save

from musegen import models, runs, train
from musegen.codecs import Layout
from musegen.errors import ModelError, OutputError, UnreadableError, UsageError
from musegen.recipe import Recipe, Training

TIMINGS = ("tokens_per_second", "share_of_peak", "seconds", "seconds_left")
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
        "share_of_peak",
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
    allowed = [train.continues(longer, train.plain(begun), step) for step in range(101)]
    assert allowed == [True] * allowed.count(True) + [False] * allowed.count(False)
    assert allowed.count(True) in (51, 52)


def test_a_run_from_before_a_setting_was_there_can_go_on(recipe: Recipe) -> None:
    begun = train.plain(recipe)
    del begun["training"]["augmentation"]["alone"]
    assert train.continues(recipe, begun, 3)


def test_a_plateau_can_be_lengthened(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    longer = with_training(recipe, steps=12, cooldown=0.5)
    whole = train.train(longer, data, tmp_path / "whole")

    with pytest.raises(KilledError):
        train.train(recipe, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(3))
    resumed = train.train(longer, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    assert log(tmp_path / "cut") == log(tmp_path / "whole")


def test_a_run_can_go_on_without_its_average(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    averaged, plain = (with_training(recipe, average=share) for share in (0.9, 0.0))
    whole = train.train(plain, data, tmp_path / "whole")
    with pytest.raises(KilledError):
        train.train(averaged, data, tmp_path / "cut", checkpoint_seconds=0, report=kill_at(3))
    resumed = train.train(plain, data, tmp_path / "cut")
    assert whole.read_bytes() == resumed.read_bytes()
    with pytest.raises(UsageError, match="another recipe's run"):
        train.train(averaged, data, tmp_path / "cut")


def test_a_checkpoint_that_is_none_is_refused(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    train.train(recipe, data, tmp_path)
    path = tmp_path / runs.CHECKPOINT
    whole = path.read_bytes()
    with safe_open(path, framework="pt") as file:
        told = json.loads(file.metadata()["progress"])
    tensors = load(whole)

    def checkpoint(
        progress: Any = told, without: str = "", put: dict[str, torch.Tensor] | None = None
    ) -> bytes:
        kept = {name: t for name, t in tensors.items() if name != without} | (put or {})
        written: bytes = save(kept, {"progress": json.dumps(progress)})
        return written

    schedule = told["recipe"]["training"]
    others = (
        *([], None, {}, 1, "x" * 9, told | {"nats": [1]}, told | {"step": 0.5}, told | {"more": 1}),
        *(told | {"recipe": odd} for odd in ({}, {"training": None}, {"training": {"steps": 6}})),
        told | {"recipe": told["recipe"] | {"training": schedule | {"cooldown": "xx"}}},
    )
    moment, place = (
        "optimizer.embedding.weight.exp_avg",
        next(n for n in tensors if n.startswith("network.")),
    )
    contents = (
        *(whole[:-1000], b"nothing", b"", save(tensors)),
        *(checkpoint(other) for other in others),
        *(checkpoint(without=name) for name in (moment, place, "random.cpu")),
        *(checkpoint(put={name: torch.zeros(3)}) for name in (moment, place, "random.cpu")),
        checkpoint(put={place: tensors[place].to(torch.complex64)}),
        checkpoint(put={"random.cpu": torch.full_like(tensors["random.cpu"], 255)}),
    )
    for content in contents:
        path.write_bytes(content)
        with pytest.raises(UnreadableError, match=r"checkpoint\.safetensors: damaged, or of ano"):
            train.train(recipe, data, tmp_path)
    for step in (-1, 10**30):
        path.write_bytes(checkpoint(told | {"step": step}))
        with pytest.raises(UsageError, match="another recipe's run"):
            train.train(recipe, data, tmp_path)
    path.write_bytes(checkpoint())
    train.train(recipe, data, tmp_path)


def test_no_pickle_is_read(recipe: Recipe, data: Path, tmp_path: Path) -> None:
    torch.save([1], tmp_path / "checkpoint.pt")
    with pytest.raises(OutputError, match=r"checkpoint\.pt: of an older version .* new --run"):
        train.train(recipe, data, tmp_path)
    torch.save([1], tmp_path / runs.CHECKPOINT)
    (tmp_path / "checkpoint.pt").unlink()
    with pytest.raises(UnreadableError, match="damaged"):
        train.train(recipe, data, tmp_path)


@pytest.mark.parametrize("name", ["weights.safetensors", "curve.svg", "log.jsonl"])
def test_what_no_run_has_made_is_not_replaced(
    recipe: Recipe, data: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError, match=f"{name}: would be replaced, .* choose a new --run"):
        train.train(recipe, data, tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("name", ["log.jsonl", "checkpoint.safetensors"])
def test_a_link_or_a_pipe_is_no_part_of_a_run(
    recipe: Recipe, data: Path, tmp_path: Path, name: str
) -> None:
    kept, run = tmp_path / "kept", tmp_path / "run"
    kept.write_text("precious")
    run.mkdir()
    for make in (lambda path: path.symlink_to(kept), os.mkfifo, Path.mkdir):
        make(run / name)
        with pytest.raises(OutputError, match=f"{name}: a link, or no file at all"):
            train.train(recipe, data, run)
        (run / name).rmdir() if (run / name).is_dir() else (run / name).unlink()
    (run / name).symlink_to(kept)
    with pytest.raises(OutputError, match="cannot be written"):
        runs.append(run / name, {})
    assert kept.read_text() == "precious"


def test_a_run_goes_on_without_writing_through_links(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    kept, run = tmp_path / "kept", tmp_path / "run"
    kept.write_text("precious")
    weights = train.train(recipe, data, run).read_bytes()
    for name in ("weights.safetensors", "curve.svg"):
        (run / name).unlink()
        (run / name).symlink_to(kept)
    assert train.train(recipe, data, run).read_bytes() == weights
    assert kept.read_text() == "precious"
    assert not any(path.is_symlink() for path in run.iterdir())


@pytest.mark.parametrize("line", ["[]", "{}", "1", '"step"', '{"step": null}', "[" * 9999, "\xff"])
def test_a_line_of_the_log_that_is_no_report_is_dropped(
    recipe: Recipe, data: Path, tmp_path: Path, line: str
) -> None:
    train.train(recipe, data, tmp_path)
    whole = log(tmp_path)
    with (tmp_path / "log.jsonl").open("a", encoding="latin-1") as file:
        file.write(f"{line}\n")
    train.train(recipe, data, tmp_path)
    assert log(tmp_path) == whole


def test_a_run_that_does_not_begin_leaves_no_folder(
    recipe: Recipe, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shards.json").write_bytes((data / "shards.json").read_bytes())
    with pytest.raises(UnreadableError, match="the split 'train' is missing or damaged"):
        train.train(recipe, tmp_path / "data", tmp_path / "run")
    assert not (tmp_path / "run").exists()


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


def test_a_run_begins_with_the_weights_of_a_model(
    recipe: Recipe, data: Path, tmp_path: Path, tiny_model: Path
) -> None:
    still = with_training(recipe, learning_rate=1e-12, weight_decay=0.0)
    weights = train.train(still, data, tmp_path / "run", base=str(tiny_model))
    begun = models.load(str(tiny_model)).network.state_dict()
    assert all(
        torch.allclose(x.float(), begun[k], atol=1e-4) for k, x in load_file(weights).items()
    )
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    train.train(recipe, data, whole, base=str(tiny_model))
    with pytest.raises(KilledError):
        train.train(
            recipe, data, killed, base=str(tiny_model), checkpoint_seconds=0, report=kill_at(3)
        )
    train.train(recipe, data, killed)  # what it began with is in the checkpoint
    assert (killed / "weights.safetensors").read_bytes() == (
        whole / "weights.safetensors"
    ).read_bytes()


def test_the_weights_of_another_network_are_refused(
    recipe: Recipe, data: Path, tmp_path: Path, tiny_melody_model: Path
) -> None:
    with pytest.raises(UsageError, match="of another shape"):
        train.train(recipe, data, tmp_path / "run", base=str(tiny_melody_model))
    with pytest.raises(ModelError):
        train.train(recipe, data, tmp_path / "run", base="nowhere")


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
