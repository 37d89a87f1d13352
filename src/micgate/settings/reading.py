"""All settings at once."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from micgate.settings.catalogue import SETTINGS
from micgate.settings.dotenv import Dotenv
from micgate.settings.found import Found, check_destination, find
from micgate.settings.setting import Setting
from micgate.settings.values import Settings


def load(environ: Mapping[str, str] | None = None, dotenv_path: Path | None = None) -> Settings:
    """Read the settings or raise `SettingError`. Default: this process's environment and `./.env`."""
    environ = os.environ if environ is None else environ
    dotenv = Dotenv.read(Path(".env") if dotenv_path is None else dotenv_path)
    found = {setting.name: find(setting, environ, dotenv) for setting in SETTINGS}
    check_destination(found)
    values = {setting.name: _value(setting, found[setting.name]) for setting in SETTINGS}
    sources = {name: value.source for name, value in found.items() if value is not None}
    return msgspec.convert(values | {"sources": sources, "warnings": dotenv.warnings()}, Settings)


def _value(setting: Setting, found: Found | None) -> object:
    if found is None:
        return setting.parse(setting.default, setting.names[0])
    return setting.parse(found.text, found.source)
