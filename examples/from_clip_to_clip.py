"""A road from one drum part to another, and tunes that lie near a tune.

Run it with `python examples/from_clip_to_clip.py FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import musegen

MIDI = Path(__file__).parent / "midi"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the files go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)

    # Five steps from a beat to the drums of a band, faster and faster; then all in one file.
    beat, band = (musegen.read(MIDI / name).song for name in ("beat.mid", "band.mid"))
    road = musegen.interpolate(beat, band, steps=5, length=4, tracks="Drums", seed=1)
    for number, step in enumerate(road, 1):
        path = musegen.write(step, folder / f"drums_{number}.mid", recipe=road.recipe)
        print(f"{path}: {step.note_count} hits at {step.tempos[0].bpm:.0f} bpm")
    whole = musegen.interpolate(beat, band, steps=5, length=4, tracks="Drums", seed=1, chain=True)
    print(musegen.write(whole[0], folder / "drums_whole.mid", recipe=whole.recipe))

    # The tune, busier and calmer.
    tune = musegen.read(MIDI / "melody.mid").song
    for name, more, less in (("busier", ["density"], []), ("calmer", [], ["density"])):
        takes = musegen.similar(
            tune, distance=0.1, more=more, less=less, variations=1, length=4, seed=1
        )
        path = musegen.write(takes[0], folder / f"melody_{name}.mid", recipe=takes.recipe)
        print(f"{path}: {takes[0].note_count} notes")


if __name__ == "__main__":
    main()
