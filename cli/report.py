"""What a command did: gathered while it runs, shown at its end as a table or as one JSON object."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from musegen import __version__

from . import interrupts
from .console import clean, say, show, table
from .verdict import verdict

if TYPE_CHECKING:
    from .facts import Facts

SCHEMA_VERSION = 1
"""Of the JSON object; it rises when a field goes or changes its meaning, not when one is added."""


@dataclass(frozen=True)
class Output:
    """A file that was written, or with --dry-run would be.

    What is not known yet is None, and so is what no model wrote.
    """

    path: str
    input: str | None
    variation: int | None
    seed: int | None
    model: str | None
    bars: int
    bpm: float | None
    key: str | None
    key_is_estimated: bool = False
    notes: int | None = None
    range: tuple[str, str] | None = None
    seconds: float | None = None
    sha256: str | None = None
    step: int | None = None
    """Of a variation that is several files."""
    plot: str | None = None
    """The picture of it."""
    audio: str | None = None
    """The sound of it."""

    @classmethod
    def of(
        cls, facts: Facts, path: Path, input_name: str | None, digest: str, **more: Any
    ) -> Output:
        """The file at `path`; `more` says which take it is, of what seed and model."""
        take: dict[str, Any] = {"variation": None, "seed": None, "model": None, **more}
        return cls(
            path=str(path),
            input=input_name,
            bars=facts.bars,
            bpm=facts.bpm,
            key=facts.key,
            key_is_estimated=facts.key_is_estimated,
            notes=facts.notes,
            range=facts.range,
            seconds=facts.seconds,
            sha256=digest,
            **take,
        )


HEADS = ("file", "bars", "notes", "range", "key", "bpm", "seconds", "seed")


def row(output: Output) -> tuple[str, ...]:
    """An output as a line of the table; an estimated key has a question mark."""

    def word(value: object) -> str:
        return "-" if value is None else str(value)

    return (
        output.path,
        str(output.bars),
        word(output.notes),
        "-" if output.range is None else "-".join(output.range),
        word(output.key) + "?" * output.key_is_estimated,
        "-" if output.bpm is None else f"{output.bpm:g}",
        "-" if output.seconds is None else f"{output.seconds:.1f}",
        word(output.seed),
    )


class Report:
    """A run of one command. Used with `with`: however the run ends, it is shown once.

    An error in `attempt` is that input's alone, and the run goes on; one outside ends it. The exit
    code is 1 where some attempts failed, and the error's own where all failed alike.
    """

    def __init__(
        self,
        command: str,
        *,
        as_json: bool = False,
        quiet: bool = False,
        dry_run: bool = False,
        debug: bool | None = None,
    ) -> None:
        self.command, self.as_json, self.quiet, self.dry_run = command, as_json, quiet, dry_run
        self.debug = _debugging() if debug is None else debug
        self.inputs: list[dict[str, Any]] = []
        self.outputs: list[Output] = []
        self.more: dict[str, Any] = {}
        """What the JSON object of this command has beside the fields of all."""
        self.exit_code = 0
        self._warnings: list[dict[str, Any]] = []
        self._errors: list[dict[str, Any]] = []
        self._attempts = 0

    def say(self, line: str) -> None:
        if not self.quiet:
            say(line)

    def warn(self, input_name: str | None, message: str) -> None:
        self._warnings.append({"input": input_name, "message": clean(message)})
        self.say(_headed(input_name, message))

    def fail(self, input_name: str | None, error: BaseException) -> None:
        """Take note of an error and tell it."""
        if self.debug:
            for line in "".join(traceback.format_exception(error)).splitlines():
                say(line)
        code, message = verdict(KeyboardInterrupt() if interrupts.came() else error)
        self._errors.append({"input": input_name, "code": code, "message": clean(message)})
        say(f"error: {_headed(input_name, message)}")
        self.exit_code = code

    @contextmanager
    def attempt(self, input_name: str | None) -> Iterator[None]:
        self._attempts += 1
        try:
            yield
        except Exception as error:
            interrupts.check()
            self.fail(input_name, error)
        interrupts.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        interrupts.ignore()
        if error is None:
            codes = [entry["code"] for entry in self._errors]
            if len(set(codes)) > 1 or 0 < len(codes) < self._attempts:
                self.exit_code = 1
        elif isinstance(error, (Exception, KeyboardInterrupt)):
            self.fail(None, error)
        else:
            return False
        self.show()
        return True

    def show(self) -> None:
        if self.as_json:
            show(json.dumps(self.as_dict(), indent=2, allow_nan=False).splitlines())
        elif self.outputs:
            show(table(HEADS, map(row, self.outputs)))

    def as_dict(self) -> dict[str, Any]:
        """As `report.schema.json` has it; names are as they are, messages have but what prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "version": __version__,
            "command": self.command,
            "dry_run": self.dry_run,
            "inputs": self.inputs,
            "outputs": [asdict(output) for output in self.outputs],
            **self.more,
            "warnings": self._warnings,
            "errors": self._errors,
        }


def _headed(name: str | None, message: str) -> str:
    """The message with its input's name in front, unless it has that already."""
    message = clean(message)
    if name is None or message.startswith(clean(name)):
        return message
    return f"{name}: {message}"


def _debugging() -> bool:
    """Whether the command that runs was given --debug."""
    context = click.get_current_context(silent=True)
    return context is not None and context.obj is not None and bool(context.obj.debug)
