"""The program as a whole: help, what it imports, near misses, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES, Fake, Musegen

import musegen as library
from musegen.errors import ModelError

HELP = """\
Usage: musegen [OPTIONS] COMMAND [ARGS]...

  Generate, continue and vary MIDI on models that came with this package.

  MIDI in, MIDI out, offline. 'musegen COMMAND --help' tells more of a
  command.

Options:
  --version   Show the version and exit.
  --debug     Show where in the program an error arose.
  -h, --help  Show this message and exit.

Commands:
"""
COMMANDS = [
    *("generate", "continue", "interpolate", "groove", "drumify"),
    *("inspect", "finetune", "models", "data", "train", "evaluate", "bench"),
]


def test_help(musegen: Musegen) -> None:
    result = musegen("--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(HELP)
    listed = result.out.removeprefix(HELP).splitlines()
    assert set(COMMANDS) <= {line.split()[0] for line in listed}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(musegen: Musegen, command: str) -> None:
    for option in ("--help", "-h"):
        result = musegen(command, option)
        assert (result.code, result.err) == (0, "")
        assert result.out.startswith(f"Usage: musegen {command}")


def test_no_command_shows_the_help_and_is_a_usage_error(musegen: Musegen) -> None:
    assert musegen() == musegen() != musegen("--help")
    assert (musegen().code, musegen().out, musegen().err) == (2, "", musegen("--help").out)
    assert musegen("models").code == 2


def test_version(musegen: Musegen) -> None:
    assert musegen("--version").out == f"musegen {library.__version__}\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["contineu", "x.mid"], 2, "no command 'contineu'. Did you mean 'continue'?"),
        (["Generate"], 2, "no command 'Generate'. Did you mean 'generate'?"),
        (["xyzzy"], 2, "no command 'xyzzy'. See 'musegen --help'."),
        (["models", "lst"], 2, "no command 'lst'. Did you mean 'list'?"),
        (["models", "info", "melody-ltsm"], 5, "Did you mean melody-lstm?"),
        (["generate", "--model", "melody-ltsm"], 5, "Did you mean melody-lstm?"),
        (["generate", "--style", "fokl"], 2, "no style 'fokl'. Did you mean 'folk'?"),
        (["generate", "--instruments", "pino"], 2, "Did you mean 'piano'"),
        (["generate", "--name-template", "{stam}"], 2, "Did you mean {stem}?"),
    ],
)
def test_a_near_miss_is_answered(
    musegen: Musegen, words: list[str], code: int, message: str
) -> None:
    result = musegen(*words)
    assert (result.code, result.out) == (code, "")
    assert message in result.err


def test_a_near_miss_of_an_option_is_answered(musegen: Musegen) -> None:
    result = musegen("generate", "--variatons", "3")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "--variations" in result.err


def modules_after(*words: str, cwd: Path) -> set[str]:
    """What a process of its own has imported once it has run the program."""
    code = (
        "import sys; from musegen.cli import main; main(sys.argv[1:]);"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=cwd, capture_output=True, text=True, check=True
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], *([command, "--help"] for command in COMMANDS)],
    ids=" ".join,
)
def test_help_imports_neither_torch_nor_numpy(tmp_path: Path, words: list[str]) -> None:
    modules = modules_after(*words, cwd=tmp_path)
    assert "click" in modules
    assert not modules & {"torch", "numpy", "mido", "safetensors"}


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", str(EXAMPLES / "band.mid")],
        ["models", "list"],
        ["models", "info", "melody-lstm"],
        ["generate", "--dry-run", "--name-template", "{key}_{n}"],
        ["continue", "--dry-run", str(EXAMPLES)],
        ["groove", "--dry-run", str(EXAMPLES)],
        ["drumify", "--dry-run", str(EXAMPLES)],
        ["continue", "nothing.mid"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_what_runs_no_model_imports_no_torch(tmp_path: Path, words: list[str]) -> None:
    assert not modules_after(*words, cwd=tmp_path) & {"torch", "safetensors", "librosa"}


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "musegen", "xyzzy"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: no command 'xyzzy'. See 'musegen --help'.\n"


def test_waiting_threads_do_not_spin_unless_asked_to(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch
) -> None:
    musegen("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    musegen("--version")
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_a_usage_error_has_its_json_too(musegen: Musegen) -> None:
    result = musegen("generate", "--variations", "0", "--json")
    message = "Invalid value for '--variations' / '-n': 0 is not a whole number from 1 to 10000"
    assert result.code == 2
    assert result.err == f"error: {message}\n"
    assert result.json["errors"] == [{"input": None, "code": 2, "message": message}]
    assert result.json["command"] == "generate"


@pytest.mark.parametrize("error", [ModelError("the model is gone"), RuntimeError("a slip")])
def test_debug_shows_where(musegen: Musegen, tune_file: Path, fake: Fake, error: Exception) -> None:
    fake.error, fake.songs = error, [None]
    plain = musegen("continue", tune_file)
    assert "Traceback" not in plain.err
    for words in (("--debug", "continue", tune_file), ("continue", tune_file, "--debug")):
        told = musegen(*words)
        assert told.code == plain.code == (5 if isinstance(error, ModelError) else 1)
        assert "Traceback" in told.err
        assert str(error) in told.err


def test_a_fault_of_ours_is_one_line(musegen: Musegen, fake: Fake) -> None:
    fake.error, fake.songs = RuntimeError("a slip"), [None, None]
    result = musegen("generate", "-q")
    assert result.code == 1
    assert result.err == (
        "error: a fault in musegen (RuntimeError: a slip); --debug shows where; please report it\n"
    )


def test_an_interrupt_keeps_what_is_done(musegen: Musegen, tmp_path: Path, fake: Fake) -> None:
    fake.error = KeyboardInterrupt()
    result = musegen("continue", EXAMPLES, "--variations", "2", "--json")
    assert result.code == 130
    assert [Path(output["path"]).name for output in result.json["outputs"]] == [
        "band_continue_01.mid",
        "band_continue_02.mid",
    ]
    assert sorted(os.listdir(tmp_path)) == ["band_continue_01.mid", "band_continue_02.mid"]
    assert result.json["errors"] == [{"input": None, "code": 130, "message": "interrupted"}]


def test_progress_is_shown_on_a_terminal_alone(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = musegen("generate", "-n", "1")
    assert "\r" not in off.err + off.out
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    line = "generate: 3 of 4 bars"
    on = musegen("generate", "-n", "1", "--seed", "5")
    blank = " " * len(line)
    said = f"seed 5\n\r{line}\r{blank}\rthe last 3 of 4 bars are the context\n"
    assert on.err == said
    assert "\x1b" not in on.err
    assert musegen("generate", "-n", "1", "-q").err == ""
