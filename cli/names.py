"""File names from a template: they sort, say what they are, and stay in their folder."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from string import Formatter

Fields = Mapping[str, str | int]
"""What the fields of a template stand for, `n` aside."""

FIELDS = ("stem", "verb", "n", "bpm", "key", "bars", "seed")
"""`n` counts the takes from 1, `bpm` is whole, `key` is short: "Am", "F#", or "nokey"."""

SUFFIX = ".mid"

MAX_BYTES = 200
"""Of a name without its suffix; file systems take 255 in all."""

MAX_LENGTH = 100
"""Of a template, in characters."""

_FORBIDDEN = '<>:"/\\|?*'
_RESERVED = re.compile(
    r"(con|conin\$|conout\$|prn|aux|nul|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE
)
"""What Windows takes for a device, whatever suffix follows."""


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def _parsed(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    """Literals and fields as `string.Formatter` has them; ValueError where they are none."""
    try:
        return list(Formatter().parse(template))
    except ValueError:
        raise ValueError(
            f"a brace has no fellow in {template!r}; write {{stem}} for a field, {{{{ for a brace"
        ) from None


def checked_template(template: str) -> str:
    """The template without a suffix of its own; ValueError where it cannot name files."""
    if re.search(r"\.midi?$", template, re.IGNORECASE):
        template = template[: template.rindex(".")]
    if not template.strip(" .") or len(template) > MAX_LENGTH:
        raise ValueError(f"a template has 1 to {MAX_LENGTH} characters")
    for literal, name, spec, conversion in _parsed(template):
        if any(c in _FORBIDDEN or not c.isprintable() for c in literal):
            raise ValueError(f"{literal!r} cannot stand in a file name; -o names folders")
        if name is None:
            continue
        if name not in FIELDS:
            near = get_close_matches(name, FIELDS, 1)
            hint = f"Did you mean {{{near[0]}}}?" if near else f"There are {', '.join(FIELDS)}."
            raise ValueError(f"no field {{{name}}}. {hint}")
        numeric = name not in ("stem", "verb", "key")
        if conversion or not re.fullmatch("(0[1-9])?" if numeric else "", spec or ""):
            asked = f"!{conversion}" if conversion else f":{spec}"
            raise ValueError(f"{{{name}{asked}}} is no format; write {{n:02}} for two digits")
    if len(file_name(template, _LONGEST, 10**6).encode()) > MAX_BYTES + len(SUFFIX):
        raise ValueError(f"names would be longer than {MAX_BYTES} bytes; shorten the template")
    return template


class Unknown(str):
    """A field whose value is not known yet: whatever its format, it stands for itself."""

    def __format__(self, spec: str) -> str:
        return str(self)


def fields(
    *, stem: str, verb: str, bpm: float | None, key: str | None, bars: int, seed: int
) -> Fields:
    """What a template's fields stand for; None is not known yet."""
    return {
        "stem": stem,
        "verb": verb,
        "bpm": Unknown("{bpm}") if bpm is None else round(bpm),
        "key": Unknown("{key}") if key is None else short_key(key),
        "bars": bars,
        "seed": seed,
    }


def short_key(key: str) -> str:
    """`A minor` as `Am`, `Eb major` as `Eb`."""
    return key.replace(" minor", "m").replace(" major", "")


_LONGEST: Fields = {
    "stem": "",  # which is cut
    "verb": "interpolate",
    "bpm": 400,
    "key": "nokey",
    "bars": 10**6,
    "seed": 2**53,
}


def file_name(template: str, values: Fields, n: int, suffix: str = SUFFIX) -> str:
    """The name of take `n`; a template without {n} gets it from the second take on.

    Where the name would be too long, the stem is cut.
    """
    numbered = template if n == 1 or "n" in fields_of(template) else template + "_{n:02}"
    stem = str(values["stem"])
    while True:
        name = safe(numbered.format_map({**values, "stem": stem, "n": n}))
        if not stem or len(name.encode()) <= MAX_BYTES:
            return name + suffix
        stem = stem[:-1]


def safe(name: str) -> str:
    """`name` as one every file system takes, that is no option, neither hidden nor a way to another
    folder, and shows all there is of it.
    """
    kept = "".join("_" if c in _FORBIDDEN or not c.isprintable() else c for c in name)
    kept = kept.lstrip(" .-").rstrip(" .")
    return f"_{kept}" if _RESERVED.fullmatch(kept) else kept or "musegen"
