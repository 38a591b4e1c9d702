"""What every verb gives back, and what it asks of the shelf."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
"""Gets each variation as soon as it is made: its number from 0 on, and its takes alone."""


@dataclass
class Making:
    """Gathers the variations of one run of a verb, or hands each over to who wants it."""

    verb: str
    seed: int
    model: str
    each: Each | None
    _songs: dict[int, tuple[Song, ...]] = field(default_factory=dict)

    def add(self, number: int, *songs: Song) -> None:
        """One variation is made, of one song or a few."""
        if self.each is None:
            self._songs[number] = songs
        else:
            self.each(number, Takes(self.verb, songs, self.seed, self.model))

    def takes(self, remarks: tuple[str, ...]) -> Takes:
        """All that was not handed over."""
        songs = tuple(song for number in sorted(self._songs) for song in self._songs[number])
        return Takes(self.verb, songs, self.seed, self.model, remarks)


def in_order(remarks: Mapping[int, Sequence[str]]) -> tuple[str, ...]:
    """What there is to say of variations, by their numbers."""
    return tuple(remark for number in sorted(remarks) for remark in remarks[number])


def serving(verb: str, name: str) -> Recipe:
    """The recipe of the model of that name. ModelError if it does not serve the verb."""
    recipe = models.read_recipe(models.find(name))
    if verb not in recipe.verbs:
        raise ModelError(f"{name} does not serve {verb}; it serves {', '.join(recipe.verbs)}")
    return recipe
