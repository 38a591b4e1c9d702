"""Bytes -> a file that is whole or not there at all.

They are written beside their place as a draft, forced to the disk and read back, and only then
given their name: neither an interruption, a full disk nor a kill leaves half a file under it. What
the bytes mean is not known here.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from musegen.errors import ExistsError, OutputError


def publish(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Make `data` the file at `path`, with the permissions of any new file.

    A link at `path` counts as a file: it is never followed, and `overwrite` replaces the link
    itself. ExistsError where `path` exists, unless `overwrite`; OutputError where it cannot be
    written. A kill may leave the draft, `.musegen-*.part`, behind.
    """
    if not path.name:
        raise OutputError(f"{path}: is not a file name; give one")
    draft = path.with_name(f".musegen-{secrets.token_hex(6)}.part")
    try:
        _write(draft, data, path)
        if overwrite:
            os.replace(draft, path)
        else:
            _name(draft, path)
        _sync_folder(path.parent)
    except FileExistsError:
        raise ExistsError(f"{path}: exists; choose another name, or overwrite it") from None
    except FileNotFoundError:
        raise OutputError(f"{path}: no such directory; make it first") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise OutputError(f"{path}: cannot be written: {reason}") from None
    finally:
        with contextlib.suppress(OSError, ValueError):
            draft.unlink()


def _write(draft: Path, data: bytes, path: Path) -> None:
    """Write a new file, force it to the disk and read it back."""
    with open(draft, "x+b") as file:  # "x" refuses links too
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        if file.read() != data:
            raise OutputError(f"{path}: the disk gave back other bytes; choose another disk")


def _name(draft: Path, path: Path) -> None:
    """Give the draft its name. FileExistsError where that is taken, even a moment ago."""
    if os.name == "nt":
        os.rename(draft, path)  # which replaces nothing there
        return
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _name_without_links(draft, path)


def _name_without_links(draft: Path, path: Path) -> None:
    """Hold the name with an empty file, all that a kill between the two steps leaves there."""
    try:
        open(path, "xb").close()
        os.replace(draft, path)
    except FileExistsError:
        raise
    except BaseException:
        with contextlib.suppress(OSError, ValueError):
            if not path.lstat().st_size:
                path.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Force the new name to the disk, where the platform lets a folder be opened."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
