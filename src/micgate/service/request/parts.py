"""What the resources share. Built once, handed down."""

from collections.abc import Callable
from dataclasses import dataclass, field

from micgate.control.mute import REASONS
from micgate.keeper.outlook import Outlook
from micgate.log import Log
from micgate.service.people.directory import Directory
from micgate.service.principals.keyring import KeyRing
from micgate.service.request.crowding import Forecast
from micgate.service.request.pulse import Pulse
from micgate.service.request.turns import Turns
from micgate.service.telemetry.traced import Transactions, no_transaction
from micgate.store.database import Database
from micgate.store.postgres import PostgresStore
from micgate.webhooks.deliver import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """`now` is service time, `monotonic` is for lengths only; both in seconds."""

    org: str
    database: Database
    store: PostgresStore
    directory: Directory
    keys: KeyRing
    pulse: Pulse
    forecast: Forecast
    now: Callable[[], float]
    monotonic: Callable[[], float]
    log: Log = field(default_factory=Log)
    reasons: tuple[str, ...] = REASONS
    """Those that may be given, the default first."""
    outlook: Callable[[], Outlook | None] = lambda: None
    """Of the budget, if the keeper is in this process."""
    transaction: Transactions = no_transaction
    """Around every commit of a change of mutes."""
    turns: Turns = field(default_factory=Turns)
    sender: Sender | None = None
    """Posts to webhooks, if there is a key for their secrets."""
