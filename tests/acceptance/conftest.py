"""The cells of the fault matrix, run at the same time by threads that wait on processes."""

from collections.abc import Iterator, Sequence
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

    def begin(self, cells: Sequence[tuple[Step, Fault]]) -> None:
        """Those that wait longest first."""
        for step, fault in sorted(cells, key=lambda cell: cell[0].method == "POST"):
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


@pytest.fixture
def matrix(tmp_path) -> Iterator[Matrix]:
    matrix = Matrix(tmp_path)
    yield matrix
    matrix.close()
