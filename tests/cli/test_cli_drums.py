"""`groove` and `drumify` from end to end, on tiny models with random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
from conftest import EXAMPLES, FakeDrums, Musegen, beat, scale

from musegen import midi
from musegen.song import Notes, Song, Track
from musegen.time import bar_count
from musegen.verbs import drumming, drums

BEAT = EXAMPLES / "beat.mid"


@pytest.fixture
def models(
    tiny_groove_model: Path, tiny_drummer_model: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, tuple[str, str]]:
    """For each command the words that choose a tiny model."""
    monkeypatch.setattr(drums, "GROOVE_MODEL", str(tiny_groove_model))
    monkeypatch.setattr(drumming, "GROOVE_MODEL", str(tiny_groove_model))
    return {
        "groove": ("--model", str(tiny_groove_model)),
        "drumify": ("--model", str(tiny_drummer_model)),
    }


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


def read(path: str | Path) -> Song:
    reading = midi.read(path)
    assert not reading.repairs
    return reading.song


def hits(song: Song) -> dict[str, list[int]]:
    """The pitches of each drum track."""
    return {t.name: sorted(t.notes.pitch.tolist()) for t in song.tracks if t.is_drum}


# groove


@pytest.mark.parametrize("name", ["band", "beat"])
def test_groove_keeps_every_hit_and_all_else(
    musegen: Musegen, models: dict[str, tuple[str, str]], name: str
) -> None:
    path = EXAMPLES / f"{name}.mid"
    before, source = path.read_bytes(), read(path)
    result = musegen("groove", path, *models["groove"], "-n", "2", "--json")
    assert result.code == 0
    takes = [read(output["path"]) for output in result.json["outputs"]]
    assert [output["bars"] for output in result.json["outputs"]] == [bar_count(source)] * 2
    for take in takes:
        assert hits(take) == hits(source)
        assert [t for t in take.tracks if not t.is_drum] == [
            t for t in source.tracks if not t.is_drum
        ]
        assert (take.tempos, take.meters, take.length) == (
            *(source.tempos, source.meters, source.length),
        )
    assert midi.to_bytes(takes[0]) != midi.to_bytes(takes[1])
    assert path.read_bytes() == before


def test_at_strength_0_the_hits_are_on_the_grid(
    musegen: Musegen, models: dict[str, tuple[str, str]]
) -> None:
    midi.write(beat(3), "played.mid")
    words = ("played.mid", *models["groove"], "-n", "1", "--grid", "16th")
    assert musegen("groove", *words, "--strength", "0").code == 0
    take = read("played_groove_01.mid").tracks[0].notes
    flams = take.velocity == 30
    assert not (take.start[~flams] % 120).any()
    assert sorted(take.velocity) == sorted(beat(3).tracks[0].notes.velocity)


def test_timing_and_velocity_apart(musegen: Musegen, models: dict[str, tuple[str, str]]) -> None:
    for option in ("timing", "velocity"):
        words = (BEAT, *models["groove"], "-n", "1", "--seed", "3", f"--{option}", "0")
        assert musegen("groove", *words, "--name-template", option).code == 0
    loud, early = (read(f"{name}.mid").tracks[0].notes for name in ("timing", "velocity"))
    source = read(BEAT).tracks[0].notes
    assert not np.array_equal(loud.velocity, source.velocity)
    assert not (loud.start % 120).any()
    assert (early.start % 120).any()
    assert sorted(early.velocity) == sorted(source.velocity)


def test_a_performance_lends_its_feel(musegen: Musegen, models: dict[str, tuple[str, str]]) -> None:
    midi.write(beat(5), "take.mid")
    words = (BEAT, *models["groove"], "-n", "1", "--seed", "3", "--temperature", "0")
    result = musegen("groove", *words, "--from", "take.mid", "-o", "lent", "--json")
    assert result.code == 0
    assert "take.mid: 4 bars of 4/4 at 105 bpm" in result.err
    assert result.json["from"]["path"] == "take.mid"
    assert result.json["from"]["notes"] == read("take.mid").note_count
    assert [entry["path"] for entry in result.json["inputs"]] == [str(BEAT)]
    assert musegen("groove", *words, "-o", "own", "--json").json["from"] is None
    assert files("lent").keys() == files("own").keys()
    assert files("lent") != files("own")


def test_a_performance_is_never_replaced(
    musegen: Musegen, models: dict[str, tuple[str, str]]
) -> None:
    midi.write(beat(5), "take.mid")
    before = files(".")
    words = (BEAT, *models["groove"], "-n", "1", "--from", "take.mid", "--name-template", "take")
    result = musegen("groove", *words, "--on-exists", "overwrite")
    assert result.code == 4
    assert "take.mid: is an input, which is never replaced" in result.err
    assert files(".") == before


# drumify


@pytest.mark.parametrize("name", ["melody", "waltz", "jig", "beat"])
def test_drumify_writes_drums_as_long_as_the_input(
    musegen: Musegen, models: dict[str, tuple[str, str]], name: str
) -> None:
    path = EXAMPLES / f"{name}.mid"
    before, source = path.read_bytes(), read(path)
    for extra, length in (((), bar_count(source)), (("--length", "3"), 3)):
        result = musegen("drumify", path, *models["drumify"], *extra, "-n", "1", "--json")
        assert result.code == 0
        (output,) = result.json["outputs"]
        song = read(output["path"])
        assert [track.is_drum for track in song.tracks] == [True]
        assert bar_count(song) == output["bars"] == length
        assert song.note_count == output["notes"] > 0
        assert (song.meters, song.tempos) == (source.meters, source.tempos)
    assert path.read_bytes() == before


def test_with_input_the_song_has_a_drum_track_more(
    musegen: Musegen, models: dict[str, tuple[str, str]], tune_file: Path
) -> None:
    words = ("-n", "1", "--with-input", "--style", "jazz", "--density", "0.5")
    assert musegen("drumify", tune_file, *models["drumify"], *words).code == 0
    keys, made = read("tune_drumify_01.mid").tracks
    assert keys.notes == scale().tracks[0].notes
    assert made.is_drum
    assert len(made.notes)


def test_no_fill_plays_where_the_input_does(
    musegen: Musegen, models: dict[str, tuple[str, str]], tune_file: Path
) -> None:
    words = (*models["drumify"], "-n", "1", "--seed", "1")
    assert musegen("drumify", tune_file, *words, "--no-fill", "-o", "no").code == 0
    assert musegen("drumify", tune_file, *words, "-o", "yes").code == 0
    few, many = (read(f"{f}/tune_drumify_01.mid").tracks[0].notes for f in ("no", "yes"))
    steps = {round(int(tick) / 120) for tick in few.start}
    assert steps <= set(range(0, 64, 8))
    assert len(many) > len(few)


# Both


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_the_same_seed_makes_the_same_files(
    musegen: Musegen, models: dict[str, tuple[str, str]], command: str
) -> None:
    for folder, seed, count in (("a", 11, 2), ("b", 11, 2), ("c", 11, 3), ("d", 12, 2)):
        words = ("--seed", seed, "-n", count, "-o", folder)
        assert musegen(command, BEAT, *models[command], *words).code == 0
    assert files("a") == files("b")
    assert files("a").items() < files("c").items()
    assert not set(files("a").values()) & set(files("d").values())


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_styles_are_the_model_s(
    musegen: Musegen, models: dict[str, tuple[str, str]], command: str, fake_drums: FakeDrums
) -> None:
    for style, answer in (
        ("roc", "Did you mean 'rock'?"),
        ("Funk", "Did you mean 'funk'?"),
        ("polka", "There are: rock, jazz, funk."),
    ):
        # Told once, before any input is read.
        result = musegen(command, BEAT, "gone.mid", *models[command], "--style", style)
        assert (result.code, result.out) == (2, "")
        assert result.err == f"error: no style {style!r}. {answer}\n"
    assert musegen(command, BEAT, *models[command], "--style", "jazz").code == 0
    assert fake_drums.options["style"] == "jazz"


@pytest.mark.parametrize(
    ("command", "model", "serves"),
    [("groove", "drummer-lstm", "drumify"), ("drumify", "melody-lstm", "generate, continue")],
)
def test_a_model_of_another_verb_is_refused_once(
    musegen: Musegen, command: str, model: str, serves: str
) -> None:
    result = musegen(command, BEAT, EXAMPLES / "band.mid", "--model", model)
    assert (result.code, result.out) == (5, "")
    assert result.err == f"error: {model} does not serve {command}; it serves {serves}\n"


def test_without_the_model_that_plays_nothing_is_written(
    musegen: Musegen,
    models: dict[str, tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unmade = tmp_path / "unmade"
    unmade.mkdir()
    recipe = Path(models["groove"][1], "config.toml").read_text()
    (unmade / "config.toml").write_text(recipe)
    monkeypatch.setattr(drums, "GROOVE_MODEL", str(unmade))
    result = musegen("drumify", EXAMPLES, *models["drumify"], "-o", "out")
    assert (result.code, result.out) == (5, "")
    assert result.err.count("has no weights") == result.err.count("\n") == 1
    assert not Path("out").exists()


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_standard_input(musegen: Musegen, models: dict[str, tuple[str, str]], command: str) -> None:
    result = musegen(command, "-", *models[command], "-n", "1", stdin=BEAT.read_bytes())
    assert result.code == 0
    assert "standard input: 4 bars of 4/4" in result.err
    assert Path(f"stdin_{command}_01.mid").exists()


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_a_dry_run_names_what_the_run_writes(
    musegen: Musegen, models: dict[str, tuple[str, str]], command: str
) -> None:
    words = (command, EXAMPLES, *models[command], "-n", "1", "--seed", "7", "-o", "out", "--json")
    named = ("--name-template", "{stem} {bpm} {bars} {n}")
    planned = musegen(*words, *named, "--dry-run")
    assert not Path("out").exists()
    run = musegen(*words, *named)
    assert planned.code == run.code
    assert planned.json["errors"] == run.json["errors"]
    # Files without drums can be drummed to, and not be grooved.
    assert len(run.json["outputs"]) == {"groove": 2, "drumify": 6}[command]
    for field in ("path", "input", "variation", "seed", "bars", "bpm"):
        assert [o[field] for o in planned.json["outputs"]] == [
            o[field] for o in run.json["outputs"]
        ]
    assert "out/beat 96 4 1.mid" in [o["path"] for o in run.json["outputs"]]


def test_temperature_0_says_that_takes_are_alike(
    musegen: Musegen, models: dict[str, tuple[str, str]]
) -> None:
    for command in ("groove", "drumify"):
        result = musegen(command, BEAT, *models[command], "-n", "2", "-t", "0")
        assert result.code == 0
        assert "at temperature 0 all variations are the same" in result.err


# Bad inputs


def song_of(*pitches: int, is_drum: bool) -> bytes:
    rows = [(480 * i, 120, pitch, 90) for i, pitch in enumerate(pitches)]
    return midi.to_bytes(Song((Track(Notes.of(rows), is_drum=is_drum, name="Kit"),), 1920))


@pytest.mark.parametrize(
    ("command", "content", "code", "message"),
    [
        ("groove", None, 3, "no such file"),
        ("groove", b"hello", 3, "not a MIDI file but text"),
        ("groove", midi.to_bytes(Song()), 3, "no notes found"),
        ("groove", song_of(36, 38, is_drum=False), 3, "no track is on channel 10"),
        ("groove", song_of(36, 38, is_drum=False), 3, "name it with --track: 1 Kit"),
        ("groove", song_of(100, 101, is_drum=True), 3, "no drums found: no pitch"),
        ("groove", bytes((16 << 20) + 1), 6, "more than 16 MiB of MIDI"),
        ("drumify", None, 3, "no such file"),
        ("drumify", midi.to_bytes(Song()), 3, "no notes found"),
    ],
)
def test_a_bad_input_is_told_in_one_line_and_nothing_is_written(
    musegen: Musegen,
    models: dict[str, tuple[str, str]],
    command: str,
    content: bytes | None,
    code: int,
    message: str,
) -> None:
    if content is not None:
        Path("bad.mid").write_bytes(content)
    result = musegen(command, "bad.mid", *models[command], "--quiet", "-o", "out")
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith("error: bad.mid: ")
    assert message in result.err
    assert result.err.count("\n") == 1
    assert not Path("out").exists()


def test_drums_on_another_channel_are_named(
    musegen: Musegen, models: dict[str, tuple[str, str]]
) -> None:
    Path("kit.mid").write_bytes(song_of(36, 38, 42, is_drum=False))
    words = (*models["groove"], "-n", "1", "--track", "kit")
    assert musegen("groove", "kit.mid", *words).code == 0
    (track,) = read("kit_groove_01.mid").tracks
    assert (track.is_drum, len(track.notes)) == (False, 3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "take.mid: no such file"),
        (b"hello", "take.mid: not a MIDI file but text"),
        (midi.to_bytes(Song()), "take.mid: no notes found"),
        (song_of(100, 101, is_drum=True), "take.mid: no drums found in the performance"),
    ],
)
def test_a_bad_performance_is_told_once(
    musegen: Musegen, models: dict[str, tuple[str, str]], content: bytes | None, message: str
) -> None:
    if content is not None:
        Path("take.mid").write_bytes(content)
    words = (BEAT, EXAMPLES / "band.mid", "--from", "take.mid", "-q", "-o", "out")
    result = musegen("groove", *words, *models["groove"])
    assert (result.code, result.out) == (3, "")
    assert result.err.startswith(f"error: {message}")
    assert result.err.count("\n") == 1
    assert not Path("out").exists()


def test_the_feel_may_be_piped_in(musegen: Musegen, models: dict[str, tuple[str, str]]) -> None:
    words = (*models["groove"], "-n", "1", "--seed", "3", "--json")
    for folder, source in (("a", EXAMPLES / "beat.mid"), ("b", "-")):
        run = ("groove", EXAMPLES / "band.mid", "--from", source, "-o", folder, *words)
        result = musegen(*run, stdin=BEAT.read_bytes())
        assert result.code == 0, result.err
    assert result.json["from"]["path"] == "standard input"
    assert files("a") == files("b")


def test_standard_input_is_not_both_the_drums_and_the_feel(musegen: Musegen) -> None:
    result = musegen("groove", "-", "--from", "-", stdin=BEAT.read_bytes())
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: standard input is one file; name another for --from\n"


def test_a_dry_run_finds_a_damaged_player(
    musegen: Musegen,
    models: dict[str, tuple[str, str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    player = Path(shutil.copytree(models["groove"][1], tmp_path / "player"))
    (player / "weights.safetensors").write_bytes(b"damaged")
    monkeypatch.setattr(drums, "GROOVE_MODEL", str(player))
    result = musegen("drumify", BEAT, *models["drumify"], "--dry-run")
    assert (result.code, result.out) == (5, "")
    assert "damaged, or not a safetensors file" in result.err


def test_a_folder_is_no_performance(musegen: Musegen) -> None:
    result = musegen("groove", BEAT, "--from", EXAMPLES, "-q")
    assert result.code == 3
    assert result.err == f"error: {EXAMPLES}: is a folder; name one file\n"


def test_drums_cannot_be_longer_than_the_input_that_they_are_written_into(
    musegen: Musegen, models: dict[str, tuple[str, str]]
) -> None:
    words = (BEAT, *models["drumify"], "--with-input", "--length", "5")
    result = musegen("drumify", *words)
    assert (result.code, result.out) == (2, "")
    assert "the input has 4 bars" in result.err


@pytest.mark.parametrize("command", ["groove", "drumify"])
def test_a_batch_goes_on_after_a_bad_file(
    musegen: Musegen, models: dict[str, tuple[str, str]], command: str
) -> None:
    Path("bad.mid").write_bytes(b"hello")
    words = ("bad.mid", "gone.mid", BEAT, *models[command], "-n", "1", "--json")
    result = musegen(command, *words)
    assert result.code == 1
    assert [error["input"] for error in result.json["errors"]] == ["bad.mid", "gone.mid"]
    assert [output["input"] for output in result.json["outputs"]] == [str(BEAT)]


# Chains


def check_rules(path: Path, bars: int) -> None:
    """What every file of ours obeys: read by another library, byte by byte."""
    song = read(path)
    assert bar_count(song) == bars
    file = mido.MidiFile(path)
    assert file.type == 1
    assert {sum(message.time for message in track) for track in file.tracks} == {song.length}
    for track in file.tracks:
        assert track[-1].type == "end_of_track"
        sounding: set[tuple[int, int]] = set()
        for message in track:
            if message.type not in ("note_on", "note_off"):
                continue
            key = (message.channel, message.note)
            if message.type == "note_on" and message.velocity:
                assert key not in sounding
                sounding.add(key)
            else:
                sounding.remove(key)
        assert not sounding
    assert not any(message.type == "note_on" for message in file.tracks[0])


def test_outputs_chain(
    musegen: Musegen, models: dict[str, tuple[str, str]], tiny_model: Path
) -> None:
    """Generated, continued, drummed to, grooved: each command reads what the last one wrote."""
    tokens = ("--model", tiny_model)
    steps: list[tuple[str, tuple[object, ...], int]] = [
        ("generate", (*tokens, "--instruments", "piano,bass", "-l", "4"), 4),
        ("continue", (*tokens, "--include-input", "-l", "2"), 6),
        ("drumify", (*models["drumify"], "--with-input"), 6),
        ("groove", models["groove"], 6),
    ]
    last: tuple[Path, ...] = ()
    for command, words, length in steps:
        named = ("--name-template", command, "-n", "1", "--seed", "2")
        assert musegen(command, *last, *words, *named).code == 0, command
        last = (Path(f"{command}.mid"),)
        check_rules(last[0], length)
    assert hits(read("groove.mid")) == hits(read("drumify.mid"))
    assert [t.name for t in read("groove.mid").tracks][-1] == "Drums"
