"""What holds for every command: its JSON, its exit codes, and what never reaches a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import soundfile
from conftest import EXAMPLES, Fake, Musegen, Result, scale, tune
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from musegen.cli import main, program

from musegen import midi
from musegen.song import Marker

SCHEMA = json.loads((files("musegen.cli") / "report.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
BEAT = EXAMPLES / "beat.mid"


def commands(command: click.Command, *path: str) -> Iterator[str]:
    """The commands of the program that do something, such as `models list`."""
    if not isinstance(command, click.Group):
        yield " ".join(path)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from commands(inner, *path, name)


COMMANDS = tuple(commands(program))


def checked(result: Result) -> Any:
    """The JSON object of a run: alone on stdout, as the schema has it, as true as the exit code."""
    report = result.json
    VALIDATOR.validate(report)
    assert result.out == json.dumps(report, indent=2) + "\n"
    codes = {error["code"] for error in report["errors"]}
    assert result.code in (codes or {0}) | ({1} if codes else set())
    for told in (*report["errors"], *report["warnings"]):
        assert told["message"] in result.err
    assert printed(result) == []
    return report


def printed(result: Result) -> list[str]:
    """What a run has printed that does not print."""
    return [c for c in result.out + result.err if not c.isprintable() and c != "\n"]


# The JSON of every command


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
) -> dict[str, tuple[object, ...]]:
    """For every command, words with which all goes well."""
    model = {
        name: request.getfixturevalue(f"tiny_{name}")
        for name in ("model", "groove_model", "drummer_model", "melody_vae")
    }
    for fixture in ("own_shelf", "own_player"):
        request.getfixturevalue(fixture)
    midi.write(scale(), tmp_path / "a.mid")
    midi.write(replace(tune(5, 4), tracks=tune(5, 4).tracks[:1]), tmp_path / "b.mid")
    of = {kind: ("--data", folder) for kind, folder in data.items()}
    played = ("--from", beats, "--splits", beats / "splits.csv")
    listed = ("--from", corpora, "--splits", corpora / "splits.csv", "--output", "shards")
    one = ("-n", 1, "-l", 1, "--model")
    return {
        "generate": (*one, model["model"]),
        "continue": ("a.mid", *one, model["model"]),
        "interpolate": ("a.mid", "b.mid", "--steps", 3),
        "groove": (BEAT, "-n", 1, "--model", model["groove_model"]),
        "drumify": ("a.mid", *one, model["drummer_model"]),
        "inspect": ("a.mid", BEAT),
        "repair": ("a.mid", BEAT, "-o", "sound"),
        "models list": (),
        "models info": ("melody-vae",),
        "data prepare": (model["model"], *listed, "--workers", 1),
        "train": (model["model"], *of["tokens"], "--run", "run"),
        "evaluate likelihood": (model["model"], *of["tokens"], "--counts"),
        "evaluate continuations": (
            *(model["model"], *of["tokens"], "--pieces", 2, "--prompt", 4, "--length", 1),
            *("-o", "kept"),
        ),
        "evaluate feel": (model["groove_model"], *played),
        "evaluate parts": (model["drummer_model"], *played),
        "evaluate reconstruction": (model["melody_vae"], *of["steps"], "--windows", 2),
        "evaluate interpolation": (
            *(model["melody_vae"], *of["steps"], "--windows", 2),
            *("--bars", 2, "--steps", 3, "--judge", model["model"]),
        ),
        "evaluate attributes": (model["melody_vae"], *of["steps"], "--windows", 2, "--bars", 2),
    }


FAILING: dict[str, tuple[str, int]] = {
    "generate": ("--model nothing", 5),
    "continue": ("gone.mid", 3),
    "interpolate": ("gone.mid gone.mid", 3),
    "groove": ("gone.mid --on-exists fail", 3),
    "drumify": ("gone.mid", 3),
    "inspect": ("gone.mid", 3),
    "repair": ("gone.mid", 3),
    "models list": ("--all", 2),
    "models info": ("nothing", 5),
    "data prepare": ("melody-vae --from gone --splits gone --output shards", 3),
    "train": ("melody-vae --data gone --run run", 3),
    "evaluate likelihood": ("melody-lstm --data gone", 3),
    "evaluate continuations": ("melody-lstm --data gone --pieces 0", 2),
    "evaluate feel": ("melody-vae --from gone --splits gone", 5),
    "evaluate parts": ("nothing --from gone --splits gone", 5),
    "evaluate reconstruction": ("melody-vae --data gone", 3),
    "evaluate interpolation": ("melody-vae --data gone", 3),
    "evaluate attributes": ("melody-vae", 2),
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


# Exit codes


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


def test_ctrl_c_while_it_loads_ends_with_130(tune_file: Path) -> None:
    folder = tune_file.parent / "first"
    folder.mkdir()
    (folder / "numpy.py").write_text(
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


# What never reaches a terminal

EVIL = "e\x1b[31m\x1b]0;t\x07\x9b2J\u202e\u200b\u2028\x7f\r\n\x85x"
"""Colour, a title, a cleared screen, text from right to left, lines of its own."""
WORSE = EVIL + os.fsdecode(b"\x9b\xff")
"""A name of a file that is not UTF-8."""

only_linux = pytest.mark.skipif(sys.platform != "linux", reason="others refuse such names")


@pytest.fixture
def evil_file(tmp_path: Path) -> Path:
    """A file in whose every name there is something that does not print."""
    song = scale()
    named = replace(
        song, tracks=(replace(song.tracks[0], name="Keys"),), name="A", markers=(Marker(0, "B"),)
    )
    recipe = "musegen 0.1.0 generate seed=1 model=KKKK"
    data = midi.to_bytes(named, recipe=recipe)
    for word in (b"Keys", b"KKKK"):
        assert word in data
        data = data.replace(word, b"\x1b[1m")
    path = tmp_path / f"{WORSE}.mid"
    path.write_bytes(data)
    return path


@only_linux
def test_a_file_says_nothing_that_does_not_print(
    musegen: Musegen, evil_file: Path, fake: Fake
) -> None:
    for words in (
        ("inspect", evil_file),
        ("continue", evil_file, "-n", 1, "--name-template", "{stem}"),
        ("continue", evil_file, "-n", 1, "--dry-run"),
        ("continue", evil_file, "-n", 1, "--track", EVIL),
        ("groove", evil_file, "-n", 1),
        ("inspect", evil_file.with_name(f"{WORSE}2.mid")),
        ("--debug", "inspect", evil_file.with_name(f"{WORSE}2.mid")),
    ):
        plain = musegen(*words)
        assert printed(plain) == []
        assert "[31m" in plain.out + plain.err
        checked(musegen(*words, "--json"))


@only_linux
def test_a_name_in_json_is_the_files_own(musegen: Musegen, evil_file: Path) -> None:
    (read,) = checked(musegen("inspect", evil_file, "--json"))["inputs"]
    assert Path(read["path"]).samefile(evil_file)
    (error,) = checked(musegen("inspect", f"{WORSE}2", "--json"))["errors"]
    assert error["input"] == f"{WORSE}2"
    assert error["message"].isprintable()


@only_linux
@pytest.mark.parametrize(
    "words",
    [
        (EVIL,),
        (f"--{EVIL}",),
        ("inspect", f"--{EVIL}"),
        ("models", EVIL),
        ("models", "info", EVIL),
        ("models", "info", "melody-lstm", EVIL),
        ("generate", "--model", EVIL),
        ("generate", "--seed", EVIL),
        ("generate", "--style", EVIL),
        ("generate", "--key", EVIL),
        ("generate", "--instruments", EVIL),
        ("generate", "--device", EVIL),
        ("generate", "--name-template", EVIL),
        ("generate", "--name-template", f"{{{EVIL}}}"),
        ("generate", "--like", EVIL),
        ("generate", "-o", f"{EVIL}/x"),
        ("continue", "tune.mid", "--track", EVIL),
        ("interpolate", EVIL, EVIL),
        ("groove", BEAT, "--from", EVIL),
        ("groove", BEAT, "--style", EVIL),
        ("train", EVIL, "--data", EVIL, "--run", EVIL),
        ("train", "melody-lstm", "--data", EVIL, "--run", EVIL),
        ("data", "prepare", "melody-lstm", "--from", EVIL, "--splits", EVIL, "--output", EVIL),
        ("evaluate", "likelihood", "melody-lstm", "--data", EVIL, "--weight", EVIL),
        ("evaluate", "feel", "groove-vae", "--from", EVIL, "--splits", EVIL),
    ],
    ids=lambda words: " ".join(str(word) for word in words if str(word).isprintable()),
)
def test_words_come_back_as_what_prints(
    musegen: Musegen, tune_file: Path, own_shelf: None, words: tuple[str, ...]
) -> None:
    Path(EVIL).touch()
    for result in (musegen(*words), musegen("--debug", *words)):
        assert result.code in (2, 3, 4, 5)
        assert (printed(result), result.out) == ([], "")
        assert "[31m" in result.err
    checked(musegen(*words, "--json"))


@pytest.mark.parametrize("value", [EVIL, "1" + EVIL])
def test_an_environment_variable_comes_back_as_what_prints(
    musegen: Musegen, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_NOTES", value)
    result = musegen("inspect", BEAT)
    assert (result.code, result.err.count("\n"), printed(result)) == (2, 1, [])
    assert "MUSEGEN_MAX_NOTES" in result.err


def test_a_recipe_comes_back_as_what_prints(musegen: Musegen, tiny_model: Path) -> None:
    escaped = json.dumps(EVIL)
    recipe = (tiny_model / "config.toml").read_text()
    for old, new in (
        ('"tiny-transformer"', escaped),
        ('"tunes"', escaped),
        ('"folk"', escaped),
        ('"transformer"', escaped),
        ("width = 32", f"{escaped} = 32"),
        ("width = 32", f"width = {escaped}"),
        ("[codec]", f"[codec]\n{EVIL}"),
        ("[codec]", f"[{escaped}]"),
    ):
        assert old in recipe
        folder = Path("model")
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text(recipe.replace(old, new), encoding="utf-8")
        for words in (
            ("models", "info", folder),
            ("train", folder / "config.toml", "--data", "x", "--run", "y"),
            ("generate", "--model", folder),
        ):
            assert printed(musegen(*words)) == []
            checked(musegen(*words, "--json"))


@only_linux
@pytest.mark.skipif(not hasattr(pty, "openpty"), reason="there are no terminals to open")
def test_a_terminal_gets_no_codes_but_progress(
    musegen: Musegen, evil_file: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    master, terminal = pty.openpty()
    settings = termios.tcgetattr(terminal)
    settings[1] &= ~termios.OPOST  # so that no other return than ours comes
    termios.tcsetattr(terminal, termios.TCSANOW, settings)
    with open(terminal, "w", encoding="utf-8") as stream:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            assert main(["continue", str(evil_file), "-n", "1"]) == 0
        told = os.read(master, 100_000).decode()
    os.close(master)
    assert "3 of 4 bars\r" in told
    assert {c for c in told if not c.isprintable()} == {"\r", "\n"}


def test_help_has_no_codes(musegen: Musegen) -> None:
    for command in COMMANDS:
        result = musegen(*command.split(), "--help")
        assert (result.code, result.err, printed(result)) == (0, "", [])
