from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Musegen


def words(beats: Path) -> tuple[object, ...]:
    return ("--from", beats, "--splits", beats / "splits.csv", "--split", "valid")


def table(lines: list[str]) -> dict[str, list[str]]:
    """The rows of the first table in some lines, by their names."""
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {name: cells for name, *cells in rows}


def test_a_feel_is_measured_beside_plain_rules(
    musegen: Musegen, beats: Path, tiny_groove_model: Path
) -> None:
    result = musegen("evaluate", "feel", tiny_groove_model, *words(beats))
    assert (result.code, result.err) == (0, "")
    rows = table(result.out.splitlines())
    assert {"quantised", "one shift", "by voice and position"} <= rows.keys()
    assert {"tiny-groove, usual", "tiny-groove, sampled"} <= rows.keys()
    assert float(rows["quantised"][0]) > 0
    assert result.out.splitlines()[-1] == "Songs of which 'groove' kept every note: 1 of 1."
    report = musegen("evaluate", "feel", tiny_groove_model, *words(beats), "--json").json
    assert {row["name"]: f"{row['timing_ms']:.2f}" for row in report["rows"]} == {
        name: cells[0] for name, cells in rows.items() if not name.startswith("timing")
    }


def test_parts_are_measured_beside_the_drummers(
    musegen: Musegen, beats: Path, tiny_drummer_model: Path
) -> None:
    result = musegen("evaluate", "parts", tiny_drummer_model, *words(beats))
    assert (result.code, result.err) == (0, "")
    rows = table(result.out.splitlines())
    assert rows["the drummers"][:2] == ["1.000", "1.000"]
    assert rows["tiny-drummer, sampled"][0] == "1.000"
    report = musegen("evaluate", "parts", tiny_drummer_model, *words(beats), "--json").json
    voices = {row["name"]: row["voices"]["snare"] for row in report["rows"]}
    assert voices["the drummers"] == 1
    assert [f"{share:.3f}" for share in voices.values()] == [
        cells[3] for name, cells in rows.items() if name in voices
    ]


@pytest.mark.parametrize("command", ["feel", "parts"])
def test_a_model_of_something_else_is_refused(
    musegen: Musegen, beats: Path, tiny_model: Path, command: str
) -> None:
    result = musegen("evaluate", command, tiny_model, *words(beats))
    assert (result.code, result.out) == (5, "")
    assert "is no model of drums; it serves generate, continue" in result.err
