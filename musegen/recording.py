"""A GPU's work recorded once and replayed: to start each piece takes longer than to do it."""

from __future__ import annotations

from collections.abc import Callable

import torch

WARM = 3
"""Times that the work is done before: libraries set themselves up."""


def recorded(work: Callable[[], None], device: torch.device) -> Callable[[], None]:
    """The same work, in the same memory; where there is nothing to gain, `work` itself.

    It may neither ask the processor for anything nor make tensors of another shape next time, and
    it does no harm done twice.
    """
    if device.type != "cuda":
        return work
    aside = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    aside.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(aside):
        for _ in range(WARM):
            work()
    torch.cuda.current_stream(device).wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local"):
        work()
    return graph.replay
