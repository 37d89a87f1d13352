"""What the database can answer besides yes.

StoreError
├── Refused
│   ├── Frozen             the brake is on: no new mutes
│   ├── KeyReused          an idempotency key came with another body
│   ├── TooManyStanding    the owner has as many mutes standing as it may
│   ├── TooOften           the owner has changed as many mutes within the last minute as it may
│   └── StillAtWork        somebody is to be erased on whom something stands
├── Overtaken              what was checked before has changed: check again
├── Fenced                 another keeper has this org now
├── Unavailable            the database cannot be reached, or went away
├── Busy                   somebody else holds what is needed, for too long
├── InvariantBroken        a rule of the schema says no: our mistake
├── Full                   the disk of the database is full
├── WrongSchema            the database is older or newer than this micgate
├── WrongAddress           what should say where the database is says nothing
├── NotOwner               only the owner of the tables may cut the record
├── BackupFailed           a dump could not be made, or not be put back
└── EmbeddedFailed         the embedded database cannot be started here
"""

from typing import ClassVar


class StoreError(Exception):
    """The root: what happened and what to do. `word` is stable and meant for programs."""

    word: ClassVar[str] = "store_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class Refused(StoreError):
    """Nothing was changed, and the same again would be refused too."""

    word = "refused"


class Frozen(Refused):
    word = "frozen"


class KeyReused(Refused):
    word = "idempotency_key_reused"


class TooManyStanding(Refused):
    word = "too_many_standing"


class TooOften(Refused):
    """`retry_after` is in seconds: something may be changed again then."""

    word = "too_fast"

    def __init__(self, what: str, *, remedy: str, retry_after: float) -> None:
        super().__init__(what, remedy=remedy)
        self.retry_after = retry_after


class Overtaken(StoreError):
    """Nothing was changed: what the change was made from has changed. Make it anew."""

    word = "overtaken"


class StillAtWork(Refused):
    word = "still_at_work"


class Fenced(StoreError):
    """Whoever gets this stops sending at once. Nothing was changed, save for entries of late outcomes."""

    word = "fenced"


class Unavailable(StoreError):
    """`perhaps_done`: the connection was lost during the commit, so the change may have been made.

    Every verb may be repeated with the same ids; what was done already is not done twice.
    """

    word = "database_unavailable"

    def __init__(self, what: str, *, remedy: str, perhaps_done: bool = False) -> None:
        super().__init__(what, remedy=remedy)
        self.perhaps_done = perhaps_done


class Busy(StoreError):
    """Nothing was changed; the same again may succeed."""

    word = "database_busy"


class InvariantBroken(StoreError):
    """Nothing was changed. `rule` is the name of the constraint."""

    word = "invariant_broken"

    def __init__(self, what: str, *, remedy: str, rule: str) -> None:
        super().__init__(what, remedy=remedy)
        self.rule = rule


class Full(StoreError):
    word = "database_full"


class WrongSchema(StoreError):
    word = "wrong_schema"


class WrongAddress(StoreError):
    word = "setting_error"


class NotOwner(StoreError):
    word = "not_the_owner"


class BackupFailed(StoreError):
    word = "backup_failed"


class EmbeddedFailed(StoreError):
    word = "embedded_database_failed"
