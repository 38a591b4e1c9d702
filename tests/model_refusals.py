"""How a model that is broken or hostile has to be refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from musegen import models
from musegen.errors import LimitError, ModelError, UsageError


def refused(folder: Path | str) -> str:
    """Why a model is not loaded, in one line."""
    with pytest.raises(ModelError) as error:
        models.load(str(folder))
    said = str(error.value)
    assert said.isprintable()
    assert len(said) < 600
    return said


def or_model(folder: Path) -> None:
    """A model, or one line."""
    try:
        said = models.load(str(folder)).name
    except (ModelError, LimitError, UsageError) as error:
        said = str(error)
    assert said.isprintable()


many = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
