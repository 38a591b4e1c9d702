"""What never reaches a terminal: control codes out of files, names and words."""

from __future__ import annotations

import json
import os
import pty
import sys
import termios
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import Fake, Musegen, scale
from contract import BEAT, COMMANDS, checked, printed
from musegen.cli import main

from musegen import midi
from musegen.song import Marker

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
