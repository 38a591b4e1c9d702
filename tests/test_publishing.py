"""A file is whole or not there at all: whatever fails, whoever else writes, and however it ends."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import scale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musegen.errors import ExistsError, OutputError
from musegen.midi import read, to_bytes, write
from musegen.midi import writing as midi_writing
from musegen.publishing import publish
from musegen.song import Notes, Song, Track

SONG = scale()


def no_links(*_: object) -> None:
    raise PermissionError(errno.EPERM, "Operation not permitted")


def refuse(code: int) -> Callable[..., None]:
    def raise_it(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return raise_it


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.fixture(params=["links", "no links"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """On a file system with hard links, and on one without."""
    if request.param == "no links":
        monkeypatch.setattr(os, "link", no_links)
    return tmp_path


# What is there afterwards


@given(data=st.binary())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_bytes_are_the_file(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "song.mid"
    publish(path, data, overwrite=True)
    assert path.read_bytes() == data
    assert os.listdir(tmp_path) == ["song.mid"]


def test_a_name_that_is_taken_is_refused(folder: Path) -> None:
    path = folder / "song.mid"
    publish(path, b"mine")
    with pytest.raises(ExistsError, match=r"song\.mid: exists; choose another name, or overwrite"):
        publish(path, b"theirs")
    assert path.read_bytes() == b"mine"
    publish(path, b"theirs", overwrite=True)
    assert path.read_bytes() == b"theirs"
    assert os.listdir(folder) == ["song.mid"]


@pytest.mark.parametrize("target", ["target.mid", "nothing.mid"])
def test_a_link_is_replaced_and_never_followed(folder: Path, target: str) -> None:
    (folder / "target.mid").write_bytes(b"mine")
    link = folder / "link.mid"
    link.symlink_to(target)
    with pytest.raises(OutputError, match="exists"):
        publish(link, b"theirs")
    assert link.is_symlink()
    publish(link, b"theirs", overwrite=True)
    assert not link.is_symlink()
    assert (folder / "target.mid").read_bytes() == b"mine"
    assert sorted(os.listdir(folder)) == ["link.mid", "target.mid"]


def test_a_hard_link_to_another_file_is_parted_from_it(tmp_path: Path) -> None:
    (tmp_path / "target.mid").write_bytes(b"mine")
    os.link(tmp_path / "target.mid", tmp_path / "link.mid")
    publish(tmp_path / "link.mid", b"theirs", overwrite=True)
    assert (tmp_path / "target.mid").read_bytes() == b"mine"


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_is_never_replaced(folder: Path, overwrite: bool) -> None:
    (folder / "song.mid").mkdir()
    with pytest.raises(OutputError, match=r"song\.mid: (exists|cannot be written: Is a directory)"):
        publish(folder / "song.mid", b"data", overwrite=overwrite)
    assert os.listdir(folder) == ["song.mid"]
    assert (folder / "song.mid").is_dir()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
def test_permissions_are_those_of_any_new_file(folder: Path) -> None:
    before = os.umask(0o027)
    try:
        publish(folder / "song.mid", b"data")
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "song.mid").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("missing/song.mid", "song.mid: no such directory; make it first"),
        ("file/song.mid", "song.mid: cannot be written: Not a directory"),
        ("a\0b.mid", "cannot be written: embedded null byte"),
        ("x" * 300, "cannot be written: File name too long"),
        ("loop/song.mid", "song.mid: cannot be written: Too many levels of symbolic links"),
    ],
    ids=["missing", "file", "nul", "long", "loop"],
)
def test_what_cannot_be_is_one_line(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    (tmp_path / "loop").symlink_to("loop")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match=message) as caught:
            publish(tmp_path / name, b"data", overwrite=overwrite)
        assert "\n" not in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "loop"]


def test_a_path_without_a_name_is_refused() -> None:
    for path in (Path(), Path("/")):
        with pytest.raises(OutputError, match="is not a file name; give one"):
            publish(path, b"data")


# What fails on the way


@pytest.mark.parametrize("fails", [refuse(errno.EIO), interrupt], ids=["failed", "interrupted"])
@pytest.mark.parametrize(
    ("step", "overwrite", "links"),
    [
        ("fsync", False, True),
        ("fsync", True, True),
        ("replace", False, False),
        ("replace", True, True),
    ],
)
def test_nothing_is_left_of_a_file_that_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: Callable[..., None],
    step: str,
    overwrite: bool,
    links: bool,
) -> None:
    (tmp_path / "old.mid").write_bytes(b"mine")
    if not links:
        monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, step, fails)
    name = "old.mid" if overwrite else "new.mid"
    with pytest.raises((OutputError, KeyboardInterrupt)):
        publish(tmp_path / name, b"theirs", overwrite=overwrite)
    assert os.listdir(tmp_path) == ["old.mid"]
    assert (tmp_path / "old.mid").read_bytes() == b"mine"


def test_an_interrupt_while_the_name_is_given_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", interrupt)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path / "new.mid", b"data")
    assert os.listdir(tmp_path) == []


def test_an_interrupt_after_the_name_was_given_leaves_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_file = os.replace

    def interrupted(draft: Path, path: Path) -> None:
        replace_file(draft, path)
        interrupt()

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        publish(tmp_path / "new.mid", b"data")
    assert (tmp_path / "new.mid").read_bytes() == b"data"
    assert os.listdir(tmp_path) == ["new.mid"]


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that takes no more than `size` bytes of a file."""
    resource = pytest.importorskip("resource", reason="Windows has no such limit")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_disk_that_takes_half_of_it_keeps_none(folder: Path, overwrite: bool) -> None:
    (folder / "old.mid").write_bytes(b"mine")
    path = folder / ("old.mid" if overwrite else "new.mid")
    with (
        files_of_at_most(100_000),
        pytest.raises(OutputError, match="cannot be written: File too large"),
    ):
        publish(path, bytes(200_000), overwrite=overwrite)
    assert os.listdir(folder) == ["old.mid"]
    assert (folder / "old.mid").read_bytes() == b"mine"


