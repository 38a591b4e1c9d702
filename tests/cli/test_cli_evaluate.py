from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Musegen


@pytest.fixture(scope="module")
def data(prepare_tunes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepare_tunes(tmp_path_factory.mktemp("data"))


def test_likelihood_is_a_table(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    words = ("--data", data, "--split", "test", "--counts", "--weight", "tunes=2")
    result = musegen("evaluate", "likelihood", tiny_model, *words)
    head, rule, tunes, everything, weighted = result.out.splitlines()
    assert head == (
        "| test split, bits per note | tiny-transformer | order-4 counts | notes | bits per bar |"
    )
    assert rule == "|---|---|---|---|---|"
    assert tunes.split("|")[2:4] == everything.split("|")[2:4] == weighted.split("|")[2:4]
    network, counts = (float(cell) for cell in tunes.split("|")[2:4])
    assert counts < network


def test_a_weight_that_is_none_is_named(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    result = musegen("evaluate", "likelihood", tiny_model, "--data", data, "--weight", "tunes")
    assert result.code == 2
    assert "'tunes' is not CORPUS=NUMBER" in result.err


def test_continuations_stand_beside_the_data(
    musegen: Musegen, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    words = ("--pieces", "2", "--prompt", "4", "--length", "2", "-o", tmp_path / "out")
    result = musegen("evaluate", "continuations", tiny_model, "--data", data, *words)
    assert result.code == 0
    assert "scale consistency" in result.out
    assert len(list((tmp_path / "out").glob("*.mid"))) == 2
