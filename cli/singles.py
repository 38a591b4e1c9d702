"""One file made of each input: what `repair`, `plot` and `render` have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from musegen.midi import Reading

from .facts import Facts, input_facts, sentence
from .inputs import Input, paths_of
from .names import Fields, fields
from .outputs import target
from .report import Report
from .written import Output


class Singles:
    """Writes into the one file, or the folder, that a person named."""

    def __init__(
        self,
        report: Report,
        place: str,
        template: str,
        suffixes: tuple[str, ...],
        on_exists: str | None,
        sources: Sequence[Input],
    ) -> None:
        """As `outputs.target` takes them."""
        self.report = report
        self.folder = target(place, template, suffixes, on_exists, paths_of(sources))

    def path(self, source: Input, reading: Reading) -> Path | None:
        """Where the file of this input goes; None, which is told, where one there is to stay."""
        (path,) = self.folder.paths([self._fields(source, Facts.of(reading.song))])
        if self.folder.is_skipped(path):
            self.report.warn(source.name, f"{path} exists and was left as it is")
            return None
        return path

    def write(self, data: bytes, path: Path, source: Input, reading: Reading) -> None:
        facts = Facts.of(reading.song)
        path, digest = self.folder.write(data, path, self._fields(source, facts))
        self.folder.reserve(path)
        self.report.outputs.append(Output.of(facts, path, source.name, digest))

    def _fields(self, source: Input, facts: Facts) -> Fields:
        return fields(
            stem=source.stem,
            verb=self.report.command,
            bpm=facts.bpm,
            key=facts.key,
            bars=facts.bars,
            seed=0,
        )


def told(report: Report, source: Input, reading: Reading) -> Reading:
    """The reading, once it is in the report."""
    report.inputs.append(input_facts(source.name, reading))
    report.say(sentence(source.name, reading))
    return reading
