"""Large batches: written as they are made, and gone on with after they were broken off."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Fake, Musegen, tune
from musegen.cli import outputs

from musegen import batching, midi, verbs

WORDS = ("-n", "14", "-l", "1", "--seed", "3")


def bytes_of(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A batch is four rows; the length of the prompt of each that was begun."""
    begun: list[int] = []
    start = batching.Start.groups

    def groups(self: batching.Start, rows: Any) -> Iterator[Any]:
        for group, logits in start(self, rows):
            begun.extend(len(row.ids) for row in group.rows)
            yield group, logits

    monkeypatch.setattr(batching, "MOST", 4)
    monkeypatch.setattr(batching.Start, "groups", groups)
    return begun


def ends_after(monkeypatch: pytest.MonkeyPatch, files: int) -> None:
    """Ctrl-C comes when so many files are written."""
    write = outputs.Folder.write
    written: list[Path] = []

    def interrupted(self: outputs.Folder, *what: Any) -> Any:
        if len(written) == files:
            raise KeyboardInterrupt
        written.append(what[1])
        return write(self, *what)

    monkeypatch.setattr(outputs.Folder, "write", interrupted)


def test_a_take_is_written_before_the_last_is_begun(
    musegen: Musegen, tiny_model: Path, narrow: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    write = outputs.Folder.write
    begun: list[int] = []

    def remembered(self: outputs.Folder, *what: Any) -> Any:
        begun.append(len(narrow))
        return write(self, *what)

    monkeypatch.setattr(outputs.Folder, "write", remembered)
    result = musegen("generate", *WORDS, "--model", tiny_model, "-o", "out", "--json")
    assert (result.code, len(begun), len(narrow)) == (0, 14, 14)
    assert begun[0] == 4
    assert [output["variation"] for output in result.json["outputs"]] == [*range(1, 15)]


@pytest.mark.parametrize("verb", ["generate", "continue"])
def test_a_run_that_was_broken_off_goes_on_to_the_same_bytes(
    musegen: Musegen,
    tiny_model: Path,
    narrow: list[int],
    monkeypatch: pytest.MonkeyPatch,
    verb: str,
) -> None:
    files: tuple[object, ...] = ()
    if verb == "continue":
        files = ("in",)
        Path("in").mkdir()
        for n in range(2):
            midi.write(tune(n, 4), Path("in") / f"{n}.mid")
    words = (verb, *files, *WORDS, "--model", tiny_model)
    assert musegen(*words, "-o", "whole").code == 0
    narrow.clear()
    with monkeypatch.context() as patch:
        ends_after(patch, 5)
        result = musegen(*words, "-o", "out", "--json")
    assert result.code == 130
    there = bytes_of("out")
    assert len(there) == len(result.json["outputs"]) == 5
    assert there.items() <= bytes_of("whole").items()
    narrow.clear()
    result = musegen(*words, "-o", "out", "--on-exists", "skip", "--json")
    missing = len(bytes_of("whole")) - 5
    assert (result.code, len(result.json["outputs"]), len(narrow)) == (0, missing, missing)
    assert bytes_of("out") == bytes_of("whole")


def test_steps_of_one_variation_are_made_again_together(
    musegen: Musegen, tmp_path: Path, own_shelf: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        midi.write(tune(n, 2), tmp_path / f"{n}.mid")
    words = ("interpolate", "0.mid", "1.mid", "--steps", "3", "-n", "3", "--seed", "2")
    assert musegen(*words, "--track", "Lead", "-o", "whole").code == 0
    with monkeypatch.context() as patch:
        ends_after(patch, 4)
        assert musegen(*words, "--track", "Lead", "-o", "out").code == 130
    result = musegen(*words, "--track", "Lead", "-o", "out", "--on-exists", "skip", "--json")
    told = [(output["variation"], output["step"]) for output in result.json["outputs"]]
    assert told == [(2, 2), (2, 3), (3, 1), (3, 2), (3, 3)]
    assert bytes_of("out") == bytes_of("whole")


def test_a_page_has_its_takes_in_order(
    musegen: Musegen, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    write = outputs.Folder.write

    def remembered(self: outputs.Folder, data: bytes, path: Path, fields: Any) -> Any:
        order.append(path.name)
        return write(self, data, path, fields)

    monkeypatch.setattr(outputs.Folder, "write", remembered)
    words = ("generate", "-n", "6", "-l", "1", "--seed", "3", "--model", tiny_model)
    assert musegen(*words, "--preview").code == 0
    assert order == [f"musegen_generate_{n:02}.mid" for n in range(1, 7)] + [
        "musegen_generate_preview.html"
    ]


def test_names_that_depend_on_songs_are_those_of_all_takes_together(
    musegen: Musegen, tiny_model: Path
) -> None:
    words = ("generate", "-n", "3", "-l", "1", "--seed", "3", "--model", tiny_model)
    assert musegen(*words, "-o", "plain").code == 0
    assert musegen(*words, "-o", "named", "--name-template", "{n:02}_{bpm}").code == 0
    assert [*sorted(bytes_of("named"))] == [
        f"{n:02}_{round(midi.read(f'plain/musegen_generate_{n:02}.mid').song.tempos[0].bpm)}.mid"
        for n in (1, 2, 3)
    ]


def test_a_thousand_takes_are_within_the_limit(musegen: Musegen, fake: Fake) -> None:
    result = musegen("generate", "-n", "1000", "--dry-run", "--json")
    assert (result.code, len(result.json["outputs"])) == (0, 1000)


def test_the_library_hands_takes_over_by_number(tiny_model: Path) -> None:
    options: dict[str, Any] = {"length": 1, "seed": 3, "model": str(tiny_model)}
    whole = verbs.generate(variations=5, **options)
    assert verbs.generate(variations=[4, 1], **options).songs == (whole[1], whole[4])
    got: dict[int, Any] = {}
    left = verbs.generate(variations=5, each=lambda k, takes: got.update({k: takes}), **options)
    assert len(left) == 0
    assert [got[k].songs for k in range(5)] == [(song,) for song in whole]


# On a cluster

has_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install ray[data]"
)
TWO_WORKERS = """
import sys
import ray
from musegen.cli import main

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
sys.exit(main(sys.argv[1:]))
"""


@has_ray
def test_two_workers_write_the_same_bytes(
    musegen: Musegen, tmp_path: Path, tiny_model: Path
) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        midi.write(tune(n, 4), tmp_path / "in" / f"{n}.mid")
    (tmp_path / "in" / "bad.mid").write_bytes(b"not music")
    words = ("continue", "in", "-n", "5", "-l", "1", "--seed", "3", "--json")
    more = ("--model", str(tiny_model), "-o", "out")
    here = musegen(*words, *more)
    whole = bytes_of("out")
    for path in Path("out").iterdir():
        path.unlink()
    program = [sys.executable, "-c", TWO_WORKERS, *words, *more, "--ray", "auto"]
    there = subprocess.run(program, capture_output=True, text=True, check=False)
    assert there.returncode == here.code == 1, there.stderr
    assert there.stdout == here.out
    assert bytes_of("out") == whole


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_it_says_what_to_install(musegen: Musegen) -> None:
    result = musegen("generate", "-n", "1", "--ray", "local")
    assert result.code == 2
    assert result.err.endswith("error: Ray is not installed; pip install 'musegen[ray]' does it\n")
