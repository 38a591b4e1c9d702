"""The command `musegen`, and `python -m musegen`."""

import signal
import sys


def main() -> int:
    """Run this process's command line; returns the exit code."""
    try:
        from musegen.cli import main as run  # which takes a while, in which Ctrl-C may come

        code: int = run()
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        code = 130
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is told; Python has yet to end
    return code


if __name__ == "__main__":
    sys.exit(main())
