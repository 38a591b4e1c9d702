"""What the shipped models write, read by musegen, mido, pretty_midi and symusic.

python tests/fuzz/readers.py [--songs 500]

Songs are generated, continued, grooved and drummed to in equal shares; each is written and read by
all, and compared with what went into the file. Ends with 1 if any of them reads something else.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import musegen
from musegen import midi
from musegen.song import Song
from musegen.verbs import Takes

TESTS = Path(__file__).parent.parent
EXAMPLES = TESTS.parent / "examples" / "midi"


def example(name: str) -> Song:
    return musegen.read(EXAMPLES / f"{name}.mid").song


def batches(songs: int) -> Iterator[Takes]:
    """`songs` of them and a few more, as many from each of the verbs' requests."""
    requests = (
        *(partial(musegen.generate, model=m) for m in ("multitrack-transformer", "melody-lstm")),
        partial(musegen.generate, meter="3/4", key="E minor"),
        *(partial(musegen.continue_, example(name)) for name in ("band", "piano", "waltz", "beat")),
        partial(musegen.continue_, example("jig"), include_input=True),
        *(partial(musegen.groove, example(name)) for name in ("band", "beat")),
        *(partial(musegen.drumify, example(name)) for name in ("melody", "waltz", "jig")),
        partial(musegen.drumify, example("piano"), include_input=True),
    )
    for seed, request in enumerate(requests):
        yield request(variations=-(-songs // len(requests)), seed=seed)


def main() -> None:
    sys.path.append(str(TESTS / "midi"))
    from midi_readers import READERS, differences

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=500)
    songs = notes = 0
    found: dict[str, Counter[str]] = {name: Counter() for name in READERS}
    for takes in batches(parser.parse_args().songs):
        for take in takes:
            songs += 1
            notes += take.note_count
            data = midi.to_bytes(take, recipe=takes.recipe)
            for name, otherwise in differences(take, data).items():
                found[name].update(otherwise)
    for name, aspects in found.items():
        what = ", ".join(f"{aspect} in {count}" for aspect, count in aspects.items())
        print(f"{name}: {songs} songs, {notes:,} notes; read otherwise: {what or 'nothing'}")
    sys.exit(any(found.values()))


if __name__ == "__main__":
    main()
