"""Two bars of a band's bass written anew, and a flute that joins in.

Run it with `python examples/fill_a_band.py FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import musegen

BAND = Path(__file__).parent / "midi" / "band.mid"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="where the files go")
    parser.add_argument("--model", help="a model that serves infill; by default the shipped one")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    band = musegen.read(BAND).song

    # Four ways to play bars 5 and 6. What is not filled keeps its bytes.
    takes = musegen.infill(band, bars=(5, 6), tracks="Bass", seed=1, model=arguments.model)
    before = BAND.read_bytes()
    for number in range(len(takes)):
        path = folder / f"band_bass_{number + 1:02}.mid"
        data = takes.patched(before, number)
        assert data is not None  # there are files that cannot be patched; this one can
        path.write_bytes(data)
        print(path)

    # A flute over all of it, two notes at once at most.
    (joined,) = musegen.infill(
        band, add_track="flute", polyphony=2, variations=1, seed=1, model=arguments.model
    )
    print(musegen.write(joined, folder / "band_with_flute.mid"))


if __name__ == "__main__":
    main()
