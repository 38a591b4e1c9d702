"""A GPU where there is none: tensors that say they are on it, and refuse company that is not.

The processor computes all, so what comes out is the same to the last bit. What is tested is that
every tensor is where it is used. Torch lets Python stand in for a device under a name of its own,
"privateuseone"; what reads a tensor's device is told "cuda".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import backend_registration
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from musegen import gpu_batching

aten = torch.ops.aten
GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
STAND_IN = torch.device("privateuseone", 0)
MOVES = (aten.copy_.default, aten._to_copy.default, aten.to.device, aten.to.dtype_layout)
MAKES = ("tensor", "as_tensor", "new_tensor")
"""What torch makes tensors by without telling anyone."""
WHOLE = ("lstm",)
"""What a GPU has kernels of its own for."""
ASKS = (aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default)
WAITS = "the processor waits for the GPU"
MATH = 0
"""The kind of attention that is made of other operations."""


class There(Tensor):
    """Numbers that are said to be on the GPU."""

    here: Tensor

    @staticmethod
    def __new__(cls, here: Tensor) -> Self:
        with torch.inference_mode(False):
            made = torch.Tensor._make_wrapper_subclass(
                cls,
                here.shape,
                strides=here.stride(),
                storage_offset=here.storage_offset(),
                dtype=here.dtype,
                device=STAND_IN,
            )
        made.here = here
        return made

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return GPU

    def tolist(self) -> Any:
        assert not TAPE.is_running, WAITS
        return self.here.tolist()

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, op: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        return _run(op, args, kwargs or {})


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(op, args, kwargs or {})


class _Calls(TorchFunctionMode):
    """Devices by another name, before torch looks for a driver."""

    def __torch_function__(self, call: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(call, "__name__", ""), kwargs or {}
        if name in MAKES:
            *like, values = args
            usual = {"device": like[0].device, "dtype": like[0].dtype} if like else {}
            told = {"device": CPU} | usual | kwargs
            if torch.device(told["device"]).type != "cpu":
                return There(torch.tensor(values, **{**told, "device": CPU}))
        if name in WHOLE and any(isinstance(x, There) for x in tree_leaves(args)):
            _check(call, args)
            return tree_map(There, call(*tree_map(_plain, args), **kwargs))
        return call(*tree_map(_named, args), **tree_map(_named, kwargs))


def _named(x: Any) -> Any:
    is_gpu = isinstance(x, str | torch.device) and str(x) in ("cuda", "cuda:0")
    return STAND_IN if is_gpu else x


def _plain(x: Any) -> Any:
    return x.here if isinstance(x, There) else CPU if isinstance(x, torch.device) else x


def _check(op: Any, given: Any) -> None:
    """Numbers may come from anywhere, tensors not."""
    tensors = [x for x in tree_leaves(given) if isinstance(x, Tensor)]
    if any(isinstance(x, There) for x in tensors) and op not in MOVES:
        assert all(isinstance(x, There) or not x.dim() for x in tensors), f"{op}: two devices"


def _run(op: Any, args: Any, kwargs: Any) -> Any:
    if op is aten._fused_sdp_choice.default:
        return MATH
    _check(op, (args, kwargs))
    leaves = tree_leaves((args, kwargs))
    device = next((x for x in leaves if isinstance(x, torch.device)), None)
    own = {id(x.here): x for x in leaves if isinstance(x, There)}
    is_there = bool(own) if device is None else device.type != "cpu"
    if op is aten.copy_.default:
        is_there = isinstance(args[0], There)
    call = partial(op, *tree_map(_plain, args), **tree_map(_plain, kwargs))
    out = call()
    if TAPE.is_running:
        assert own, f"{op}: is not the GPU's, and would not be done again"
        assert op not in ASKS, WAITS
        bools = [
            x for x in tree_leaves(args[1:]) if isinstance(x, Tensor) and x.dtype == torch.bool
        ]
        assert op is not aten.index.Tensor or not bools, WAITS
        stays = all(isinstance(x, There) for x in leaves if isinstance(x, Tensor) and x.dim())
        assert stays, f"{op}: from one device to the other"
        assert is_there, f"{op}: from one device to the other"
        TAPE.calls.append((call, out))
    if not is_there or op is aten._local_scalar_dense.default:
        return out

    def there(x: Any) -> Any:
        """What was changed in place is what it was."""
        return own.get(id(x), There(x)) if isinstance(x, Tensor) else x

    return tree_map(there, out)


class Tape:
    """What the GPU was told to do: that again, with what stands in the same memory by then."""

    def __init__(self) -> None:
        self.calls: list[tuple[Callable[[], Any], Any]] = []
        self.is_running = False

    def recorded(self, work: Callable[[], None], device: torch.device) -> Callable[[], None]:
        """In the place of `recording.recorded`."""
        assert device.type == "cuda"
        self.calls, self.is_running = [], True
        try:
            work()
        finally:
            self.is_running = False
        calls = self.calls

        def replay() -> None:
            for call, out in calls:
                for old, new in zip(tree_leaves(out), tree_leaves(call()), strict=True):
                    if old.data_ptr() != new.data_ptr():  # else a view, or done in place
                        old.copy_(new)

        return replay


TAPE = Tape()


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Within it "cuda" is a device."""
    if not hasattr(torch, "privateuseone"):
        backend_registration._setup_privateuseone_for_python_backend()
    replaces = torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        with (
            mock.patch.multiple(
                torch.cuda,
                is_available=lambda: True,
                is_bf16_supported=lambda: True,
                _lazy_init=lambda: None,
            ),
            mock.patch.object(gpu_batching, "recorded", TAPE.recorded),
            _Calls(),
            _Operations(),  # type: ignore[no-untyped-call]
        ):
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(replaces)
