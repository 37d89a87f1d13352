"""What a command acts on: a microphone, or the recording of a whole call."""

import hashlib
from enum import StrEnum

import msgspec


class Subject(StrEnum):
    MICROPHONE = "microphone"
    RECORDING = "recording"


class Target(msgspec.Struct, frozen=True, order=True):
    """In the order in which rows are locked. Without `user_id` it is the recording of the call."""

    org: str
    conversation_id: str
    user_id: str = ""

    @property
    def subject(self) -> Subject:
        return Subject.MICROPHONE if self.user_id else Subject.RECORDING


def gate(kind: str, org: str, name: str) -> int:
    """The advisory lock of one transaction by which two make way for each other before a row exists."""
    digest = hashlib.sha256(f"{kind}\0{org}\0{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)
