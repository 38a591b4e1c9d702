"""Nothing goes out and nothing listens: no module can, and a run does not try."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import EXAMPLES

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "musegen").rglob("*.py"), *(ROOT / "cli").rglob("*.py")])
NETWORK = {
    *("aiohttp", "asyncio", "ftplib", "http", "httpx", "requests", "smtplib", "socket"),
    *("socketserver", "ssl", "urllib", "urllib3", "webbrowser", "xmlrpc"),
}
EXECUTION = {"cPickle", "dill", "marshal", "pickle", "runpy", "shelve", "subprocess"}


def imported(path: Path) -> set[str]:
    """The first part of each module that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.partition(".")[0] for name in names}


def called(path: Path) -> set[str]:
    """The plain names that a file calls."""
    calls = (node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.Call))
    return {call.func.id for call in calls if isinstance(call.func, ast.Name)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_can_reach_the_network_or_run_what_it_reads(path: Path) -> None:
    assert imported(path) & (NETWORK | EXECUTION) == set()
    assert called(path) & {"eval", "exec", "compile", "__import__"} == set()


RUN = """
import sys
seen = []
def watch(event, arguments):
    if event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.", "webbrowser.")):
        seen.append(event)
sys.addaudithook(watch)
from musegen.cli import main
code = main(sys.argv[1:])
print(*seen, file=sys.stderr)
sys.exit(code)
"""


def test_a_run_opens_no_connection(tmp_path: Path, tiny_melody_model: Path) -> None:
    words = ["continue", str(EXAMPLES / "melody.mid"), "--model", str(tiny_melody_model), "-q"]
    done = subprocess.run(
        [sys.executable, "-c", RUN, *words, "-n", "1", "-l", "1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "\n")
    assert (tmp_path / "melody_continue_01.mid").is_file()
