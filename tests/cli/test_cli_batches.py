"""Many inputs at once: each is done or told, and the exit code says how it went."""

from __future__ import annotations

import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
from conftest import Fake, Musegen, scale, tune

from musegen import batching, midi, verbs
from musegen.errors import (
    LimitError,
    ModelError,
    OutputError,
    UnreadableError,
    UsageError,
)
from musegen.networks import Transformer
from musegen.publishing import publish
from musegen.song import Song

BROKEN = {
    "03.mid": b"hello",
    "11.mid": b"",
    "17.mid": midi.to_bytes(scale())[:9],
}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Twenty files, three of them broken beyond reading."""
    folder = tmp_path / "album"
    folder.mkdir()
    for n in range(20):
        midi.write(scale(2, 40 + n), folder / f"{n:02}.mid")
    for name, data in BROKEN.items():
        (folder / name).write_bytes(data)
    return folder


def test_a_batch_writes_all_it_can_and_names_what_it_could_not(
    musegen: Musegen, album: Path, fake: Fake
) -> None:
    before = bytes_of(album)
    result = musegen("continue", "album", "-n", "1", "-l", "1", "-o", "out", "--json")
    assert result.code == 1
    good = sorted(before.keys() - BROKEN.keys())
    report = result.json
    assert [Path(entry["path"]).name for entry in report["inputs"]] == good
    assert [Path(entry["input"]).name for entry in report["outputs"]] == good
    assert bytes_of(Path("out")).keys() == {f"{name[:2]}_continue_01.mid" for name in good}
    assert {entry["code"] for entry in report["errors"]} == {3}
    assert [entry["input"] for entry in report["errors"]] == [f"album/{name}" for name in BROKEN]
    for entry in report["errors"]:
        assert entry["message"].startswith(f"{entry['input']}: ")
        assert result.err.count(f"error: {entry['message']}\n") == 1
    assert bytes_of(album) == before


def test_a_batch_tells_its_errors_however_quiet(musegen: Musegen, album: Path, fake: Fake) -> None:
    result = musegen("continue", "album", "-n", "1", "-o", "out", "--quiet")
    assert (result.code, result.out.count("\n")) == (1, 18)
    assert [line.split(":")[1] for line in result.err.splitlines()] == [
        f" album/{name}" for name in BROKEN
    ]


def test_broken_files_change_nothing_for_the_others(
    musegen: Musegen, tmp_path: Path, tiny_melody_model: Path
) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        midi.write(tune(n, 4), tmp_path / "in" / f"{n}.mid")
    words = ("continue", "in", "-n1", "-l1", "--seed", "7", "--model", tiny_melody_model)
    assert musegen(*words, "-o", "alone").code == 0
    for k, data in enumerate(BROKEN.values()):
        (tmp_path / "in" / f"{k}b.mid").write_bytes(data)
    assert musegen(*words, "-o", "among").code == 1
    assert bytes_of(Path("among")) == bytes_of(Path("alone"))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("no such style"), 2),
        (UnreadableError("no notes"), 3),
        (OutputError("no room"), 4),
        (ModelError("no weights"), 5),
        (LimitError("too many"), 6),
        (RuntimeError("a slip"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_where_all_fail_alike_the_code_is_theirs_and_else_1(
    musegen: Musegen,
    tmp_path: Path,
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    code: int,
) -> None:
    (tmp_path / "in").mkdir()
    for n in range(3):
        midi.write(scale(2, 40 + n), tmp_path / "in" / f"{n}.mid")
    failing = {40, 41, 42}

    def verb(song: Any, **options: Any) -> verbs.Takes:
        if song.tracks[0].notes.pitch[0] in failing:
            raise error
        return fake(song, **options)

    monkeypatch.setattr(verbs, "continue_", verb)
    words = ("continue", "in", "-n1", "-l1", "-o", "out")
    assert musegen(*words).code == code
    assert not Path("out").exists()
    failing.remove(41)
    result = musegen(*words, "--json")
    assert result.code == 1
    assert [entry["code"] for entry in result.json["errors"]] == [code, code]
    assert list(bytes_of(Path("out"))) == ["1_continue_01.mid"]
    failing.clear()
    assert musegen(*words).code == 0


def test_errors_of_two_kinds_end_with_1(musegen: Musegen, album: Path, fake: Fake) -> None:
    words = ("-n1", "-o", "out", "--on-exists", "fail")
    assert musegen("continue", "album/00.mid", *words).code == 0
    assert musegen("continue", "album/00.mid", *words).code == 4
    assert musegen("continue", "album/03.mid", "album/11.mid", *words).code == 3
    assert musegen("continue", "album/00.mid", "album/03.mid", *words).code == 1


def test_a_disk_that_fills_up_keeps_what_is_whole(
    musegen: Musegen, album: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, **how: Any) -> None:
        if path.name.startswith(("05", "06")):
            raise OutputError(f"{path}: cannot be written: No space left on device")
        publish(path, data, **how)

    monkeypatch.setattr("musegen.cli.outputs.publish", full)
    result = musegen("continue", "album", "-n", "1", "-l", "1", "-o", "out", "--json")
    assert result.code == 1
    told = {Path(e["input"]).name: e["code"] for e in result.json["errors"]}
    assert told == {"05.mid": 4, "06.mid": 4, **dict.fromkeys(BROKEN, 3)}
    assert len(result.json["outputs"]) == len(bytes_of(Path("out"))) == 15
    result = musegen("continue", "album/05.mid", "album/06.mid", "-n1", "-o", "out")
    assert result.code == 4


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Four files to continue or to fill, and one with nothing in it; two have one stem."""
    folder = tmp_path / "mixed"
    for n, name in enumerate(("a.mid", "b.mid", "deep/a.mid", "deep/c.mid")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        midi.write(tune(n, 4 + 4 * n), folder / name)
    midi.write(Song(), folder / "empty.mid")
    return folder


@pytest.mark.parametrize("verb", [("continue",), ("infill", "--bars", "2-3", "--track", "1")])
def test_inputs_that_are_worked_on_together_become_what_each_becomes_alone(
    musegen: Musegen, mixed: Path, tiny_controlled_model: Path, verb: tuple[str, ...]
) -> None:
    words = (*verb, "-n", "3", "--seed", "5", "--model", tiny_controlled_model, "--plot", "--json")
    names = [mixed / f"{name}.mid" for name in ("a", "b", "empty", "deep/a", "deep/c")]
    alone = [musegen(*words, name, "-o", "alone").json for name in names]
    result = musegen(*words, "mixed", "--recursive", "-o", "out")
    assert result.code == 1
    assert bytes_of(Path("out")) == bytes_of(Path("alone"))
    for field in ("inputs", "warnings", "errors"):
        one_by_one = [entry for report in alone for entry in report[field]]
        assert (
            json.loads(json.dumps(result.json[field]).replace("mixed/", f"{mixed}/")) == one_by_one
        )
    one_by_one = [entry for report in alone for entry in report["outputs"]]
    assert [e["sha256"] for e in result.json["outputs"]] == [e["sha256"] for e in one_by_one]
    previewed = musegen(*words, "mixed", "--recursive", "-o", "shown", "--preview")
    assert previewed.code == 1
    assert bytes_of(Path("out")).items() <= bytes_of(Path("shown")).items()


@pytest.mark.parametrize("is_steady", [True, False])
@pytest.mark.parametrize("most", [4, 64])
def test_where_takes_cannot_be_written_the_input_fails_once(
    musegen: Musegen,
    mixed: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    is_steady: bool,
    most: int,
) -> None:
    def full(path: Path, data: bytes, **how: Any) -> None:
        if path.name.startswith("b"):
            raise OutputError(f"{path}: cannot be written: No space left on device")
        publish(path, data, **how)

    monkeypatch.setattr("musegen.cli.outputs.publish", full)
    monkeypatch.setattr(batching, "MOST", most)
    if not is_steady:
        monkeypatch.setattr(Transformer, "is_steady", False)
    words = ("mixed/a.mid", "mixed/b.mid", "mixed/deep/c.mid", "-n", "7", "-l", "1")
    result = musegen("continue", *words, "--model", tiny_model, "-o", "out", "--json")
    assert result.code == 1
    assert [(e["input"], e["code"]) for e in result.json["errors"]] == [("mixed/b.mid", 4)]
    assert len(bytes_of(Path("out"))) == len(result.json["outputs"]) == 14
    result = musegen("continue", "mixed/b.mid", "mixed/b.mid/../b.mid", *words[3:], "-o", "out")
    assert result.code == 4


def test_an_input_is_let_go_when_its_takes_are_made(
    musegen: Musegen, mixed: Path, tiny_controlled_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "MOST", 4)
    monkeypatch.setattr(batching, "LEAST", 2)
    alive: list[int] = []
    songs: list[weakref.ref[Song]] = []
    infill = verbs.infill

    def watched(song: Song, **options: Any) -> verbs.Takes:
        gc.collect()
        alive.append(sum(held() is not None for held in songs))
        songs.append(weakref.ref(song))
        return infill(song, **options)

    monkeypatch.setattr(verbs, "infill", watched)
    for n in range(12):
        midi.write(tune(n, 4), mixed / f"{n}.mid")
    words = ("infill", "mixed", "--bars", "2", "-n", "2", "--model", tiny_controlled_model)
    assert musegen(*words, "-o", "out", "--json").code == 1
    assert len(bytes_of(Path("out"))) == 28
    assert len(alive) == 15
    assert 1 < max(alive) < 5


def test_names_of_songs_are_given_in_the_order_of_inputs(
    musegen: Musegen, mixed: Path, tiny_model: Path
) -> None:
    sampling = ("-n", "2", "-l", "1", "--seed", "5", "--model", tiny_model)
    words = ("continue", *sampling, "--name-template", "{key}_{n}")
    for name in ("a", "b", "deep/c"):
        assert musegen(*words, f"mixed/{name}.mid", "-o", "alone").code == 0
    files = ("mixed/a.mid", "mixed/b.mid", "mixed/deep/c.mid")
    assert musegen(*words, *files, "-o", "out").code == 0
    assert bytes_of(Path("out")) == bytes_of(Path("alone"))
