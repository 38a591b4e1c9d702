"""What is written: names, what becomes of files that are there, the table and the JSON object."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from conftest import EXAMPLES, Fake, Musegen, beat, scale
from musegen.cli import names, outputs

import musegen as library
from musegen import midi, verbs
from musegen.errors import OutputError
from musegen.publishing import publish


def written() -> list[str]:
    """All files under the folder where the program runs."""
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def test_the_whole_output(musegen: Musegen, tune_file: Path, fake: Fake) -> None:
    words = [
        "tune.mid",
        "-n",
        "2",
        "-l",
        "2",
        "--seed",
        "7",
        "-o",
        "out",
        "--name-template",
        "{stem}_take_{n:02}",
    ]
    name = "{stem}_take_{n:02}"
    result = musegen("continue", "tune.mid", *words, "--name-template", name)
    assert result.code == 0
    assert result.out == (
        "file                  bars  notes   range      key  bpm  seconds  seed\n"
        "out/tune_take_01.mid     2      4  C4-F#4  C major   96      5.0     7\n"
        "out/tune_take_02.mid     2      4  C#4-G4  C major   96      5.0     7\n"
    )
    assert result.err == (
        "seed 7\n"
        "tune.mid: 4 bars of 4/4 at 96 bpm, key C major, 1 track (Keys), 8 notes\n"
        "tune.mid: the last 3 of 4 bars are the context\n"
    )
    assert written() == ["out/tune_take_01.mid", "out/tune_take_02.mid", "tune.mid"]


def test_json_is_one_object_and_says_the_same(
    musegen: Musegen, tune_file: Path, fake: Fake
) -> None:
    result = musegen("continue", "tune.mid", "-n", "1", "--seed", "7", "--json")
    data = Path("tune_continue_01.mid").read_bytes()
    assert result.json == {
        "schema_version": 1,
        "version": library.__version__,
        "command": "continue",
        "dry_run": False,
        "inputs": [
            {
                "path": "tune.mid",
                "bars": 4,
                "meters": ["4/4"],
                "bpm": 96.0,
                "bpm_range": [96.0, 96.0],
                "key": "C major",
                "key_is_estimated": False,
                "seconds": 10.0,
                "notes": 8,
                "range": ["C4", "D5"],
                "ticks_per_quarter": 480,
                "tracks": [
                    {
                        "number": 1,
                        "name": "Keys",
                        "instrument": "Electric Piano 1",
                        "channel": 1,
                        "notes": 8,
                        "range": ["C4", "D5"],
                        "polyphony": 1.0,
                    }
                ],
                "repairs": [],
                "left_out": [],
                "recipe": "",
            }
        ],
        "outputs": [
            {
                "path": "tune_continue_01.mid",
                "input": "tune.mid",
                "variation": 1,
                "step": None,
                "seed": 7,
                "model": "fake",
                "bars": 4,
                "bpm": 96.0,
                "key": "C major",
                "key_is_estimated": False,
                "notes": 8,
                "range": ["C4", "D5"],
                "seconds": 10.0,
                "sha256": hashlib.sha256(data).hexdigest(),
                "plot": None,
                "audio": None,
            }
        ],
        "preview": None,
        "warnings": [
            {"input": "tune.mid", "message": "the last 3 of 4 bars are the context"},
        ],
        "errors": [],
    }


def test_the_file_says_how_it_was_made(musegen: Musegen, fake: Fake) -> None:
    musegen("generate", "-n", "1", "--seed", "7")
    made = midi.read("musegen_generate_01.mid")
    assert made.recipe == f"musegen {library.__version__} fake seed=7 model=fake"
    assert made.song.tracks[0].program == 4


def test_without_a_seed_one_is_drawn_for_all_and_shown(musegen: Musegen, fake: Fake) -> None:
    result = musegen("continue", EXAMPLES, "--json")
    (seed,) = {output["seed"] for output in result.json["outputs"]}
    assert result.err.startswith(f"seed {seed} (drawn)\n")
    assert len(result.json["outputs"]) == 24


def test_no_program(musegen: Musegen, fake: Fake) -> None:
    musegen("generate", "-n", "1", "--no-program")
    assert midi.read("musegen_generate_01.mid").song.tracks[0].program == 0


def test_quiet_leaves_the_table(musegen: Musegen, fake: Fake) -> None:
    result = musegen("generate", "--quiet")
    assert (result.err, result.out.count("\n")) == ("", 5)


# Files that are there


def bytes_of(folder: str = ".") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_number_goes_on_with_the_next_free_numbers(musegen: Musegen, fake: Fake) -> None:
    musegen("generate", "-n", "2", "--seed", "1")
    before = bytes_of()
    musegen("generate", "-n", "2", "--seed", "2")
    assert sorted(bytes_of()) == [f"musegen_generate_{n:02}.mid" for n in (1, 2, 3, 4)]
    assert {name: bytes_of()[name] for name in before} == before
    os.remove("musegen_generate_02.mid")
    musegen("generate", "-n", "2", "--seed", "3")  # two in a row are free from 5 on
    assert sorted(bytes_of()) == [f"musegen_generate_{n:02}.mid" for n in (1, 3, 4, 5, 6)]


def test_skip_leaves_files_and_does_no_needless_work(musegen: Musegen, fake: Fake) -> None:
    musegen("generate", "-n", "2", "--seed", "1")
    before = bytes_of()
    fake.options = {}
    result = musegen("generate", "-n", "2", "--seed", "2", "--on-exists", "skip", "--json")
    assert (result.code, result.json["outputs"], fake.options) == (0, [], {})
    assert [warning["message"] for warning in result.json["warnings"]] == [
        f"musegen_generate_{n:02}.mid exists and was left as it is" for n in (1, 2)
    ]
    result = musegen("generate", "-n", "3", "--seed", "2", "--on-exists", "skip", "--json")
    assert [output["variation"] for output in result.json["outputs"]] == [3]
    assert {name: bytes_of()[name] for name in before} == before


def test_fail_is_found_out_before_any_work(musegen: Musegen, fake: Fake) -> None:
    musegen("generate", "-n", "1")
    fake.options = {}
    result = musegen("generate", "-n", "1", "--on-exists", "fail", "-q")
    assert (result.code, fake.options) == (4, {})
    message = "musegen_generate_01.mid: exists; --on-exists says what to do"
    assert result.err == f"error: {message}\n"


def test_fail_where_the_name_depends_on_the_song(musegen: Musegen, fake: Fake) -> None:
    words = ("generate", "-n", "1", "--on-exists", "fail", "--name-template", "{key}")
    assert [musegen(*words).code, musegen(*words).code] == [0, 4]


def test_overwrite(musegen: Musegen, fake: Fake) -> None:
    words = ("generate", "-n", "1", "--on-exists", "overwrite")
    musegen(*words, "--seed", "1")
    before = bytes_of()
    assert musegen(*words, "--seed", "2").code == 0
    assert bytes_of().keys() == before.keys()
    assert bytes_of() != before


@pytest.mark.parametrize("link", [None, os.symlink, os.link])
def test_an_input_is_never_replaced(
    musegen: Musegen, tune_file: Path, fake: Fake, link: Any
) -> None:
    name = "tune.mid"
    if link is not None:
        link("tune.mid", "other.mid")
        name = "other.mid"
    before = tune_file.read_bytes()
    words = ("-n", "1", "--on-exists", "overwrite", "--name-template", name)
    for source in ("tune.mid", name):
        result = musegen("continue", source, *words)
        assert result.code == 4
        assert f"{name}: is an input, which is never replaced" in result.err
        assert tune_file.read_bytes() == before


def test_an_input_that_is_piped_in_is_never_replaced(
    musegen: Musegen, tune_file: Path, fake: Fake
) -> None:
    before, standard = tune_file.read_bytes(), os.dup(0)
    try:
        with tune_file.open("rb") as file:
            os.dup2(file.fileno(), 0)
        words = ("-n", "1", "--on-exists", "overwrite", "--name-template", "tune")
        result = musegen("continue", "-", *words, stdin=before)
    finally:
        os.dup2(standard, 0)
        os.close(standard)
    assert result.code == 4
    assert "tune.mid: is an input, which is never replaced" in result.err
    assert tune_file.read_bytes() == before


def test_an_input_that_an_editor_saved_anew_is_never_replaced(
    musegen: Musegen, tune_file: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = midi.to_bytes(scale(2))
    os.rename(tune_file, "C.mid")

    def continue_(song: Any, **options: Any) -> verbs.Takes:
        Path("new.mid").write_bytes(saved)  # another file, by its number
        os.replace("new.mid", "C.mid")
        return fake(song, **options)

    monkeypatch.setattr(verbs, "continue_", continue_)
    words = ("-n", "1", "--on-exists", "overwrite", "--name-template", "{key}")
    assert musegen("continue", "C.mid", *words).code == 4
    assert bytes_of() == {"C.mid": saved}


@pytest.mark.parametrize("option", ["--from", "--like"])
def test_a_file_to_play_like_is_never_replaced(
    musegen: Musegen, tune_file: Path, player: str, tiny_melody_vae: Path, option: str
) -> None:
    midi.write(beat(1), "feel.mid")
    words: list[object] = ["groove", "feel.mid", "--from", "other.mid", "--model", player]
    if option == "--like":
        words = ["generate", "--like", "other.mid", "--model", tiny_melody_vae, "-l", "2"]
    shutil.copy("tune.mid" if option == "--like" else "feel.mid", "other.mid")
    before = bytes_of()
    template = ("--name-template", "other", "--on-exists", "overwrite", "-n", "1")
    result = musegen(*words, *template)
    assert result.code == 4
    assert "other.mid: is an input, which is never replaced" in result.err
    assert bytes_of() == before


@pytest.mark.parametrize("target", ["elsewhere.mid", "nothing.mid"])
def test_a_link_in_the_way_is_not_followed(musegen: Musegen, fake: Fake, target: str) -> None:
    Path("elsewhere.mid").write_bytes(b"theirs")
    link = Path("musegen_generate_01.mid")
    link.symlink_to(target)
    for mode, code in (("number", 0), ("skip", 0), ("fail", 4), ("overwrite", 0)):
        assert link.is_symlink()
        assert musegen("generate", "-n", "1", "--on-exists", mode).code == code
    assert not link.is_symlink()
    assert {path.name for path in Path().iterdir()} == {
        *("elsewhere.mid", "musegen_generate_01.mid", "musegen_generate_02.mid")
    }
    assert Path("elsewhere.mid").read_bytes() == b"theirs"


def test_a_folder_in_the_way_is_left_as_it_is(musegen: Musegen, fake: Fake) -> None:
    Path("musegen_generate_01.mid").mkdir()
    for mode, code in (("number", 0), ("skip", 0), ("fail", 4), ("overwrite", 4)):
        result = musegen("generate", "-n", "1", "--on-exists", mode)
        assert (result.code, result.err.count("\nerror: ")) == (code, int(code > 0))
    assert sorted(os.listdir()) == ["musegen_generate_01.mid", "musegen_generate_02.mid"]
    assert os.listdir("musegen_generate_01.mid") == []


def test_a_name_that_another_program_took_meanwhile(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(path: Path, data: bytes, **how: Any) -> None:
        if path.name == "musegen_generate_01.mid":
            path.write_bytes(b"theirs")
        publish(path, data, **how)

    monkeypatch.setattr("musegen.cli.outputs.publish", late)
    assert musegen("generate", "-n", "1").code == 0
    assert bytes_of()["musegen_generate_01.mid"] == b"theirs"
    assert midi.read("musegen_generate_02.mid").song.note_count == 8


def test_a_disk_that_fails_is_no_reason_for_another_number(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, data: bytes, **how: Any) -> None:
        path.write_bytes(b"what it could not take back")
        raise OutputError(f"{path}: cannot be written: Input/output error")

    monkeypatch.setattr("musegen.cli.outputs.publish", broken)
    assert musegen("generate", "-n", "1").code == 4
    assert written() == ["musegen_generate_01.mid"]


def test_the_output_folder_is_made(musegen: Musegen, fake: Fake) -> None:
    assert musegen("generate", "-n", "1", "-o", "new/folder").code == 0
    assert written() == ["new/folder/musegen_generate_01.mid"]


def test_an_output_folder_that_cannot_be_is_found_out_before_any_work(
    musegen: Musegen, tune_file: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("dangling").symlink_to("nowhere")
    Path("loop").symlink_to("loop")
    for folder in ("tune.mid", "tune.mid/out", "dangling", "dangling/out", "loop"):
        result = musegen("generate", "-o", folder)
        assert (result.code, fake.options) == (4, {})
        place = folder.removesuffix("/out")
        assert f"{place}: is not a folder; choose another with -o" in result.err
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    result = musegen("generate", "-o", "out")
    assert (result.code, fake.options) == (4, {})
    assert "cannot be written to; choose another folder with -o" in result.err
    assert not Path("nowhere").exists()


def test_an_output_folder_may_be_reached_through_a_link(musegen: Musegen, fake: Fake) -> None:
    Path("music").mkdir()
    Path("link").symlink_to("music")
    assert musegen("generate", "-n", "1", "-o", "link").code == 0
    assert os.listdir("music") == ["musegen_generate_01.mid"]


@pytest.mark.parametrize(
    ("becomes", "code", "message"),
    [
        (lambda: None, 0, ""),  # it is made again
        (lambda: Path("out").write_bytes(b"theirs"), 4, "out: cannot be made: File exists"),
        (lambda: Path("out").symlink_to("nowhere"), 4, "out: cannot be made: File exists"),
    ],
    ids=["nothing", "a file", "a link"],
)
def test_an_output_folder_that_goes_during_the_run(
    musegen: Musegen,
    fake: Fake,
    monkeypatch: pytest.MonkeyPatch,
    becomes: Callable[[], object],
    code: int,
    message: str,
) -> None:
    Path("out").mkdir()

    def generate(**options: Any) -> verbs.Takes:
        Path("out").rmdir()
        becomes()
        return fake(**options)

    monkeypatch.setattr(verbs, "generate", generate)
    result = musegen("generate", "-n", "2", "-o", "out")
    assert result.code == code
    assert message in result.err
    assert (
        written()
        == {
            0: ["out/musegen_generate_01.mid", "out/musegen_generate_02.mid"],
            4: ["out"] if Path("out").is_file() else [],
        }[code]
    )


def test_runs_at_one_time_lose_no_file_to_each_other(tmp_path: Path) -> None:
    def run(k: int) -> list[Path]:
        fields = names.fields(stem="x", verb="groove", bpm=None, key=None, bars=1, seed=k)
        folder = outputs.Folder(str(tmp_path), "{stem}_{n:02}", "number")
        paths = folder.paths([fields] * 10)
        barrier.wait()
        data = midi.to_bytes(replace(scale(1), name=f"run {k}"))
        return [folder.write(data, path, fields)[0] for path in paths]

    barrier = Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(run, range(4)))
    assert sorted(os.listdir(tmp_path)) == [f"x_{n:02}.mid" for n in range(1, 41)]
    for k, paths in enumerate(runs):
        assert [midi.read(path).song.name for path in paths] == [f"run {k}"] * 10


# Dry runs


def test_a_dry_run_writes_nothing_and_shows_what_would_be(
    musegen: Musegen, tune_file: Path, fake: Fake
) -> None:
    midi.write(scale(), "tune_continue_01.mid")
    words = ("-n", "2", "--seed", "7", "-o", ".", "--include-input", "--dry-run")
    result = musegen("continue", "tune.mid", *words)
    assert result.code == 0
    assert result.out == (
        "file                  bars  notes  range  key  bpm  seconds  seed\n"
        "tune_continue_02.mid     8      -      -    -   96        -     7\n"
        "tune_continue_03.mid     8      -      -    -   96        -     7\n"
    )
    assert fake.options == {}
    assert written() == ["tune.mid", "tune_continue_01.mid"]


def test_a_dry_run_names_what_the_run_writes(musegen: Musegen, fake: Fake) -> None:
    words = ("continue", EXAMPLES, "-n", "2", "--seed", "7", "-o", "out", "--json")
    planned = musegen(*words, "--dry-run").json
    assert planned["dry_run"] is True
    assert not Path("out").exists()
    run = musegen(*words).json
    for field in ("path", "input", "variation", "seed", "bars"):
        assert [o[field] for o in planned["outputs"]] == [o[field] for o in run["outputs"]]


def test_what_a_dry_run_cannot_know_stands_for_itself(musegen: Musegen) -> None:
    words = ("-n", "1", "--dry-run", "--json", "--name-template", "{bpm:03} {key} {n}")
    (output,) = musegen("generate", *words).json["outputs"]
    assert (output["path"], output["bpm"], output["key"]) == ("{bpm} {key} 1.mid", None, None)
    (output,) = musegen("generate", *words, "--tempo", "90", "--key", "Am").json["outputs"]
    assert output["path"] == "090 Am 1.mid"


def test_a_reader_that_stops_early_is_no_error(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(sys.stdout, "write", closed)
    assert musegen("generate", "-n", "1").code == 0


def test_a_full_disk_under_stdout_is_told(
    musegen: Musegen, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(text: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sys.stdout, "write", full)
    result = musegen("generate", "-n", "1", "-q")
    assert result.code == 4
    assert result.err == "error: standard output: cannot be written: No space left on device\n"
