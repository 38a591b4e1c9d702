"""CPU seconds of whole commands beside `import torch`, and beside the same by `transformers`.

    python tests/benchmarks/commands.py [--runs 5] [--only continue]

The median of several runs, in turn. What transformers do is `llama.py` as a program: as many tokens
behind as many as the command reads, four times, as the longest of its takes has; in random weights.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from timing import Goal, show

EXAMPLES = Path(__file__).parent.parent.parent / "examples" / "midi"
TORCH, HELP = "import torch", "musegen --help"
COMPARED = ("melody", "band")
"""What is continued by transformers too."""


def ours(name: str) -> str:
    return f"musegen continue {name}.mid, 4 x 8 bars"


def theirs(name: str) -> str:
    return f"the same of {name}.mid by transformers"


def cpu_seconds(command: list[str]) -> float:
    """What one run of a command costs, its children included."""
    # A program that is installed finds its modules compiled.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tokens_of(name: str) -> tuple[int, int]:
    """How many tokens `ours` reads, and how many it writes in the longest of its takes."""
    import musegen
    from musegen import models
    from musegen.codecs.grammar import BarGrammar
    from musegen.decoding import Row
    from musegen.sampling import Sampling, numbers, streams
    from musegen.verbs.continuation import Continuation
    from musegen.writing import Writing

    plan = Continuation.of(musegen.read(EXAMPLES / f"{name}.mid").song)
    writing = Writing(models.load(plan.recipe.name))
    grammar = BarGrammar(plan.codec, plan.request(8), plan.prompt)
    rows = [
        Row(list(plan.prompt), grammar, grammar.start, Sampling(), numbers(stream))
        for stream in streams(1, range(4))
    ]
    writing.add(iter([row]) for row in rows)
    writing.finish()
    return len(plan.prompt), max(len(row.written) for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="commands that hold this word, and the floor")
    arguments = parser.parse_args()
    python = sys.executable
    musegen = [python, "-m", "musegen"]
    with tempfile.TemporaryDirectory() as folder:
        going_on = ["--variations", "4", "--length", "8", "--seed", "1", "-o", folder]
        commands = {
            HELP: [*musegen, "--help"],
            "musegen inspect band.mid": [*musegen, "inspect", str(EXAMPLES / "band.mid")],
            **{
                ours(name): [*(*musegen, "continue", str(EXAMPLES / f"{name}.mid"), *going_on)]
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
        commands = {name: command for name, command in commands.items() if arguments.only in name}
        commands = {TORCH: [python, "-c", "import torch"], **commands}
        for name in COMPARED if arguments.only in ours("") else ():
            if importlib.util.find_spec("transformers") is None:
                print(f"without {theirs(name)}, which is not installed")
                continue
            words = [str(Path(__file__).with_name("llama.py")), *map(str, tokens_of(name))]
            commands[theirs(name)] = [python, *words]
        for command in commands.values():
            cpu_seconds(command)
        # in turn, so that a busy spell of the machine falls on all of them
        times: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                times[name].append(cpu_seconds(command))
    middle = {name: statistics.median(seconds) for name, seconds in times.items()}
    print("| command | CPU s, median | / import torch |")
    print("|---|---|---|")
    for name, seconds in middle.items():
        print(f"| {name} | {seconds:.3f} | {seconds / middle[TORCH]:.3f} |")
    goals = [
        Goal(f"{name}, by import torch", middle[name] / middle[TORCH], bound)
        for name, bound in ((HELP, 1 / 15), *((name, 3) for name in middle if " continue " in name))
        if name in middle
    ]
    goals += [
        Goal(f"{theirs(name)}, by ours", middle[theirs(name)] / middle[ours(name)], 3.5, True)
        for name in COMPARED
        if theirs(name) in middle
    ]
    show(goals)


if __name__ == "__main__":
    main()
