"""What is set, as the rest of the program has it."""

from pathlib import Path
from typing import Literal

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.setting import Setting

Action = Literal["mute", "unmute"]
StrategyName = Literal["auto", "on_behalf", "participant"]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set. Times are in seconds. Built once at the entry and handed down."""

    config: str | None
    region: str
    login_url: str | None
    client_id: str | None
    client_secret: str | None
    access_token: str | None
    agent: str | None
    control_action: Action | None
    strategy: StrategyName
    timeout: float
    slow_mute: float
    max_channels: int
    service_url: str | None
    service_key: str | None
    extra_headers: dict[str, str]
    https_proxy: str | None
    no_proxy: str | None
    ca_bundle: str | None
    state_home: str
    runtime_dir: str | None
    org: str
    database_url: str | None
    database_dir: str | None
    database_user: str | None
    backup_dir: str | None
    backup_keep: int
    host: str
    port: int
    tls_cert: str | None
    tls_key: str | None
    trusted_proxy: tuple[str, ...]
    reasons: tuple[str, ...]
    owner_grace: float
    heartbeat_url: str | None
    heartbeat_seconds: float
    encryption_key: str | None
    webhook_tries: int
    allow_private_receivers: bool
    checkpoint_path: str | None
    checkpoint_url: str | None
    checkpoint_seconds: float
    audit_key: str | None
    person_days: int
    record_months: int
    otel_endpoint: str | None
    otel_headers: dict[str, str]
    sources: dict[str, str] = {}
    """Where each value came from: `{"region": "GENESYS_REGION in .env", ...}`; defaults are absent."""
    warnings: tuple[str, ...] = ()

    @property
    def state_dir(self) -> Path:
        return Path(self.state_home) / "micgate"

    @property
    def journal_path(self) -> Path:
        return self.state_dir / "direct.jsonl"

    @property
    def announcement_path(self) -> Path | None:
        """Where a service that runs here says how it is reached."""
        return Path(self.runtime_dir) / "micgate.json" if self.runtime_dir else None

    @property
    def audit_key_path(self) -> Path:
        """Where the key that signs the record's checkpoints is kept, unless a setting holds it."""
        return self.state_dir / "audit-signing.key"

    @property
    def login_path(self) -> Path:
        """Where `micgate login` keeps a person's session."""
        return self.state_dir / "login.json"

    def source(self, name: str) -> str:
        return self.sources.get(name, "default")

    def shown(self) -> dict[str, str]:
        """Every setting as text, secrets masked."""
        return {setting.name: _masked(setting, getattr(self, setting.name)) for setting in SETTINGS}

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value}' for name, value in self.shown().items())})"


def _masked(setting: Setting, value: object) -> str:
    if value in (None, {}, ()):
        return ""
    if setting.secret:
        return "***"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return ",".join(value)
    return value if isinstance(value, str) else str(value)
