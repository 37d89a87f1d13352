"""What goes wrong now: spells of trouble, each with an end, a share of what it meets, perhaps one victim."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Trouble(StrEnum):
    """Requests: `slow` arrives seconds later, `lost` never arrives and is never answered, `hangs` is done and
    never answered, `cut_before` and `cut_after` break around the doing, `forgotten` is answered 202 and not
    done, `half_done` is done and answered 503. The store: `silent` commits and never says so, `busy` gives up
    and says so.
    """

    UNREACHABLE = "unreachable"
    CUT_BEFORE = "cut_before"
    CUT_AFTER = "cut_after"
    SLOW = "slow"
    LOST = "lost"
    HANGS = "hangs"
    FORGOTTEN = "forgotten"
    FAILED = "failed"
    HALF_DONE = "half_done"
    GATEWAY = "gateway"
    LIMITED = "limited"
    REVOKED = "revoked"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"

    EVENT_LOST = "event_lost"
    EVENT_LATE = "event_late"
    EVENT_TWICE = "event_twice"
    EVENTS_SWAPPED = "events_swapped"
    EVENT_STALE = "event_stale"

    STORE_AWAY = "store_away"
    STORE_CUT = "store_cut"
    STORE_SILENT = "store_silent"
    STORE_SLOW = "store_slow"
    STORE_BUSY = "store_busy"


REQUESTS = frozenset(list(Trouble)[: list(Trouble).index(Trouble.EVENT_LOST)])
EVENTS = frozenset(kind for kind in Trouble if kind.value.startswith("event"))
STORES = frozenset(kind for kind in Trouble if kind.value.startswith("store"))


@dataclass(frozen=True, slots=True)
class _Spell:
    kind: Trouble
    until: float
    share: float
    victim: int | None


class Weather:
    """`calm_at` is when the last consequence of all troubles so far is over, as far as that can be known."""

    def __init__(self, clock: Callable[[], float], rng: random.Random) -> None:
        self._clock = clock
        self._rng = rng
        self._spells: list[_Spell] = []

    def begin(self, kind: Trouble, *, seconds: float, share: float = 1.0, victim: int | None = None) -> None:
        self._spells.append(_Spell(kind, self._clock() + seconds, share, victim))

    def clear(self) -> None:
        self._spells.clear()

    def request(self, replica: int) -> Trouble | None:
        return self._meets(REQUESTS, replica)

    def event(self, replica: int) -> Trouble | None:
        return self._meets(EVENTS, replica)

    def store(self, replica: int) -> Trouble | None:
        return self._meets(STORES, replica)

    def cut_off(self, replica: int) -> bool:
        """Whether the platform cannot be reached at all from there."""
        return any(
            spell.kind is Trouble.UNREACHABLE and spell.share == 1.0 and spell.victim in {None, replica}
            for spell in self.now()
        )

    def away(self) -> bool:
        """Whether there is any trouble with the store."""
        return any(spell.kind in STORES for spell in self.now())

    def _meets(self, kinds: frozenset[Trouble], replica: int) -> Trouble | None:
        for spell in self.now():
            if spell.kind in kinds and spell.victim in {None, replica} and self._rng.random() < spell.share:
                return spell.kind
        return None

    def now(self) -> list[_Spell]:
        now = self._clock()
        if self._spells:
            self._spells = [spell for spell in self._spells if spell.until > now]
        return self._spells
