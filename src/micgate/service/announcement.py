"""`$XDG_RUNTIME_DIR/micgate.json`: how this account's commands find the service that runs here."""

import os
import stat
from pathlib import Path

import msgspec

_KEPT = ".key"
_MOST = 256


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """`key` opens everything, so the file is for this account only. `region` is the API's address."""

    url: str
    key: str
    region: str
    client_id: str
    pid: int

    def __repr__(self) -> str:
        return f"Announcement({self.url})"


def kept_key(path: Path) -> str | None:
    """The key of the services that this account ran here before, so that commands which outlive one get on
    with the next. It goes with the folder, when the machine starts anew.
    """
    try:
        with path.with_suffix(_KEPT).open("rb") as file:
            status = os.fstat(file.fileno())
            ours = status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            return file.read(_MOST).decode("ascii") if ours else None
    except (OSError, UnicodeDecodeError):
        return None


def keep_key(path: Path, key: str) -> None:
    _write(path.with_suffix(_KEPT), key.encode())


def announce(path: Path, told: Announcement) -> None:
    """Write it, 0600, whole or not at all. The last one to start is the one that is found."""
    _write(path, msgspec.json.encode(told))


def withdraw(path: Path, told: Announcement) -> None:
    """Unless somebody else has announced itself meanwhile."""
    try:
        if path.read_bytes() == msgspec.json.encode(told):
            path.unlink()
    except FileNotFoundError:
        return


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    partial.replace(path)
