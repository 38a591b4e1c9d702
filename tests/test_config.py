from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from musegen import config, models, recipe
from musegen.errors import UsageError


@dataclass(frozen=True)
class Inner:
    size: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outer:
    inner: Inner
    rate: float = 0.5
    label: str | None = None
    kind: Literal["plain", "fancy"] = "plain"


def load(tmp_path: Path, text: str) -> Outer:
    path = tmp_path / "x.toml"
    path.write_text(text)
    return config.load(Outer, path)


def test_tables_become_dataclasses(tmp_path: Path) -> None:
    text = 'rate = 2\nlabel = "a"\nkind = "fancy"\n[inner]\nsize = 3\nnames = ["b", "c"]'
    assert load(tmp_path, text) == Outer(Inner(3, ("b", "c")), 2.0, "a", "fancy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[inner]\nsize = 'x'", "inner: size should be int, and is 'x'"),
        ("[inner]\nsize = true", "inner: size should be int"),
        ("[inner]\n", "'size' is missing"),
        ("[inner]\nsize = 1\nsice = 2", "unknown key 'sice'; known: size, names"),
        ("[inner]\nsize = 1\nnames = [1]", r"names\[0\] should be str"),
        ("kind = 'odd'\n[inner]\nsize = 1", "kind should be 'plain' or 'fancy', and is 'odd'"),
        ("kind = 1\n[inner]\nsize = 1", "kind should be 'plain' or 'fancy', and is 1"),
        ("inner = [", "not valid TOML"),
        ("inner = " + 50_000 * "[", "not valid TOML"),
        ("rate = " + 5_000 * "9", "not valid TOML"),
        (30_000 * "a." + "a = 1", "more than 256 dots in a line"),
        (70_000 * "#", "more than 65,536 bytes"),
        (
            f"label = {90 * '['}{90 * ']'}\n[inner]\nsize = 1",
            r"label should be str, and is \[\[.*\.\.\.",
        ),
    ],
)
def test_errors_name_the_file_and_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        load(tmp_path, text)
    assert "x.toml" in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.toml: cannot be read"):
        config.load(Outer, tmp_path / "gone.toml")


@pytest.mark.parametrize("name", models.names())
def test_the_shelf_s_recipes_can_be_read(name: str) -> None:
    loaded = recipe.load(models.shelf() / name / models.CONFIG)
    assert loaded.name == name
    assert models.build_network(loaded)


# Back to TOML


@pytest.mark.parametrize("name", models.names())
def test_what_is_written_of_a_recipe_says_the_same(tmp_path: Path, name: str) -> None:
    told = config.read(models.shelf() / name / models.CONFIG)
    (tmp_path / "x.toml").write_text(config.written(told))
    assert config.read(tmp_path / "x.toml") == told
    filled = recipe.load(tmp_path / "x.toml")
    again = config.table(filled)
    again["codec"] = {"kind": told["codec"].get("kind", "bars")} | again["codec"]
    (tmp_path / "x.toml").write_text(config.written(again))
    assert recipe.load(tmp_path / "x.toml") == filled


def test_every_kind_of_value_comes_back(tmp_path: Path) -> None:
    text = 'a"b\\\n\t\x1b\x7f\u2028\N{MUSIC SHARP SIGN}'
    inner = {"size": 1, text: text, "a.b": [1, [2.5, -1e-9]], "none": [], "": {"x": {}}}
    table = {"inner": inner, "flag": True, "rows": [{"a": 1, "in": {"b": 2}}, {"in": {}}]}
    table["mixed"] = [{"a": text}, 1]
    (tmp_path / "x.toml").write_text(config.written(table), encoding="utf-8", newline="")
    assert config.read(tmp_path / "x.toml") == table
