"""`musegen models`: what is on the shelf, with weights and without."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, Musegen
from safetensors.torch import load_file

from musegen import models, weights


@pytest.fixture
def shelf(
    tmp_path: Path, tiny_model: Path, tiny_melody_model: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A shelf with a whole model, one with a card, and one without weights."""
    folder = tmp_path / "shelf"
    shutil.copytree(tiny_model, folder / "tiny-transformer")
    shutil.copytree(tiny_melody_model, folder / "tiny-lstm")
    (folder / "tiny-lstm" / models.CARD).write_text("A card.")
    shutil.copytree(tiny_model, folder / "unmade")
    (folder / "unmade" / weights.WEIGHTS).unlink()
    monkeypatch.setattr(models, "shelf", lambda: folder)
    return folder


def test_list(musegen: Musegen, shelf: Path) -> None:
    result = musegen("models", "list")
    size = (shelf / "tiny-transformer" / weights.WEIGHTS).stat().st_size
    assert (result.code, result.err) == (0, "")
    heads, *rows = [re.split("  +", line) for line in result.out.splitlines()]
    assert heads == ["model", "verbs", "network", "parameters", "size", "weights"]
    assert [row[0] for row in rows] == ["tiny-lstm", "tiny-transformer", "tiny-transformer"]
    assert rows[1][1:] == [
        *("generate, continue", "transformer", "0.0 M", f"{size / 1e6:.1f} MB", "there")
    ]
    assert rows[2][3:] == ["-", "-", "missing"]


def test_list_as_json(musegen: Musegen, shelf: Path) -> None:
    melody, band, unmade = musegen("models", "list", "--json").json["models"]
    assert melody["card"] == str(shelf / "tiny-lstm" / models.CARD)
    assert band["card"] is None
    tensors = load_file(shelf / "tiny-transformer" / weights.WEIGHTS).values()
    assert band["parameters"] == sum(tensor.numel() for tensor in tensors)
    assert band["corpora"] == [{"name": "tunes", "style": "folk", "weight": 1.0}]
    assert (unmade["parameters"], unmade["bytes"]) == (None, None)
    assert melody["understands"]["style"] == "folk"
    assert band["understands"].keys() - melody["understands"].keys() == {"polyphony"}


def test_info(musegen: Musegen, shelf: Path) -> None:
    result = musegen("models", "info", "tiny-lstm")
    assert result.code == 0
    facts, corpora, understood = (part.splitlines() for part in result.out.split("\n\n"))
    assert facts[:3] == [
        "model       tiny-lstm",
        "verbs       generate, continue",
        "network     lstm",
    ]
    assert facts[5:] == [
        "weights     there",
        f"folder      {shelf / 'tiny-lstm'}",
        f"card        {shelf / 'tiny-lstm' / models.CARD}",
    ]
    assert corpora == ["corpus  style  weight", "tunes   folk        1"]
    assert understood[:4] == [
        "understands  legal values",
        "length       1 to 1024 bars, exact",
        "style        folk",
        "tempo        20 to 400 bpm, exact",
    ]


@pytest.mark.parametrize("width", [40, 78, 200])
def test_what_is_understood_fits_the_terminal(
    musegen: Musegen, tiny_controlled_model: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    words = ("models", "info", tiny_controlled_model)
    heads, *lines = musegen(*words).out.split("\n\n")[2].splitlines()
    assert max(map(len, lines)) <= width
    left = heads.index("legal")
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        name = line[:left].strip() or name
        found[name] = f"{found.get(name, '')} {line[left:]}".strip()
    (model,) = musegen(*words, "--json").json["models"]
    assert found == model["understands"]


def test_info_of_a_folder(musegen: Musegen, tiny_model: Path) -> None:
    assert musegen("models", "info", tiny_model).out.startswith("model       tiny-transformer\n")


def test_info_of_none(musegen: Musegen, shelf: Path) -> None:
    result = musegen("models", "info", "tiny-lst", "--json")
    message = "no model 'tiny-lst'. Did you mean tiny-lstm?"
    assert result.code == 5
    assert result.json["errors"] == [{"input": None, "code": 5, "message": message}]


def test_damaged_weights(musegen: Musegen, shelf: Path) -> None:
    (shelf / "unmade" / weights.WEIGHTS).write_bytes(b"\xff" * 64)
    result = musegen("models", "info", "unmade")
    assert result.code == 5
    assert "not a safetensors file" in result.err


def test_one_damaged_model_does_not_hide_the_others(musegen: Musegen, shelf: Path) -> None:
    (shelf / "unmade" / weights.WEIGHTS).write_bytes(b"\xff" * 64)
    (shelf / "tiny-lstm" / models.CONFIG).write_text("name = ")
    result = musegen("models", "list")
    assert result.code == 1
    assert "tiny-transformer" in result.out
    assert result.err.count("error: ") == 2


def test_without_weights_a_batch_says_what_to_do(musegen: Musegen, shelf: Path) -> None:
    (shelf / "unmade").rename(shelf / "multitrack-transformer")
    result = musegen("continue", EXAMPLES / "band.mid", EXAMPLES / "beat.mid", "-o", "out")
    assert (result.code, result.out) == (5, "")
    assert result.err.count("has no weights") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("words", [["generate"], ["generate", "--dry-run"]])
def test_without_weights_nothing_is_written(
    musegen: Musegen, shelf: Path, words: list[str]
) -> None:
    result = musegen(*words, "--model", "unmade", "-o", "out")
    assert (result.code, result.out) == (5, "")
    assert "has no weights" in result.err
    assert "musegen train" in result.err
    assert not Path("out").exists()


@pytest.mark.parametrize("words", [["generate"], ["continue", str(EXAMPLES / "band.mid")]])
def test_a_dry_run_finds_a_damaged_model(musegen: Musegen, shelf: Path, words: list[str]) -> None:
    run = (*words, "--dry-run", "--model", "tiny-transformer")
    assert musegen(*run).code == 0
    (shelf / weights.SUMS).write_text(f"{'0' * 64}  tiny-transformer/{weights.WEIGHTS}\n")
    result = musegen(*run)
    assert (result.code, result.out, result.err.count("\n")) == (5, "", 1)
    assert "not the weights that came with musegen" in result.err
    (shelf / "tiny-transformer" / weights.WEIGHTS).write_bytes(b"\xff" * 64)
    result = musegen(*run)
    assert (result.code, result.out, result.err.count("\n")) == (5, "", 1)
    assert "damaged, or not a safetensors file" in result.err


def test_weights_that_are_a_pipe_are_not_waited_for(musegen: Musegen, shelf: Path) -> None:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no pipes with a name")
    os.mkfifo(shelf / "unmade" / weights.WEIGHTS)
    result = musegen("models", "list")
    assert result.code == 1
    assert f"unmade: {shelf / 'unmade' / weights.WEIGHTS}: is not a file" in result.err


def test_a_folder_that_is_closed_is_the_model_s_fault(
    musegen: Musegen, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stat(path: Any, *more: Any, **options: Any) -> os.stat_result:
        if "tiny-lstm/" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return usual(path, *more, **options)

    usual = os.stat
    monkeypatch.setattr(os, "stat", stat)
    for name in (shelf / "tiny-lstm", "tiny-lstm"):
        result = musegen("generate", "--model", name, "-q")
        assert (result.code, result.out, result.err.count("\n")) == (5, "", 1)
        assert "tiny-lstm" in result.err
        assert "cannot be read: Permission denied" in result.err
