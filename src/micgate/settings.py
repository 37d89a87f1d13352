"""Settings: one list. It feeds the command line, the library, the documentation and the tests.

A value comes from, in this order: the environment, `.env` in the working directory, the default. An empty
variable counts as unset. Every secret may be given as a file: `GENESYS_CLIENT_SECRET_FILE=/run/secrets/it`.
"""

import math
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import msgspec

Action = Literal["mute", "unmute"]
StrategyName = Literal["auto", "on_behalf", "participant"]


class SettingError(Exception):
    """A setting cannot be used. `str()` is the whole text and never holds the value of a secret."""

    word: ClassVar[str] = "setting_error"

    def __init__(self, what: str, *, remedy: str) -> None:
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy

    def facts(self) -> dict[str, Any]:
        return {}


class UnsafeSettingError(SettingError):
    """Settings that together would send a secret where it must not go."""

    word = "unsafe_configuration"


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. `names` are the variables it is read from; the first is ours to print.

    `dotenv` False: never read from `.env`, which a cloned repository may bring along.
    """

    name: str
    names: tuple[str, ...]
    help: str
    default: str = ""
    secret: bool = False
    dotenv: bool = True


SETTINGS: tuple[Setting, ...] = (
    Setting(
        name="region",
        names=("GENESYS_REGION", "GENESYS_ENVIRONMENT", "GENESYS_CLOUD_REGION"),
        help="Region of the organization: mypurecloud.ie, eu_west_1, or the URL of a gateway or simulator.",
        default="mypurecloud.com",
    ),
    Setting(
        name="login_url",
        names=("GENESYS_LOGIN_URL",),
        help="Login host, when a gateway has one apart from the API's.",
    ),
    Setting(
        name="client_id",
        names=("GENESYS_CLIENT_ID", "GENESYS_CLOUD_CLIENT_ID"),
        help="OAuth client: Admin > Integrations > OAuth, grant type Client Credentials.",
    ),
    Setting(
        name="client_secret",
        names=("GENESYS_CLIENT_SECRET", "GENESYS_CLOUD_CLIENT_SECRET"),
        help="Secret of that OAuth client.",
        secret=True,
    ),
    Setting(
        name="access_token",
        names=("GENESYS_ACCESS_TOKEN",),
        help="A token you already have; used before the OAuth client and never renewed.",
        secret=True,
    ),
    Setting(
        name="agent",
        names=("AGENT_USER_ID",),
        help="The agent meant when a command names none.",
    ),
    Setting(
        name="control_action",
        names=("CONTROL_ACTION",),
        help="What `micgate set` does without a flag: mute or unmute.",
    ),
    Setting(
        name="strategy",
        names=("MICGATE_STRATEGY",),
        help="How to ask Genesys: auto, on_behalf or participant.",
        default="auto",
    ),
    Setting(
        name="timeout",
        names=("MICGATE_TIMEOUT",),
        help="Seconds to wait until the platform shows a change.",
        default="10",
    ),
    Setting(
        name="slow_mute",
        names=("MICGATE_SLOW_MUTE",),
        help="A confirmation slower than this many seconds is warned about.",
        default="2",
    ),
    Setting(
        name="max_channels",
        names=("MICGATE_MAX_CHANNELS",),
        help="Open no notification channel when this many exist; Genesys allows 20 per user and client.",
        default="18",
    ),
    Setting(
        name="service_url",
        names=("MICGATE_URL",),
        help="A micgate service to use: https://micgate.example. `none`: straight at Genesys in any case.",
    ),
    Setting(
        name="service_key",
        names=("MICGATE_KEY",),
        help="API key of that service (micgate keys add). Not needed for one that this user runs here.",
        secret=True,
    ),
    Setting(
        name="extra_headers",
        names=("MICGATE_EXTRA_HEADERS",),
        help='Headers a gateway asks for, one "Name: value" a line, or a JSON object. Never Authorization.',
        secret=True,
    ),
    Setting(
        name="https_proxy",
        names=("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"),
        help="Proxy on the way to Genesys Cloud; http://name:password@host:port.",
        secret=True,
        dotenv=False,
    ),
    Setting(
        name="no_proxy",
        names=("no_proxy", "NO_PROXY"),
        help="Hosts to reach without the proxy.",
        dotenv=False,
    ),
    Setting(
        name="ca_bundle",
        names=("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
        help="Certificates to trust, as a PEM file; for TLS-inspecting proxies.",
        dotenv=False,
    ),
    Setting(
        name="org",
        names=("MICGATE_ORG",),
        help="The name of the organization in the database, when one holds several.",
        default="main",
    ),
    Setting(
        name="database_url",
        names=("MICGATE_DATABASE_URL",),
        help="PostgreSQL 15 or newer: postgresql://name:password@host/micgate. Unset, one is embedded.",
        secret=True,
    ),
    Setting(
        name="database_dir",
        names=("MICGATE_DATABASE_DIR",),
        help="Where the embedded database is kept; root's is in /var/lib/micgate/database.",
    ),
    Setting(
        name="database_user",
        names=("MICGATE_DB_USER",),
        help="The account that the embedded database runs as when micgate is root; else postgres or nobody.",
    ),
    Setting(
        name="host",
        names=("MICGATE_HOST",),
        help="Address that the service listens on. Beyond loopback it needs TLS or a stated proxy.",
        default="127.0.0.1",
    ),
    Setting(
        name="port",
        names=("MICGATE_PORT",),
        help="Port that the service listens on; 0 picks a free one.",
        default="8700",
    ),
    Setting(
        name="tls_cert",
        names=("MICGATE_TLS_CERT",),
        help="Certificate chain of the service, a PEM file.",
    ),
    Setting(
        name="tls_key",
        names=("MICGATE_TLS_KEY",),
        help="Private key of that certificate, a PEM file.",
    ),
    Setting(
        name="trusted_proxy",
        names=("MICGATE_TRUSTED_PROXY",),
        help="Addresses of the proxy that speaks TLS in front of the service, with commas between.",
    ),
    Setting(
        name="reasons",
        names=("MICGATE_REASONS",),
        help="Reasons that may be given for a mute, with commas between; the first is the default.",
        default="supervisor,agent,system,customer,escalation,drill",
    ),
    Setting(
        name="heartbeat_url",
        names=("MICGATE_HEARTBEAT_URL",),
        help="A URL that is asked every minute while all is well: for a watchdog that calls when it stops.",
        secret=True,
        dotenv=False,
    ),
    Setting(
        name="state_home",
        names=("XDG_STATE_HOME",),
        help="Where the journal and the sign-in are kept, in a folder micgate.",
        default="~/.local/state",
        dotenv=False,
    ),
    Setting(
        name="runtime_dir",
        names=("XDG_RUNTIME_DIR",),
        help="Where a service that runs here says so, in micgate.json.",
        dotenv=False,
    ),
)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is set. Times are in seconds. Built once at the entry and handed down."""

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
    host: str
    port: int
    tls_cert: str | None
    tls_key: str | None
    trusted_proxy: tuple[str, ...]
    reasons: tuple[str, ...]
    heartbeat_url: str | None
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


