"""What the record cannot do.

AuditError
├── NotPublic               something personal would have been chained
├── KeyUnusable             a signing or public key cannot be read, made or replaced
├── CheckpointUndelivered   a checkpoint did not get off the machine
└── NotAnExport             the file is no export of the record
"""

from typing import ClassVar


class AuditError(Exception):
    """The root: what is wrong and what to do. `word` is meant for programs. Never holds a key or a name."""

    word: ClassVar[str] = "audit_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


class NotPublic(AuditError):
    """A mistake of ours: the caller passed free text where an id or a word belongs."""

    word = "not_public"


class KeyUnusable(AuditError):
    word = "audit_key_unusable"


class CheckpointUndelivered(AuditError):
    """To be tried again: the checkpoint itself is good."""

    word = "checkpoint_undelivered"


class NotAnExport(AuditError):
    word = "not_an_export"
