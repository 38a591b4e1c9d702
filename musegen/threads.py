"""How many threads a network writes with.

Small networks write fastest on one thread. On a machine that does other work too, such as one with
a sequencer open, two that wait for each other fall far behind it (`tests/benchmarks/threads.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from musegen import limits


@contextmanager
def few_threads() -> Iterator[None]:
    """One, or as many as `MUSEGEN_MAX_THREADS` says, while in here.

    With another number of them a take may differ: sums are added up in another order.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(limits.THREADS.value)
    try:
        yield
    finally:
        torch.set_num_threads(before)
