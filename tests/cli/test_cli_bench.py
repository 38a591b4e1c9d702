"""`musegen bench`: its tables, its JSON, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import Musegen
from contract import checked

from musegen import models, weights

SHORT = ("--steps", 2, "--repeats", 1)


def cells(lines: list[str]) -> list[list[str]]:
    return [re.split("  +", line) for line in lines]


def test_tables(musegen: Musegen, tiny_melody_model: Path, tiny_drums_vae: Path) -> None:
    words = (tiny_melody_model, tiny_drums_vae, "--batch", "1,3", "--context", 5, *SHORT)
    result = musegen("bench", *words)
    assert result.code == 0
    (line,) = result.err.splitlines()
    assert line.endswith("time of one thread, medians of 1 runs of 2 steps, or a clip")
    tokens, clips = (cells(part.splitlines()) for part in result.out.split("\n\n"))
    assert tokens[0] == [
        *("model", "batch", "context", "tokens/s", "notes/s", "bars/s"),
        *("ms/step", "least", "choosing", "floor ms", "step/floor"),
    ]
    assert [row[:3] for row in tokens[1:]] == [["tiny-lstm", "1", "5"], ["tiny-lstm", "3", "5"]]
    assert {len(row) for row in tokens} == {11}
    assert clips[0] == ["model", "bars", "notes/s", "bars/s", "ms/clip", "least", "ms/bar"]
    assert [row[:2] for row in clips[1:]] == [["drums-vae", "4"]]


def test_only_the_table_that_there_is(
    musegen: Musegen, tiny_melody_model: Path, tiny_drummer_model: Path
) -> None:
    for model, head in ((tiny_melody_model, "ms/step"), (tiny_drummer_model, "ms/clip")):
        result = musegen("bench", model, "--batch", 1, "--context", 5, *SHORT, "-q")
        assert (result.code, result.err) == (0, "")
        assert head in result.out.splitlines()[0]
        assert len(result.out.splitlines()) == 2


def test_json(musegen: Musegen, tiny_model: Path, tiny_groove_model: Path) -> None:
    words = (tiny_model, tiny_groove_model, "--batch", 2, "--batch", "1, 4", "--context", "7")
    report = checked(musegen("bench", *words, *SHORT, "--json"))
    told = {name: report[name] for name in ("device", "steps", "repeats")}
    assert told == {"device": "cpu", "steps": 2, "repeats": 1}
    assert [(row["batch"], row["context"]) for row in report["tokens"]] == [(2, 7), (1, 7), (4, 7)]
    (clip,) = report["clips"]
    assert (clip["model"], clip["bars"]) == ("tiny-groove", 4)


def test_without_a_name_it_is_the_shelf(
    musegen: Musegen,
    tiny_melody_model: Path,
    tiny_drums_vae: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    for model in (tiny_melody_model, tiny_drums_vae):
        (shelf / model.name).symlink_to(model, target_is_directory=True)
    monkeypatch.setattr(models, "shelf", lambda: shelf)
    report = checked(musegen("bench", *SHORT, "--json"))
    cells = [(row["batch"], row["context"]) for row in report["tokens"]]
    assert cells == [(batch, context) for batch in (1, 4, 16) for context in (100, 700)]
    assert [row["model"] for row in report["clips"]] == ["drums-vae"]


def test_a_context_that_does_not_fit_is_cut_and_told(musegen: Musegen, tiny_model: Path) -> None:
    words = (tiny_model, "--batch", 1, "--context", "5,300,999", *SHORT, "--json")
    report = checked(musegen("bench", *words))
    assert [row["context"] for row in report["tokens"]] == [5, 254]
    (warning,) = report["warnings"]
    assert warning["message"] == "contexts above 254 and 2 steps do not fit"


def test_one_bad_model_does_not_stop_the_others(musegen: Musegen, tiny_model: Path) -> None:
    words = ("nothing", tiny_model, "--batch", 1, "--context", 5, *SHORT, "--json")
    result = musegen("bench", *words)
    report = checked(result)
    assert (result.code, len(report["tokens"])) == (1, 1)
    assert [error["input"] for error in report["errors"]] == ["nothing"]


def test_without_weights_there_is_nothing_to_time(
    musegen: Musegen, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "unmade").mkdir()
    (tmp_path / "unmade" / models.CONFIG).write_text((tiny_model / models.CONFIG).read_text())
    assert not (tmp_path / "unmade" / weights.WEIGHTS).exists()
    result = musegen("bench", "unmade")
    assert (result.code, result.out) == (5, "")
    assert "has no weights" in result.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--batch", "0"), "0 is not a whole number from 1 to 1024"),
        (("--batch", "4,1025"), "1025 is not a whole number from 1 to 1024"),
        (("--batch", "4,"), "is not a whole number from 1 to 1024"),
        (("--context", "x"), "x is not a whole number from 1 to 65536"),
        (("--steps", "0"), "0 is not a whole number from 1 to 10000"),
        (("--repeats", "1.5"), "1.5 is not a whole number from 1 to 1000"),
        (("--device", "tpu"), "'tpu'"),
    ],
)
def test_a_bad_option_is_told(musegen: Musegen, words: tuple[str, str], message: str) -> None:
    result = musegen("bench", *words)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert words[0] in result.err
    assert message in result.err


def test_more_steps_than_the_network_holds(musegen: Musegen, tiny_model: Path) -> None:
    result = musegen("bench", tiny_model, "--steps", 256)
    assert (result.code, result.out) == (2, "")
    assert "256 steps: the network holds 256 ids; take fewer" in result.err
