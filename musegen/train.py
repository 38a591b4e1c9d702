"""One training loop for every network; what a network learns, its objective says.

A run folder holds `log.jsonl` (a line a report), `curve.svg`, `checkpoint.safetensors` (to go on
from, exactly) and, once done, `weights.safetensors`. Under `torchrun` the rows of a batch are
shared out among the processes.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_bytes
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from musegen import config, heap, models
from musegen.data import shards
from musegen.errors import UnreadableError, UsageError
from musegen.models import build_network, resolved_device
from musegen.objectives import OBJECTIVES, Cost
from musegen.objectives.tokens import augmentation, is_long
from musegen.optimizers import Optimizers
from musegen.peak import operations, peak
from musegen.publishing import publish
from musegen.recipe import Recipe, Training
from musegen.runs import CHECKPOINT, CURVE, LOG, append, as_line, claim, draw_curve, logged
from musegen.weights import WEIGHTS, save_weights

REPORT_EVERY = 50
VALIDATION_SEED = 0


@dataclass(frozen=True)
class Workers:
    """The place of one process among those that `torchrun` started; alone, rank 0 of 1."""

    rank: int
    count: int
    device: torch.device


@contextmanager
def workers(device: str) -> Iterator[Workers]:
    """Join the process group, if there is one, and leave it at the end."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    device = resolved_device(device)
    place = torch.device(device, local) if device == "cuda" else torch.device(device)
    if device == "cuda":
        torch.cuda.set_device(place)
    if count > 1:
        dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield Workers(rank, count, place)
    finally:
        if count > 1:
            dist.destroy_process_group()


def learning_rate(step: int, training: Training) -> float:
    """Linear warm-up, a plateau, and a linear fall to nothing (Hägele et al., 2024)."""
    fall = max(round(training.steps * training.cooldown), 1)
    up = (step + 1) / max(training.warmup, 1)
    down = (training.steps - step) / fall
    return training.learning_rate * min(up, 1.0, down)


def plain(recipe: Recipe) -> Any:
    """The recipe as JSON has it."""
    return json.loads(json.dumps(asdict(recipe)))


def continues(recipe: Recipe, begun: dict[str, Any], step: int) -> bool:
    """Whether a run that came to `step` by the recipe `begun`, made `plain`, can go on by this one.

    Steps, cooldown and stop may be others where that would have changed nothing so far: a plateau
    can be lengthened. The average may be done without, as no step depends on it.
    """
    now = recipe.training
    told = {key: value for key, value in begun["training"].items() if value is not None}
    then = config.build(Training, told, "training")
    return (
        0 <= step <= now.steps
        and plain(recipe) | {"training": None} == begun | {"training": None}
        and now.average in (0, then.average)
        and then
        == replace(
            now, steps=then.steps, cooldown=then.cooldown, stop=then.stop, average=then.average
        )
        and all(
            learning_rate(s, now) == learning_rate(s, then)
            and augmentation(s, now) == augmentation(s, then)
            and is_long(s, now) == is_long(s, then)
            for s in range(step)
        )
    )


@dataclass(frozen=True)
class Progress:
    """What a checkpoint holds beside tensors."""

    recipe: dict[str, Any]
    step: int
    seconds: float
    nats: float
    notes: float
    """These two are since the last report."""


def train(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    device: str = "auto",
    compiled: bool = False,
    base: str | None = None,
    checkpoint_seconds: float = 300.0,
    report: Callable[[dict[str, Any]], None] = lambda line: None,
) -> Path:
    """Train until the recipe's last step, going on from `run` if it holds a checkpoint.

    The network begins with the weights of the model `base`, if one is named. Returns the path of
    the weights: the moving average in half precision. UsageError where the data, the checkpoint or
    the base is another recipe's, OutputError where the folder `run` is none of a run, ModelError
    where there is no such base.
    """
    claim(run)
    if find_spec("matplotlib") is None:
        raise UsageError("the curve is drawn by matplotlib; pip install 'musegen[train]'")
    shards.check(data, recipe.codec, (corpus.name for corpus in recipe.corpora))
    heap.keep()
    with workers(device) as here:
        loop = _Loop(recipe, data, run, here, compiled, base)
        loop.resume()
        saved = time.monotonic()
        while loop.step < recipe.training.end:
            loop.advance()
            last = loop.step == recipe.training.end
            if last or loop.step % recipe.training.validate_every == 0:
                loop.validate(report)
            elif loop.step % REPORT_EVERY == 0:
                loop.log(report)
            if here.rank == 0 and (last or time.monotonic() - saved > checkpoint_seconds):
                loop.save()
                saved = time.monotonic()
        weights = run / WEIGHTS
        if here.rank == 0:
            save_weights(loop.kept, weights)  # whatever becomes of the rest
            loop.objective.finish(loop.kept)
            save_weights(loop.kept, weights)
            draw_curve(run / LOG, run / CURVE)
        return weights


