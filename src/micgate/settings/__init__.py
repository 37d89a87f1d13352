"""Settings: one list. It feeds the command line, the library, the documentation and the tests.

A value comes from, in this order: the command line, the environment, `.env` in the working directory, the
TOML file that MICGATE_CONFIG names, the default. An empty variable counts as unset. Every secret may be given
as a file: `GENESYS_CLIENT_SECRET_FILE=/run/secrets/it`.

A new setting is an entry of `catalogue.py` and a field of `Settings` in `values.py`.
"""

from micgate.settings.catalogue import SETTINGS
from micgate.settings.errors import SettingError, UnsafeSettingError
from micgate.settings.reading import load
from micgate.settings.setting import Setting
from micgate.settings.values import Action, Settings, StrategyName

__all__ = [
    "SETTINGS",
    "Action",
    "Setting",
    "SettingError",
    "Settings",
    "StrategyName",
    "UnsafeSettingError",
    "load",
]
