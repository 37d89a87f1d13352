"""Chance for everything that no step of a story decides, in streams that begin anew every few seconds.

So what is left out of a story changes nothing that comes long after: without that, stories hardly shrink.
"""

import random

AFRESH = 5.0
"""Seconds."""


class Chance:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: list[random.Random] = []
        self._turned = -1

    def stream(self) -> random.Random:
        """One for each purpose; they are told apart by the order in which they are asked for."""
        return self.keep(random.Random())

    def keep(self, stream: random.Random) -> random.Random:
        """Somebody else's stream, from now on."""
        self._streams.append(stream)
        self._begin(len(self._streams) - 1)
        return stream

    def turn(self, now: float) -> None:
        turned = int(now // AFRESH)
        if turned != self._turned:
            self._turned = turned
            for number in range(len(self._streams)):
                self._begin(number)

    def _begin(self, number: int) -> None:
        self._streams[number].seed(f"{self._seed}:{number}:{self._turned}")
