"""Imports run one way, down the floors; the pure core touches no I/O, no clock and no randomness."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "micgate"

FLOORS = (
    {"cli"},
    {"demo"},
    {"service"},
    {"keeper", "webhooks"},
    {"audit"},
    {"store", "platform", "hooks", "doctor", "direct"},
    {"genesys", "control", "client", "twin", "settings", "log", "destination"},
)
SERVICE = ("", "duties", "resources", "request", "principals", "people", "telemetry", "http")
"""The rooms within `service/`, from the top; "" is what puts the others together."""
ALONE = {"genesys", "twin", "control"}
"""They import nothing of ours but themselves: twin and client must not share a misreading of the vendor."""

OUTSIDE_WORLD = {
    *("aiohttp", "asyncio", "concurrent", "http", "multiprocessing", "os", "pathlib", "random", "requests"),
    *("secrets", "select", "selectors", "shutil", "signal", "socket", "ssl", "subprocess", "tempfile"),
    *("threading", "time", "urllib3", "uuid", "logging"),
}
PURE = (
    "control",
    "twin/world.py",
    "twin/calls.py",
    "twin/people.py",
    "twin/behaviour.py",
    "twin/faults.py",
    "twin/ledger.py",
    "twin/traffic.py",
    "genesys/retry.py",
    "genesys/notifications.py",
    "genesys/strategy.py",
    "genesys/models.py",
    "genesys/requests.py",
    "platform/port.py",
    "platform/shown.py",
    "keeper/budget.py",
    "keeper/waiting.py",
)


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem != "__init__")


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            yield node.module or ""


def room(name: str) -> str:
    """`micgate.genesys.flows` → `genesys`."""
    return name.removeprefix("micgate").lstrip(".").split(".")[0]


def floor(place: str) -> int:
    return next(number for number, places in enumerate(FLOORS) if place in places)


def ours(path: Path) -> list[str]:
    return [room(name) for name in imported(path) if name.split(".")[0] == "micgate" and room(name)]


def service_room(path: Path) -> str:
    """`service/http/listen.py` → `http`, as are the room itself and a module named without `.py`."""
    parts = path.relative_to(SOURCE / "service").parts
    return parts[0] if parts and parts[0] in SERVICE else ""


def own_room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_module_imports_only_from_its_own_folder_or_from_floors_below(path):
    here = own_room(path)
    if here == "__main__":
        here = "cli"
    for there in ours(path):
        assert there == here or floor(there) > floor(here), f"{path.name} imports {there}"


@pytest.mark.parametrize("path", sorted((SOURCE / "service").rglob("*.py")), ids=lambda path: path.stem)
def test_a_module_of_the_service_imports_only_from_its_own_room_or_from_rooms_below(path):
    here = service_room(path)
    for name in imported(path):
        if name.startswith("micgate.service"):
            there = service_room(SOURCE.parent / Path(*name.split(".")))
            assert SERVICE.index(there) >= SERVICE.index(here), f"{path.name} imports {name}"


@pytest.mark.parametrize("place", sorted(ALONE))
def test_the_vendor_the_simulator_and_the_core_import_nothing_of_ours(place):
    for path in (SOURCE / place).rglob("*.py"):
        assert set(ours(path)) <= {place}, path


@pytest.mark.parametrize("place", PURE)
def test_the_pure_parts_import_no_io_no_clock_and_no_randomness(place):
    start = SOURCE / place
    paths = [start] if start.is_file() else list(start.rglob("*.py"))
    assert paths
    for path in paths:
        reached = {name.split(".")[0] for name in imported(path)} & OUTSIDE_WORLD
        assert not reached - ({"random"} if own_room(path) == "twin" else set()), f"{path} imports {reached}"


def test_no_file_has_a_name_that_says_nothing():
    empty = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
    assert not [path for path in SOURCE.rglob("*.py") if path.stem in empty]


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("micgate", {"aiohttp", "urllib3", "click", "asyncio", "msgspec"}),
        ("micgate.genesys.transport_urllib3", {"aiohttp", "asyncio", "click", "rich"}),
        ("micgate.direct.sync", {"aiohttp", "asyncio", "click", "rich"}),
        ("micgate.direct.guardian", {"aiohttp", "asyncio", "click", "rich"}),
        ("micgate.cli.main", {"aiohttp", "asyncio", "rich", "urllib3", "msgspec"}),
        ("micgate.cli.mute", {"aiohttp", "asyncio", "rich"}),
        ("micgate.cli.served", {"aiohttp", "asyncio", "rich", "urllib3", "micgate.client.sync"}),
        ("micgate.cli.webhooks", {"aiohttp", "asyncio", "rich", "urllib3", "procrastinate"}),
        ("micgate.service.run", {"procrastinate"}),
        ("micgate.client.sync", {"aiohttp", "asyncio", "click", "rich", "litestar"}),
        ("micgate.client.aio", {"urllib3", "click", "rich", "litestar"}),
    ],
)
def test_importing_it_loads_none_of_the_heavy_libraries(module, heavy):
    """Each of them costs the command line 20 ms or more, whether used or not."""
    program = f"import sys, {module}; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not heavy & set(loaded.stdout.split())
