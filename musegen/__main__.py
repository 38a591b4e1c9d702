"""The command `musegen`, and `python -m musegen`."""

import atexit
import contextlib
import json
import os
import signal
import sys

from musegen import __version__


def main() -> int:
    """Run this process's command line; returns the exit code."""
    try:
        from musegen.cli import main as run  # which takes a while, in which Ctrl-C may come

        code: int = run()
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code = 130
        with contextlib.suppress(OSError):
            interrupted()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is told; Python has yet to end
    if "torch" in sys.modules:
        leave(code)
    return code


def leave(code: int) -> None:
    """End the process here: torch takes a third of a second to take itself apart.

    Returns where the streams cannot be flushed, for Python to tell in its own way.
    """
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return
    os._exit(code)


def interrupted() -> None:
    """Tell it by hand, as `report.schema.json` has it: what would, may not have been imported."""
    print("error: interrupted", file=sys.stderr)
    if "--json" in sys.argv:
        empty: dict[str, list[object]] = {"inputs": [], "outputs": [], "warnings": []}
        run = {"schema_version": 1, "version": __version__, "command": "", "dry_run": False}
        error = {"input": None, "code": 130, "message": "interrupted"}
        print(json.dumps({**run, **empty, "errors": [error]}, indent=2))


if __name__ == "__main__":
    sys.exit(main())
