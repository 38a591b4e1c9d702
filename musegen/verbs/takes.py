"""What every verb gives back, and what it asks of the shelf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from musegen import __version__, models
from musegen.errors import ModelError
from musegen.recipe import Recipe
from musegen.song import Song

Progress = Callable[[int, int], None]
"""Told how many bars are written, and of how many."""


@dataclass(frozen=True)
class Takes(Sequence[Song]):
    """The variations that a verb wrote, and how to get them again."""

    verb: str
    songs: tuple[Song, ...]
    seed: int
    model: str
    remarks: tuple[str, ...] = ()
    """What a user should know: how much of the source was heard, what was left out."""

    @property
    def recipe(self) -> str:
        """The line that a written file says itself to be made by: see `midi.write`."""
        return f"musegen {__version__} {self.verb} seed={self.seed} model={self.model}"

    @overload
    def __getitem__(self, index: int) -> Song: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Song]: ...
    def __getitem__(self, index: int | slice) -> Song | Sequence[Song]:
        return self.songs[index]

    def __len__(self) -> int:
        return len(self.songs)


def serving(verb: str, name: str) -> Recipe:
    """The recipe of the model of that name. ModelError if it does not serve the verb."""
    recipe = models.read_recipe(models.find(name))
    if verb not in recipe.verbs:
        raise ModelError(f"{name} does not serve {verb}; it serves {', '.join(recipe.verbs)}")
    return recipe
