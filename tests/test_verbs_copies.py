"""What stands in the training music is written again, and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musegen import index
from musegen.options import Variations
from musegen.verbs import Takes, continue_, generate


def known(monkeypatch: pytest.MonkeyPatch, *pieces: np.ndarray[Any, Any]) -> list[list[int]]:
    """An index that knows these pieces alone; returns what it is asked about."""
    asked: list[list[int]] = []

    def copied(ids: np.ndarray[Any, Any], *_: object) -> int:
        asked.append(ids.tolist())
        return 40 if any(np.array_equal(ids, piece) for piece in pieces) else 0

    monkeypatch.setattr(index, "beside", lambda folder: object())
    monkeypatch.setattr(index, "copied", copied)
    return asked


def takes(model: Path, variations: Variations, **more: Any) -> Takes:
    return generate(length=2, variations=variations, seed=5, model=str(model), **more)


def test_a_copy_is_written_again(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = takes(tiny_model, 3)
    asked = known(monkeypatch)
    assert takes(tiny_model, [1]).songs == plain.songs[1:2]
    known(monkeypatch, np.array(asked[0]))
    again = takes(tiny_model, 3)
    assert again.remarks[-1:] == ("take 2 was a copy of music it was trained on: anew",)
    assert (again[0], again[2]) == (plain[0], plain[2])
    assert again[1].tracks != plain[1].tracks
    assert takes(tiny_model, 2)[1] == again[1]  # however many takes there are


def test_what_stays_a_copy_is_told(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "beside", lambda folder: object())
    monkeypatch.setattr(index, "copied", lambda *_: 33)
    (*_, remark) = takes(tiny_model, 1).remarks
    assert remark == "take 1 has 33 notes in a row of music it was trained on"


def test_a_continuation_is_asked_about_without_its_source(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = takes(tiny_model, 1)[0]
    asked = known(monkeypatch)
    continue_(song, length=3, variations=1, seed=1, model=str(tiny_model))
    from musegen.codecs import CODECS, BarCodec

    bar = BarCodec(CODECS["multitrack"]).vocabulary["bar"]
    assert sum(id_ in bar for id_ in asked[0]) == 3
