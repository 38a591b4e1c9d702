from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from musegen import models
from musegen.errors import ModelError


def damaged(tiny_model: Path, tmp_path: Path, data: bytes) -> str:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / models.WEIGHTS).write_bytes(data)
    return str(folder)


def test_a_model_comes_back_in_half_precision(tiny_model: Path) -> None:
    model = models.load(str(tiny_model))
    stored = load_file(tiny_model / models.WEIGHTS)
    loaded = model.network.state_dict()
    assert model.name == "tiny-transformer"
    assert loaded.keys() == stored.keys()
    assert all(torch.equal(loaded[k], stored[k].float()) for k in stored)
    assert not any(p.requires_grad for p in model.network.parameters())


def test_a_pickle_is_never_loaded(tiny_model: Path, tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pt")
    with pytest.raises(ModelError, match="not a safetensors file"):
        models.load(damaged(tiny_model, tmp_path, (tmp_path / "a.pt").read_bytes()))


def test_a_file_cut_short_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    whole = (tiny_model / models.WEIGHTS).read_bytes()
    with pytest.raises(ModelError, match="damaged"):
        models.load(damaged(tiny_model, tmp_path, whole[:-1000]))


def test_other_shapes_are_refused_by_name(tiny_model: Path, tmp_path: Path) -> None:
    stored = load_file(tiny_model / models.WEIGHTS)
    stored["embedding.weight"] = stored["embedding.weight"][:-1].contiguous()
    save_file(stored, tmp_path / "other")
    with pytest.raises(ModelError, match=r"at embedding\.weight"):
        models.load(damaged(tiny_model, tmp_path, (tmp_path / "other").read_bytes()))


def test_a_damaged_recipe_is_the_model_s_fault(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / models.CONFIG).write_text("name = 3")
    with pytest.raises(ModelError, match=r"config\.toml"):
        models.load(str(folder))


def test_a_device_that_is_not_there_is_said(tiny_model: Path) -> None:
    if torch.cuda.is_available():
        assert models.load(str(tiny_model), "cuda").decoder.embedding.weight.is_cuda
    else:
        with pytest.raises(ModelError, match="no CUDA device"):
            models.load(str(tiny_model), "cuda")
    with pytest.raises(ModelError, match="no device 'tpu'; there are cpu, cuda, auto"):
        models.load(str(tiny_model), "tpu")
    assert models.resolved_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
