"""Calls spread over the workers of a Ray cluster, by Ray Data. What they do is not known here.

Ray opens connections, and sends Python objects through them: whoever may use a cluster can run what
they like on it. Nothing of it is imported unless a cluster is asked for.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from musegen.errors import UsageError

LOCAL = "local"
"""Stands for a cluster of this machine's processors, for as long as it is needed."""

IMPATIENT = {
    "RAY_gcs_rpc_server_connect_timeout_s": "5",
    "RAY_py_gcs_connect_timeout_s": "5",
    "RAY_NUM_REDIS_GET_RETRIES": "1",
}
"""Ray's own settings, read when it is imported: it looks for a cluster that is not there for
minutes."""

Call = Callable[[], Any]
"""Ray can send it, and what it returns."""


@dataclass(frozen=True)
class Held:
    """What Ray is to send as it is: of a list, for one, it would make a column."""

    value: Any


@contextmanager
def cluster(address: str) -> Iterator[int]:
    """Be connected to a cluster while in here; gives how many processors it has.

    A process that is connected already stays where it is. UsageError where there is none.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # a cluster that we start tells nobody
    if address != LOCAL:
        for variable, value in IMPATIENT.items():
            os.environ.setdefault(variable, value)
    try:
        import ray
        import ray.data
    except ImportError:
        raise UsageError("Ray is not installed; pip install 'musegen[ray]' does it") from None

    joins = not ray.is_initialized()
    if joins:
        where: dict[str, Any] = {"address": address}
        if address == LOCAL:
            where = {"address": LOCAL, "include_dashboard": False}
        try:
            ray.init(**where, logging_level=logging.ERROR, log_to_driver=False)
        except (ConnectionError, RuntimeError, ValueError) as error:
            why = str(error).partition("\n")[0]
            raise UsageError(f"no Ray cluster at {address}: {why}") from None
    try:
        yield max(int(ray.cluster_resources().get("CPU", 1)), 1)
    finally:
        if joins:
            ray.shutdown()


def spread(calls: Sequence[Call], gpus: float = 0) -> Iterator[tuple[int, Any]]:
    """The number of each call and what it returned, or the exception it ended with, as they come.

    Each takes one processor, and `gpus`; within `cluster`.
    """
    import ray.data

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    items = [{"number": number, "held": Held(call)} for number, call in enumerate(calls)]
    data = ray.data.from_items(items, override_num_blocks=len(items))
    for row in data.map(_called, num_cpus=1, num_gpus=gpus).iter_rows():
        yield row["number"], row["held"].value


def _called(item: dict[str, Any]) -> dict[str, Any]:
    """Run by a worker."""
    result: Any
    try:
        result = item["held"].value()
    except Exception as error:
        result = error
    return {"number": item["number"], "held": Held(result)}
