"""What a busy neighbour does to decoding on two threads, on one, and by the command's own rule.

    python tests/benchmarks/threads.py [--neighbours 1] [--tokens 16] [--repeats 7]

A neighbour is a program that does nothing, on one core, for as long as it can; there are as many as
leave one core, or as many as are asked for. Each row is a process of its own, since torch reads how
threads wait when it is imported. Times are those of the clock on the wall, a median of all steps:
CPU seconds would hide what is looked for. So they say little where the machine is busy already.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from timing import Goal, show

SPIN = "while True: pass"
OURS = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What the command line sets before it imports torch."""


@contextlib.contextmanager
def busy(neighbours: int) -> Iterator[None]:
    running = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(neighbours)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def seconds_a_step(
    threads: int, environment: dict[str, str], arguments: argparse.Namespace
) -> float:
    """In a process of its own."""
    usual = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    words = ["--threads", threads, "--tokens", arguments.tokens, "--repeats", arguments.repeats]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, words)],
        check=True,
        capture_output=True,
        text=True,
        env={**usual, "OMP_NUM_THREADS": str(max(threads, 1)), **environment},
    )
    return float(done.stdout)


def decode_here(threads: int, tokens: int, repeats: int) -> float:
    """Decode one row on so many threads, or as the verbs do with 0: seconds a step."""
    import time

    import torch
    from decoding import network_of, ours
    from llama import SHAPES
    from timing import in_turns

    from musegen.threads import few_threads

    torch.set_num_threads(threads or os.cpu_count() or 1)
    network = network_of(SHAPES["4M"])
    with contextlib.nullcontext() if threads else few_threads():
        run = {"": lambda: ours(network, [1, 2, 3], 1, tokens)}
        return in_turns(run, repeats, time.perf_counter)[""] / tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--neighbours", type=int, default=max((os.cpu_count() or 2) - 1, 1))
    parser.add_argument("--tokens", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.threads is not None:
        print(decode_here(arguments.threads, arguments.tokens, arguments.repeats))
        return
    quiet = seconds_a_step(1, OURS, arguments)
    rows = {"one thread, quiet": quiet, "two threads, quiet": seconds_a_step(2, OURS, arguments)}
    with busy(arguments.neighbours):
        rows["two threads, neighbours, torch's default"] = seconds_a_step(2, {}, arguments)
        rows["two threads, neighbours, passive"] = seconds_a_step(2, OURS, arguments)
        rows["one thread, neighbours"] = seconds_a_step(1, OURS, arguments)
        rows["as the verbs decode, neighbours"] = seconds_a_step(0, OURS, arguments)
    print(f"{f'{arguments.neighbours} neighbours, {os.cpu_count()} cores':<46}{'ms/step':>9}")
    for name, seconds in rows.items():
        print(f"{name:<46}{1e3 * seconds:9.3f}")
    show(
        [
            Goal(f"{name}, by one thread, quiet", rows[name] / quiet, 1.5)
            for name in ("two threads, neighbours, passive", "as the verbs decode, neighbours")
        ]
    )


if __name__ == "__main__":
    main()
