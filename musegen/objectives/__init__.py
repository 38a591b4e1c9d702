"""What each network is trained for. The loop is `train`; the data is in `data`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from musegen.objectives.bars import Bars
from musegen.objectives.drummers import Drummers
from musegen.objectives.grooves import Grooves
from musegen.objectives.objective import Cost, Objective
from musegen.objectives.tokens import NextToken
from musegen.recipe import Recipe

OBJECTIVES: dict[str, Callable[[Recipe, Path, torch.device], Objective]] = {
    "transformer": NextToken,
    "lstm": NextToken,
    "groove-vae": Grooves,
    "drummer": Drummers,
    "sequence-vae": Bars,
}
"""By the network's kind in a recipe."""

__all__ = ["OBJECTIVES", "Bars", "Cost", "Drummers", "Grooves", "NextToken", "Objective"]