def load(environ: Mapping[str, str] | None = None, dotenv_path: Path | None = None) -> Settings:
    """Read the settings or raise `SettingError`. Default: this process's environment and `./.env`."""
    environ = os.environ if environ is None else environ
    dotenv = _Dotenv.read(Path(".env") if dotenv_path is None else dotenv_path)
    found = {setting.name: _find(setting, environ, dotenv) for setting in SETTINGS}
    _check_destination(found)
    values = {setting.name: _parse(setting, found[setting.name]) for setting in SETTINGS}
    sources = {name: value.source for name, value in found.items() if value is not None}
    return msgspec.convert(values | {"sources": sources, "warnings": dotenv.warnings()}, Settings)


class _Found(msgspec.Struct, frozen=True):
    text: str
    variable: str
    place: str

    @property
    def source(self) -> str:
        return f"{self.variable} in {self.place}"


class _Dotenv(msgspec.Struct, frozen=True):
    path: Path
    values: dict[str, str]
    readable_by_others: bool

    @classmethod
    def read(cls, path: Path) -> "_Dotenv":
        try:
            mode, text = path.stat().st_mode, path.read_text(encoding="utf-8-sig")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return cls(path, {}, readable_by_others=False)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"{path} cannot be read.", remedy=_reason(error)) from None
        return cls(
            path, dict(_assignments(text)), readable_by_others=bool(mode & (stat.S_IRGRP | stat.S_IROTH))
        )

    def warnings(self) -> tuple[str, ...]:
        secrets = {name for setting in SETTINGS if setting.secret for name in setting.names}
        if not self.readable_by_others or secrets.isdisjoint(self.values):
            return ()
        return (f"{self.path} holds a secret and others can read it. Run: chmod 600 {self.path}",)


