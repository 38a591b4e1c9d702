"""What is known of a file that was written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .facts import Facts


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
