"""What is told when a request has been answered."""

from typing import Protocol


class Answered(Protocol):
    """What is said of a request when it has been answered."""

    def __call__(self, *, route: str, status: int) -> None: ...
