"""The systemd unit of the service: its text, and putting it in place without undoing anybody's changes."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

NAME = "micgate.service"
_HEAD = "# Written by `micgate service install`. Own changes belong into a drop-in: systemctl edit micgate\n"
_MARK = "# unchanged: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`account` runs it; None: the user whose own systemd it is. `secret` holds the OAuth client's secret."""

    command: str
    environment: Path
    account: str | None
    secret: Path | None = None
    sees_homes: bool = False

    def text(self) -> str:
        """Whole, with a mark by which a later change is noticed."""
        body = "\n".join((*_UNIT, *self._service(), "", "[Install]", f"WantedBy={self._target}", ""))
        return f"{_HEAD}{_MARK}{_mark(body)}\n{body}"

    @property
    def _target(self) -> str:
        return "multi-user.target" if self.account else "default.target"

    def _service(self) -> tuple[str, ...]:
        start = (f"ExecStart={self.command}", f"EnvironmentFile={self.environment}")
        own = self._system() if self.account else _BOTH
        return ("[Service]", *_RUN, *start, *self._credentials(), *own)

    def _credentials(self) -> tuple[str, ...]:
        if self.secret is None:
            return ()
        place = "Environment=GENESYS_CLIENT_SECRET_FILE=%d/client_secret"
        return (f"LoadCredential=client_secret:{self.secret}", place)

    def _system(self) -> tuple[str, ...]:
        homes = "read-only" if self.sees_homes else "yes"
        return (f"User={self.account}", *_PLACES, *_BOTH, *_SANDBOX, f"ProtectHome={homes}")


class Done(StrEnum):
    WRITTEN = "written"
    AS_IT_WAS = "as it was"
    CHANGED = "changed"
    """By somebody else: left alone."""
    ABSENT = "absent"
    REMOVED = "removed"


def put(path: Path, text: str, *, force: bool) -> Done:
    """Write the unit, unless somebody changed the one that is there."""
    if path.exists():
        found = path.read_text("utf-8")
        if found == text:
            return Done.AS_IT_WAS
        if not (force or is_ours(found)):
            return Done.CHANGED
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(text, "utf-8")
    partial.chmod(0o644)
    partial.rename(path)
    return Done.WRITTEN


def take_away(path: Path, *, force: bool) -> Done:
    if not path.exists():
        return Done.ABSENT
    if not (force or is_ours(path.read_text("utf-8"))):
        return Done.CHANGED
    path.unlink()
    return Done.REMOVED


def is_ours(text: str) -> bool:
    """Whether it is as some micgate wrote it."""
    head, _, rest = text.partition(_MARK)
    mark, _, body = rest.partition("\n")
    return head == _HEAD and mark == _mark(body)


def template(path: Path) -> bool:
    """An environment file to fill in, 0600, unless there is one. Whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(_TEMPLATE, "utf-8")
    return True


def _mark(body: str) -> str:
    return sha256(body.encode()).hexdigest()[:16]


_TEMPLATE = """\
# Settings of the micgate service, one NAME=value a line: docs/settings.md has them all.
#GENESYS_REGION=mypurecloud.ie
#GENESYS_CLIENT_ID=
# Unless the unit was installed with --secret-file:
#GENESYS_CLIENT_SECRET_FILE=
"""
_UNIT = (
    "[Unit]",
    "Description=micgate: gives every microphone back",
    "After=network-online.target",
    "Wants=network-online.target",
    "# Somebody may be muted: it is started again for ever.",
    "StartLimitIntervalSec=0",
    "",
)
_RUN = (
    "Type=exec",
    "Restart=always",
    "RestartSec=1",
    "# The service ends its database itself, after what is on its way.",
    "KillMode=mixed",
    "TimeoutStopSec=30",
)
_PLACES = (
    "StateDirectory=micgate",
    "StateDirectoryMode=0700",
    "RuntimeDirectory=micgate",
    "RuntimeDirectoryMode=0700",
    "RuntimeDirectoryPreserve=restart",
    "Environment=XDG_STATE_HOME=/var/lib XDG_RUNTIME_DIR=/run/micgate",
    "WorkingDirectory=/var/lib/micgate",
)
_BOTH = (
    "UMask=0077",
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
)
_SANDBOX = (
    "CapabilityBoundingSet=",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectProc=invisible",
    "ProtectSystem=strict",
    "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
    "RestrictNamespaces=yes",
    "SystemCallFilter=@system-service",
)
