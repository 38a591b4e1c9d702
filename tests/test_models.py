from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from musegen import models, weights
from musegen.errors import ModelError


def damaged(tiny_model: Path, tmp_path: Path, data: bytes) -> str:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    (folder / weights.WEIGHTS).write_bytes(data)
    return str(folder)


def test_a_model_comes_back_in_half_precision(tiny_model: Path) -> None:
    model = models.load(str(tiny_model))
    stored = load_file(tiny_model / weights.WEIGHTS)
    loaded = model.network.state_dict()
    assert model.name == "tiny-transformer"
    assert loaded.keys() == stored.keys()
    assert all(torch.equal(loaded[k], stored[k].float()) for k in stored)
    assert not any(p.requires_grad for p in model.network.parameters())


def test_other_shapes_are_refused_by_name(tiny_model: Path, tmp_path: Path) -> None:
    stored = load_file(tiny_model / weights.WEIGHTS)
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


def test_every_shipped_file_of_weights_is_listed_with_its_sum() -> None:
    """Made again by `sha256sum */*.safetensors > SHA256SUMS` in models/."""
    lines = []
    for path in sorted(models.shelf().glob("*/*.safetensors")):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        lines.append(f"{digest}  {path.parent.name}/{path.name}")
    listed = (models.shelf() / weights.SUMS).read_text().splitlines()
    assert sorted(listed) == sorted(lines)


def test_a_network_in_an_allowance_is_the_same(tiny_model: Path, tiny_long_vae: Path) -> None:
    for folder in (tiny_model, tiny_long_vae):
        loaded = models.load(str(folder)).network
        built = models.build_network(models.read_recipe(folder))
        stored = built.state_dict()
        for name, buffer in built.named_buffers():
            assert name in stored or torch.equal(loaded.get_buffer(name), buffer)


def test_loading_draws_no_random_numbers(tiny_model: Path, tiny_long_vae: Path) -> None:
    before = torch.get_rng_state()
    for folder in (tiny_model, tiny_long_vae):
        models.load(str(folder))
    assert torch.equal(torch.get_rng_state(), before)
