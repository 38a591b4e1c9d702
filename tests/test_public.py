"""The public face is what it says, and imports inside go one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import musegen

ROOT = Path(__file__).parent.parent


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {module_name(p): ast.parse(p.read_bytes()) for p in (ROOT / "musegen").rglob("*.py")}


def statements(node: ast.AST, *, late: bool) -> Iterator[ast.AST]:
    """What lies in a module; unless `late`, only what runs when it is imported."""
    for child in ast.iter_child_nodes(node):
        is_late = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)) or (
            isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        )
        if late or not is_late:
            yield child
            yield from statements(child, late=late)


def imports(module: str, *, late: bool = True) -> set[str]:
    """The modules that a module of musegen imports; `late` adds those inside functions."""
    found = set()
    for node in statements(TREES[module], late=late):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert node.level == 0
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in TREES else node.module for name in full}
    return found


def loaded(module: str) -> set[str]:
    """All that importing a module of musegen imports, through others too."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name in TREES:
            parents = [name.rsplit(".", n)[0] for n in range(1, name.count(".") + 1)]
            waiting += [*imports(name, late=False), *parents]
    return seen


def is_within(module: str, part: str) -> bool:
    return module == part or module.startswith(part + ".")


# The public face


def test_all_is_what_the_table_offers() -> None:
    offered = [name for names in musegen._HOMES.values() for name in names]
    assert len(set(offered)) == len(offered)
    assert sorted(musegen.__all__) == sorted([*offered, "__version__"])
    assert sorted(dir(musegen)) == sorted(musegen.__all__)


def test_type_checkers_see_what_the_table_offers() -> None:
    offered = {
        (f"musegen.{home}", name) for home, names in musegen._HOMES.items() for name in names
    }
    seen = {
        (node.module, alias.name)
        for node in ast.walk(TREES["musegen"])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    assert seen == offered


@pytest.mark.parametrize("name", musegen.__all__)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    thing = getattr(musegen, name)
    if callable(thing):
        assert thing.__doc__
        assert not thing.__doc__.startswith(f"{name}(")  # what a dataclass says of itself
        assert any(is_within(thing.__module__, f"musegen.{home}") for home in musegen._HOMES)


def test_other_names_are_not_there() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        _ = musegen.nonsense


def test_importing_musegen_is_light() -> None:
    code = "import sys, musegen; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"click", "librosa", "matplotlib", "mido", "numpy", "pretty_midi", "torch"}
    assert heavy & set(done.stdout.split()) == set()


# Imports go one way

MAY_IMPORT = {
    "errors": (),
    "song": ("pretty",),
    "time": ("song",),
    "general_midi": (),
    "limits": (),
    "publishing": (),
    "midi": ("general_midi", "limits", "publishing", "song", "time"),
    "codecs": ("clips", "general_midi", "sampling", "song", "time"),
    "networks": (),
    "sampling": (),
    "decoding": ("networks", "sampling"),
}
"""Of musegen: what each part of the ground floor may import beside itself and `errors`."""


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_the_ground_floor_knows_nothing_of_what_stands_on_it(part: str) -> None:
    allowed = [f"musegen.{name}" for name in ("errors", part, *MAY_IMPORT[part])]
    for module in TREES:
        if is_within(module, f"musegen.{part}"):
            own = {name for name in imports(module) if is_within(name, "musegen")}
            assert {n for n in own if not any(is_within(n, a) for a in allowed)} == set(), module


def test_only_the_program_itself_imports_the_command_line() -> None:
    users = {m for m in TREES if any(is_within(name, "musegen.cli") for name in imports(m))}
    assert users == {"musegen.__main__"}
    assert not any(is_within(name, "click") for m in TREES for name in imports(m))


@pytest.mark.parametrize(
    ("library", "users"),
    [
        ("mido", set()),
        ("pretty_midi", {"musegen.pretty", "musegen.song"}),
        ("librosa", {"musegen.audio"}),
    ],
)
def test_a_library_for_files_stays_with_those_who_read_them(library: str, users: set[str]) -> None:
    for module in TREES:
        if any(is_within(name, library) for name in imports(module)):
            assert any(is_within(module, user) for user in users), module


def test_training_loads_nothing_that_reads_midi() -> None:
    assert "torch" in loaded("musegen.train")  # the walk sees what is loaded
    parts = ("musegen.data", "musegen.networks", "musegen.objectives", "musegen.train")
    readers = {"files", "prepare", "prepare_drums", "prepare_steps"}
    for module in set(TREES) - {f"musegen.data.{name}" for name in readers}:
        if any(is_within(module, part) for part in parts):
            assert loaded(module) & {"mido", "pretty_midi", "librosa"} == set(), module


@pytest.mark.parametrize(
    "module",
    [
        "data.prepare",
        "general_midi",
        "midi",
        "models",
        "options",
        "recipe",
        "source",
        "verbs",
        "weights",
    ],
)
def test_what_runs_before_a_model_does_not_load_torch(module: str) -> None:
    assert not any(is_within(name, "torch") for name in loaded(f"musegen.{module}"))
