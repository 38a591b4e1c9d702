"""The README says what is there: its commands are understood, its tree is the repository's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest
from musegen.cli import Session, program

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = [
    line for block in re.findall(r"```sh\n(.*?)```", README, re.S) for line in block.split("\n")
]
COMMANDS = [line for line in SHELL if line.startswith("musegen ")]
TREE = re.search(r"```\n(musegen/.*?)```", README, re.S)


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command: click.Command | None = program
    context = click.Context(program, info_name="musegen", obj=Session())
    while isinstance(command, click.Group):
        command = command.get_command(context, words.pop(0))
    assert command is not None
    command.make_context(command.name, words, parent=context)


def test_the_checks_run_what_the_readme_says() -> None:
    checks = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "-c constraints.txt -e '.[test]'" in checks
    assert any("-c constraints.txt -e '.[test]' && .venv/bin/pytest" in line for line in SHELL)


def test_the_tree_is_the_repositorys() -> None:
    assert TREE is not None
    folder, named = "", set()
    for line in TREE[1].splitlines():
        names = re.split(" {2,}", line.strip())[0].split()
        if not line.startswith(" "):
            (folder,) = names
        named |= {folder + name for name in names} if line.startswith(" ") else {folder}
    missing = {name for name in named if not (ROOT / name).exists()}
    assert missing == set()
    library = {
        f"musegen/{path.name}{'/' * path.is_dir()}"
        for path in (ROOT / "musegen").iterdir()
        if path.name not in ("__pycache__", "__main__.py", "py.typed")
    }
    assert library - named == set()
