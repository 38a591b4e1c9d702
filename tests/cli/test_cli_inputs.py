"""What is read: files, folders, standard input; and what bad ones among them do."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from conftest import EXAMPLES, Fake, Musegen, scale

from musegen import midi
from musegen.song import Notes, Song, Track


def read_paths(musegen: Musegen, *words: object) -> list[str]:
    return [entry["path"] for entry in musegen("inspect", "--json", *words).json["inputs"]]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder of songs, others' files, and songs in folders within it."""
    folder = tmp_path / "album"
    for name in ("b.mid", "a.MIDI", "c.kar", "B side/d.mid", ".hidden/e.mid", "A side/f/b.mid"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        midi.write(scale(), path)
    (folder / "notes.txt").write_text("not music")
    (folder / "._b.mid").write_bytes(b"what macOS leaves behind")
    return folder


def test_a_folder_is_its_midi_files_in_order(musegen: Musegen, album: Path) -> None:
    assert read_paths(musegen, "album") == ["album/a.MIDI", "album/b.mid", "album/c.kar"]


def test_recursive_takes_folders_within(musegen: Musegen, album: Path) -> None:
    assert read_paths(musegen, "album", "--recursive") == [
        *("album/a.MIDI", "album/b.mid", "album/c.kar"),
        *("album/A side/f/b.mid", "album/B side/d.mid"),
    ]


def test_an_input_is_read_once(musegen: Musegen, album: Path) -> None:
    (album.parent / "link.mid").symlink_to(album / "b.mid")
    words = ("album/b.mid", "link.mid", album / "b.mid", "./album/../album/b.mid", "album")
    assert read_paths(musegen, *words) == ["album/b.mid", "album/a.MIDI", "album/c.kar"]


def test_a_named_file_is_read_whatever_it_is_called(musegen: Musegen, tune_file: Path) -> None:
    os.rename(tune_file, tune_file.with_name("tune.txt"))
    assert read_paths(musegen, "tune.txt") == ["tune.txt"]


def test_standard_input(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    result = musegen("continue", "-", "-n", "1", stdin=tune_file.read_bytes())
    assert result.code == 0
    assert "standard input: 4 bars of 4/4" in result.err
    assert Path("stdin_continue_01.mid").exists()


def test_standard_input_at_a_keyboard_does_not_wait(musegen: Musegen) -> None:
    result = musegen("inspect", "-")
    assert result.code == 3
    assert result.err == "error: standard input: nothing is piped in; name a file\n"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (None, 3, "bad.mid: no such file; check the path"),
        (b"", 3, "bad.mid: not a MIDI file but empty; export MIDI instead"),
        (b"hello", 3, "bad.mid: not a MIDI file but text; export MIDI instead"),
        (midi.to_bytes(Song()), 3, "bad.mid: no notes found"),
        (bytes((16 << 20) + 1), 6, "bad.mid: more than 16 MiB of MIDI"),
    ],
    ids=["missing", "empty", "text", "silent", "too large"],
)
def test_one_bad_input_ends_with_its_own_code(
    musegen: Musegen, content: bytes | None, code: int, message: str
) -> None:
    if content is not None:
        Path("bad.mid").write_bytes(content)
    result = musegen("continue", "bad.mid", "--quiet")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1


def test_a_folder_without_midi_is_a_bad_input(musegen: Musegen, album: Path) -> None:
    (album / "empty").mkdir()
    result = musegen("inspect", "album/empty")
    assert result.code == 3
    assert result.err.startswith("error: album/empty: no MIDI files in this folder")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_in_a_folder_is_not_waited_for(musegen: Musegen, album: Path) -> None:
    os.mkfifo(album / "a.mid")
    result = musegen("inspect", "album", "--json")
    assert result.code == 1
    assert [entry["path"] for entry in result.json["inputs"]] == [
        *("album/a.MIDI", "album/b.mid", "album/c.kar")
    ]
    assert result.err == "error: album/a.mid: is not a regular file; to read it, name it\n"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with a name")
def test_a_pipe_that_is_named_is_read(musegen: Musegen, tune_file: Path) -> None:
    os.mkfifo("pipe")
    writer = Thread(target=lambda: Path("pipe").write_bytes(tune_file.read_bytes()))
    writer.start()
    assert read_paths(musegen, "pipe") == ["pipe"]
    writer.join()


