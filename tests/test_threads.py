"""One thread writes, unless more are asked for."""

from __future__ import annotations

import pytest
import torch

from musegen.errors import UsageError
from musegen.threads import few_threads


def test_one_thread_writes_and_others_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MUSEGEN_MAX_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with few_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
        monkeypatch.setenv("MUSEGEN_MAX_THREADS", "2")
        with few_threads():
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 3
        monkeypatch.setenv("MUSEGEN_MAX_THREADS", "0")
        with pytest.raises(UsageError, match="MUSEGEN_MAX_THREADS='0'"), few_threads():
            pass
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
