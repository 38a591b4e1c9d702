"""The measures of latent spaces, on spaces made by hand: one that forgets nothing, one of steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from conftest import Musegen
from torch import Tensor

from musegen import evaluate_latent as evaluate
from musegen import models
from musegen.codecs.steps import ONSET, REST, SLOTS, Frame, StepsLayout
from musegen.data import steps
from musegen.data.prepare_steps import prepare_steps
from musegen.data.steps import StepSong, Windows
from musegen.errors import UsageError
from musegen.models import Model
from musegen.sampling import Sampling
from musegen.song import IntArray

MELODY, DRUMS = StepsLayout("melody", (2, 4)), StepsLayout("drums", (2, 4))
LAYOUTS = pytest.mark.parametrize("layout", [MELODY, DRUMS])


def windows_of(layout: StepsLayout, folder: Path) -> Windows:
    """Parts of six bars of 4/4, with something on every beat."""
    songs = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        tokens = np.zeros((24, SLOTS), dtype=np.int64)
        tokens[:, 0] = ONSET + rng.integers(55, 80, 24) if layout.is_melody else 1 + seed
        tokens[:, 2] = REST if layout.is_melody else rng.integers(0, 512, 24)
        songs.append(StepSong(0, tokens, np.full(24, 4), np.repeat(np.arange(6), 4)))
    steps.save(songs, folder / "valid.steps.npz")
    return Windows(folder, "valid", layout, [1])


@dataclass
class Perfect:
    """A model that says again what it was told, or what `decode` makes of it."""

    layout: StepsLayout
    decode: Callable[[Any], IntArray] = lambda point: np.asarray(point.numpy())
    directions: Tensor = field(default_factory=lambda: torch.eye(3))
    recipe: object = None

    def as_model(self, monkeypatch: pytest.MonkeyPatch) -> Model:
        def decoded(network: Any, points: Any, *_: object) -> IntArray:
            return network.decode(points)  # type: ignore[no-any-return]

        monkeypatch.setattr("musegen.latent.encode", lambda _, tokens, *__: torch.tensor(tokens))
        monkeypatch.setattr("musegen.latent.decode", decoded)
        monkeypatch.setattr(evaluate, "steps_layout", lambda _: self.layout)
        return cast(Model, self)

    def network_as(self, _: type) -> Perfect:
        return self

    def logits(self, _: Tensor, ids: Tensor, __: Tensor) -> Tensor:
        return F.one_hot(ids, self.layout.vocabulary + 1)


# What comes back


@LAYOUTS
def test_all_comes_back_of_what_is_not_forgotten(
    layout: StepsLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Perfect(layout).as_model(monkeypatch)
    told: list[tuple[int, int]] = []
    found = evaluate.reconstruction(
        model, windows_of(layout, tmp_path), 4, 5, 1, lambda *done: told.append(done)
    )
    assert found == evaluate.Reconstruction(4, 5, 1, 1, 1, 1)
    assert told == [(n, 5) for n in range(1, 6)]


def test_what_is_lost_is_counted_by_steps_and_by_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(points: Tensor) -> IntArray:
        tokens = points.numpy().copy()
        tokens[::2, 0] = REST  # every other note
        return np.asarray(tokens)

    model = Perfect(MELODY, forgetful).as_model(monkeypatch)
    found = evaluate.reconstruction(model, windows_of(MELODY, tmp_path), 2, 3, 1)
    assert (found.told, found.sampled, found.greedy) == (1, 7 / 8, 7 / 8)
    assert found.notes == pytest.approx(2 * 0.5 / 1.5)  # all it writes, half of what there is


def test_windows_are_picked_by_the_seed(tmp_path: Path) -> None:
    windows = windows_of(MELODY, tmp_path)
    one, again, other = (
        [tokens.tolist() for tokens, _ in evaluate.picked(windows, 4, 6, seed)]
        for seed in (1, 1, 2)
    )
    assert one == again != other
    assert len(evaluate.picked(windows, 4, 99, 1)) == 4 * 3
    with pytest.raises(
        UsageError, match="no windows of 16 bars in this split; the model reads 2, 4"
    ):
        evaluate.picked(windows, 16, 9, 1)


# What lies between


def road(
    layout: StepsLayout,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    decode: Callable[[Any], IntArray],
    judge: Model | None = None,
) -> evaluate.Road:
    """The roads of a decoder that is told both ends and how far it is."""
    model = Perfect(layout, decode).as_model(monkeypatch)
    monkeypatch.setattr("musegen.latent.between", lambda a, b, share: (a, b, share))
    windows = windows_of(layout, folder)
    return evaluate.roads(model, windows, 2, 6, 5, 1, Sampling(), judge)


@LAYOUTS
def test_a_road_that_changes_bit_by_bit_leads_away_and_nearer(
    layout: StepsLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mixed(point: tuple[Tensor, Tensor, float]) -> IntArray:
        a, b, share = point
        first = round(share * len(a))
        return torch.cat((b[:first], a[first:])).numpy()

    found = road(layout, tmp_path, monkeypatch, mixed)
    assert (found.pairs, found.steps) == (6, 5)
    assert found.away == found.nearer > 0.9
    assert found.still == pytest.approx(1 - found.away)
    names = {"ends", "midpoints", "note-wise blends"}
    assert found.in_key.keys() == (names if layout.is_melody else set())
    assert all(0 < share <= 1 for share in found.in_key.values())
    assert found.bits == {}


@LAYOUTS
def test_a_road_with_one_jump_is_still_but_there(
    layout: StepsLayout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = road(layout, tmp_path, monkeypatch, lambda p: p[p[2] > 0.6].numpy())
    assert (found.away, found.nearer, found.still) == (0.25, 0.25, 0.75)


def test_a_judge_says_how_likely_the_notes_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_melody_model: Path
) -> None:
    judge = models.load(str(tiny_melody_model))
    found = road(MELODY, tmp_path, monkeypatch, lambda p: p[p[2] > 0.4].numpy(), judge)
    assert found.bits.keys() == found.in_key.keys()
    assert all(bits > 1 for bits in found.bits.values())
    assert evaluate.bits_per_note(judge, []) == 0


def test_distance_is_of_onsets_and_of_semitones_and_of_hits() -> None:
    one = np.array([62, 0, 1, 72])
    assert evaluate.sounding(one).tolist() == [60, 60, -1, 70]
    assert evaluate.distance(one, one, MELODY) == 0
    # Two semitones at one step; an octave and more; silence; a note struck again.
    for tokens, apart in (
        ([62, 0, 1, 74], 2 / 12 / 2),
        ([62, 0, 1, 100], 1 / 2),
        ([62, 0, 1, 0], 1),
        ([62, 62, 1, 72], 1 / 2),
    ):
        assert evaluate.distance(one, np.array(tokens), MELODY) == pytest.approx(apart / 4)
    assert evaluate.sounding(np.array([0, 0, 62])).tolist() == [-1, -1, 60]
    hits, others = np.array([0b101, 0]), np.array([0b110, 0])
    assert evaluate.distance(hits, others, DRUMS) == pytest.approx(2 / 18)


@LAYOUTS
def test_a_blend_is_one_or_the_other_everywhere(layout: StepsLayout) -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, layout.vocabulary, (2, 32, SLOTS))
    blend = evaluate._blend(a, b, layout, rng)
    assert (blend != a).any()
    assert (blend != b).any()
    if layout.is_melody:
        assert ((blend == a) | (blend == b)).all()
    else:
        assert not ((blend ^ a) & (blend ^ b)).any()


@pytest.mark.parametrize(
    ("slots", "meter"),
    [
        ([4, 4, 4, 4], "4/4"),
        ([4, 4, 4], "3/4"),
        ([4, 6, 4, 6], "4/4"),
        ([6, 6], "6/8"),
        ([6, 6, 6], "9/8"),
        ([4, 4, 4, 2], "7/8"),
        ([6, 3], "9/16"),
    ],
)
@LAYOUTS
def test_a_song_has_the_metre_of_its_beats(
    slots: list[int], meter: str, layout: StepsLayout
) -> None:
    frame = Frame.of_slots(np.array([slots] * 2))
    tokens = np.zeros((len(frame), SLOTS), dtype=np.int64)
    tokens[:, 0] = ONSET + 60 if layout.is_melody else 1
    song = evaluate.as_song(tokens, frame, layout)
    assert [str(m) for m in song.meters] == [meter]
    assert song.length == 2 * song.meters[0].bar_ticks(480)
    assert song.note_count == 2 * len(slots)
    assert song.tracks[0].is_drum != layout.is_melody


# What moves what


def test_an_attribute_that_moves_alone_moves_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(point: Tensor) -> IntArray:
        """Four notes a bar and one pitch; of the first axis more notes, of the third higher."""
        density, _, register = point.tolist()
        tokens = np.zeros((8, SLOTS), dtype=np.int64)
        tokens[: 4 + 2 * int(density), 0] = ONSET + 60 + int(register)
        return tokens

    model = Perfect(MELODY, decode).as_model(monkeypatch)
    monkeypatch.setattr("musegen.latent.encode", lambda *_: torch.zeros(3))
    windows = windows_of(MELODY, tmp_path)
    moves = {m.name: m for m in evaluate.movements(model, windows, 2, 5, 1)}
    assert tuple(moves) == MELODY.attributes
    density, _, register = (moves[name] for name in MELODY.attributes)
    assert (density.moved, register.moved) == (1, 1)
    assert moves["syncopation"].moved == 0
    assert density.before == 0.5
    assert register.before == 60
    assert register.more["register"] == -register.less["register"] > 0
    assert register.more["density"] == density.more["register"] == 0


# On the command line


@pytest.fixture(scope="module")
def make_data(
    corpora: Path, beats: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], Path]:
    def make(model: Path) -> Path:
        recipe = models.read_recipe(model)
        layout = models.steps_layout(recipe)
        folder = corpora if layout.is_melody else beats
        output = tmp_path_factory.mktemp("steps")
        splits = folder / "splits.csv"
        prepare_steps(recipe.corpora, layout, folder, splits, output, workers=1)
        return output

    return make


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_reconstruction_is_a_table(
    musegen: Musegen,
    make_data: Callable[[Path], Path],
    tiny_melody_vae: Path,
    tiny_drums_vae: Path,
) -> None:
    for model in (tiny_melody_vae, tiny_drums_vae):
        words = ("--data", make_data(model), "--windows", "3")
        result = musegen("evaluate", "reconstruction", model, *words)
        assert result.code == 0, result.err
        head, _, *rows = map(cells, result.out.splitlines())
        heads = ["told the steps before", "sampled", "greedy", "F1 of greedy notes"]
        assert head[1:] == heads
        assert rows[0][0] == "2 bars, 3 windows"
        assert rows[1][0] == "MusicVAE, on its own data"
        assert rows[2][0] == "4 bars, 3 windows"
        assert all(0 <= float(share) <= 1 for share in rows[0][1:])


def test_interpolation_is_a_table(
    musegen: Musegen,
    make_data: Callable[[Path], Path],
    tiny_melody_vae: Path,
    tiny_melody_model: Path,
) -> None:
    words = ("--data", make_data(tiny_melody_vae), "--windows", "3", "--steps", "4")
    result = musegen("evaluate", "interpolation", tiny_melody_vae, *words)
    assert result.code == 0, result.err
    head, _, *rows = map(cells, result.out.splitlines())
    assert head[1] == "3 pairs of 4 bars, 4 steps, valid split"
    assert [row[0] for row in rows][:3] == [
        *("distance to A rises", "distance to B falls", "nothing changes"),
    ]
    judged = musegen(
        *("evaluate", "interpolation", tiny_melody_vae, *words, "--judge", tiny_melody_model)
    )
    assert judged.out.count("bits per note, ") == 3


def test_attributes_are_a_table(
    musegen: Musegen,
    make_data: Callable[[Path], Path],
    tiny_melody_vae: Path,
    tiny_drums_vae: Path,
) -> None:
    for model, names in ((tiny_melody_vae, MELODY.attributes), (tiny_drums_vae, DRUMS.attributes)):
        words = ("--data", make_data(model), "--windows", "2", "--bars", "2")
        result = musegen("evaluate", "attributes", model, *words)
        assert result.code == 0, result.err
        head, _, *rows = map(cells, result.out.splitlines())
        assert head[1:] == [*names, "more is more than less"]
        assert [row[0] for row in rows] == [f"{w} {n}" for n in names for w in ("more", "less")]


COMMANDS = pytest.mark.parametrize("command", ["reconstruction", "interpolation", "attributes"])


@COMMANDS
def test_a_model_of_something_else_is_refused(
    musegen: Musegen,
    make_data: Callable[[Path], Path],
    tiny_melody_vae: Path,
    tiny_model: Path,
    command: str,
) -> None:
    data = make_data(tiny_melody_vae)
    result = musegen("evaluate", command, tiny_model, "--data", data)
    assert (result.code, result.out) == (5, "")
    assert "has no latent space; it serves generate, continue" in result.err


@COMMANDS
def test_data_of_another_model_are_refused(
    musegen: Musegen,
    make_data: Callable[[Path], Path],
    tiny_melody_vae: Path,
    tiny_drums_vae: Path,
    command: str,
) -> None:
    data = make_data(tiny_drums_vae)
    result = musegen("evaluate", command, tiny_melody_vae, "--data", data)
    assert (result.code, result.out) == (2, "")
    assert "prepared for another codec" in result.err


@pytest.mark.parametrize("command", ["interpolation", "attributes"])
def test_bars_that_the_model_does_not_read_are_refused(
    musegen: Musegen, make_data: Callable[[Path], Path], tiny_melody_vae: Path, command: str
) -> None:
    words = ("--data", make_data(tiny_melody_vae), "--bars", "3")
    result = musegen("evaluate", command, tiny_melody_vae, *words)
    assert (result.code, result.out) == (2, "")
    assert "error: no windows of 3 bars in this split; the model reads 2, 4" in result.err
