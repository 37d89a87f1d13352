"""Decides who may be heard on a live Genesys Cloud call, and until when."""

from importlib import import_module

TYPE_CHECKING = False  # for type checkers it is true; `typing` itself costs 8 ms
if TYPE_CHECKING:
    from typing import Any

    from micgate.client import aio
    from micgate.client.errors import GateError
    from micgate.client.happenings import Event
    from micgate.client.models import Microphone, Mute
    from micgate.client.requests import OnlyIf, Wish
    from micgate.client.sync import Gate, connect
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
    "Event": "client.happenings",
    "Gate": "client.sync",
    "GateError": "client.errors",
    "Genesys": "direct.client",
    "GenesysError": "genesys.errors",
    "Microphone": "client.models",
    "Mute": "client.models",
    "NoLiveCall": "genesys.errors",
    "NotConnected": "genesys.errors",
    "Observation": "genesys.notifications",
    "OnlyIf": "client.requests",
    "Progress": "direct.progress",
    "Result": "genesys.flows",
    "SettingError": "settings",
    "SyncGenesys": "direct.sync",
    "Unconfirmed": "genesys.errors",
    "UnknownAgent": "genesys.errors",
    "User": "genesys.models",
    "Wish": "client.requests",
    "WishError": "control.errors",
    "connect": "client.sync",
}
_MODULES = {"aio": "client.aio"}

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
    "connect",
    "aio",
    "Gate",
    "Event",
    "Microphone",
    "Mute",
    "OnlyIf",
    "Wish",
    "GateError",
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


def __getattr__(name: str) -> "Any":
    """Each name is loaded when it is first used: `import micgate` alone costs next to nothing."""
    if name not in _HOMES and name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"micgate.{_HOMES.get(name) or _MODULES[name]}")
    value = getattr(module, name) if name in _HOMES else module
    globals()[name] = value
    return value