def begin_with(network: nn.Module, base: str) -> None:
    """Give a network the weights of a model. ModelError or UsageError where that cannot be."""
    weights = models.load(base).network.state_dict()
    shapes = [{name: x.shape for name, x in of.items()} for of in (network.state_dict(), weights)]
    if shapes[0] != shapes[1]:
        raise UsageError(f"{base} has a network of another shape than the recipe's")
    network.load_state_dict(weights)


class _Loop:
    """The state of a run and what can be done with it."""

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        run: Path,
        here: Workers,
        compiled: bool,
        base: str | None,
    ) -> None:
        self.recipe, self.run, self.here = recipe, run, here
        self.training = recipe.training
        if self.training.rows % here.count:
            raise UsageError(
                f"rows {self.training.rows} do not divide among {here.count} processes"
            )
        self.objective = OBJECTIVES[recipe.network.kind](recipe, data, here.device)
        torch.manual_seed(self.training.seed)
        self.network = build_network(recipe).to(here.device)
        if base is not None:
            begin_with(self.network, base)
        average = self.training.average
        self.average = (
            AveragedModel(self.network, multi_avg_fn=get_ema_multi_avg_fn(average))  # type: ignore[no-untyped-call]
            if average
            else None
        )
        self.optimizers = Optimizers(self.network, self.training, fused=here.device.type == "cuda")
        self.forward: Callable[..., Any] = self.network
        if here.count > 1:
            self.forward = DistributedDataParallel(self.network)
        if compiled:
            self.forward = torch.compile(self.forward)
        self.full_speed = peak(here.device) / self._operations()
        """Steps a second, if products of large matrices were all that there is to do."""
        self.step = 0
        self.seconds = 0.0
        self._nats: float | Tensor = 0.0
        self._notes: float | Tensor = 0.0
        self._mark = (0, time.monotonic())

    def _operations(self) -> float:
        """Floating-point ones of a step, of each process."""
        batch = self.objective.batch(1, (self.training.seed, 0, 0), 0)
        one = operations(lambda: self.cost(self.network, batch).loss)
        self.network.zero_grad()
        return one * self.training.rows / self.here.count

    @property
    def kept(self) -> nn.Module:
        """The network whose weights count."""
        return self.network if self.average is None else self.average.module

    def cost(self, forward: Callable[..., Any], batch: Any) -> Cost:
        with torch.autocast(self.here.device.type, dtype=torch.bfloat16):
            return self.objective.cost(forward, batch)

    def advance(self) -> None:
        """One step."""
        t = self.training
        began = time.monotonic()
        self.network.train()
        rows = t.rows // self.here.count
        key = (t.seed, self.step, self.here.rank)
        cost = self.cost(self.forward, self.objective.batch(rows, key, self.step))
        cost.loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), t.clip)
        self.optimizers.step(learning_rate(self.step, t))
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.step += 1
        self._nats = self._nats + cost.nats.detach()
        self._notes = self._notes + cost.notes
        self.seconds += time.monotonic() - began

    def _progress(self) -> dict[str, Any]:
        step, mark = self._mark
        now = time.monotonic()
        self._mark = (self.step, now)
        rate = (self.step - step) / max(now - mark, 1e-9)
        bits = float(self._nats) / math.log(2)
        line = {
            "step": self.step,
            "train_bits_per_note": round(bits / max(float(self._notes), 1.0), 4),
            "learning_rate": learning_rate(self.step - 1, self.training),
            "tokens_per_second": round(rate * self.training.rows * self.training.length),
            "share_of_peak": round(rate / self.full_speed, 4),
            "seconds": round(self.seconds, 1),
            "seconds_left": round((self.training.end - self.step) / max(rate, 1e-9)),
        }
        self._nats = self._notes = 0.0
        return line

    def log(self, report: Callable[[dict[str, Any]], None], **more: float) -> None:
        line = self._progress() | more
        if self.here.rank == 0:
            append(self.run / LOG, line)
            report(line)

    @torch.no_grad()
    def validate(self, report: Callable[[dict[str, Any]], None]) -> None:
        """Bits per note of the kept weights on fixed windows of the validation split."""
        bits = notes = 0.0
        if self.here.rank == 0:
            self.kept.eval()
            for part in range(0, self.training.validation_rows, 8):
                rows = min(8, self.training.validation_rows - part)
                batch = self.objective.validation(rows, (VALIDATION_SEED, part))
                cost = self.cost(self.kept, batch)
                bits += float(cost.nats) / math.log(2)
                notes += float(cost.notes)
        self.log(report, valid_bits_per_note=round(bits / max(notes, 1.0), 4))

    # Checkpoints

    def save(self) -> None:
        """Put the state in the place of the last one."""
        progress = Progress(
            plain(self.recipe), self.step, self.seconds, float(self._nats), float(self._notes)
        )
        parts = {
            "network": self.network.state_dict(),
            "average": {} if self.average is None else self.average.state_dict(),
            "optimizer": self.optimizers.tensors(),
            "random": {"cpu": torch.get_rng_state()},
        }
        if self.here.device.type == "cuda":
            parts["random"]["cuda"] = torch.cuda.get_rng_state()
        tensors = {
            f"{part}.{name}": tensor.detach().to("cpu", copy=True).contiguous()
            for part, named in parts.items()
            for name, tensor in named.items()
        }
        data = to_bytes(tensors, {"progress": json.dumps(asdict(progress))})
        publish(self.run / CHECKPOINT, data, overwrite=True)

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one."""
        self.run.mkdir(parents=True, exist_ok=True)
        path = self.run / CHECKPOINT
        if path.is_file():
            self._restore(path)
        self._forget_later_lines()

    def _restore(self, path: Path) -> None:
        try:
            with safe_open(path, framework="pt") as file:
                told, names = json.loads(file.metadata()["progress"]), file.keys()
                tensors = {name: file.get_tensor(name).clone() for name in names}
            progress = config.build(Progress, told, "progress")
            fits = continues(self.recipe, progress.recipe, progress.step)
            if fits:
                self._take(tensors)
        except torch.cuda.OutOfMemoryError:
            raise
        except (
            *(ArithmeticError, AttributeError, LookupError, OSError, RuntimeError),
            *(SafetensorError, TypeError, UsageError, ValueError),
        ):
            raise UnreadableError(
                f"{path}: damaged, or of another version of musegen; choose a new --run"
            ) from None
        if not fits:
            raise UsageError(f"{self.run} holds another recipe's run; choose a new --run")
        self.step, self.seconds = progress.step, progress.seconds
        self._nats, self._notes = progress.nats, progress.notes
        self._mark = (self.step, time.monotonic())

    def _take(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `save` has put away; KeyError or ValueError where that is another's."""

        def taken(part: str, own: dict[str, Tensor]) -> dict[str, Tensor]:
            found = {name: tensors[f"{part}.{name}"] for name in own}
            for name, tensor in own.items():
                if (found[name].shape, found[name].dtype) != (tensor.shape, tensor.dtype):
                    raise ValueError(f"{part}.{name} has another shape or type")
            return found

        self.network.load_state_dict(taken("network", self.network.state_dict()))
        if self.average is not None:
            self.average.load_state_dict(taken("average", self.average.state_dict()))
        prefix = "optimizer."
        self.optimizers.take(
            {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        )
        torch.set_rng_state(taken("random", {"cpu": torch.get_rng_state()})["cpu"])
        if self.here.device.type == "cuda" and "random.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["random.cuda"])

    def _forget_later_lines(self) -> None:
        """Drop from the log what a killed run wrote after its last checkpoint, in part or whole."""
        log = self.run / LOG
        if self.here.rank == 0 and log.exists():
            kept = [line for line in logged(log) if line["step"] <= self.step]
            publish(log, "".join(map(as_line, kept)).encode(), overwrite=True)