def test_a_folder_that_cannot_be_listed_is_told(
    musegen: Musegen, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = os.scandir

    def scandir(path: Any) -> Iterator[os.DirEntry[str]]:
        if os.path.basename(path) == closed:
            raise PermissionError(13, "Permission denied", path)
        return usual(path)

    monkeypatch.setattr(os, "scandir", scandir)
    closed = "B side"
    result = musegen("inspect", "album", "-r", "--json")
    assert result.code == 1
    assert [entry["path"] for entry in result.json["inputs"]] == [
        *("album/a.MIDI", "album/b.mid", "album/c.kar", "album/A side/f/b.mid")
    ]
    assert result.err == "error: album/B side: cannot be read: Permission denied\n"
    closed = "album"
    result = musegen("inspect", "album")
    assert (result.code, result.out) == (3, "")
    assert result.err == "error: album: cannot be read: Permission denied\n"


@pytest.mark.parametrize("is_found", [True, False])
@pytest.mark.parametrize("words", ["inspect", "continue -q", "generate -q --like", "repair -q"])
def test_a_file_that_may_not_be_read_is_an_unreadable_input(
    musegen: Musegen,
    tune_file: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    is_found: bool,
) -> None:
    def closed(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *more: Any, **options: Any) -> Any:
            if str(path).endswith("tune.mid"):
                raise PermissionError(13, "Permission denied", str(path))
            return function(path, *more, **options)

        return call

    monkeypatch.setattr(builtins, "open", closed(open))
    if not is_found:  # in a folder that is closed too
        monkeypatch.setattr(os, "stat", closed(os.stat))
    result = musegen(*words.split(), tune_file)
    assert (result.code, result.out) == (3, "")
    assert f"error: {tune_file}: cannot be read: Permission denied\n" in result.err


def test_a_batch_goes_on_after_a_bad_file(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    Path("bad.mid").write_bytes(b"hello")
    result = musegen("continue", "bad.mid", "nothing.mid", tune_file, "-n", "1", "--json")
    assert result.code == 1
    assert [output["input"] for output in result.json["outputs"]] == [str(tune_file)]
    assert result.json["errors"] == [
        {
            "input": "bad.mid",
            "code": 3,
            "message": "bad.mid: not a MIDI file but text; export MIDI instead",
        },
        {
            "input": "nothing.mid",
            "code": 3,
            "message": "nothing.mid: no such file; check the path",
        },
    ]


def test_where_all_failed_alike_the_code_says_how(musegen: Musegen) -> None:
    assert musegen("inspect", "one.mid", "two.mid").code == 3
    Path("large.mid").write_bytes(bytes((16 << 20) + 1))
    assert musegen("inspect", "one.mid", "large.mid").code == 1


def test_a_wrong_track_is_that_input_s_error(musegen: Musegen) -> None:
    result = musegen("continue", EXAMPLES / "band.mid", "--track", "oboe")
    assert result.code == 2
    assert "band.mid: no track with notes is called 'oboe'; there are: 1 Drums" in result.err


def test_nothing_in_a_file_or_its_name_controls_the_terminal(musegen: Musegen, fake: Fake) -> None:
    notes = Notes.of([(0, 480, 60, 90)])
    name = "tune\x1b[2J\u202e\n.mid"
    midi.write(Song((Track(notes, name="ab"),), 1920), "plain.mid")
    data = Path("plain.mid").read_bytes().replace(b"\x02ab", b"\x02\x1bc")
    Path(name).write_bytes(data)
    for words in (["inspect", name], ["continue", name], ["inspect", "no\x1b]0;\x07.mid"]):
        result = musegen(*words)
        lines = result.out + result.err
        assert all(c.isprintable() or c == "\n" for c in lines), lines
    assert sorted(path.name for path in Path().iterdir() if "continue" in path.name) == [
        f"tune_[2J___continue_{n:02}.mid" for n in range(1, 5)
    ]
    described = musegen("inspect", name, "--json").json["inputs"][0]
    assert described["path"] == name  # JSON has its own escapes
