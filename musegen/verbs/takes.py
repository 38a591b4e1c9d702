"""What every verb gives back, and what it asks of the shelf."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
    """One a variation, or a few, in the order of their numbers."""
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


Each = Callable[[int, Takes], None]
"""Gets each variation as soon as it is made: its number from 0 on, and its takes alone, with the
remarks that are theirs."""


@dataclass
class Making:
    """Gathers the variations of one run of a verb, or hands each over to who wants it."""

    verb: str
    seed: int
    model: str
    each: Each | None
    _made: dict[int, Takes] = field(default_factory=dict)

    def add(self, number: int, *songs: Song, remarks: tuple[str, ...] = ()) -> None:
        """One variation is made, of one song or a few."""
        takes = Takes(self.verb, songs, self.seed, self.model, remarks)
        if self.each is None:
            self._made[number] = takes
        else:
            self.each(number, takes)

    def takes(self, remarks: tuple[str, ...]) -> Takes:
        """All that was not handed over, with what there is to say of all, and then of each."""
        made = [self._made[number] for number in sorted(self._made)]
        songs = tuple(song for takes in made for song in takes)
        told = tuple(remark for takes in made for remark in takes.remarks)
        return Takes(self.verb, songs, self.seed, self.model, remarks + told)


def serving(verb: str, name: str) -> Recipe:
    """The recipe of the model of that name. ModelError if it does not serve the verb."""
    recipe = models.read_recipe(models.find(name))
    if verb not in recipe.verbs:
        raise ModelError(f"{name} does not serve {verb}; it serves {', '.join(recipe.verbs)}")
    return recipe
