"""Tiny models with random weights, a small corpus, and the program run in this process."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from musegen.cli import main
from tiny_recipes import (
    ASKING,
    DRUM_RECIPE,
    LSTM,
    RECIPE,
    STYLE_PATTERN,
    TRANSFORMER,
    VAE_RECIPE,
)

from musegen import midi, verbs
from musegen.song import Key, Meter, Notes, Song, Tempo, Track
from musegen.time import bar_count

# Networks this small are fastest on one thread, and two fight over a busy machine. Read by torch.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A shell's background job ignores interrupts, and so would the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def write_model(folder: Path, recipe: str) -> Path:
    """A model folder with random weights."""
    import torch

    from musegen import models, weights

    folder.mkdir()
    (folder / models.CONFIG).write_text(recipe)
    torch.manual_seed(7)
    weights.save_weights(models.build_network(models.read_recipe(folder)), folder / weights.WEIGHTS)
    return folder


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(name: str, kind: str, shape: str, max_tracks: int) -> Path:
        recipe = RECIPE.format(name=name, kind=kind, shape=shape, max_tracks=max_tracks)
        return write_model(tmp_path_factory.mktemp("models") / name, recipe)

    return make


@pytest.fixture(scope="session")
def tiny_model(make_model: Callable[..., Path]) -> Path:
    """A multi-track Transformer."""
    return make_model("tiny-transformer", "transformer", TRANSFORMER, 16)


@pytest.fixture(scope="session")
def tiny_controlled_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A multi-track Transformer that can be told what to write, and fills gaps."""
    registers = '[["meter"], ["bar", "slot"], ["bar", "slot", "position"]]'
    tracks = '[["instrument"], ["density"], ["pitch", "drum"]]'
    recipe = RECIPE.format(
        name="tiny-controlled",
        kind="transformer",
        shape=f"{TRANSFORMER}\nregisters = {registers}\ntracks = {tracks}\nclock = true",
        max_tracks=16,
    )
    for before, after in (
        ('"continue"]', '"continue", "infill"]'),
        ("velocity_bins = 8", "velocity_bins = 8\ncontrols = true"),
        ("validation_rows = 2", f"validation_rows = 2{ASKING}"),
    ):
        recipe = recipe.replace(before, after)
    return write_model(tmp_path_factory.mktemp("models") / "tiny-controlled", recipe)


@pytest.fixture(scope="session")
def tiny_melody_model(make_model: Callable[..., Path]) -> Path:
    """A one-voice LSTM."""
    return make_model("tiny-lstm", "lstm", LSTM, 0)


@pytest.fixture(scope="session")
def make_drum_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(name: str, kind: str, verb: str) -> Path:
        recipe = DRUM_RECIPE.format(name=name, kind=kind, verb=verb, pattern=STYLE_PATTERN)
        return write_model(tmp_path_factory.mktemp("models") / name, recipe)

    return make


@pytest.fixture(scope="session")
def tiny_groove_model(make_drum_model: Callable[..., Path]) -> Path:
    """Plays the hits of a drum part, in rock, jazz or funk."""
    return make_drum_model("tiny-groove", "groove-vae", "groove")


@pytest.fixture(scope="session")
def tiny_drummer_model(make_drum_model: Callable[..., Path]) -> Path:
    """Chooses the hits of a drum part, in rock, jazz or funk."""
    return make_drum_model("tiny-drummer", "drummer", "drumify")


