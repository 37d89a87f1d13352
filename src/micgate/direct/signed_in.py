"""The sign-in that `micgate login` keeps: one file, readable by its OS user only.

It remembers for which hosts it was made and is used for those alone: a changed region must not send a
person's tokens elsewhere.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from micgate.genesys import oauth
from micgate.genesys.errors import BadCredentials, UnsafeConfiguration
from micgate.genesys.io import Wire
from micgate.genesys.oauth import UserSession, exchange, refresh_request
from micgate.genesys.regions import Region


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A person's session and where it is good. `person` is how to name them."""

    api_url: str
    login_url: str
    person: str
    session: UserSession

    def is_for(self, region: Region) -> bool:
        return (self.api_url, self.login_url) == (region.api_url, region.login_url)


def load(path: Path, *, checks_mode: bool = True) -> SignedIn | None:
    """The stored sign-in; None when there is none."""
    try:
        with path.open("rb") as file:
            if checks_mode:
                _check_private(path, os.fstat(file.fileno()).st_mode)
            return msgspec.json.decode(file.read(), type=SignedIn)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        raise BadCredentials(
            f"The sign-in in {path} cannot be read.", remedy="Sign in again (micgate login)."
        ) from None


def store(path: Path, signed_in: SignedIn) -> None:
    """Replace the file at once or not at all; on the disk when this returns."""
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


async def fresh(path: Path, *, wire: Wire, region: Region, headers: Mapping[str, str]) -> SignedIn | None:
    """The sign-in for these hosts, good for the longest foreground command; None when there is none.

    A refresh token works once: of several commands only one may spend it, and the others use what it brought.
    """
    signed_in = load(path)
    if signed_in is None or not signed_in.is_for(region):
        return None
    if not _ends_soon(signed_in.session):
        return signed_in
    with renewing(path):
        signed_in = load(path)
        if signed_in is None or not _ends_soon(signed_in.session):
            return signed_in
        token = await exchange(wire, refresh_request(signed_in.session), region=region, headers=headers)
        return renewed(path, signed_in, oauth.renewed(signed_in.session, token, now=time.time()))


_LONGEST_COMMAND_SECONDS = 20 * 60.0


def _ends_soon(session: UserSession) -> bool:
    left = session.expires_at - time.time()
    return session.refresh_token is not None and left < _LONGEST_COMMAND_SECONDS


def renewed(path: Path, signed_in: SignedIn, session: UserSession) -> SignedIn:
    """Store what a refresh brought, before the new access token is used: the old tokens are dead by then."""
    replacement = msgspec.structs.replace(signed_in, session=session)
    store(path, replacement)
    return replacement


def delete(path: Path) -> None:
    path.unlink(missing_ok=True)


@contextmanager
def renewing(path: Path) -> Iterator[None]:
    """Held while a refresh token is spent: it works once, and another command may want to spend it too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
