"""Recipes, corpora, tables and shards from anywhere: they do no harm, and end in one line."""

from __future__ import annotations

import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Musegen, tune

from musegen import midi, recipe
from musegen.codecs import CODECS, HitsLayout, StepsLayout
from musegen.data import corpora as corpora_on_disk
from musegen.data import shards
from musegen.data.beats import on_beats
from musegen.data.corpora import Corpus, find, opener, unlicensed
from musegen.data.prepare import prepare
from musegen.data.prepare_drums import prepare_drums
from musegen.data.prepare_steps import prepare_steps
from musegen.errors import LimitError, MusegenError, OutputError, UnreadableError, UsageError

TUNES = Corpus("tunes", style="folk")
MULTITRACK = CODECS["multitrack"]
Prepare = Callable[..., Path]


def refused(*words: object, musegen: Musegen, code: int, says: str) -> None:
    result = musegen(*words)
    assert (result.code, result.out) == (code, ""), result.err
    assert says in result.err
    assert result.err.count("\n") == 1


# The recipe


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "../../out",
        "a/b",
        "a\\b",
        "/etc",
        ".hidden",
        "C:tunes",
        "a\nb",
        "\x1b[1m",
        "x" * 101,
    ],
)
def test_a_corpus_is_called_by_one_part_of_a_path(
    name: str, tiny_model: Path, corpora: Path, tmp_path: Path, musegen: Musegen
) -> None:
    text = (tiny_model / "config.toml").read_text()
    config = tmp_path / "config.toml"
    config.write_text(text.replace('"tunes"', json.dumps(name)))
    with pytest.raises(UsageError, match=r"corpora\[0\]: name .* printable characters without"):
        recipe.load(config)
    words = ("--from", corpora, "--splits", corpora / "splits.csv", "--output", "out")
    refused("data", "prepare", config, *words, musegen=musegen, code=2, says="corpora[0]: name")
    assert list(tmp_path.iterdir()) == [config]


@pytest.mark.parametrize("name", ["tunes", "ceol-rince", "Lieder, 2nd ed.", "Märsche", "x" * 100])
def test_a_plain_name_is_one(name: str) -> None:
    assert Corpus(name).name == name


@pytest.mark.parametrize("pattern", ["(", "no group", "(a{9999999999})"])
def test_a_pattern_of_styles_is_one(pattern: str) -> None:
    with pytest.raises(ValueError, match="style_pattern"):
        Corpus("tunes", style_pattern=pattern)


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_from_0(weight: float) -> None:
    with pytest.raises(ValueError, match="weight"):
        Corpus("tunes", weight=weight)


# The corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A corpus with one good file, and beside it a file that is not its."""
    (tmp_path / "tunes").mkdir()
    (tmp_path / "tunes" / "good.mid").write_bytes(midi.to_bytes(tune(1)))
    (tmp_path / "outside.mid").write_bytes(midi.to_bytes(tune(2)))
    return tmp_path


def zipped(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"{name}.mid", data)
    return path


@pytest.mark.parametrize(
    "name", ["../outside.mid", "", ".", "/dev/zero", "a\0b", "x" * 999, "pipe"]
)
def test_no_name_leads_out_of_a_corpus_or_to_what_is_no_file(folder: Path, name: str) -> None:
    os.mkfifo(folder / "tunes" / "pipe")
    for read in (opener(folder / "tunes"), opener(zipped(folder / "tunes.zip"))):
        for wanted in (name, str(folder / "outside.mid")):
            with pytest.raises(KeyError):
                read(wanted)
    assert corpora_on_disk.marks(folder / "tunes", [name, "good.mid"]).keys() == {"good.mid"}


def test_a_device_in_the_table_of_splits_is_a_missing_file(folder: Path) -> None:
    (folder / "splits.csv").write_text(
        "corpus,file,split\ntunes,/dev/zero,train\ntunes,../outside.mid,train\n"
        "tunes,good.mid,train\n"
    )
    places = (folder, folder / "splits.csv", folder / "out")
    summary = prepare((TUNES,), MULTITRACK, *places, workers=1)["corpora"]["tunes"]
    assert (summary["songs"]["train"], summary["dropped"]) == (1, {"missing": 2})


