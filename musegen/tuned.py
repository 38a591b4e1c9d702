"""What the folder of a tuned model holds: a model like any other, and where it came from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from musegen import config, models
from musegen.data.folder import Own
from musegen.errors import OutputError, UsageError
from musegen.folders import published
from musegen.index import INDEX
from musegen.models import CARD, CONFIG
from musegen.publishing import publish
from musegen.weights import MAX_NAME, WEIGHTS, is_name, save_weights

if TYPE_CHECKING:
    from musegen.finetune import Tuned

ATTRIBUTION, BASE_CARD = "ATTRIBUTION.md", "BASE_MODEL_CARD.md"
MAX_TEXT_BYTES = 1 << 20


def name_of(folder: Path) -> str:
    """The name of the model in a folder that is to be. UsageError where it is none."""
    if not is_name(folder.name):
        raise UsageError(
            f"{str(folder)!r} names no model; its last part should be 1 to {MAX_NAME} printable "
            "characters"
        )
    return folder.name


def save(tuned: Tuned, own: Own, base: Path, folder: Path) -> None:
    """Write a model that was tuned from the one in the folder `base`.

    OutputError, and nothing is written, where it does not know the held-out part better than the
    base does, or where there is something of that name.
    """
    if not tuned.is_better:
        raise OutputError(
            f"{folder}: not written, as the tuned model knows what was held out no better than "
            f"{tuned.model.name} ({tuned.after:.3f} bits per note, {tuned.before:.3f} before); "
            "give more songs, or songs that are more alike"
        )
    name = name_of(folder)
    recipe = config.table(replace(tuned.model.recipe, name=name))
    texts = {
        CONFIG: f"# {_origin(tuned, own)}: see {CARD}.\n"
        f"# But for the name this is its base's recipe.\n{config.written(recipe)}",
        CARD: _card(name, tuned, own, base),
    }
    if cards := [text for part in (CARD, BASE_CARD) if (text := _text(base / part))]:
        texts[BASE_CARD] = "\n---\n\n".join(cards)
    if attribution := _text(base / ATTRIBUTION):
        texts[ATTRIBUTION] = attribution
    with published(folder) as draft:
        for file, text in texts.items():
            publish(draft / file, text.encode())
        save_weights(tuned.model.decoder, draft / WEIGHTS)
        if (base / INDEX).is_file():  # the music that the base has learned from
            publish(draft / INDEX, (base / INDEX).read_bytes())
        models.load(str(draft))


def _origin(tuned: Tuned, own: Own) -> str:
    files = own.files[0]
    return f"{tuned.model.name}, tuned on {files:,} file{'s' * (files != 1)} by 'musegen finetune'"


def _text(path: Path) -> str:
    """What a file of the base says; nothing where it is not there."""
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return file.read(MAX_TEXT_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _licence(base: Path) -> str:
    """What is said of the licence of the base's weights: what its card says."""
    found = re.search(r"Licence of the (?:base's )?weights: ([\w.+-]*\w)", _text(base / CARD))
    return f"Licence of the base's weights: {found[1]}" if found else "The base names no licence"


def _card(name: str, tuned: Tuned, own: Own, base: Path) -> str:
    t, origin = tuned.tuning, tuned.model.name
    held_out = "the last quarter of each file" if own.is_cut else "files that it did not learn from"
    carded, named = (bool(_text(base / file)) for file in (CARD, ATTRIBUTION))
    verbs = " and ".join(f"`{verb}`" for verb in tuned.model.recipe.verbs)
    return f"""\
# {name}

{_origin(tuned, own)}. Serves {verbs}.

- Network, representation and controls are those of {origin}{f": see `{BASE_CARD}`" * carded}.
- {_licence(base)}{f"; what it learned from is named in `{ATTRIBUTION}`" * named}.
- Whoever tuned it knows the files that it was tuned on, and is responsible for the rights in them,
  above all where this model is passed on.

## Data

| | files | notes |
|---|---|---|
| learned from | {own.files[0]:,} | {own.notes[0]:,} |
| held out | {own.files[1]:,} | {own.notes[1]:,} |

Held out are {held_out}.

## Training

Low-rank adapters (LoRA) of rank {t.rank} on the linear layers; their exponential average is merged
into the weights. Step {tuned.step:,} of {tuned.steps:,} was the best: {t.rows} x {t.length} tokens
each at most, AdamW at {t.learning_rate:g}, seed {t.seed}.

## Likelihood

| bits per note of what was held out | |
|---|---|
| {origin} | {tuned.before:.3f} |
| {name} | {tuned.after:.3f} |

Whole songs, every token counted, the header told neither style, tempo nor key. The step was chosen
by the same songs, which flatters it a little.

## Limits

- Those of {origin}, and more: what is unlike these files it may know less well than {origin}.
"""
