"""A service that does not answer is asked again for a while: nobody should wait for that without a word."""

import logging
import time

from micgate.cli import show

_BRIEF = 0.8
"""Seconds that nobody wonders about."""


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
        self._began: float | None = None
        self._said = False

    def emit(self, record: logging.LogRecord) -> None:
        began = self._began = time.monotonic() if self._began is None else self._began
        if not self._said and time.monotonic() - began >= _BRIEF:
            self._said = True
            show.note(f"{record.getMessage().rstrip('.')}, for up to {self._patience:g} s.")
