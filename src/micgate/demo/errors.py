"""Why the demo, or a part of it, cannot be shown."""

from typing import Any


class DemoError(Exception):
    word = "demo_failed"

    def __init__(self, what: str, *, remedy: str, word: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        self.word = word or self.word

    def facts(self) -> dict[str, Any]:
        return {}


class NoService(DemoError):
    """The service does not run here: its libraries are missing, or its database cannot run."""

    word = "no_service"
