"""The documents say what the code says."""

from pathlib import Path

import generate
import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_a_document_is_as_fresh_as_the_code(path):
    text = path.read_text("utf-8")
    assert generate.fresh(text) == text, "run `make docs`"


def test_every_kind_of_fault_is_described():
    from micgate.twin.faults import KINDS

    described = (DOCS / "twin.md").read_text("utf-8")
    assert not [kind for kind in KINDS if f"`{kind}`" not in described]


def test_every_setting_is_in_the_document():
    from micgate.settings import SETTINGS

    described = (DOCS / "settings.md").read_text("utf-8")
    assert not [name for setting in SETTINGS for name in setting.names if f"`{name}`" not in described]


def test_the_simulator_answers_every_operation_of_the_contract():
    assert "| no |" not in generate.operations()
