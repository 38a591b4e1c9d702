"""What never reaches a terminal: control codes out of files, names and words."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import sys
import termios
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import EXAMPLES, Fake, FakeDrums, Musegen, scale
from contract import BEAT, COMMANDS, checked, printed
from musegen.cli import console, main, report

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


class Terminal:
    """A pseudo terminal in the place of both streams, which remembers what it was told."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.master, self.end = pty.openpty()
        settings = termios.tcgetattr(self.end)
        settings[1] &= ~termios.OPOST  # so that no other return than ours comes
        termios.tcsetattr(self.end, termios.TCSANOW, settings)
        self._patch = patch

    def run(self, *words: object) -> str:
        """What a run tells; all of it goes to the terminal."""
        pieces: list[bytes] = []

        def read() -> None:
            with contextlib.suppress(OSError):  # the end is closed
                while piece := os.read(self.master, 65_536):
                    pieces.append(piece)

        reader = threading.Thread(target=read)
        reader.start()
        with open(self.end, "w", encoding="utf-8") as stream, self._patch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            patch.setattr(sys, "stdout", stream)
            assert main([str(word) for word in words]) == 0
        reader.join()
        os.close(self.master)
        return b"".join(pieces).decode()


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Terminal:
    """One of 80 columns, for runs in a folder of their own."""
    if sys.platform != "linux":
        pytest.skip("there are no such terminals to open")
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return Terminal(monkeypatch)


@only_linux
def test_a_terminal_gets_no_codes_but_progress(
    terminal: Terminal, evil_file: Path, fake: Fake
) -> None:
    told = terminal.run("continue", evil_file, "-n", "1")
    assert "3 of 4 bars\r" in told
    assert {c for c in told if not c.isprintable()} == {"\r", "\n"}


@only_linux
def test_a_terminal_gets_the_table_for_people(
    terminal: Terminal, tune_file: Path, fake: Fake
) -> None:
    told = terminal.run("continue", tune_file, "-n", "2", "--seed", "7", "-o", "out")
    assert "2 files in out: 4 bars, 8 notes, C major, 96 bpm, 0:10, seed 7, fake\n" in told
    assert told.endswith("tune_continue_02.mid  C#4-Eb5\n")


@only_linux
def test_progress_says_which_of_how_many(terminal: Terminal, fake_drums: FakeDrums) -> None:
    for name in ("a", "b"):
        midi.write(scale(), f"{name}.mid")
    told = terminal.run("drumify", "a.mid", "b.mid", "-n", "1")
    for n, name in ((1, "a"), (2, "b")):
        assert f"\r{name}.mid ({n} of 2): 3 of 4 bars\r" in told


@only_linux
def test_inputs_that_are_worked_on_together_have_one_progress(
    terminal: Terminal, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "AGAIN", -1)
    for name in ("a", "b", "c"):
        midi.write(scale(), f"{name}.mid")
    words = ("-n", "2", "-l", "1", "--seed", "1", "--model", tiny_model, "--on-exists", "skip")
    midi.write(scale(), "b_continue_01.mid")
    midi.write(scale(), "b_continue_02.mid")
    told = terminal.run("continue", "a.mid", "b.mid", "c.mid", *words)
    shares = [int(n) for n in re.findall(r"\rcontinue: (\d+) % of the takes", told)]
    assert shares == sorted(shares)
    assert shares[0] < 100
    assert shares[-1] == 100


@only_linux
def test_sound_has_progress_that_rises_to_its_end(terminal: Terminal, fake: Fake) -> None:
    told = terminal.run("generate", "-n", "2", "--preview", "--audio", "wav")
    shares = [int(n) for n in re.findall(r"generate: (\d+) % of the sound", told)]
    assert shares == sorted(shares)
    assert shares[-1] == 100
    assert told.index("% of the sound") < told.index("to hear and compare")


@only_linux
@pytest.mark.parametrize("stems", [[], ["--stems"]])
def test_rendering_has_progress(terminal: Terminal, stems: list[str]) -> None:
    words = ("render", EXAMPLES / "beat.mid", "--rate", "22050", "-o", "out/", *stems)
    told = terminal.run(*words)
    shares = [int(n) for n in re.findall(r"beat\.mid: (\d+) % of the sound", told)]
    assert shares == sorted(shares)
    assert shares[-1] == 100


@only_linux
def test_progress_is_taken_away_before_a_message(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remark(options: object) -> int:
        with console.progress("work", wanted=True) as update:
            assert update is not None
            update(1, 2)
            console.say("by the way")
        return 0

    monkeypatch.setattr("test_cli_terminal.main", remark)
    assert terminal.run() == "\rwork: 1 of 2 bars\r                 \rby the way\n\r\r"


def test_the_time_left_is_that_of_all_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    many = report.Report("continue")
    many.expected = 5
    with many.attempt("a"):
        now = 110.0
        # 10 s were spent, 10 are left, and four others take 20 each.
        assert many._left(10) == 10 + 4 * 20
        now = 130.0
    with many.attempt("b"):
        now = 131.0
        assert many._left(5) == 5 + 3 * 30
    assert report.Report("continue")._left(7) == 7


def test_help_has_no_codes(musegen: Musegen) -> None:
    for command in COMMANDS:
        result = musegen(*command.split(), "--help")
        assert (result.code, result.err, printed(result)) == (0, "", [])
