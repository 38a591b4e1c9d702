"""A folder is whole or not there at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from musegen import folders
from musegen.errors import ExistsError, OutputError
from musegen.folders import claim, published


def test_it_gets_its_name_when_it_is_whole(tmp_path: Path) -> None:
    folder = tmp_path / "within" / "style"
    with published(folder) as draft:
        (draft / "a").write_text("all")
        assert not folder.exists()
    assert [path.name for path in folder.parent.iterdir()] == ["style"]
    assert (folder / "a").read_text() == "all"


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OSError])
def test_nothing_is_left_of_one_that_fails(tmp_path: Path, error: type[BaseException]) -> None:
    def fill() -> None:
        with published(tmp_path / "style") as draft:
            (draft / "a").write_text("half")
            raise error

    with pytest.raises(error):
        fill()
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    for name in ("file", "folder", "link"):
        with pytest.raises(ExistsError, match=f"{name}: exists; choose another"):
            claim(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder", "link"]


@pytest.mark.parametrize("is_late", [False, True], ids=["seen", "too late to be seen"])
def test_what_another_program_made_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    def fill() -> None:
        with published(tmp_path / "style") as draft:
            (draft / "b").write_text("all")
            (tmp_path / "style").mkdir()
            (tmp_path / "style" / "a").write_text("mine")

    if is_late:
        monkeypatch.setattr(folders, "claim", lambda folder: None)
    with pytest.raises(OutputError, match="cannot be made" if is_late else "exists; choose"):
        fill()
    assert [path.name for path in tmp_path.iterdir()] == ["style"]
    assert (tmp_path / "style" / "a").read_text() == "mine"


@pytest.mark.parametrize("name", ["file/style", "/", "st\0yle"])
def test_a_place_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError):
        claim(tmp_path / name)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_takes_nothing_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no folder to write to"):
        claim(tmp_path / "style")
