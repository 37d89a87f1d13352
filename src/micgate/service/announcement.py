"""`$XDG_RUNTIME_DIR/micgate.json`: how this account's commands find the service that runs here."""

import os
from pathlib import Path

import msgspec


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """`key` opens everything, so the file is for this account only. `region` is the API's address."""

    url: str
    key: str
    region: str
    client_id: str
    pid: int

    def __repr__(self) -> str:
        return f"Announcement({self.url})"


def announce(path: Path, told: Announcement) -> None:
    """Write it, 0600, whole or not at all. The last one to start is the one that is found."""
    partial = path.with_name(f"{path.name}.{told.pid}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(told))
    partial.replace(path)


def withdraw(path: Path, told: Announcement) -> None:
    """Unless somebody else has announced itself meanwhile."""
    try:
        if path.read_bytes() == msgspec.json.encode(told):
            path.unlink()
    except FileNotFoundError:
        return
