"""What stops a direct command before anything is sent.

DirectError
├── JournalUnwritable   no mute without a record of it
├── MicrophoneBusy      another direct command has this microphone
└── NoGuardian          nobody would give the microphone back after kill -9
"""

from typing import ClassVar


class DirectError(Exception):
    """The root. `word` is stable and meant for programs."""

    word: ClassVar[str] = "direct_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    def facts(self) -> dict[str, str | int]:
        return {}


class JournalUnwritable(DirectError):
    """`why` is the system's word for it."""

    word = "journal_unwritable"

    def __init__(self, what: str, error: OSError) -> None:
        self.why = error.strerror or type(error).__name__
        super().__init__(
            f"{what} ({self.why}), so nothing was muted.",
            remedy="Make room or make it yours and writable, or set XDG_STATE_HOME to another folder.",
        )


class MicrophoneBusy(DirectError):
    """`pid` is the process that has it, when its lock file says so."""

    word = "microphone_busy"

    def __init__(self, what: str, *, remedy: str, pid: int | None) -> None:
        super().__init__(what, remedy=remedy)
        self.pid = pid

    def facts(self) -> dict[str, str | int]:
        return {} if self.pid is None else {"pid": self.pid}


class NoGuardian(DirectError):
    word = "no_guardian"