def test_a_file_is_read_up_to_the_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_MIDI_MIB", "1")
    archive = zipped(folder / "bombs.zip", large=bytes(64 << 20))
    with (folder / "tunes" / "large.mid").open("wb") as file:
        file.truncate(1 << 40)
    for path in (archive, folder / "tunes"):
        tracemalloc.start()
        with pytest.raises(LimitError, match=r"large\.mid: more than 1 MiB of MIDI"):
            opener(path)("large.mid")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
        tracemalloc.stop()


def test_a_damaged_file_is_dropped_and_the_others_are_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_MIDI_MIB", "1")
    song = midi.to_bytes(tune(1))
    with zipfile.ZipFile(folder / "tunes.zip", "w") as archive:
        archive.writestr("good.mid", song)
        archive.writestr("torn.mid", midi.to_bytes(tune(3)))
        archive.writestr("large.mid", bytes(2 << 20), zipfile.ZIP_DEFLATED)
        archive.writestr("slow.mid", song, zipfile.ZIP_LZMA)
    data = (folder / "tunes.zip").read_bytes()
    (folder / "tunes.zip").write_bytes(data.replace(midi.to_bytes(tune(3)), b"-" * len(song)))
    names = ("good", "torn", "large", "slow")
    rows = ["corpus,file,split", *(f"tunes,{name}.mid,train" for name in names)]
    (folder / "splits.csv").write_text("\n".join(rows))
    places = (folder, folder / "splits.csv")
    summary = prepare((TUNES,), MULTITRACK, *places, folder / "out", workers=1)
    dropped = {"beyond a limit": 1, "unreadable": 2}
    assert summary["corpora"]["tunes"]["dropped"] == dropped
    assert summary["corpora"]["tunes"]["songs"]["train"] == 1
    summary = prepare_drums((Corpus("tunes"),), HitsLayout(()), *places, folder / "drums")
    assert summary["corpora"]["tunes"]["songs"]["train"] == 1


def test_a_damaged_archive_is_told(folder: Path) -> None:
    whole = zipped(folder / "tunes.zip", a=b"music").read_bytes()
    for content in (whole[:-4], whole[:-22] + whole[-20:], b"PK\x05\x06" + bytes(18)[:-1], b""):
        (folder / "tunes.zip").write_bytes(content)
        with pytest.raises(UnreadableError, match=r"tunes\.zip: not a zip archive, or damaged"):
            find("tunes", folder)


def test_beats_that_do_not_follow_each_other_are_refused() -> None:
    rows = [[float(second), 1.0, float(second % 4 == 0)] for second in range(12)]
    for place, second in ((0, -1e300), (3, 3e5), (4, 2.0), (5, float("nan")), (11, float("inf"))):
        odd = [row[:] for row in rows]
        odd[place][0] = second
        with pytest.raises(ValueError, match="do not follow each other"):
            on_beats(tune(1), "\n".join(" ".join(map(str, row)) for row in odd))


# Tables


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ("tunes,a.mid\ntunes,b.mid,new", UsageError, "line 2: has fewer columns"),
        ("tunes,a.mid,train\ntunes,b.mid,new", UsageError, "line 3: split 'new' is not one of"),
        ('tunes,"a.mid', UsageError, "line 2: has fewer columns"),
        ("x" * 200_000, UnreadableError, "no CSV table"),
        ("tunes,a.mid,train\n" * 1_000_000, UnreadableError, "more than 16,777,216 bytes"),
    ],
)
def test_an_odd_table_of_splits_is_told(
    tmp_path: Path, rows: str, error: type[MusegenError], message: str
) -> None:
    table = tmp_path / "splits.csv"
    table.write_text(f"corpus,file,split\n{rows}")
    with pytest.raises(error, match=rf"splits\.csv: {message}"):
        corpora_on_disk.splits(table, "tunes")


def test_a_table_of_splits_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "splits.csv")
    for path in (tmp_path / "splits.csv", Path("/dev/zero"), tmp_path):
        with pytest.raises(UnreadableError, match="not a file; name a CSV table"):
            corpora_on_disk.splits(path, "tunes")


