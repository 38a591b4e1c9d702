"""What a command did: gathered while it runs, shown at its end as a table or as one JSON object."""

from __future__ import annotations

import json
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import Any, Self, TypeVar

import click

from musegen import __version__

from . import interrupts
from .console import Progress, clean, columns, progress, say, show, table
from .summary import HEADS, lines, row
from .verdict import verdict
from .written import Output

T = TypeVar("T")
SCHEMA_VERSION = 1
"""Of the JSON object; it rises when a field goes or changes its meaning, not when one is added."""


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
        self._order: dict[str | None, int] = {}
        """Of the attempts, by the inputs' names."""
        self.attempts = 0
        """How many there were so far."""
        self.expected = 1
        """How many attempts there are to be."""
        self._began = self._attempt_began = time.monotonic()
        self._entered = ExitStack()

    def enter(self, context: AbstractContextManager[T]) -> T:
        """Be in a context until the run ends."""
        return self._entered.enter_context(context)

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
    def attempt(self, input_name: str | None, *, is_new: bool = True) -> Iterator[None]:
        """An error in here is that input's alone; what is not new goes on with one that was."""
        self.attempts += is_new
        self._order.setdefault(input_name, len(self._order))
        self._attempt_began = time.monotonic()
        if self.attempts == 1:
            self._began = self._attempt_began
        try:
            yield
        except Exception as error:
            interrupts.check()
            self.fail(input_name, error)
        interrupts.check()

    def progress(
        self, name: str, unit: str = "bars", *, is_all: bool = False
    ) -> AbstractContextManager[Progress | None]:
        """A line about what is being done for the input of this name, as `console` has it.

        Or, where it `is_all` that there is to do, for all inputs.
        """
        is_part = self.expected > 1 and not is_all
        place = f" ({self.attempts} of {self.expected})" if is_part else ""
        whole = None if is_all else self._left
        return progress(name + place, wanted=not self.quiet, unit=unit, whole=whole)

    def _left(self, here: float) -> float:
        """Seconds left for all inputs, where so many are for this one: others take as long."""
        before = max(self.attempts, 1) - 1
        each = time.monotonic() - self._attempt_began + here
        if before > 0:
            each = (self._attempt_began - self._began) / before
        return here + max(self.expected - before - 1, 0) * each

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        interrupts.ignore()
        self._entered.close()
        self._sort()
        if error is None:
            codes = [entry["code"] for entry in self._errors]
            if len(set(codes)) > 1 or 0 < len(codes) < self.attempts:
                self.exit_code = 1
        elif isinstance(error, (Exception, KeyboardInterrupt)):
            self.fail(None, error)
        else:
            return False
        self.show()
        return True

    def _sort(self) -> None:
        """Bring what was written, and told, in its order: inputs as they were read, then takes."""
        place = {entry.get("path"): n for n, entry in enumerate(self.inputs)}
        self.outputs.sort(
            key=lambda o: (place.get(o.input, len(place)), o.variation or 0, o.step or 0)
        )
        for entries in (self._warnings, self._errors):
            entries.sort(key=lambda entry: self._order.get(entry["input"], len(self._order)))

    def show(self) -> None:
        if self.as_json:
            show(json.dumps(self.as_dict(), indent=2, allow_nan=False).splitlines())
        elif self.outputs and sys.stdout is not None and sys.stdout.isatty():
            show(lines(self.outputs, columns()))
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
