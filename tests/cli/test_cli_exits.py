"""How a run ends: exit codes, Ctrl-C, and streams that are closed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import EXAMPLES, Fake, Musegen, Result, scale
from contract import VALIDATOR, checked
from musegen.cli import console, interrupts

from musegen import midi, verbs
from musegen.verbs import Takes


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("code", "words", "message"),
    [
        (0, "inspect tune.mid", ""),
        (1, "inspect tune.mid gone.mid", "gone.mid: "),
        (2, "inspect", "Missing argument 'FILE...'"),
        (3, "inspect gone.mid", "gone.mid: "),
        (4, "generate --output-dir tune.mid", "tune.mid: is "),
        (5, "generate --model melody-ltsm", "no model 'melody-ltsm'"),
        (6, "inspect long.mid", "MUSEGEN_MAX_BARS"),
    ],
)
def test_the_exit_code_says_what_happened(
    musegen: Musegen,
    tune_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    words: str,
    message: str,
) -> None:
    midi.write(scale(bars=9), "long.mid")
    monkeypatch.setenv("MUSEGEN_MAX_BARS", "8")
    for result in (musegen(*words.split()), musegen(*words.split(), "--json")):
        assert result.code == code
        assert message in result.err
        assert bool(message) == bool(result.err)
    checked(result)


def test_an_interrupt_ends_with_130_and_one_line(
    musegen: Musegen, tune_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (
        "musegen.cli.inputs.Input.read",
        "musegen.cli.group.import_module",
        "musegen.cli.inputs.expand",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(place, interrupt)
            plain = musegen("inspect", tune_file)
            assert plain == Result(130, "", "error: interrupted\n"), place
            assert checked(musegen("inspect", tune_file, "--json"))["command"] == "inspect"


def press_ctrl_c() -> None:
    """As when torch loads weights: C code swallows what Python raises, and fails in its own way."""
    with suppress(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)


@pytest.mark.parametrize("fails", [True, False])
def test_an_interrupt_that_c_code_swallows_is_not_lost(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def continue_(song: object, **options: Any) -> Takes:
        if fake.songs:
            press_ctrl_c()
            if fails:
                raise ValueError("could not determine the shape of object type")
        return fake(song, **options)

    monkeypatch.setattr(verbs, "continue_", continue_)
    result = musegen("continue", EXAMPLES, "-n", "1", "--json")
    report = checked(result)
    assert result.code == 130
    assert report["errors"] == [{"input": None, "code": 130, "message": "interrupted"}]
    assert len(report["outputs"]) == (1 if fails else 2)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_interrupt_that_is_swallowed_outside_the_inputs_is_not_lost(
    musegen: Musegen, tune_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        press_ctrl_c()
        raise ValueError("could not determine the shape of object type")

    for place in ("musegen.cli.group.import_module", "musegen.cli.inputs.expand"):
        with monkeypatch.context() as patch:
            patch.setattr(place, broken)
            assert musegen("inspect", tune_file) == Result(130, "", "error: interrupted\n"), place


def test_what_must_not_be_broken_off_is_not() -> None:
    done = []

    def work() -> None:
        with interrupts.held_back():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")

    with interrupts.remembered(), pytest.raises(KeyboardInterrupt):
        work()
    assert done


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_an_interrupt_while_it_is_told_how_the_run_ended_changes_nothing(
    musegen: Musegen, tune_file: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    def twice(lines: Iterable[str]) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        console.show(lines)
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr("musegen.cli.report.show", twice)
    for arguments, code in (((tune_file,), 0), (("gone.mid",), 3), ((), 2)):
        result = musegen("inspect", *arguments, *words)
        assert result.code == code
        assert "interrupted" not in result.err
        if words:
            checked(result)


def test_an_interrupt_that_is_ignored_stays_ignored(
    musegen: Musegen, tune_file: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def continue_(song: object, **options: Any) -> Takes:
        os.kill(os.getpid(), signal.SIGINT)
        return fake(song, **options)

    monkeypatch.setattr(verbs, "continue_", continue_)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert musegen("continue", tune_file, "-n", "1").code == 0
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError(), 6, "not enough memory; ask for less at a time"),
        (type("OutOfMemoryError", (RuntimeError,), {})(), 6, "not enough memory; "),
        (RecursionError("too deep"), 1, "a fault in musegen (RecursionError: too deep); --debug "),
        (OSError(28, "No space left on device"), 4, "a file cannot be written: No space left on "),
        (OSError(13, "Permission denied", "x.mid"), 4, "x.mid: Permission denied"),
        (OSError("odd"), 1, "a fault in musegen (OSError: odd); "),
    ],
    ids=repr,
)
def test_whatever_goes_wrong_is_one_line(
    musegen: Musegen, fake: Fake, error: Exception, code: int, line: str
) -> None:
    fake.error, fake.songs = error, [None, None]
    result = musegen("generate", "-q")
    assert (result.code, result.out, result.err.count("\n")) == (code, "", 1)
    assert result.err.startswith(f"error: {line}")


# In a process of its own


def run(*words: str, cwd: Path, **settings: Any) -> subprocess.CompletedProcess[str]:
    settings = {"stdin": subprocess.DEVNULL, "stdout": -1, "stderr": -1, **settings}
    command = [sys.executable, "-m", "musegen", *words]
    return subprocess.run(command, cwd=cwd, check=False, encoding="utf-8", **settings)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "inspect tune.mid"),
        (1, "inspect tune.mid gone.mid"),
        (2, "inspect --jsn"),
        (3, "inspect -"),
    ],
)
def test_the_process_ends_with_the_exit_code(tune_file: Path, code: int, words: str) -> None:
    done = run(*words.split(), cwd=tune_file.parent)
    assert done.returncode == code
    assert bool(done.stderr) == bool(code)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", done.stdout + done.stderr)


def test_ctrl_c_while_it_waits_ends_with_130(tune_file: Path) -> None:
    command = [sys.executable, "-m", "musegen", "inspect", tune_file, "-"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, encoding="utf-8", **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline() == f"{tune_file}\n"
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)
    assert (process.returncode, told) == (130, "error: interrupted\n")


@pytest.mark.parametrize("module", ["click", "numpy"])
def test_ctrl_c_while_it_loads_ends_with_130(tune_file: Path, module: str) -> None:
    folder = tune_file.parent / "first"
    folder.mkdir()
    (folder / f"{module}.py").write_text(
        "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"
    )
    done = run(
        *("inspect", "tune.mid", "--json"),
        cwd=tune_file.parent,
        env={**os.environ, "PYTHONPATH": str(folder)},
    )
    assert (done.returncode, done.stderr) == (130, "error: interrupted\n")
    VALIDATOR.validate(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("streams", "code", "told"),
    [
        ("<&-", 0, ""),
        (">&-", 4, "error: standard output: cannot be written: it is closed\n"),
        (">&- 2>&-", 4, ""),
        ("2>&-", 0, ""),
        ("2>/dev/full", 0, ""),
        (">/dev/full", 4, "error: standard output: cannot be written: No space left on device\n"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is full")
def test_streams_that_are_closed_or_full(
    tune_file: Path, streams: str, code: int, told: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f"exec '{sys.executable}' -m musegen inspect tune.mid --json {streams}"],
        cwd=tune_file.parent,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, told)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_went_away_changes_nothing(tune_file: Path, stream: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = run("inspect", "tune.mid", "gone.mid", cwd=tune_file.parent, **{stream: writer})
    os.close(writer)
    assert done.returncode == 1
    assert (done.stderr or "").count("\n") == (stream == "stdout")
