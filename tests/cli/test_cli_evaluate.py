from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Musegen

from musegen import limits


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
    report = musegen("evaluate", "likelihood", tiny_model, *words, "--json").json
    assert [row["corpus"] for row in report["rows"]] == ["tunes", None]
    assert report["weighted"]["weights"] == {"tunes": 2}
    for bits in (
        *(row["bits_per_note"] for row in report["rows"]),
        report["weighted"]["bits_per_note"],
    ):
        assert bits == {
            "tiny-transformer": pytest.approx(network, abs=0.006),
            "order-4 counts": pytest.approx(counts, abs=0.006),
        }


@pytest.mark.parametrize(
    ("command", "words", "message"),
    [
        ("likelihood", ["--weight", "tunes"], "'--weight': 'tunes' is not CORPUS=W"),
        ("likelihood", ["--weight", "tunes=x"], "'--weight': x is not a number from 0"),
        ("likelihood", ["--weight", "a=1"], "--weight: no corpus 'a'; there are tunes"),
        ("likelihood", ["--every", "0"], "'--every': 0 is not a whole number from 1"),
        ("likelihood", ["--device", "tpu"], "'--device': 'tpu' is not one of 'cpu'"),
        ("continuations", ["--pieces", "0"], "'--pieces': 0 is not a whole number from 1"),
        ("continuations", ["--prompt", "0"], "'--prompt': 0 is not a whole number from 1"),
        ("continuations", ["--length", "x"], "'--length': x is not a whole number from 1 to 1024"),
        ("continuations", ["--temperature", "3"], "3 is not a number from 0 to 2"),
        ("continuations", ["--seed", "-1"], "'--seed': -1 is not a whole number from 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_named(
    musegen: Musegen, data: Path, tiny_model: Path, command: str, words: list[str], message: str
) -> None:
    result = musegen("evaluate", command, tiny_model, "--data", data, *words)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_the_device_is_found(musegen: Musegen, data: Path, tiny_model: Path) -> None:
    words = ("--data", data, "--device", "auto")
    assert musegen("evaluate", "likelihood", tiny_model, *words).code == 0


@pytest.mark.parametrize("command", ["likelihood", "continuations"])
def test_data_of_another_model_are_refused(
    musegen: Musegen, data: Path, tiny_melody_model: Path, command: str
) -> None:
    result = musegen("evaluate", command, tiny_melody_model, "--data", data)
    assert result.code == 2
    assert "prepared for another codec" in result.err


def test_continuations_stand_beside_the_data(
    musegen: Musegen, data: Path, tiny_model: Path, tmp_path: Path
) -> None:
    size = ("--pieces", "2", "--prompt", "4", "--length", "2", "-o")
    words = ("evaluate", "continuations", tiny_model, "--data", data, *size)
    result = musegen(*words, tmp_path / "out")
    assert result.code == 0
    assert "scale consistency" in result.out
    assert len(list((tmp_path / "out").glob("*.mid"))) == 2
    assert musegen(*words, tmp_path / "out").code == 4
    report = musegen(*words, tmp_path / "new", "--json").json
    assert sorted(report["files"]) == sorted(map(str, (tmp_path / "new").glob("*.mid")))
    heads, _, *lines = [line.strip("| ").split(" | ") for line in result.out.splitlines()]
    assert heads == ["mean over 1 pieces", *(row["name"] for row in report["rows"])]
    for name, *cells in lines[:-1]:
        means = [row[name.replace(" ", "_")] for row in report["rows"]]
        assert cells == ["-" if mean is None else f"{mean:.3f}" for mean in means]


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        (("continuations", "--length"), limits.LENGTH),
        (("continuations", "--prompt"), limits.LENGTH),
        (("interpolation", "--steps"), limits.STEPS),
    ],
    ids=lambda value: getattr(value, "variable", ""),
)
def test_a_limit_holds_here_too_and_can_be_raised(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], limit: limits.Limit
) -> None:
    command, option = words
    run = ("evaluate", command, "melody-lstm", "--data", "gone", option, limit.usual + 1)
    result = musegen(*run)
    assert (result.code, limit.variable in result.err) == (6, True)
    monkeypatch.setenv(limit.variable, str(limit.usual + 1))
    assert limit.variable not in musegen(*run).err
