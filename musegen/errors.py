"""Every error that musegen raises on purpose.

    MusegenError
    ├── UsageError           a request that makes no sense as it was put       exit 2
    ├── UnreadableError      an input that cannot be read, or holds no music   exit 3
    ├── OutputError          an output that cannot or may not be written       exit 4
    │   └── ExistsError      ... because there is a file of that name
    ├── ModelError           a model that is missing, damaged or unfit         exit 5
    └── LimitError           a limit that the input or the request exceeds     exit 6

A message is one line: what is wrong, where, and what to do about it.
"""

from __future__ import annotations


class MusegenError(Exception):
    """The root; `exit_code` is what the command line ends with."""

    exit_code = 1


class UsageError(MusegenError):
    """A request that makes no sense as it was put."""

    exit_code = 2


class UnreadableError(MusegenError):
    """An input that cannot be read, or holds no music."""

    exit_code = 3


class OutputError(MusegenError):
    """An output that cannot or may not be written."""

    exit_code = 4


class ExistsError(OutputError):
    """An output whose name is taken."""


class ModelError(MusegenError):
    """A model that is missing, damaged or unfit."""

    exit_code = 5


class LimitError(MusegenError):
    """A limit that the input or the request exceeds."""

    exit_code = 6
