"""The JSON of every command, by its schema."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import Fake, Musegen, scale, tune
from contract import BEAT, COMMANDS, VALIDATOR, checked, printed
from musegen.cli import main

from musegen import midi


@pytest.fixture(scope="module")
def data(
    tmp_path_factory: pytest.TempPathFactory,
    prepare_tunes: Callable[..., Path],
    tiny_melody_vae: Path,
    corpora: Path,
) -> dict[str, Path]:
    """What is prepared for a model of tokens, and for a latent space."""
    tokens, steps = (tmp_path_factory.mktemp(name) for name in ("tokens", "steps"))
    words = ("--from", corpora, "--splits", corpora / "splits.csv", "--output", steps)
    prepare = ("data", "prepare", tiny_melody_vae, *words, "--workers", 1, "-q")
    assert main([str(word) for word in prepare]) == 0
    return {"tokens": prepare_tunes(tokens), "steps": steps}


@pytest.fixture
def succeeding(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    corpora: Path,
    beats: Path,
    data: dict[str, Path],
    long_tunes: Path,
) -> dict[str, tuple[object, ...]]:
    """For every command, words with which all goes well."""
    model = {
        name: request.getfixturevalue(f"tiny_{name}")
        for name in (
            *("model", "melody_model", "controlled_model"),
            *("groove_model", "drummer_model", "melody_vae"),
        )
    }
    for fixture in ("own_shelf", "own_player"):
        request.getfixturevalue(fixture)
    midi.write(scale(), tmp_path / "a.mid")
    midi.write(replace(tune(5, 4), tracks=tune(5, 4).tracks[:1]), tmp_path / "b.mid")
    (tmp_path / "songs").mkdir()
    for seed in (1, 2):
        midi.write(tune(seed, 6), tmp_path / "songs" / f"{seed}.mid")
    of = {kind: ("--data", folder) for kind, folder in data.items()}
    played = ("--from", beats, "--splits", beats / "splits.csv")
    listed = ("--from", corpora, "--splits", corpora / "splits.csv", "--output", "shards")
    one = ("-n", 1, "-l", 1, "--model")
    return {
        "generate": (*one, model["model"]),
        "continue": ("a.mid", *one, model["model"]),
        "infill": ("a.mid", "--bars", 2, "-n", 1, "--model", model["controlled_model"]),
        "interpolate": ("a.mid", "b.mid", "--steps", 3),
        "groove": (BEAT, "-n", 1, "--model", model["groove_model"]),
        "drumify": ("a.mid", *one, model["drummer_model"]),
        "inspect": ("a.mid", BEAT),
        "repair": ("a.mid", BEAT, "-o", "sound"),
        "plot": ("a.mid", BEAT, "-o", "pictures"),
        "render": ("a.mid", "-o", "sounds", "--rate", 22050),
        "finetune": ("songs", "--out", "style", "--steps", 9, "--from", model["melody_model"]),
        "models list": (),
        "models info": ("melody-vae",),
        "data prepare": (model["model"], *listed, "--workers", 1),
        "data index": (model["model"], *of["tokens"], "--output", "index.safetensors"),
        "train": (model["model"], *of["tokens"], "--run", "run"),
        "evaluate likelihood": (model["model"], *of["tokens"], "--counts"),
        "evaluate continuations": (
            *(model["model"], *of["tokens"], "--pieces", 2, "--prompt", 4, "--length", 1),
            *("-o", "kept"),
        ),
        "evaluate statistics": (
            *(model["model"], *of["tokens"], "--pieces", 2, "--prompt", 4, "--length", 2),
        ),
        "evaluate originality": (
            *(model["model"], *of["tokens"], "--pieces", 2, "--prompt", 0, "--length", 2),
        ),
        "evaluate infill": (model["controlled_model"], "--data", long_tunes, "--pieces", 1),
        "evaluate control": (model["controlled_model"], "-n", 1),
        "evaluate feel": (model["groove_model"], *played),
        "evaluate parts": (model["drummer_model"], *played),
        "evaluate reconstruction": (model["melody_vae"], *of["steps"], "--windows", 2),
        "evaluate interpolation": (
            *(model["melody_vae"], *of["steps"], "--windows", 2),
            *("--bars", 2, "--steps", 3, "--judge", model["model"]),
        ),
        "evaluate attributes": (model["melody_vae"], *of["steps"], "--windows", 2, "--bars", 2),
        "bench": (
            *(model["model"], model["groove_model"], "--batch", "1,2", "--context", 5),
            *("--steps", 2, "--repeats", 1),
        ),
    }


FAILING: dict[str, tuple[str, int]] = {
    "generate": ("--model nothing", 5),
    "continue": ("gone.mid", 3),
    "infill": ("gone.mid --bars 2", 3),
    "interpolate": ("gone.mid gone.mid", 3),
    "groove": ("gone.mid --on-exists fail", 3),
    "drumify": ("gone.mid", 3),
    "inspect": ("gone.mid", 3),
    "repair": ("gone.mid", 3),
    "plot": ("gone.mid", 3),
    "render": ("gone.mid", 3),
    "finetune": ("gone.mid --out style", 3),
    "models list": ("--all", 2),
    "models info": ("nothing", 5),
    "data prepare": ("melody-vae --from gone --splits gone --output shards", 3),
    "data index": ("melody-lstm --data gone --output index.safetensors", 3),
    "train": ("melody-vae --data gone --run run", 3),
    "evaluate likelihood": ("melody-lstm --data gone", 3),
    "evaluate continuations": ("melody-lstm --data gone --pieces 0", 2),
    "evaluate statistics": ("melody-lstm --data gone", 3),
    "evaluate originality": ("melody-lstm", 2),
    "evaluate infill": ("melody-lstm --data gone", 5),
    "evaluate control": ("melody-lstm", 2),
    "evaluate feel": ("melody-vae --from gone --splits gone", 5),
    "evaluate parts": ("nothing --from gone --splits gone", 5),
    "evaluate reconstruction": ("melody-vae --data gone", 3),
    "evaluate interpolation": ("melody-vae --data gone", 3),
    "evaluate attributes": ("melody-vae", 2),
    "bench": ("nothing", 5),
}
"""For every command, words with which it fails, and how it ends."""


def test_every_command_is_tried(succeeding: dict[str, tuple[object, ...]]) -> None:
    assert set(COMMANDS) == succeeding.keys() == FAILING.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_json_of_a_command_that_succeeds_is_of_the_schema(
    musegen: Musegen, succeeding: dict[str, tuple[object, ...]], command: str
) -> None:
    report = checked(musegen(*command.split(), *succeeding[command], "--json"))
    assert (report["command"], report["errors"]) == (command, [])
    for output in report["outputs"]:
        if command not in ("plot", "render"):  # which write pictures and sounds
            assert midi.read(output["path"]).song.note_count == output["notes"]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("own_shelf")
def test_the_json_of_a_command_that_fails_is_of_the_schema(musegen: Musegen, command: str) -> None:
    words, code = FAILING[command]
    result = musegen(*command.split(), *words.split(), "--json")
    report = checked(result)
    assert (report["command"], report["outputs"], result.code) == (command, [], code)
    assert {error["code"] for error in report["errors"]} == {code}
    plain = musegen(*command.split(), *words.split())
    assert (plain.code, plain.out, printed(plain)) == (code, "", [])
    assert re.fullmatch(r"(seed \d+ \(drawn\)\n)?(error: .+\n)+", plain.err)


def test_what_fails_stands_beside_what_does_not(
    musegen: Musegen, tune_file: Path, fake: Fake
) -> None:
    result = musegen("continue", tune_file, "gone.mid", "-n", "2", "--json")
    report = checked(result)
    assert result.code == 1
    assert (len(report["outputs"]), len(report["warnings"]), len(report["errors"])) == (2, 1, 1)


def test_a_dry_run_has_its_json_too(musegen: Musegen, own_shelf: None) -> None:
    report = checked(musegen("groove", BEAT, "--dry-run", "--json"))
    assert report["dry_run"]
    assert [output["sha256"] for output in report["outputs"]] == [None] * 4


@pytest.mark.usefixtures("own_shelf", "own_player")
def test_audio_that_was_heard_is_described(
    musegen: Musegen, tmp_path: Path, player: str, drummer: str
) -> None:
    sound = np.zeros(22_050 * 5)
    for start in range(11_025, 22_050 * 4, 11_025):
        sound[start : start + 600] = np.exp(-np.arange(600) / 100) / 2
    soundfile.write(tmp_path / "tap.wav", sound, 22_050)
    report = checked(musegen("drumify", "tap.wav", "-n", 1, "--model", drummer, "--json"))
    assert report["inputs"][0]["onsets"] == 7
    words = ("--from", "tap.wav", "--model", player, "-n", 1, "--json")
    assert checked(musegen("groove", BEAT, *words))["from"]["path"] == "tap.wav"


def test_what_was_mended_is_described(musegen: Musegen) -> None:
    Path("odd.mid").write_bytes(midi.to_bytes(scale()) + b"and more")
    (odd,) = checked(musegen("inspect", "odd.mid", "--json"))["inputs"]
    (repair,) = odd["repairs"]
    assert (repair["track"], repair["count"]) == (None, 1)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        ("--json", ""),
        ("--json inspect", ""),
        ("xyzzy --json", ""),
        ("models --json", "models"),
        ("evaluate xyzzy --json inspect", "evaluate"),
        ("evaluate feel --json --seed", "evaluate"),
        ("evaluate feel --json --seed x", "evaluate feel"),
        ("generate --json --seed x", "generate"),
        ("inspect --json", "inspect"),
    ],
)
def test_a_usage_error_has_its_json_too(musegen: Musegen, words: str, command: str) -> None:
    result = musegen(*words.split())
    report = checked(result)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert (report["command"], [error["code"] for error in report["errors"]]) == (command, [2])


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"command": "xyzzy"},
        {"schema_version": 2},
        {"models": []},
        {"outputs": [{"path": "a.mid"}]},
        {"errors": [{"input": None, "code": 7, "message": "?"}]},
    ],
    ids=str,
)
def test_the_schema_takes_nothing_else(musegen: Musegen, change: dict[str, Any]) -> None:
    report = checked(musegen("inspect", BEAT, "--json"))
    assert not VALIDATOR.is_valid(report | change)
    assert not VALIDATOR.is_valid({**report, "inputs": [report["inputs"][0] | {"more": 1}]})