_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'])(.*?)\1\s*(?:#.*)?""")


def _assignments(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if assignment := _ASSIGNMENT.fullmatch(line):
            name, value = assignment.groups()
            quoted = _QUOTED.fullmatch(value)
            yield name, quoted[2] if quoted else re.sub(r"(^|\s)#.*", "", value)


def _find(setting: Setting, environ: Mapping[str, str], dotenv: _Dotenv) -> _Found | None:
    found = _find_in(setting, environ, "the environment")
    if found is None and setting.dotenv:
        return _find_in(setting, dotenv.values, str(dotenv.path), inside=dotenv.path.parent)
    return found


def _find_in(
    setting: Setting, values: Mapping[str, str], place: str, *, inside: Path | None = None
) -> _Found | None:
    """`inside` is the only folder whose files may be named here."""
    for variable in setting.names:
        text = values.get(variable, "").strip()
        file = values.get(f"{variable}_FILE", "").strip() if setting.secret else ""
        if text and file:
            raise SettingError(
                f"{variable} and {variable}_FILE are both set in {place}.", remedy="Unset one of them."
            )
        if text:
            return _Found(text, variable, place)
        if file:
            path = Path(file) if inside is None else _near(f"{variable}_FILE", inside / file, inside)
            return _Found(_file_text(f"{variable}_FILE", path), f"{variable}_FILE", place)
    return None


def _near(variable: str, path: Path, folder: Path) -> Path:
    """A `.env` that came with a cloned repository must not have any file of this user sent anywhere."""
    if path.resolve().is_relative_to(folder.resolve()):
        return path
    raise UnsafeSettingError(
        f"{variable} in .env names a file outside the folder of that .env.",
        remedy="Set it in the environment, or keep the file beside the .env.",
    )


def _file_text(variable: str, path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{variable} names {path}, which cannot be read.", remedy=_reason(error)) from None
    if not text:
        raise SettingError(
            f"{variable} names {path}, which is empty.", remedy="Put the secret in it, or unset it."
        )
    return text


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return f"{error.strerror}." if isinstance(error, OSError) else "It is not UTF-8 text."


def _check_destination(found: Mapping[str, _Found | None]) -> None:
    """A `.env` that came with a cloned repository must not choose where the environment's secrets go."""
    _check_together(found, hosts=("region", "login_url"), secrets=("client_secret", "access_token"))
    _check_together(found, hosts=("service_url",), secrets=("service_key",))


def _check_together(
    found: Mapping[str, _Found | None], *, hosts: tuple[str, ...], secrets: tuple[str, ...]
) -> None:
    named = [value for name in hosts if (value := found[name]) and not _from_environment(value)]
    held = [value for name in secrets if (value := found[name]) and _from_environment(value)]
    if named and held:
        raise UnsafeSettingError(
            f"{held[0].variable} comes from the environment, but {named[0].source} says where to send it.",
            remedy=f"Set {named[0].variable} in the environment too, or keep both in {named[0].place}.",
        )


def _from_environment(value: _Found) -> bool:
    return value.place == "the environment"


def _parse(setting: Setting, found: _Found | None) -> object:
    text = found.text if found else setting.default
    source = found.source if found else setting.names[0]
    parse = _PARSERS.get(setting.name)
    return parse(text, source) if parse else text or None


def _one_of(*choices: str) -> Callable[[str, str], str | None]:
    def parse(text: str, source: str) -> str | None:
        word = text.lower().replace("-", "_")
        if word and word not in choices:
            raise SettingError(f"{source} is {text!r}.", remedy=f"Use one of: {', '.join(choices)}.")
        return word or None

    return parse


def _seconds(text: str, source: str) -> float:
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= _LONGEST_WAIT:
        raise SettingError(f"{source} is {text!r}.", remedy=f"Use seconds, up to {_LONGEST_WAIT}: 10 or 2.5.")
    return seconds


_LONGEST_WAIT = 300


def _count(text: str, source: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise SettingError(f"{source} is {text!r}.", remedy="Use a whole number.")
    return int(text)


_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NEXT_HEADER = re.compile(rf"\n|[,;]\s+(?={_NAME}:\s)")
_HEADER = re.compile(rf"({_NAME})\s*:\s*([\x20-\x7e]*)")
_NEVER = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "host",
        "connection", "content-length", "content-type", "transfer-encoding",
    }
)  # fmt: skip


def _headers(text: str, source: str) -> dict[str, str]:
    lines = _json_headers(text, source) if text.startswith("{") else _NEXT_HEADER.split(text)
    return dict(_header(line, source) for line in lines if line.strip())


def _json_headers(text: str, source: str) -> list[str]:
    try:
        headers = msgspec.json.decode(text, type=dict[str, str])
    except msgspec.DecodeError:
        raise SettingError(f"{source} is no JSON object of texts.", remedy=_HEADERS_HINT) from None
    return [f"{name}: {value}" for name, value in headers.items()]


_HEADERS_HINT = 'Write one "Name: value" a line.'


def _header(line: str, source: str) -> tuple[str, str]:
    header = _HEADER.fullmatch(line.strip())
    if not header:
        raise SettingError(f"{source} has a line that is no header.", remedy=_HEADERS_HINT)
    if header[1].lower() in _NEVER:
        raise SettingError(
            f"{source} may not set {header[1]}.", remedy="micgate sets it itself: remove that line."
        )
    return header[1], header[2].strip()


def _folder(text: str, _source: str) -> str:
    """A relative XDG path counts as unset, as the XDG base directory specification says."""
    path = Path(text)
    return str(path if path.is_absolute() else Path("~/.local/state").expanduser())


def _absolute(text: str, _source: str) -> str | None:
    return text if Path(text).is_absolute() else None


def _words(text: str, _source: str) -> tuple[str, ...]:
    return tuple(word for part in text.split(",") if (word := part.strip()))


def _reasons(text: str, source: str) -> tuple[str, ...]:
    words = tuple(word.lower() for word in _words(text, source))
    if not words or not all(re.fullmatch(r"[a-z0-9_-]{1,40}", word) for word in words):
        raise SettingError(f"{source} is {text!r}.", remedy="Use words with commas between: customer,drill.")
    return words


def _port(text: str, source: str) -> int:
    port = _count(text, source)
    if port > _LAST_PORT:
        raise SettingError(f"{source} is {text!r}.", remedy=f"Use a port up to {_LAST_PORT}.")
    return port


_LAST_PORT = 65535


def _org(text: str, source: str) -> str:
    """It stands in the record, which takes single words only."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", text):
        raise SettingError(f"{source} is {text!r}.", remedy="Use one word of letters, digits, . _ and -.")
    return text


_PARSERS: dict[str, Callable[[str, str], object]] = {
    "control_action": _one_of("mute", "unmute"),
    "strategy": _one_of("auto", "on_behalf", "participant"),
    "timeout": _seconds,
    "slow_mute": _seconds,
    "max_channels": _count,
    "extra_headers": _headers,
    "state_home": _folder,
    "runtime_dir": _absolute,
    "org": _org,
    "port": _port,
    "trusted_proxy": _words,
    "reasons": _reasons,
}


def _masked(setting: Setting, value: object) -> str:
    if value in (None, {}, ()):
        return ""
    if setting.secret:
        return "***"
    if isinstance(value, tuple):
        return ",".join(value)
    return value if isinstance(value, str) else str(value)
