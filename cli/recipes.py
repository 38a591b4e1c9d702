"""Where a recipe is found: a file, a model's folder, or a model's name."""

from __future__ import annotations

import os
from pathlib import Path

from musegen import models, recipe
from musegen.recipe import Recipe


def recipe_of(config: str) -> Recipe:
    """UsageError where the file is no recipe, ModelError where there is no such model."""
    if os.path.isfile(config):
        return recipe.load(Path(config))
    return models.read_recipe(models.find(config))
