"""What stays up after the run, and what to try with it."""

import os
import shutil
import sys
from pathlib import Path
from typing import Self

import msgspec

from micgate.demo.guide import Guide
from micgate.demo.service import Service
from micgate.demo.simulator import Simulator


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is, and a key of the reader's own. `key` is of a world that ends with the demo."""

    simulator: str
    service: str | None
    key: str | None

    @classmethod
    def of(cls, simulator: Simulator, service: Service | None) -> Self:
        key = service.key("demo", "mute", "release:any", "audit:read") if service else None
        return cls(simulator=simulator.page, service=service.url if service else None, key=key)


def until_signal(guide: Guide, simulator: Simulator, opened: Opened) -> int:
    """The signal's exit code; 1 when the simulator ended by itself."""
    guide.close("It stays up; Ctrl-C ends all of it.", *_addresses(opened))
    if opened.service:
        guide.close("In another terminal:", *_path(), *_settings(opened), "", *_TRY)
    try:
        simulator.process.wait()
    except SystemExit as stopped:
        return int(str(stopped.code))
    guide.close("The simulator has ended by itself.")
    return 1


def _addresses(opened: Opened) -> tuple[str, ...]:
    page = f"Simulator   {opened.simulator}   click a microphone: its agent's button"
    return (page, f"Service     {opened.service}/readyz   also /metrics, /openapi.json")[
        : 1 + bool(opened.service)
    ]


def _path() -> tuple[str, ...]:
    """Where the command is, if a new terminal would not find it."""
    here = Path(sys.executable).parent
    found = shutil.which("micgate")
    known = found is not None and Path(found).parent == here and "VIRTUAL_ENV" not in os.environ
    return () if known else (f"export PATH={here}:$PATH",)


def _settings(opened: Opened) -> tuple[str, ...]:
    return (f"export MICGATE_URL={opened.service}", f"export MICGATE_KEY={opened.key}")


_TRY = (
    'micgate mute "Cleo Marsh" --for 45s --reason customer',
    'micgate why "Cleo Marsh"',
    "micgate watch                     # Ctrl-C ends the watching",
    'micgate unmute "Cleo Marsh"',
    'micgate audit list "Cleo Marsh"',
)
