"""`musegen models`: what is on the shelf, by recipes and the headers of weights files."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import click

from . import bundles, options
from .group import Group


@dataclass(frozen=True)
class Model:
    """A model's folder, its tensors unread; without weights, `parameters` and `bytes` are None."""

    name: str
    verbs: tuple[str, ...]
    network: str
    parameters: int | None
    bytes: int | None
    path: str
    card: str | None
    corpora: tuple[dict[str, Any], ...]
    """Each with its name, style and weight."""
    understands: dict[str, str]
    """What it can be asked for, and the legal values in words."""

    @classmethod
    def of(cls, folder: Path) -> Model:
        """ModelError where the recipe or the weights are damaged."""
        from musegen.abilities import abilities
        from musegen.models import CARD, read_recipe
        from musegen.weights import WEIGHTS, check_weights, weights_header

        recipe, weights, card = read_recipe(folder), folder / WEIGHTS, folder / CARD
        tensors: Any = ()
        if os.path.lexists(weights):
            check_weights(folder)
            tensors = weights_header(weights).values()
        return cls(
            name=recipe.name,
            verbs=recipe.verbs,
            network=recipe.network.kind,
            parameters=sum(prod(t["shape"]) for t in tensors) if tensors else None,
            bytes=weights.stat().st_size if tensors else None,
            path=str(folder),
            card=str(card) if os.path.isfile(card) else None,
            corpora=tuple(
                {"name": c.name, "style": c.style, "weight": c.weight} for c in recipe.corpora
            ),
            understands=abilities(recipe),
        )

    @property
    def facts(self) -> dict[str, str]:
        """What there is to say of it in a line, under heads."""
        return {
            "model": self.name,
            "verbs": ", ".join(self.verbs),
            "network": self.network,
            "parameters": "-" if self.parameters is None else f"{self.parameters / 1e6:.1f} M",
            "size": "-" if self.bytes is None else f"{self.bytes / 1e6:.1f} MB",
            "weights": "missing" if self.bytes is None else "there",
        }


@click.group("models", cls=Group)
def command() -> None:
    """Show the models that are installed."""


@command.command("list")
@bundles.messages
@options.debug
def list_models(messages: dict[str, Any]) -> int:
    """Show the models that came with musegen, one in a line."""
    from musegen.models import find, names

    from .console import show, table
    from .report import Report

    with Report("models list", **messages) as report:
        models = []
        for name in names():
            with report.attempt(name):
                models.append(Model.of(find(name)))
        if report.as_json:
            report.more["models"] = [asdict(model) for model in models]
        elif models:
            rows = [tuple(model.facts.values()) for model in models]
            show(table(tuple(models[0].facts), rows, left=3))
    return report.exit_code


@command.command("info", epilog="Example: musegen models info melody-lstm")
@click.argument("name", metavar="NAME|FOLDER")
@bundles.messages
@options.debug
def info(name: str, messages: dict[str, Any]) -> int:
    """Show all that is known of one model: what it learned from, and all that it understands."""
    from musegen.models import find

    from .console import columns, entries, show, table
    from .report import Report

    with Report("models info", **messages) as report:
        model = Model.of(find(name))
        if report.as_json:
            report.more["models"] = [asdict(model)]
        else:
            facts = {**model.facts, "folder": model.path, "card": model.card or "missing"}
            corpora = [(c["name"], c["style"] or "-", f"{c['weight']:g}") for c in model.corpora]
            show([f"{head:<10}  {fact}" for head, fact in facts.items()])
            show(["", *table(("corpus", "style", "weight"), corpora, left=2)])
            show(["", *entries(("understands", "legal values"), model.understands, columns())])
    return report.exit_code
