"""`musegen data prepare` and `musegen train`: from MIDI files to a model that plays."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from conftest import EXAMPLES, Musegen

from musegen import midi


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """The folder of one corpus, and beside it the table of its splits."""
    folder = tmp_path / "corpora"
    (folder / "tunes").mkdir(parents=True)
    rows = [("corpus", "file", "split")]
    for name, split in (("band", "train"), ("piano", "train"), ("waltz", "valid"), ("jig", "test")):
        (folder / "tunes" / f"{name}.mid").write_bytes((EXAMPLES / f"{name}.mid").read_bytes())
        rows.append(("tunes", f"{name}.mid", split))
    with (folder / "splits.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_from_files_to_a_model_that_plays(
    musegen: Musegen, corpora: Path, tiny_model: Path
) -> None:
    config = tiny_model / "config.toml"
    words = ("--splits", corpora / "splits.csv", "--workers", "1", "--output", "shards")
    prepared = musegen("data", "prepare", config, "--from", corpora, *words)
    assert (prepared.code, prepared.out) == (0, "shards/shards.json\n")
    assert prepared.err.startswith("tunes: 2 train, 1 valid, 1 test songs;")

    trained = musegen("train", config, "--data", "shards", "--run", "run")
    assert (trained.code, trained.out) == (0, "run/weights.safetensors\n")
    lines = trained.err.splitlines()
    number = r"[\d,.]+"
    line = (
        rf"step 6 of 6: {number} bits per note \(validation {number}\), {number} tokens/s "
        rf"\(\d+ % of the machine's peak\), 0 s left"
    )
    assert re.fullmatch(line, lines[-1])
    assert len(lines) == 2

    Path("run/config.toml").write_bytes(config.read_bytes())
    assert musegen("generate", "--model", "run", "-n", "1").code == 0
    assert midi.read("musegen_generate_01.mid").song.length == 4 * 1920


def test_quiet(musegen: Musegen, corpora: Path, tiny_model: Path) -> None:
    words = ("--splits", corpora / "splits.csv", "--workers", "1", "--output", "shards")
    assert musegen("data", "prepare", tiny_model, "--from", corpora, *words, "-q").err == ""
    result = musegen("train", tiny_model, "--data", "shards", "--run", "run", "-q")
    assert (result.code, result.err) == (0, "")


def test_json_names_what_was_made(musegen: Musegen, corpora: Path, tiny_model: Path) -> None:
    words = ("--splits", corpora / "splits.csv", "--workers", "1", "--output", "shards")
    prepared = musegen("data", "prepare", tiny_model, "--from", corpora, *words, "--json").json
    assert prepared["shards"] == "shards/shards.json"
    assert prepared["corpora"] == json.loads(Path("shards/shards.json").read_text())["corpora"]
    assert prepared["corpora"]["tunes"]["songs"] == {"train": 2, "valid": 1, "test": 1}
    trained = musegen("train", tiny_model, "--data", "shards", "--run", "run", "--json")
    assert trained.json["weights"] == "run/weights.safetensors"
    assert trained.err.count("bits per note") == 2


def test_of_several_processes_the_first_has_the_output(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("train", "nothing", "--data", "x", "--run", "y", "--json")
    first = musegen(*words)
    monkeypatch.setenv("RANK", "1")
    second = musegen(*words)
    assert first.json["errors"]
    assert (second.code, second.out, second.err) == (first.code, "", first.err)


def test_an_interrupt_is_one_line(
    musegen: Musegen, corpora: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("musegen.cli.train.progress", interrupt)
    words = ("--splits", corpora / "splits.csv", "--workers", "1", "--output", "shards")
    musegen("data", "prepare", tiny_model, "--from", corpora, *words)
    result = musegen("train", tiny_model, "--data", "shards", "--run", "run", "--json")
    assert (result.code, result.err) == (130, "error: interrupted\n")
    assert "weights" not in result.json


def test_the_weights_of_a_model_are_not_replaced(musegen: Musegen, tiny_model: Path) -> None:
    before = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    result = musegen("train", tiny_model, "--data", "gone", "--run", tiny_model)
    assert (result.code, result.out, result.err.count("\n")) == (4, "", 1)
    assert "weights.safetensors: would be replaced, and is of no run" in result.err
    assert {path.name: path.read_bytes() for path in tiny_model.iterdir()} == before


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["train", "nothing.toml", "--data", "x", "--run", "y"], 5, "no model 'nothing.toml'"),
        (["train", "broken.toml", "--data", "x", "--run", "y"], 2, "broken.toml: not valid TOML"),
        (["train", "melody-lstm", "--data", "x", "--run", "y"], 3, "x: no prepared data there"),
        (["train", "melody-lstm", "--data", "x"], 2, "Missing option '--run'"),
        (
            ["data", "prepare", "melody-lstm", "--from", "x", "--splits", "y", "--output", "z"],
            3,
            "x: no corpus",
        ),
    ],
)
def test_what_is_missing_is_told(
    musegen: Musegen, words: list[str], code: int, message: str
) -> None:
    Path("broken.toml").write_text("name = ")
    result = musegen(*words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err
    assert result.err.count("\n") == 1
