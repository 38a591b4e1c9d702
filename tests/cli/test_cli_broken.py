"""Every command over a folder of broken files: each ends as an output or as one line."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest
from conftest import Musegen

sys.path.append(str(Path(__file__).parent.parent / "midi"))
from midi_inputs import bent, seeds

COMMANDS: dict[str, list[object]] = {
    "inspect": [],
    "repair": ["-o", "out"],
    "plot": ["-o", "out"],
    "continue": ["-o", "out", "-n", 1, "-l", 1],
    "infill": ["-o", "out", "-n", 1, "--bars", 1],
    "groove": ["-o", "out", "-n", 1],
    "drumify": ["-o", "out", "-n", 1, "-l", 1],
}
MODELS = {
    "continue": "tiny_model",
    "infill": "tiny_controlled_model",
    "groove": "tiny_groove_model",
    "drumify": "tiny_drummer_model",
}


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, bytes]:
    """A folder `in` with every case of the reader's tests, and as many bent at random."""
    rng = random.Random(5)
    files = list(seeds())
    files += [bent(data, rng) for data in files]
    (tmp_path / "in").mkdir()
    named = {f"in/{number:03}.mid": data for number, data in enumerate(files)}
    for name, data in named.items():
        (tmp_path / name).write_bytes(data)
    return named


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("own_player")
def test_each_file_is_an_output_or_an_error_in_one_line(
    musegen: Musegen,
    inputs: dict[str, bytes],
    request: pytest.FixtureRequest,
    command: str,
) -> None:
    words: list[object] = ["in", *COMMANDS[command], "--json"]
    if command in MODELS:
        words += ["--model", request.getfixturevalue(MODELS[command])]
    result = musegen(command, *words)
    report = result.json
    read = {entry["path"] for entry in report["inputs"]}
    failed = {entry["input"]: entry for entry in report["errors"]}
    made = [entry["input"] for entry in report["outputs"]]
    assert sorted({*made, *failed} if command != "inspect" else read | {*failed}) == sorted(inputs)
    assert not {*made} & {*failed}
    assert len(made) == len(set(made))
    assert {entry["code"] for entry in failed.values()} <= {2, 3, 6}
    assert not any("\n" in entry["message"] for entry in failed.values())
    assert "a fault in musegen" not in result.err
    assert result.code == 1
    for name, data in inputs.items():
        assert Path(name).read_bytes() == data
