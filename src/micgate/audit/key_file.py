"""Where the signing key is kept: outside the database, so that a dump holds nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from micgate.audit import signing
from micgate.audit.errors import KeyUnusable
from micgate.audit.signing import SigningKey

_GIVEN = "MICGATE_AUDIT_KEY"


class KeyFile:
    """A file of this machine, 0600, or the text of a setting. All blocks, and may raise `KeyUnusable`."""

    def __init__(self, path: Path, *, given: str | None = None) -> None:
        self._path = path
        self._next = path.with_name(f"{path.name}.next")
        self._given = given

    def load(self) -> SigningKey:
        """The key that signs; made when there is none yet."""
        if self._given:
            return signing.read(self._given.encode(), where=_GIVEN)
        with self._kept():
            return self._made()

    def following(self) -> SigningKey | None:
        """The key that is to take over, if somebody asked for that."""
        if self._given:
            return None
        with self._kept():
            return signing.load(self._next) if self._next.exists() else None

    def prepare(self) -> SigningKey:
        """Ask for another key: the service hands over to it with its next checkpoint."""
        if self._given:
            raise KeyUnusable(
                f"The key is that of {_GIVEN}.",
                remedy="Replace it there, and give auditors both public keys: verify takes --key twice.",
            )
        self.load()
        with self._kept():
            return self.following() or signing.create(self._next)

    def promote(self) -> None:
        """The key that was to take over signs from now on."""
        with self._kept():
            self._next.replace(self._path)

    def _made(self) -> SigningKey:
        try:
            return signing.load(self._path)
        except FileNotFoundError:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return signing.create(self._path)
        except FileExistsError:  # another process here was faster
            return signing.load(self._path)

    @contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise KeyUnusable(
                f"The signing key {self._path} cannot be read or kept: {error.strerror}.",
                remedy=f"Let micgate read and write there, or set {_GIVEN}_FILE.",
            ) from None