@pytest.fixture(scope="session")
def make_vae(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(name: str, part: str, bars: tuple[int, ...], corpus: str, **shape: bool) -> Path:
        import torch

        from musegen import models, weights

        hierarchical = str(shape.get("hierarchical", False)).lower()
        recipe = VAE_RECIPE.format(
            name=name, part=part, bars=list(bars), corpus=corpus, hierarchical=hierarchical
        )
        folder = write_model(tmp_path_factory.mktemp("models") / name, recipe)
        network = models.build_network(models.read_recipe(folder))
        for weight in network.parameters():  # so that every point of the space sounds otherwise
            weight.data.add_(torch.randn_like(weight), alpha=0.3)
        network.get_buffer("directions").normal_()
        weights.save_weights(network, folder / weights.WEIGHTS)
        return folder

    return make


@pytest.fixture(scope="session")
def tiny_melody_vae(make_vae: Callable[..., Path]) -> Path:
    """A latent space of melodies, called as the one on the shelf."""
    return make_vae("melody-vae", "melody", (2, 4), "tunes")


@pytest.fixture(scope="session")
def tiny_long_vae(make_vae: Callable[..., Path]) -> Path:
    """A latent space of melodies of up to 16 bars, called as the one on the shelf."""
    return make_vae("melody-vae-16", "melody", (2, 4, 8, 16), "tunes", hierarchical=True)


@pytest.fixture(scope="session")
def tiny_drums_vae(make_vae: Callable[..., Path]) -> Path:
    """A latent space of drums, called as the one on the shelf."""
    return make_vae("drums-vae", "drums", (2, 4), "beats")


@pytest.fixture(scope="session")
def tiny_shelf(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_melody_vae: Path,
    tiny_long_vae: Path,
    tiny_drums_vae: Path,
) -> Path:
    """A shelf with the tiny latent spaces; the other models on it are those that ship."""
    from musegen import models

    folder = tmp_path_factory.mktemp("shelf")
    shipped = [models.shelf() / name for name in models.names()]
    for model in (tiny_melody_vae, tiny_long_vae, tiny_drums_vae, *shipped):
        if not (folder / model.name).exists():
            (folder / model.name).symlink_to(model, target_is_directory=True)
    return folder


def tune(seed: int, bars: int = 12, meter: tuple[int, int] = (4, 4)) -> Song:
    """Quarters on a random walk over a scale, with a drone below and a beat."""
    rng = np.random.default_rng(seed)
    scale = np.array([60, 62, 64, 65, 67, 69, 71, 72])
    bar = Meter(0, *meter).bar_ticks(480)
    starts = np.arange(0, bars * bar, 480)
    walk = np.clip(np.cumsum(rng.integers(-1, 2, len(starts))) + 3, 0, 7)
    lead = Notes(starts, np.full_like(starts, 480), scale[walk], np.full_like(starts, 80))
    drone = Notes.of([(b * bar, bar, 48, 70) for b in range(bars)])
    beat = Notes.of([(s, 60, 36, 100) for s in starts.tolist()])
    tracks = (
        Track(lead, 40, name="Lead"),
        Track(drone, 32, name="Bass"),
        Track(beat, is_drum=True),
    )
    return Song(tracks, bars * bar, meters=(Meter(0, *meter),))


@pytest.fixture(scope="session")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tunes.zip` and `splits.csv`: 12 good files, one too short, one that is no MIDI file."""
    folder = tmp_path_factory.mktemp("corpora")
    rows = ["corpus,file,split"]
    with zipfile.ZipFile(folder / "tunes.zip", "w") as archive:
        for i in range(12):
            song = tune(i, meter=((4, 4), (3, 4))[i % 2])
            archive.writestr(f"a/{i}.mid", midi.to_bytes(song))
            rows.append(f"tunes,a/{i}.mid,{('train', 'valid', 'test')[max(i - 9, 0)]}")
        archive.writestr("short.mid", midi.to_bytes(tune(99, bars=2)))
        archive.writestr("broken.mid", b"not music")
    rows += ["tunes,short.mid,train", "tunes,broken.mid,train", "tunes,gone.mid,train"]
    (folder / "splits.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="session")
def prepare_tunes(corpora: Path) -> Callable[..., Path]:
    """Shards of the small corpus in a folder."""
    from musegen.codecs import CODECS
    from musegen.data.corpora import Corpus
    from musegen.data.prepare import prepare

    def run(output: Path, corpus: Corpus | None = None, kind: str = "multitrack") -> Path:
        wanted = (corpus or Corpus("tunes", style="folk"),)
        prepare(wanted, CODECS[kind], corpora, corpora / "splits.csv", output, workers=1)
        return output

    return run


@pytest.fixture(scope="session")
def long_tunes(tmp_path_factory: pytest.TempPathFactory, tiny_controlled_model: Path) -> Path:
    """Shards of pieces of 20 bars, for the model that fills gaps."""
    from musegen import models
    from musegen.data.prepare import prepare

    folder = tmp_path_factory.mktemp("long_tunes")
    rows = ["corpus,file,split"]
    with zipfile.ZipFile(folder / "tunes.zip", "w") as archive:
        for i, split in enumerate(("train", "train", "valid", "valid", "test")):
            archive.writestr(f"{i}.mid", midi.to_bytes(tune(i, bars=20)))
            rows.append(f"tunes,{i}.mid,{split}")
    (folder / "splits.csv").write_text("\n".join(rows))
    recipe = models.read_recipe(tiny_controlled_model)
    codec = models.bar_codec(recipe).layout
    prepare(recipe.corpora, codec, folder, folder / "splits.csv", folder / "data", workers=1)
    return folder / "data"


def beat(
    seed: int, bars: int = 4, meter: tuple[int, int] = (4, 4), swing: bool = False, clock: int = 480
) -> Song:
    """Kick, snare and hi-hat in eighths, played: loud and soft, early and late, with a flam."""
    rng = np.random.default_rng(seed)
    eighth, bar = clock // 2, Meter(0, *meter).bar_ticks(clock)
    rows = []
    for i, tick in enumerate(range(0, bars * bar, eighth)):
        eighths = tick % bar // eighth
        at = tick + swing * (eighths % 2) * (clock // 6)
        for pitch in (42 + 4 * (rng.random() < 0.1), *((36,), (), (38,), ())[eighths % 4]):
            early = int(rng.normal(0, clock / 60))
            rows.append((max(at + early, 0), clock // 8, pitch, int(rng.integers(40, 127))))
        if i % 8 == 6:
            rows.append((at - clock // 16, clock // 8, 38, 30))
    kit = Track(Notes.of(rows).without_overlaps(), 0, is_drum=True, name="Kit", channel=9)
    return Song((kit,), bars * bar, clock, (Tempo.from_bpm(100 + seed),), (Meter(0, *meter),))


@pytest.fixture(scope="session")
def beats(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`beats.zip` and `splits.csv`: 8 drummers' files, one of a style that no model knows; one
    without drums, one that is no MIDI file, and one that is missing.
    """
    folder = tmp_path_factory.mktemp("beats")
    styles = ("rock", "jazz", "funk", "polka", "rock", "jazz", "rock", "jazz")
    splits = ("train",) * 5 + ("valid",) * 2 + ("test",)
    rows = ["corpus,file,split"]
    with zipfile.ZipFile(folder / "beats.zip", "w") as archive:
        for i, (style, split) in enumerate(zip(styles, splits, strict=True)):
            song = beat(i, 4 + i % 3, ((4, 4), (3, 4))[i % 2], swing=style == "jazz")
            name = f"drummer1/{i}_{style}_{100 + i}.mid"
            archive.writestr(name, midi.to_bytes(song))
            rows.append(f"beats,{name},{split}")
        melody = Song((Track(Notes.of([(0, 480, 60, 80)])),), 1920)
        archive.writestr("drummer1/8_rock_100.mid", midi.to_bytes(melody))
        archive.writestr("drummer1/9_rock_100.mid", b"not music")
    rows += [f"beats,drummer1/{i}_rock_100.mid,train" for i in (8, 9, 10)]
    (folder / "splits.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="session")
def prepare_beats(beats: Path, tiny_groove_model: Path) -> Callable[[Path], Path]:
    """Tables of the drummers' hits in a folder, for both of the tiny drum models."""
    from musegen import models
    from musegen.data.prepare_drums import prepare_drums

    recipe = models.read_recipe(tiny_groove_model)
    layout = models.hits_layout(recipe)

    def run(output: Path) -> Path:
        prepare_drums(recipe.corpora, layout, beats, beats / "splits.csv", output)
        return output

    return run


# The command line

EXAMPLES = Path(__file__).parent.parent / "examples" / "midi"


@dataclass(frozen=True)
class Result:
    """How a run ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Stdin(io.TextIOWrapper):
    """Standard input with `data` piped in, or a keyboard that nobody uses."""

    def __init__(self, data: bytes | None) -> None:
        super().__init__(io.BytesIO(data or b""))
        self.is_keyboard = data is None

    def isatty(self) -> bool:
        return self.is_keyboard


Musegen = Callable[..., Result]


@pytest.fixture
def musegen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Musegen:
    """Run `musegen` with these words, in an empty folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)

    def run(*words: object, stdin: bytes | None = None) -> Result:
        monkeypatch.setattr(sys, "stdin", Stdin(stdin))
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return run


def scale(bars: int = 4, pitch: int = 60) -> Song:
    """Half notes that go up by a tone each."""
    rows = [(960 * i, 960, pitch + 2 * i, 80) for i in range(2 * bars)]
    track = Track(Notes.of(rows), program=4, name="Keys")
    return Song((track,), 1920 * bars, tempos=(Tempo.from_bpm(96),), key=Key(0))


@pytest.fixture
def tune_file(tmp_path: Path) -> Path:
    """A file of four bars in the folder where the program runs."""
    return midi.write(scale(), tmp_path / "tune.mid")


@dataclass
class Fake:
    """A verb that writes the same songs whatever it is given, and remembers what that was."""

    options: dict[str, Any]
    songs: list[Any]
    remarks: tuple[str, ...] = ("the last 3 of 4 bars are the context",)
    error: BaseException | None = None

    def __call__(self, *songs: Any, **options: Any) -> verbs.Takes:
        self.songs += songs
        self.options = options
        if self.error is not None and len(self.songs) > 1:
            raise self.error
        wanted = options["variations"]
        numbers = range(wanted) if isinstance(wanted, int) else wanted
        if (progress := options["progress"]) is not None:
            progress(3, options["length"] * len(numbers))
        takes = {k: scale(options["length"], 60 + k) for k in numbers}
        if (each := options.get("each")) is not None:
            for k, song in takes.items():
                each(k, verbs.Takes("fake", (song,), options["seed"], "fake"))
            takes = {}
        return verbs.Takes("fake", tuple(takes.values()), options["seed"], "fake", self.remarks)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Takes the place of both verbs."""
    verb = Fake({}, [])
    monkeypatch.setattr(verbs, "generate", verb)
    monkeypatch.setattr(verbs, "continue_", verb)
    return verb


class FakeDrums(Fake):
    """A fake verb whose takes are as long as its input where no length is asked for."""

    def __call__(self, *songs: Any, **options: Any) -> verbs.Takes:
        length = options.get("length") or bar_count(songs[0])
        takes = super().__call__(*songs, **{**options, "length": length})
        self.options = options
        return takes


@pytest.fixture
def fake_drums(monkeypatch: pytest.MonkeyPatch) -> FakeDrums:
    """Takes the place of both verbs."""
    verb = FakeDrums({}, [])
    monkeypatch.setattr(verbs, "groove", verb)
    monkeypatch.setattr(verbs, "drumify", verb)
    return verb


@pytest.fixture
def own_player(tiny_groove_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `drumify` writes is played by the tiny model, not by the one on the shelf."""
    monkeypatch.setattr("musegen.verbs.drumming.GROOVE_MODEL", str(tiny_groove_model))


@pytest.fixture
def player(tiny_groove_model: Path) -> str:
    return str(tiny_groove_model)


@pytest.fixture
def drummer(tiny_drummer_model: Path) -> str:
    return str(tiny_drummer_model)


@pytest.fixture
def own_shelf(tiny_shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Models that are named, or named by nobody, are those of the tiny shelf."""
    monkeypatch.setattr("musegen.models.shelf", lambda: tiny_shelf)
