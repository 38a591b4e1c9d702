"""Drums for a tune, and a stiff beat made to swing.

Run it with `python examples/drums_for_a_tune.py FOLDER`.
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

    # The tune with a sparse drum part in the style of a pop drummer.
    tune = musegen.read(MIDI / "melody.mid").song
    (whole,) = musegen.drumify(
        tune, variations=1, seed=1, density=0.3, style="pop", include_input=True
    )
    print(musegen.write(whole, folder / "melody_with_drums.mid"))

    # Three drummers play one beat; the last keeps the loudness that is written.
    beat = musegen.read(MIDI / "beat.mid").song
    for style, velocity in (("funk", 1.0), ("hiphop", 1.0), ("jazz", 0.0)):
        takes = musegen.groove(beat, variations=1, seed=1, style=style, velocity=velocity)
        path = musegen.write(takes[0], folder / f"beat_{style}.mid", recipe=takes.recipe)
        shift = abs(takes[0].tracks[0].notes.start - beat.tracks[0].notes.start).mean()
        print(f"{path}: hits moved by {shift:.0f} ticks on average")


if __name__ == "__main__":
    main()
