"""What a busy machine takes from everybody: to be told apart where a promise is one in seconds."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_TICK = 0.02
_USUAL = 0.005


class Lost:
    """`seconds` for which whoever wanted to run had to wait, as one thread that measures it met them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._measure, daemon=True)
        self._thread.start()

    def _measure(self) -> None:
        while not self._over.is_set():
            began = time.monotonic()
            self._over.wait(_TICK)
            late = time.monotonic() - began - _TICK
            self.seconds += late if late > _USUAL else 0.0

    def close(self) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def lost() -> Iterator[Lost]:
    """What is lost from now on; the figure goes on growing until the block ends."""
    measured = Lost()
    try:
        yield measured
    finally:
        measured.close()
