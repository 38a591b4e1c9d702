"""What every `musegen evaluate ...` asks, and does with what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from .console import show
from .report import Report
from .values import checked, place

Findings = dict[str, Any]
"""What the JSON object has beside the fields of all commands."""

model = click.argument("model")
data = click.option(
    "--data",
    required=True,
    metavar="FOLDER",
    callback=checked(place),
    help="Folder of 'data prepare'.",
)
split = click.option(
    "--split", type=click.Choice(["valid", "test"]), default="valid", show_default=True
)


def measured(
    command: str,
    messages: Mapping[str, Any],
    asked: Mapping[str, Any],
    measure: Callable[..., Findings],
    page: Callable[[Findings], list[str]],
) -> int:
    """Measure what is `asked`, and show it as a page or in the JSON object; the exit code."""
    with Report(f"evaluate {command}", **messages) as report:
        report.more = measure(report, **asked)
        if not report.as_json:
            show(page(report.more))
    return report.exit_code
