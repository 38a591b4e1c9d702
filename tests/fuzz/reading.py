"""Feed the MIDI reader with broken files, led by which lines of it they reach.

    for seed in $(seq 20); do
        python tests/fuzz/reading.py -runs=50000 -seed=$seed FOLDER || break
    done

Starts from every case of the reader's tests and from `examples/midi`, and bends them: libFuzzer's
own mutations, and those that MIDI files suffer. Whatever is not `MusegenError`, takes over 2 s or
500 MiB at once, or is not read back alike once it is written, ends the run with the input in a
file. FOLDER keeps what reached new lines. atheris holds on to what it compares, about 30 KB a file:
hence several runs. Needs Linux and `pip install atheris`.
"""

from __future__ import annotations

import random
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.append(str(Path(__file__).parent.parent / "midi"))

# The modules that branch on bytes.
with atheris.instrument_imports(
    include=[f"musegen.midi.{name}" for name in ("chunks", "events", "meta", "text", "repairs")]
):
    import midi_inputs

LIMITS = ["-timeout=2", "-malloc_limit_mb=500", "-rss_limit_mb=4096"]
SPEED = ["-max_len=1024", "-mutate_depth=2"]


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """One or more changes, every other time libFuzzer's own."""
    rng = random.Random(seed)
    if rng.random() < 0.5:
        return bytes(atheris.Mutate(data, max_size))
    return midi_inputs.bent(data, rng)[:max_size]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(midi_inputs.seeds()):
            Path(folder, f"{number:03}.mid").write_bytes(data)
        atheris.Setup(
            [sys.argv[0], *LIMITS, *SPEED, *sys.argv[1:], folder],
            midi_inputs.check,
            custom_mutator=mutated,
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
