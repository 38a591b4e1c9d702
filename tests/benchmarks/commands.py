"""CPU seconds of whole commands beside `import torch`, median of several runs.

python tests/benchmarks/commands.py [--runs 5]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "midi"


def cpu_seconds(command: list[str]) -> float:
    """What one run of a command costs, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    python = sys.executable
    musegen = [python, "-m", "musegen"]
    with tempfile.TemporaryDirectory() as folder:
        going_on = ["--variations", "4", "--length", "8", "--seed", "1", "-o", folder]
        commands = {
            "import torch": [python, "-c", "import torch"],
            "musegen --help": [*musegen, "--help"],
            "musegen inspect band.mid": [*musegen, "inspect", str(EXAMPLES / "band.mid")],
            **{
                f"musegen continue {name}.mid, 4 x 8 bars": [
                    *(*musegen, "continue", str(EXAMPLES / f"{name}.mid"), *going_on)
                ]
                for name in ("melody", "piano", "beat", "band")
            },
            "musegen interpolate melody.mid to piano.mid, 5 x 4 bars": [
                *(*musegen, "interpolate", str(EXAMPLES / "melody.mid")),
                *(str(EXAMPLES / "piano.mid"), "--length", "4", "-o", folder),
            ],
            "musegen groove, 8 bars of 4/4": [
                *(*musegen, "groove", str(EXAMPLES / "band.mid"), "-n", "1", "-o", folder)
            ],
            "musegen drumify melody.mid, 4 x 8 bars": [
                *(*musegen, "drumify", str(EXAMPLES / "melody.mid"), "--seed", "1", "-o", folder)
            ],
        }
        # in turn, so that a busy spell of the machine falls on all of them
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                times[name].append(cpu_seconds(command))
    floor = statistics.median(times["import torch"])
    print("| command | CPU s, median | / import torch |")
    print("|---|---|---|")
    for name, seconds in times.items():
        middle = statistics.median(seconds)
        print(f"| {name} | {middle:.3f} | {middle / floor:.3f} |")


if __name__ == "__main__":
    main()
