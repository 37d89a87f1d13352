"""The cells of the fault matrix, run at the same time by threads that wait on processes."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from cells import Cell, Floor, Run
from fault_table import Fault, Step

from simulator import Simulator

SHARED_AGENTS, OWN_AGENTS = 400, 40
THREADS = 100


class Matrix:
    """Runs cells on the simulators their steps need, which start when the first cell needs them."""

    def __init__(self, folder) -> None:
        self._folder = folder
        self._floors: dict[str, Floor] = {}
        self._pools: dict[str, ThreadPoolExecutor] = {}
        self._cells: dict[tuple[str, str], Cell] = {}
        self._runs: dict[tuple[str, str], Future[Run]] = {}

    def begin(self, cells: list[tuple[Step, Fault]]) -> None:
        for step, fault in cells:
            if step.floor not in self._floors:
                self._open(step)
            folder = self._folder / f"{step.name}-{fault.name.replace(' ', '-')}"
            cell = Cell(step, fault, floor=self._floors[step.floor], folder=folder)
            self._cells[step.name, fault.name] = cell
            self._runs[step.name, fault.name] = self._pools[step.floor].submit(cell.run)

    def cell(self, step: Step, fault: Fault) -> Cell:
        return self._cells[step.name, fault.name]

    def run(self, step: Step, fault: Fault) -> Run:
        return self._runs[step.name, fault.name].result()

    def secrets(self) -> list[str]:
        return [floor.simulator.client_secret for floor in self._floors.values()]

    def close(self) -> None:
        for pool in self._pools.values():
            pool.shutdown(cancel_futures=True)
        for floor in self._floors.values():
            floor.simulator.stop()

    def _open(self, step: Step) -> None:
        alone = step.floor != "shared"
        simulator = Simulator.start("--quiet", "--agents", str(OWN_AGENTS if alone else SHARED_AGENTS))
        simulator.turn(apply_ms=[0, 0], **step.knobs)
        self._floors[step.floor] = Floor(simulator, alone=alone)
        self._pools[step.floor] = ThreadPoolExecutor(1 if alone else THREADS)


@pytest.fixture(scope="session")
def _matrix(request, tmp_path_factory) -> Iterator[Matrix]:
    matrix = Matrix(tmp_path_factory.mktemp("cells"))
    matrix.begin(_wanted(request.session.items))
    yield matrix
    matrix.close()


@pytest.fixture
def matrix(_matrix) -> Matrix:
    return _matrix


def _wanted(items) -> list[tuple[Step, Fault]]:
    """The cells of the tests that were selected; those that wait longest first."""
    marked = [item.callspec.params for item in items if "matrix" in item.fixturenames]
    cells = [(params["step"], params["fault"]) for params in marked if "fault" in params]
    return sorted(cells, key=lambda cell: cell[0].method == "POST")
