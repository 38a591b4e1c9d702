"""Where a recipe is found: a file, a model's folder, or a model's name."""

from __future__ import annotations

from pathlib import Path

from musegen import models, recipe
from musegen.recipe import Recipe


def recipe_of(config: str) -> Recipe:
    """UsageError where the file is no recipe, ModelError where there is no such model."""
    path = Path(config)
    return recipe.load(path) if path.is_file() else models.read_recipe(models.find(config))
