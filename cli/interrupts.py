"""Ctrl-C: never lost, held back where nothing must be broken off, and ignored once all is told.

C code may swallow the KeyboardInterrupt that Python raises and fail in its own way, as torch's does
while it loads weights; so within `remembered` it is also remembered.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class _State:
    """Of the process, as signals are."""

    came: bool = False
    is_held: bool = False
    is_over: bool = False


_state = _State()


def _heard(number: int, frame: FrameType | None) -> None:
    if _state.is_over:
        return
    _state.came = True
    if not _state.is_held:
        raise KeyboardInterrupt


def _is_main() -> bool:
    """Whether this is the thread that Ctrl-C is for."""
    return threading.current_thread() is threading.main_thread()


@contextmanager
def remembered() -> Iterator[None]:
    """Ctrl-C in here is raised and remembered, where Python lets us and it is not ignored."""
    global _state
    if not _is_main() or signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        yield
        return
    _state = _State()
    before = signal.signal(signal.SIGINT, _heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        _state = _State()


def came() -> bool:
    """Whether Ctrl-C was pressed, whatever became of it."""
    return _state.came


def check() -> None:
    """KeyboardInterrupt where Ctrl-C was pressed."""
    if _state.came:
        raise KeyboardInterrupt


def ignore() -> None:
    """From here on Ctrl-C changes nothing: how the run ended is being told."""
    if _is_main():
        _state.is_over = True


@contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C in here comes when this is over: what is done must not be broken off."""
    _state.is_held = True
    try:
        yield
    finally:
        _state.is_held = False
    check()
