"""A model's steps on a GPU: recorded once and replayed, beside the same started piece by piece.

    python tests/benchmarks/gpu.py [--model multitrack-transformer] [--context 700]

Milliseconds of a step with all that the processor does for it, and of the GPU's work alone; and how
many times the time that it takes to read weights, keys and values once. Medians of several runs.
"""

from __future__ import annotations

import argparse
from unittest.mock import patch

from musegen import bench, gpu_batching, models

BATCHES = (1, 16, 64, 256)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="multitrack-transformer")
    parser.add_argument("--context", type=int, default=700)
    arguments = parser.parse_args()
    model = models.load(arguments.model, "cuda")

    def measured() -> list[bench.Speed]:
        return bench.measure(model, BATCHES, (arguments.context,), device="cuda")

    replayed = measured()
    with patch.object(gpu_batching, "recorded", lambda work, device: work):
        started = measured()
    print("| batch | step, ms | of it the GPU | by the floor | piece by piece, ms | the GPU |")
    print("|---|---|---|---|---|---|")
    for a, b in zip(replayed, started, strict=True):
        columns = [a.step_ms, _work(a), _work(a) / a.floor_ms, b.step_ms, _work(b)]
        print(f"| {a.batch} | {' | '.join(f'{x:.2f}' for x in columns)} |")


def _work(speed: bench.Speed) -> float:
    """Milliseconds of the GPU's work in a step."""
    return speed.step_ms * (1 - speed.choosing_share)


if __name__ == "__main__":
    main()
