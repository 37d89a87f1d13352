"""Decides who may be heard on a live Genesys Cloud call, and until when."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from micgate.control.errors import WishError
    from micgate.direct.client import Genesys
    from micgate.direct.errors import DirectError
    from micgate.direct.find import AgentOnCall
    from micgate.direct.progress import Ended, Progress
    from micgate.direct.sync import SyncGenesys
    from micgate.genesys.errors import (
        AmbiguousCall,
        GenesysError,
        NoLiveCall,
        NotConnected,
        Unconfirmed,
        UnknownAgent,
    )
    from micgate.genesys.flows import Result
    from micgate.genesys.models import User
    from micgate.genesys.notifications import Observation
    from micgate.genesys.reading import Call
    from micgate.settings import SettingError

__version__ = "0.1.0"

_HOMES = {
    "AgentOnCall": "direct.find",
    "AmbiguousCall": "genesys.errors",
    "Call": "genesys.reading",
    "DirectError": "direct.errors",
    "Ended": "direct.progress",
    "Genesys": "direct.client",
    "GenesysError": "genesys.errors",
    "NoLiveCall": "genesys.errors",
    "NotConnected": "genesys.errors",
    "Observation": "genesys.notifications",
    "Progress": "direct.progress",
    "Result": "genesys.flows",
    "SettingError": "settings",
    "SyncGenesys": "direct.sync",
    "Unconfirmed": "genesys.errors",
    "UnknownAgent": "genesys.errors",
    "User": "genesys.models",
    "WishError": "control.errors",
}

__all__ = [  # noqa: RUF022 -- what a user meets first comes first
    "Genesys",
    "SyncGenesys",
    "AgentOnCall",
    "Call",
    "Ended",
    "Observation",
    "Progress",
    "Result",
    "User",
    "DirectError",
    "GenesysError",
    "AmbiguousCall",
    "NoLiveCall",
    "NotConnected",
    "Unconfirmed",
    "UnknownAgent",
    "SettingError",
    "WishError",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Each name is loaded when it is first used: `import micgate` alone costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"micgate.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
