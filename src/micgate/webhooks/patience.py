"""When a delivery that failed is tried again, and when it no longer is. Pure."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

SECONDS = (1.0, 5.0, 15.0, 60.0, 300.0, 600.0)
"""After the first failure, the second, ...; the last one goes on."""
IN_ORDER = 2
"""So often the deliveries behind one that fails wait for it; then it steps aside."""
TRIES = 150
"""About a day."""
LONGEST = 3600.0
_SPREAD = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """`tries`: after so many a delivery is a dead letter."""

    tries: int = TRIES

    def wait(self, tries: int, *, asked: float | None, chance: float) -> float | None:
        """Seconds until the next try after so many; None: a dead letter.

        `asked` is what the receiver wants it to be, at least. `chance` is between 0 and 1: many that failed
        together are not tried together again.
        """
        if tries >= self.tries:
            return None
        usual = SECONDS[min(tries, len(SECONDS)) - 1] * (1 + _SPREAD * (2 * chance - 1))
        return max(usual, min(asked or 0.0, LONGEST))

    def aside(self, tries: int) -> bool:
        """Whether those behind it go on without it."""
        return tries > IN_ORDER


class Later(Exception):
    """The delivery is to be tried again in so many seconds. `aside`: those behind it need not wait for it."""

    def __init__(self, seconds: float, *, aside: bool = False) -> None:
        super().__init__(f"again in {seconds:g} s")
        self.seconds = seconds
        self.aside = aside


def asked(retry_after: str | None, *, now: float) -> float | None:
    """The seconds that a `Retry-After` header asks for (RFC 9110, section 10.2.3)."""
    if retry_after is None:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except ValueError:
        return None
