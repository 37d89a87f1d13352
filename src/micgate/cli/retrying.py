"""A service that does not answer is asked again for a while: nobody should wait for that without a word."""

import logging

from micgate.cli import show

_BRIEF = 2
"""Tries that are over in a moment: less than a second."""


def tell(*, patience: float) -> None:
    """Say so on stderr, once, when it takes longer than a moment."""
    log = logging.getLogger("micgate.client")
    log.addHandler(_Told(patience))
    log.setLevel(logging.INFO)
    log.propagate = False


class _Told(logging.Handler):
    def __init__(self, patience: float) -> None:
        super().__init__()
        self._patience = patience
        self._tries = 0

    def emit(self, record: logging.LogRecord) -> None:
        self._tries += 1
        if self._tries == _BRIEF + 1:
            show.note(f"{record.getMessage().rstrip('.')}, for up to {self._patience:g} s.")
