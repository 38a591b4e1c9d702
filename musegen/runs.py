"""A run's folder: its log, its curve, and what in it a run may replace.

`log.jsonl` has a line a report, `curve.svg` is drawn of them.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any

from musegen.errors import OutputError
from musegen.publishing import publish
from musegen.weights import WEIGHTS

CHECKPOINT, LOG, CURVE = "checkpoint.safetensors", "log.jsonl", "curve.svg"


def claim(run: Path) -> None:
    """OutputError where a run in this folder would replace what no run has made."""
    older = run / "checkpoint.pt"
    if os.path.lexists(older):
        raise OutputError(f"{older}: of an older version of musegen; choose a new --run")
    log, checkpoint = run / LOG, run / CHECKPOINT
    for path in (log, checkpoint):
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise OutputError(f"{path}: a link, or no file at all; choose a new --run")
    if checkpoint.exists() or logged(log):
        return
    for path in (run / WEIGHTS, run / CURVE, log):
        if os.path.lexists(path) and path.lstat().st_size:
            raise OutputError(f"{path}: would be replaced, and is of no run; choose a new --run")


def as_line(report: dict[str, Any]) -> str:
    return json.dumps(report) + "\n"


def append(log: Path, report: dict[str, Any]) -> None:
    """Add a line to the log; OutputError where that is a link."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    try:
        with open(os.open(log, flags, 0o666), "a", encoding="utf-8") as file:
            file.write(as_line(report))
    except OSError as error:
        raise OutputError(f"{log}: cannot be written: {error.strerror}") from None


def logged(log: Path) -> list[dict[str, Any]]:
    """The reports in a log, without lines that are none."""
    found = []
    if log.is_file():
        for text in log.read_text(encoding="utf-8", errors="replace").splitlines():
            with suppress(ValueError, RecursionError):
                line = json.loads(text)
                if isinstance(line, dict) and type(line.get("step")) is int:
                    found.append(line)
    return found


def draw_curve(log: Path, picture: Path) -> None:
    """The run's bits per note over its steps, as SVG."""
    from matplotlib.figure import Figure

    lines = logged(log)
    figure = Figure(figsize=(7, 4), layout="tight")
    axes = figure.subplots()
    for field, label in (
        ("train_bits_per_note", "training"),
        ("valid_bits_per_note", "validation"),
    ):
        points = [(x["step"], x[field]) for x in lines if isinstance(x.get(field), (int, float))]
        axes.plot(*zip(*points, strict=True), label=label)
    axes.set(xlabel="step", ylabel="bits per note")
    axes.legend()
    axes.grid(alpha=0.3)
    drawing = BytesIO()
    figure.savefig(drawing, format="svg")
    publish(picture, drawing.getvalue(), overwrite=True)
