"""What many takes cost together, beside as many one at a time.

    python tests/benchmarks/batches.py [--takes 64] [--model multitrack-transformer] [--repeats 3]

First of one call, then of calls for many songs, each by itself or all in a `Batch`. CPU seconds of
one thread, medians of several repeats in turn. The takes are the same in every row, to the byte:
what is compared is nothing but how they are made. What stands around them (prompts, grammar, songs)
counts, files do not. `decoding.py` times the network's step alone.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")

from timing import in_turns

from musegen import Batch, Song, batching, continue_, generate, read
from musegen.verbs.takes import Takes

BAND = Path(__file__).parent.parent.parent / "examples" / "midi" / "band.mid"


def together(verb: Callable[..., Takes], takes: int, width: int) -> list[int]:
    """Make so many, at most `width` at a time: how many notes each has."""
    with patch.object(batching, "MOST", width), patch.object(batching, "LEAST", 1):
        made = verb(variations=takes, seed=1)
    return [sum(len(track.notes) for track in song.tracks) for song in made]


def of_songs(songs: Sequence[Song], takes: int, model: str, is_batch: bool) -> list[int]:
    """Go on from each song so many times: how many notes all takes of a song have."""
    notes, batch = [0] * len(songs), Batch() if is_batch else None

    def count(song: int, number: int, made: Takes) -> None:
        notes[song] += sum(len(track.notes) for track in made[0].tracks)

    for n, song in enumerate(songs):
        each = partial(count, n)
        continue_(song, variations=takes, length=2, seed=1, model=model, each=each, batch=batch)
    if batch is not None:
        batch.finish()
    return notes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--takes", type=int, default=64)
    parser.add_argument("--model", default="multitrack-transformer")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    song = read(BAND).song
    verbs: dict[str, Callable[..., Takes]] = {
        "generate": partial(generate, length=2, model=arguments.model),
        "continue band.mid": partial(continue_, song, length=2, model=arguments.model),
    }
    widths = [width for width in (1, 4, 16, 64) if width <= arguments.takes]
    print(f"{arguments.takes} takes of 2 bars\n")
    print("| | at a time | takes/s | notes/s | by one at a time |\n|---|---|---|---|---|")
    for name, verb in verbs.items():
        notes = {width: together(verb, arguments.takes, width) for width in widths}
        assert all(made == notes[1] for made in notes.values())
        runs = {str(width): partial(together, verb, arguments.takes, width) for width in widths}
        seconds = in_turns(runs, arguments.repeats)
        for width, took in zip(widths, seconds.values(), strict=True):
            rates = f"{arguments.takes / took:.1f} | {sum(notes[1]) / took:,.0f}"
            print(f"| {name} | {width} | {rates} | {seconds['1'] / took:.2f} |")
    songs = [*generate(variations=arguments.takes, seed=1, model=arguments.model)]
    print(f"\n{arguments.takes} takes of 2 bars, of songs of 4 bars\n")
    print(
        "| songs x takes | calls | takes/s | notes/s | by call after call |\n|---|---|---|---|---|"
    )
    for takes in (1, 4):
        some = songs[: arguments.takes // takes]
        call = partial(of_songs, some, takes, arguments.model)
        calls = {"one after the other": partial(call, False), "in a batch": partial(call, True)}
        one, other = (made() for made in calls.values())
        assert one == other
        seconds = in_turns(calls, arguments.repeats)
        for name, took in seconds.items():
            rates = f"{arguments.takes / took:.1f} | {sum(one) / took:,.0f}"
            ratio = seconds["one after the other"] / took
            print(f"| {len(some)} x {takes} | {name} | {rates} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
