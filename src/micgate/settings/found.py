"""Where the text of a setting is found, and which places may not be mixed."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from micgate.settings.dotenv import Dotenv
from micgate.settings.errors import SettingError, UnsafeSettingError
from micgate.settings.files import near, secret_in
from micgate.settings.setting import Setting

ENVIRONMENT = "the environment"


class Found(msgspec.Struct, frozen=True):
    text: str
    variable: str
    place: str

    @property
    def source(self) -> str:
        return f"{self.variable} in {self.place}"


def find(setting: Setting, environ: Mapping[str, str], dotenv: Dotenv) -> Found | None:
    found = _find_in(setting, environ, ENVIRONMENT)
    if found is None and setting.dotenv:
        return _find_in(setting, dotenv.values, str(dotenv.path), inside=dotenv.path.parent)
    return found


def _find_in(
    setting: Setting, values: Mapping[str, str], place: str, *, inside: Path | None = None
) -> Found | None:
    """`inside` is the only folder whose files may be named here."""
    for variable in setting.names:
        text = values.get(variable, "").strip()
        file = values.get(f"{variable}_FILE", "").strip() if setting.secret else ""
        if text and file:
            raise SettingError(
                f"{variable} and {variable}_FILE are both set in {place}.", remedy="Unset one of them."
            )
        if text:
            return Found(text, variable, place)
        if file:
            path = Path(file) if inside is None else near(f"{variable}_FILE", inside / file, inside)
            return Found(secret_in(f"{variable}_FILE", path), f"{variable}_FILE", place)
    return None


def check_destination(found: Mapping[str, Found | None]) -> None:
    """A `.env` that came with a cloned repository must not choose where the environment's secrets go."""
    _check_together(found, hosts=("region", "login_url"), secrets=("client_secret", "access_token"))
    _check_together(found, hosts=("service_url",), secrets=("service_key",))


def _check_together(
    found: Mapping[str, Found | None], *, hosts: tuple[str, ...], secrets: tuple[str, ...]
) -> None:
    named = [value for name in hosts if (value := found[name]) and not _from_environment(value)]
    held = [value for name in secrets if (value := found[name]) and _from_environment(value)]
    if named and held:
        raise UnsafeSettingError(
            f"{held[0].variable} comes from the environment, but {named[0].source} says where to send it.",
            remedy=f"Set {named[0].variable} in the environment too, or keep both in {named[0].place}.",
        )


def _from_environment(value: Found) -> bool:
    return value.place == ENVIRONMENT
