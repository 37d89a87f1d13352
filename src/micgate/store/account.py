"""Which account of this machine the embedded database runs as. PostgreSQL refuses to run as root."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from micgate.store.errors import EmbeddedFailed

_FALLBACKS = ("postgres", "nobody")
_SHELL = "/bin/sh"
_LOG_BYTES = 5_000_000


@dataclass(frozen=True, slots=True)
class Account:
    """`switch` is false when we are that account already."""

    name: str
    uid: int
    gid: int
    switch: bool

    def can(self, test: str, path: Path) -> bool:
        """Whether this account passes `test` (a flag of test(1)) on the path, whatever lies above it."""
        command = [_SHELL, "-c", 'test "$0" "$1"', test, str(path)]
        return self.run(command).returncode == 0

    def run(self, command: list[str], *, cwd: Path = Path("/")) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 -- our own command, no shell reads it
            command,
            cwd=cwd,
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            umask=0o077,
            user=self.uid if self.switch else None,
            group=self.gid if self.switch else None,
            extra_groups=[] if self.switch else None,
        )

    def start(self, command: list[str], *, log: Path, keep: tuple[int, ...]) -> subprocess.Popen[bytes]:
        """Start a process that outlives us and hears no Ctrl-C of our terminal. `keep`: files it inherits."""
        with _opened(log) as output:
            return subprocess.Popen(  # noqa: S603 -- as above
                command,
                cwd=log.parent,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
                pass_fds=keep,
                user=self.uid if self.switch else None,
                group=self.gid if self.switch else None,
                extra_groups=[] if self.switch else None,
            )

    def owns(self, path: Path) -> None:
        if self.switch:
            os.chown(path, self.uid, self.gid)


def account(wanted: str | None = None) -> Account:
    """The account to use: us, unless we are root; then `wanted`, postgres or nobody."""
    if os.geteuid() != 0:
        return _ourselves()
    for name in (wanted,) if wanted else _FALLBACKS:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return Account(name, found.pw_uid, found.pw_gid, switch=True)
    raise EmbeddedFailed(
        f"PostgreSQL does not run as root, and {wanted or ' and '.join(_FALLBACKS)} cannot be used here.",
        remedy="Set MICGATE_DB_USER to an account without privileges, or MICGATE_DATABASE_URL.",
    )


def environment() -> dict[str, str]:
    """What the database may know of ours: nothing. Its own account could read the rest in /proc."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _opened(log: Path) -> BinaryIO:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.rename(log.with_suffix(".log.1"))
    return os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")


def _ourselves() -> Account:
    try:
        name = pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        raise EmbeddedFailed(
            f"User id {os.geteuid()} has no name on this machine, and PostgreSQL asks for one.",
            remedy="Add it to /etc/passwd, or set MICGATE_DATABASE_URL.",
        ) from None
    return Account(name, os.geteuid(), os.getegid(), switch=False)