def test_a_full_disk_keeps_none(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk may be mounted here")
    try:
        publish(disk / "small.mid", bytes(1000))
        with pytest.raises(OutputError, match="cannot be written: No space left on device"):
            publish(disk / "large.mid", bytes(100_000))
        assert os.listdir(disk) == ["small.mid"]
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_disk_that_gives_back_other_bytes_is_found_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda number: os.truncate(number, 3))
    with pytest.raises(OutputError, match=r"song\.mid: the disk gave back other bytes"):
        publish(folder / "song.mid", b"data")
    assert os.listdir(folder) == []


def test_a_folder_that_cannot_be_forced_to_the_disk_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "open", refuse(errno.EACCES))  # what Windows says of a folder
    publish(tmp_path / "song.mid", b"data")
    assert os.listdir(tmp_path) == ["song.mid"]


# Others at the same time


PUBLISHER = """
import sys
from pathlib import Path
from musegen.errors import ExistsError
from musegen.publishing import publish

folder, word = Path(sys.argv[1]), sys.argv[2]
number = 0
for k in range(100):
    while True:
        number += 1
        try:
            publish(folder / f"{number}.mid", f"{word} {k}".encode())
            break
        except ExistsError:
            pass
"""


def test_two_programs_lose_no_file_to_each_other(tmp_path: Path) -> None:
    words = ("this", "that")
    programs = [
        subprocess.Popen([sys.executable, "-c", PUBLISHER, tmp_path, word]) for word in words
    ]
    assert [program.wait() for program in programs] == [0, 0]
    there = sorted(path.read_text() for path in tmp_path.iterdir())
    assert there == sorted(f"{word} {k}" for word in words for k in range(100))


def test_a_name_taken_between_two_steps_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "song.mid"
    link = os.link

    def late(draft: Path, target: Path) -> None:
        path.write_bytes(b"")  # as another program holds a name
        link(draft, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(OutputError, match="exists"):
        publish(path, b"data")
    assert path.read_bytes() == b""
    assert os.listdir(folder) == ["song.mid"]


# Songs


def test_write_then_read(tmp_path: Path) -> None:
    path = write(SONG, tmp_path / "song.mid", recipe="musegen test")
    assert path.read_bytes() == to_bytes(SONG, recipe="musegen test")
    assert read(path).song.tracks[0].notes == SONG.tracks[0].notes
    assert os.listdir(tmp_path) == ["song.mid"]


def test_write_never_overwrites_unless_told_to(tmp_path: Path) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        write(SONG, path)
    assert path.read_bytes() == b"mine"
    assert write(SONG, str(path), overwrite=True) == path
    assert path.read_bytes() == to_bytes(SONG)


@pytest.mark.parametrize(
    ("other", "fault"),
    [
        (replace(SONG, length=SONG.length - 1920), "other notes"),
        (replace(SONG, tracks=()), "other notes"),
        (replace(SONG, length=SONG.length + 1920), "9600 ticks long, not 7680"),
        (replace(SONG, ticks_per_quarter=240), "240 ticks a quarter, not 480"),
    ],
    ids=["cut", "silent", "longer", "slower"],
)
def test_what_would_read_back_as_another_song_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: Song, fault: str
) -> None:
    monkeypatch.setattr(midi_writing, "to_bytes", lambda song, **how: to_bytes(other))
    with pytest.raises(OutputError, match=rf"would not read back cleanly \({fault}\)"):
        write(SONG, tmp_path / "song.mid")
    assert os.listdir(tmp_path) == []


def test_what_would_have_to_be_mended_is_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(midi_writing, "to_bytes", lambda song, **how: to_bytes(song)[:-4])
    with pytest.raises(OutputError, match=r"would not read back cleanly \(.+\); please report"):
        write(SONG, tmp_path / "song.mid")
    assert os.listdir(tmp_path) == []


NOTE = st.tuples(
    st.integers(-50, 4000), st.integers(0, 4000), st.integers(-2, 130), st.integers(-5, 200)
)


@given(
    tracks=st.lists(
        st.builds(
            Track,
            notes=st.lists(NOTE, max_size=6).map(Notes.of),
            program=st.integers(0, 127),
            is_drum=st.booleans(),
            channel=st.none() | st.integers(0, 15),
        ),
        max_size=20,
    ),
    length=st.integers(0, 4000) | st.sampled_from([1920, 100 * 1920]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_song_can_be_written(tmp_path: Path, tracks: list[Track], length: int) -> None:
    write(Song(tuple(tracks), length), tmp_path / "song.mid", overwrite=True)
    assert os.listdir(tmp_path) == ["song.mid"]
