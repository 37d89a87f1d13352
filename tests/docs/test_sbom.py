"""`make sbom`, without making it: that takes most of a minute."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def steps():
    """What it would run."""
    if shutil.which("make") is None:
        pytest.skip("there is no make here")
    done = subprocess.run(["make", "-n", "-B", "sbom"], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_bill_of_materials_lists_every_extra_and_nothing_that_only_developers_need(steps):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (installed,) = re.findall(r"sbom/runtime/bin/python install --quiet '\.\[([a-z,]+)\]'", steps)
    assert set(installed.split(",")) == set(project["optional-dependencies"])
    assert re.search(
        r"cyclonedx-py environment .*\\\n.* \.venv/sbom/runtime/bin/python$", steps, re.MULTILINE
    )


def test_the_tool_that_lists_it_is_of_one_major_version(steps):
    lowest, below = re.search(r"'cyclonedx-bom>=(\d+)\.\d+,<(\d+)'", steps).groups()
    assert int(below) == int(lowest) + 1


def test_the_version_is_put_in_place_of_the_line_that_says_it_is_dynamic(steps):
    assert "s/^dynamic = .*/version = " in steps
    assert re.findall(r"^dynamic = .*", (ROOT / "pyproject.toml").read_text(), re.MULTILINE) == [
        'dynamic = ["version"]'
    ]
