"""The schema of what the program shows with --json, and how a run is held against it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import click
from conftest import EXAMPLES, Result
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from musegen.cli import program

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
