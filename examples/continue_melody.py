"""Continue a tune four ways: the takes alone, and the first of them behind the tune.

Run it with `python examples/continue_melody.py FOLDER [--model NAME|FOLDER]`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import musegen

MELODY = Path(__file__).parent / "midi" / "melody.mid"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--model", help="by default multitrack-transformer")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)

    melody = musegen.read(MELODY).song
    takes = musegen.continue_(melody, variations=4, length=4, seed=1, model=arguments.model)
    for number, take in enumerate(takes, 1):
        path = arguments.folder / f"melody_continue_{number:02}.mid"
        musegen.write(take, path, recipe=takes.recipe)
        print(f"{path}: {take.note_count} notes")

    # The same seed makes the same take, so the whole piece ends with the first of those above.
    (whole,) = musegen.continue_(
        melody, variations=1, length=4, seed=1, model=arguments.model, include_input=True
    )
    print(musegen.write(whole, arguments.folder / "melody_whole.mid"))


if __name__ == "__main__":
    main()
