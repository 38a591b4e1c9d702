"""Random requests to the shipped models: exact lengths, the same bytes again, different takes.

    python tests/benchmarks/lengths.py [--requests 200]

Each request draws a verb, an example to continue, a metre, a length, tracks and a seed; it is
written, read back and measured in ticks. Every tenth is run again with another number of
variations.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import Any

import musegen
from musegen import midi
from musegen.codecs.layout import METERS
from musegen.song import Meter, Song
from musegen.verbs import Takes

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples" / "midi").glob("*.mid"))


def request(source: random.Random) -> tuple[Song | None, dict[str, Any]]:
    """Something to ask for, and the song to continue, if any."""
    numerator, denominator = source.choice(METERS)
    options: dict[str, Any] = {
        "length": source.randint(1, 8),
        "seed": source.randrange(2**32),
        "temperature": source.choice((0.7, 1.0, 1.3)),
        "meter": f"{numerator}/{denominator}",
    }
    if source.random() < 0.5:
        if source.random() < 0.5:
            options["model"] = "melody-lstm"
        else:
            options["instruments"] = source.choice((None, ["piano"], ["drums"], ["bass", "drums"]))
        return None, options
    if source.random() < 0.5:
        del options["meter"]
    return musegen.read(source.choice(EXAMPLES)).song, options


def run(song: Song | None, options: dict[str, Any], variations: int) -> Takes:
    if song is None:
        return musegen.generate(variations=variations, **options)
    return musegen.continue_(song, variations=variations, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200)
    wanted = parser.parse_args().requests
    source = random.Random(0)
    exact = again = repeated = alike = 0
    for number in range(wanted):
        song, options = request(source)
        takes = run(song, options, 2)
        meter = song.meters[-1] if song is not None else Meter()
        if "meter" in options:
            meter = Meter(0, *map(int, options["meter"].split("/")))
        files = [midi.to_bytes(take, recipe=takes.recipe) for take in takes]
        lengths = [(s.length, s.ticks_per_quarter) for s in (midi.parse(f).song for f in files)]
        exact += all(
            ticks == options["length"] * meter.bar_ticks(per_quarter)
            for ticks, per_quarter in lengths
        )
        alike += files[0] == files[1]
        if number % 10 == 0:
            repeated += 1
            other = run(song, options, 5)
            again += [midi.to_bytes(t, recipe=other.recipe) for t in other[:2]] == files
    print(f"{exact} of {wanted} requests: both files exactly as long as asked")
    print(f"{again} of {repeated} requests repeated with 5 variations: the same bytes")
    print(f"{alike} of {wanted} requests: both variations alike")


if __name__ == "__main__":
    main()
