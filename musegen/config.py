"""TOML to frozen dataclasses, and back to plain dicts; every error names the file and the key."""

from __future__ import annotations

import dataclasses
import json
import re
import reprlib
import tomllib
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from musegen.errors import UsageError

T = TypeVar("T")

MAX_BYTES = 1 << 16
MAX_DOTS = 256
"""In a line. A key of 16,000 dotted parts takes tomllib four seconds and a gigabyte."""


def load(cls: type[T], path: Path) -> T:
    """The dataclass `cls` filled from a TOML file."""
    return build(cls, read(path), str(path))


def read(path: Path) -> dict[str, Any]:
    """The tables of a TOML file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise UsageError(f"{path}: more than {MAX_BYTES:,} bytes; is it the right file?")
    if any(line.count(b".") > MAX_DOTS for line in data.split(b"\n")):
        raise UsageError(f"{path}: more than {MAX_DOTS} dots in a line; is it the right file?")
    try:
        return tomllib.loads(data.decode("utf-8"))
    except RecursionError:
        raise UsageError(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from None


def build(cls: type[T], table: dict[str, Any], where: str) -> T:
    """The dataclass `cls` filled from a dict of its fields, strictly."""
    assert dataclasses.is_dataclass(cls)
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    for key in table:
        if key not in fields:
            known = ", ".join(fields)
            raise UsageError(f"{where}: unknown key {reprlib.repr(key)}; known: {known}")
    missing = [
        name
        for name, f in fields.items()
        if name not in table
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UsageError(f"{where}: {missing[0]!r} is missing")
    values = {key: _value(hints[key], value, f"{where}: {key}") for key, value in table.items()}
    try:
        return cls(**values)
    except (UsageError, ValueError, ZeroDivisionError) as error:
        raise UsageError(f"{where}: {error}") from None


def _value(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if type(value) in (hint, *arguments) and dataclasses.is_dataclass(value):
        return value  # built before, where it is one of several
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return build(typing.cast(type[Any], hint), value, where)
    if origin in (types.UnionType, typing.Union):
        return _value(next(a for a in arguments if a is not type(None)), value, where)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(arguments[0], v, f"{where}[{i}]") for i, v in enumerate(value))
    if origin is dict and isinstance(value, dict):
        return {k: _value(arguments[1], v, f"{where}.{k}") for k, v in value.items()}
    if origin is typing.Literal:
        if value in arguments:
            return value
        known = " or ".join(map(repr, arguments))
        raise UsageError(f"{where} should be {known}, and is {reprlib.repr(value)}")
    if hint is float and type(value) is int:
        return float(value)
    if hint is Any or (isinstance(hint, type) and type(value) is hint):
        return value
    expected = getattr(hint, "__name__", str(hint))
    raise UsageError(f"{where} should be {expected}, and is {reprlib.repr(value)}")


# Back to TOML


def table(filled: Any) -> dict[str, Any]:
    """What a dataclass was filled from, as `read` would give it; what is None is left out."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items() if inner is not None}
        return [plain(inner) for inner in value] if isinstance(value, (list, tuple)) else value

    return dict(plain(dataclasses.asdict(filled)))


def written(table: dict[str, Any]) -> str:
    """The TOML text of what `read` gives; comments are lost."""
    return "".join(f"{line}\n" for line in _lines(table, ())).lstrip("\n")


def _lines(table: dict[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """A table's values, then the tables in it."""

    def is_array(value: Any) -> bool:
        return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)

    inner = {k: v for k, v in table.items() if isinstance(v, dict) or is_array(v)}
    for key, value in table.items():
        if key not in inner:
            yield f"{_key(key)} = {_text(value)}"
    for key, value in inner.items():
        place = (*path, _key(key))
        name = ".".join(place)
        for each in value if isinstance(value, list) else [value]:
            yield ""
            yield f"[[{name}]]" if isinstance(value, list) else f"[{name}]"
            yield from _lines(each, place)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _text(key)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(k)} = {_text(v)}' for k, v in value.items())}}}"
    return str(value)
