"""The package as it is handed out: built, installed in every way, run outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import musegen

ROOT = Path(__file__).parent.parent
TOP_LEVEL = (
    ".ci",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "cli",
    "constraints.txt",
    "examples",
    "models",
    "musegen",
    "pyproject.toml",
    "tests",
)
MAX_WHEEL_BYTES = 95 * 10**6
REFUSED = ("__pycache__", "*.pyc", "*.egg-info")


def run(*command: str | Path, cwd: Path, **variables: str) -> str:
    """The output of a command, which must end well."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_"))}
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**inherited, "PYTHONDONTWRITEBYTECODE": "1", **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, so that building leaves nothing in it."""
    copy = tmp_path_factory.mktemp("packaging") / "source"
    copy.mkdir()
    for name in TOP_LEVEL:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*REFUSED))
        else:
            shutil.copy(ROOT / name, copy / name)
    return copy


@pytest.fixture(scope="module")
def handed_out(source: Path) -> set[str]:
    """Every file of the copy, before anything is built in it."""
    return files_of(source)


@pytest.fixture(scope="module")
def sdist(source: Path, handed_out: set[str]) -> Path:
    assert handed_out
    folder = source.parent / "sdist"
    run(
        sys.executable,
        "-m",
        "build",
        "-n",
        "--sdist",
        "--outdir",
        folder,
        source,
        cwd=folder.parent,
    )
    (archive,) = folder.iterdir()
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path) -> Path:
    """The wheel, built from the sdist alone."""
    folder = sdist.parent.parent / "wheel"
    with tarfile.open(sdist) as archive:
        archive.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    run(sys.executable, "-m", "build", "-n", "--wheel", "--outdir", folder, unpacked, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


def test_the_sdist_holds_the_whole_repository(sdist: Path, handed_out: set[str]) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert handed_out - names == set()


def test_the_wheel_holds_the_package_the_commands_and_the_models(
    wheel: Path, handed_out: set[str]
) -> None:
    moved = {"cli/": "musegen/cli/", "models/": "musegen/_models/", "musegen/": "musegen/"}
    expected = {
        new + name.removeprefix(old)
        for name in handed_out
        for old, new in moved.items()
        if name.startswith(old)
    }
    metadata = f"musegen-{musegen.__version__}.dist-info/"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if not name.startswith(metadata)} == expected
    assert {f"{metadata}licenses/LICENSE", "musegen/py.typed", "musegen/cli/__init__.py"} <= names
    assert any(name.endswith("/config.toml") for name in names)


def test_the_wheel_is_small_and_says_what_it_is(wheel: Path) -> None:
    assert wheel.name == f"musegen-{musegen.__version__}-py3-none-any.whl"
    assert wheel.stat().st_size < MAX_WHEEL_BYTES
    with zipfile.ZipFile(wheel) as archive:
        folder = f"musegen-{musegen.__version__}.dist-info"
        metadata = Parser().parsestr(archive.read(f"{folder}/METADATA").decode())
        entry_points = archive.read(f"{folder}/entry_points.txt").decode().split("\n")
    assert metadata["Name"] == "musegen"
    assert metadata["Version"] == musegen.__version__
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert entry_points[:2] == ["[console_scripts]", "musegen = musegen.__main__:main"]


@pytest.fixture(scope="module", params=["wheel", "sdist", "editable"])
def installed(request: pytest.FixtureRequest, source: Path) -> Path:
    """The programs of a new environment with musegen in it and this one's packages behind it."""
    mode: str = request.param
    home = source.parent / mode / "environment"
    venv.create(home)
    paths = {"base": str(home), "platbase": str(home)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    (site / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    what = ("-e", source) if mode == "editable" else (request.getfixturevalue(mode),)
    programs = Path(sysconfig.get_path("scripts", "venv", paths))
    python = programs / Path(sys.executable).name
    offline = ("--no-deps", "--no-index", "--no-build-isolation", "--ignore-installed")
    run(python, "-m", "pip", "install", "--quiet", *offline, *what, cwd=home)
    return programs


def test_an_installed_musegen_runs_anywhere(installed: Path, tmp_path: Path) -> None:
    python = installed / Path(sys.executable).name
    program = installed / "musegen"
    where = Path(run(python, "-c", "import musegen; print(musegen.__file__)", cwd=tmp_path).strip())
    assert where.is_relative_to(installed.parent.parent.parent)
    assert run(program, "--version", cwd=tmp_path) == f"musegen {musegen.__version__}\n"
    assert "continue" in run(python, "-m", "musegen", "--help", cwd=tmp_path)
    listed = run(program, "models", "list", cwd=tmp_path)
    for recipe in (ROOT / "models").glob("*/config.toml"):
        assert recipe.parent.name in listed
    assert list(tmp_path.iterdir()) == []
