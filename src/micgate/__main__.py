"""The `micgate` command; `python -m micgate` is the same."""

import os
import sys

from micgate.cli import signals


def main() -> None:
    """Heeds signals before anything slow is loaded: Ctrl-C shows no traceback even then."""
    signals.heed()
    _open_closed_streams()
    from micgate.cli.main import main as command  # noqa: PLC0415 -- see above

    command()


def _open_closed_streams() -> None:
    """Neither a socket nor None may stand where the caller closed a stream (`<&-`)."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass
    os.close(descriptor)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(_STDERR, "w", closefd=False)


_STDERR = 2

if __name__ == "__main__":
    main()
