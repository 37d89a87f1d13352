"""Who is on a call in the demo, beside the simulator's own people."""

from dataclasses import dataclass
from typing import Self

from micgate.demo.simulator import Call, Person, Simulator


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Ada and Ben are muted directly, Cleo and Dan through the service, Ben also by his own button."""

    ada: Person
    ada_call: Call
    ben: Person
    ben_call: Call
    cleo: Person
    dan: Person

    @classmethod
    def hired(cls, simulator: Simulator) -> Self:
        ada = simulator.hire("Ada Okafor", "ada.okafor@demo.example")
        ben = simulator.hire("Ben Lindqvist", "ben.lindqvist@demo.example")
        return cls(
            ada=ada,
            ada_call=simulator.call(ada, customer="Rosa Marchetti"),
            ben=ben,
            ben_call=simulator.call(ben, customer="Tom Achterberg"),
            cleo=simulator.hire("Cleo Marsh", "cleo.marsh@demo.example"),
            dan=simulator.hire("Dan Whitfield", "dan.whitfield@demo.example"),
        )
