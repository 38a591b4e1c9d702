"""Write two takes for piano, bass and drums, and each take's drums as a clip of their own.

Run it with `python examples/generate_band.py FOLDER [--model NAME|FOLDER]`.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import musegen


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--model", help="by default the one that plays many tracks")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)

    takes = musegen.generate(
        variations=2,
        length=4,
        tempo=112,
        key="A minor",
        instruments=("piano", "bass", "drums"),
        temperature=0.9,
        seed=7,
        model=arguments.model,
    )
    for number, take in enumerate(takes, 1):
        path = arguments.folder / f"band_{number:02}.mid"
        musegen.write(take, path, recipe=takes.recipe)
        parts = ", ".join(f"{track.name} {len(track.notes)}" for track in take.tracks)
        print(f"{path}: notes by track: {parts or 'none'}")

        # A song is a value: a part of it is another song, of the same length, tempo and metre.
        drums = replace(take, tracks=tuple(track for track in take.tracks if track.is_drum))
        musegen.write(drums, arguments.folder / f"band_{number:02}_drums.mid")


if __name__ == "__main__":
    main()
