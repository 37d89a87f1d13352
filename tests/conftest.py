"""Fixtures for everybody: the simulator as a real process."""

import signal
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

import leftovers
from simulator import Simulator

if TYPE_CHECKING:
    from serving import Serving

    from micgate.store.database import Database
    from micgate.store.embedded import Embedded

_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
"""Real processes run beside: how long an example takes says nothing."""
hypothesis.settings.register_profile("suite", derandomize=True, **_PATIENT)
hypothesis.settings.register_profile("search", **_PATIENT)
"""Other examples with every run: `pytest --hypothesis-profile=search`."""
hypothesis.settings.load_profile("suite")

SERVICE_ROOMS = {"store", "keeper", "service", "webhooks", "kills"}
SERVICE_FILES = {
    *("test_demo.py", "test_served.py", "test_on_the_service.py", "test_in_the_database.py"),
    *("test_on_postgres.py", "test_planted.py", "test_replay.py"),
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database or takes long, so that the suite of every day stays quick."""
    for item in items:
        if item.path.parent.name in SERVICE_ROOMS or item.path.name in SERVICE_FILES:
            item.add_marker(pytest.mark.service)


def pytest_sessionstart(session: pytest.Session) -> None:
    """Clear away what test runs that were killed have left.

    A run in the background of a script is started with Ctrl-C ignored, which every command would inherit.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(session.config, "workerinput"):
        leftovers.clear()


@pytest.fixture(scope="session")
def _process() -> Iterator[Simulator]:
    simulator = Simulator.start("--quiet")
    yield simulator
    simulator.stop()


@pytest.fixture
def twin(_process: Simulator) -> Simulator:
    """A simulator with a fresh, quiet world: twelve agents, no call."""
    _process.reset()
    return _process


@pytest.fixture
def start_twin() -> Iterator[Callable[..., Simulator]]:
    """Start simulators with arguments of their own; they end with the test."""
    started: list[Simulator] = []

    def start(*arguments: str) -> Simulator:
        started.append(Simulator.start(*arguments))
        return started[-1]

    yield start
    for simulator in started:
        if simulator.process.poll() is None:
            simulator.stop()


@pytest.fixture(scope="session")
def serving() -> "Iterator[Serving]":
    """A real service with a simulator of its own. Tests that use it belong to the xdist group "served"."""
    from serving import Serving

    from leftovers import held_folder

    with held_folder() as folder:
        serving = Serving(folder)
        yield serving
        serving.close()


@pytest.fixture(scope="session")
def embedded() -> "Iterator[Embedded]":
    """A real PostgreSQL for each test process. Whoever writes into it takes an organization of its own."""
    from leftovers import held_folder
    from micgate.store import migrate
    from micgate.store.embedded import OWNER, Embedded

    with held_folder() as folder:
        embedded = Embedded.attach(folder / "database")
        migrate.upgrade(embedded.conninfo(OWNER))
        yield embedded
        embedded.detach()


@pytest.fixture
async def database(embedded: "Embedded") -> "AsyncIterator[Database]":
    from micgate.store.database import Database

    database = await Database.open(embedded.conninfo())
    yield database
    await database.close()
