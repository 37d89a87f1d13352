"""The sign-in that `micgate login` keeps: one file, readable by its OS user only.

It remembers for which hosts it was made and is used for those alone: a changed region must not send a
person's tokens elsewhere. A refresh token works once, so whoever renews, replaces or deletes the sign-in
holds a lock, and the others use what it left.
"""

import fcntl
import os
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from micgate.genesys import oauth
from micgate.genesys.errors import BadCredentials, TimedOut, UnsafeConfiguration
from micgate.genesys.io import Wire
from micgate.genesys.oauth import UserSession, exchange, refresh_request
from micgate.genesys.regions import Region

Sleep = Callable[[float], Awaitable[None]]


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person's session and where it is good. `person` is how to name them."""

    api_url: str
    login_url: str
    person: str
    session: UserSession

    def is_for(self, region: Region) -> bool:
        return (self.api_url, self.login_url) == (region.api_url, region.login_url)

    def is_same_person(self, other: "SignedIn") -> bool:
        return self.session.client_id == other.session.client_id and (
            (self.api_url, self.login_url, self.person) == (other.api_url, other.login_url, other.person)
        )


class Kept:
    """The sign-in that a process uses, shared with all others that use the same file."""

    def __init__(self, path: Path, signed_in: SignedIn) -> None:
        self._path = path
        self._signed_in = signed_in

    @property
    def session(self) -> UserSession:
        return self._signed_in.session

    @asynccontextmanager
    async def renewing(self, session: UserSession, *, sleep: Sleep) -> AsyncIterator[UserSession]:
        """Nobody else renews meanwhile. Gives what another process stored of this person, else `session`."""
        async with alone(self._path, sleep=sleep):
            stored = self._stored()
            yield stored.session if stored else session

    def store(self, session: UserSession) -> None:
        """Within `renewing`. Where somebody else has signed in, or this person out, nothing is replaced."""
        if stored := self._stored():
            store(self._path, msgspec.structs.replace(stored, session=session))

    def _stored(self) -> SignedIn | None:
        stored = load(self._path)
        return stored if stored and stored.is_same_person(self._signed_in) else None


def load(path: Path, *, checks_mode: bool = True) -> SignedIn | None:
    """The stored sign-in; None when there is none."""
    try:
        with path.open("rb") as file:
            if checks_mode:
                _check_private(path, os.fstat(file.fileno()).st_mode)
            return msgspec.json.decode(file.read(), type=SignedIn)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError:
        raise BadCredentials(
            f"The sign-in in {path} cannot be read.", remedy="Sign in again (micgate login)."
        ) from None


def store(path: Path, signed_in: SignedIn) -> None:
    """Replace the file at once or not at all; on the disk when this returns. To be done `alone`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, 0o600)
        file.write(msgspec.json.encode(signed_in))
        file.flush()
        os.fsync(descriptor)
    draft.replace(path)
    _sync_folder(path.parent)


async def fresh(path: Path, *, wire: Wire, region: Region, headers: Mapping[str, str]) -> Kept | None:
    """The sign-in for these hosts, good for the longest foreground command; None when there is none.

    Of several commands only one renews it, and the others use what it brought.
    """
    signed_in = load(path)
    if signed_in is None or not signed_in.is_for(region):
        return None
    if not _ends_soon(signed_in.session):
        return Kept(path, signed_in)
    async with alone(path, sleep=wire.sleep):
        signed_in = load(path)
        if signed_in is None or not signed_in.is_for(region):
            return None
        if _ends_soon(signed_in.session):
            token = await exchange(wire, refresh_request(signed_in.session), region=region, headers=headers)
            session = oauth.renewed(signed_in.session, token, now=time.time())
            signed_in = msgspec.structs.replace(signed_in, session=session)
            store(path, signed_in)
        return Kept(path, signed_in)


_LONGEST_COMMAND_SECONDS = 20 * 60.0


def _ends_soon(session: UserSession) -> bool:
    left = session.expires_at - time.time()
    return session.refresh_token is not None and left < _LONGEST_COMMAND_SECONDS


def delete(path: Path) -> None:
    path.unlink(missing_ok=True)


@asynccontextmanager
async def alone(path: Path, *, sleep: Sleep) -> AsyncIterator[None]:
    """Nobody else renews, replaces or deletes the sign-in meanwhile. Raises `TimedOut`."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as file:
        limit = time.monotonic() + _PATIENCE
        while not _locked(file.fileno()):
            if time.monotonic() > limit:
                raise TimedOut(
                    "Another micgate command is renewing the sign-in and does not finish.",
                    remedy="Look for a micgate process that is stopped (ps), and end it.",
                    reached=False,
                )
            await sleep(_POLL)
        yield


_PATIENCE = 20.0
"""Longer than a refresh may take."""
_POLL = 0.05


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _check_private(path: Path, mode: int) -> None:
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnsafeConfiguration(
            f"Others can read the sign-in in {path}.",
            remedy=f"Run: chmod 600 {path} (or micgate logout, and sign in again).",
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