@pytest.mark.parametrize(
    ("index", "error", "message"),
    [
        (None, UsageError, "tunes: no index 'index.csv' there"),
        (b"file,rights\na.mid,CC0\n", UsageError, "index.csv: needs the columns file, license"),
        (b"license,file\nCC0\n", UsageError, "index.csv: line 2: has fewer columns"),
        (b"file,license\n\xff,CC0\n", UnreadableError, "index.csv: no CSV table in UTF-8"),
        (bytes(2 << 20), LimitError, "index.csv: more than 1 MiB"),
    ],
)
def test_an_odd_index_is_told(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    index: bytes | None,
    error: type[MusegenError],
    message: str,
) -> None:
    monkeypatch.setenv("MUSEGEN_MAX_MIDI_MIB", "1")
    if index is not None:
        (folder / "tunes" / "index.csv").write_bytes(index)
    with pytest.raises(error, match=message):
        unlicensed(Corpus("tunes", index="index.csv", licenses=("CC0",)), folder / "tunes")


# What is prepared


@pytest.mark.parametrize(
    "info", ["[]", "{}", "null", '{"layout": {}}', '{"layout": [], "corpora": 1}', "[" * 99999, "1"]
)
def test_an_odd_shards_json_is_told(
    info: str, tiny_model: Path, tmp_path: Path, musegen: Musegen
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "shards.json").write_text(info)
    says = "shards.json: damaged, or of another program; make it with 'musegen data prepare'"
    data = ("--data", "data")
    refused("train", tiny_model, *data, "--run", "run", musegen=musegen, code=3, says=says)
    refused("evaluate", "likelihood", tiny_model, *data, musegen=musegen, code=3, says=says)
    assert not Path("run").exists()


def test_odd_tables_of_tokens_are_told(prepare_tunes: Prepare, tmp_path: Path) -> None:
    bars = prepare_tunes(tmp_path) / "train.bars.npy"
    for content in (
        (tmp_path / "train.tokens.npy").read_bytes(),
        next((tmp_path / "parts").iterdir()).read_bytes(),
        b"",
    ):
        bars.write_bytes(content)
        with pytest.raises(UnreadableError, match="the split 'train' is missing or damaged"):
            shards.load(tmp_path, "train")


def test_a_damaged_part_is_told(prepare_tunes: Prepare, tmp_path: Path) -> None:
    part = next((prepare_tunes(tmp_path) / "parts").iterdir())
    part.write_bytes(part.read_bytes()[:-100])
    with pytest.raises(UnreadableError, match=r"tunes-\w+\.npz: damaged; remove it"):
        prepare_tunes(tmp_path)


@pytest.mark.parametrize("name", ["shards.json", "train.tokens.npy", "test.songs.npy"])
def test_what_is_not_musegens_is_not_replaced(
    prepare_tunes: Prepare, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_text("precious")
    with pytest.raises(OutputError, match=rf"{name}: would be replaced, .* choose a new --output"):
        prepare_tunes(tmp_path)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["precious"]


def test_nothing_is_written_through_a_link(prepare_tunes: Prepare, tmp_path: Path) -> None:
    kept, out = tmp_path / "kept", prepare_tunes(tmp_path / "out")
    kept.write_text("precious")
    written = {path.name: path.read_bytes() for path in out.glob("*.*")}
    info = tmp_path / "info"
    info.write_bytes(written["shards.json"])
    for name in ("train.tokens.npy", "shards.json.new"):
        (out / name).unlink(missing_ok=True)
        (out / name).symlink_to(kept)
    (out / "shards.json").unlink()
    (out / "shards.json").symlink_to(info)
    prepare_tunes(out)
    (out / "shards.json.new").unlink()
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == written
    assert not any(path.is_symlink() for path in out.iterdir())
    assert kept.read_text() == "precious"
    (out / "parts").rename(tmp_path / "parts")
    (out / "parts").symlink_to(tmp_path / "parts")
    with pytest.raises(OutputError, match="parts: a link, which is not written through"):
        prepare_tunes(out)


@pytest.mark.parametrize("kind", ["tokens", "drums", "steps"])
def test_a_missing_corpus_leaves_no_folder(corpora: Path, tmp_path: Path, kind: str) -> None:
    places = (corpora, corpora / "splits.csv", tmp_path / "out")
    wanted = (Corpus("tunes"), Corpus("gone"))
    run: Callable[[], object] = {
        "tokens": lambda: prepare(wanted, MULTITRACK, *places, workers=1),
        "drums": lambda: prepare_drums(wanted, HitsLayout(()), *places),
        "steps": lambda: prepare_steps(wanted, StepsLayout("melody", (2,)), *places, workers=1),
    }[kind]
    with pytest.raises(UnreadableError, match=r"no corpus gone\.zip or gone/ there"):
        run()
    assert not (tmp_path / "out").exists()
