"""The diagram in the documentation is the table that decides."""

import importlib.util
import subprocess
import sys
from pathlib import Path

from micgate.control.microphone import Phase

DOCS = Path(__file__).resolve().parents[3] / "docs"


def drawing():
    spec = importlib.util.spec_from_file_location("draw_phases", DOCS / "draw_phases.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_shows_the_table_as_it_is():
    assert subprocess.run([sys.executable, DOCS / "draw_phases.py", "--check"], check=False).returncode == 0


def test_every_phase_is_drawn():
    diagram = drawing().diagram()
    assert all(f"{phase} -->" in diagram or f"--> {phase}" in diagram for phase in Phase)


def test_an_old_diagram_is_replaced():
    module = drawing()
    text = f"above\n{module.BEGIN}\nold\n{module.END}\nbelow\n"
    assert (
        module.page(text)
        == f"above\n{module.BEGIN}\n```mermaid\n{module.diagram()}\n```\n{module.END}\nbelow\n"
    )
