"""A folder of files that is whole or not there at all.

It is filled beside its place under another name, and gets its own when all is well.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from musegen.errors import ExistsError, OutputError


def claim(folder: Path) -> None:
    """ExistsError where there is something of that name, OutputError where it cannot be made."""
    if "\0" in str(folder) or not folder.name:
        raise OutputError(f"{folder}: is no name for a folder; choose another")
    if os.path.lexists(folder):
        raise ExistsError(f"{folder}: exists; choose another name, or remove it first")
    nearest = next(p for p in folder.parents if os.path.lexists(p))
    if not os.path.isdir(nearest) or not os.access(nearest, os.W_OK | os.X_OK):
        raise OutputError(f"{folder}: cannot be made, as {nearest} is no folder to write to")


@contextmanager
def published(folder: Path) -> Iterator[Path]:
    """A place to write files to, which is the new folder `folder` afterwards; gone on any error.

    Errors are those of `claim`. A kill may leave the draft, `.musegen-*.part`, behind.
    """
    claim(folder)
    draft = folder.with_name(f".musegen-{secrets.token_hex(6)}.part")
    try:
        try:
            draft.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from None
        yield draft
        claim(folder)  # another program may have been there
        try:
            os.rename(draft, folder)  # which replaces no file, and no folder with files in it
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made: {error.strerror}") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
