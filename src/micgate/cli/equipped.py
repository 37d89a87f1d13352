"""The service's libraries come with an extra; whoever lacks it is told so."""

from collections.abc import Iterator
from contextlib import contextmanager

from micgate.cli.failure import CommandError


class NotInstalled(CommandError):
    word = "not_installed"


@contextmanager
def equipped() -> Iterator[None]:
    """Around the imports of a command that needs them."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("micgate"):
            raise
        raise NotInstalled(
            f"This needs the service's libraries, and {error.name} is missing.",
            remedy="Run: pip install 'micgate[service]'",
        ) from None
