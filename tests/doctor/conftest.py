import json
from pathlib import Path

import pytest

CONTRACT = Path(__file__).parents[1] / "data" / "contract.json"


@pytest.fixture(scope="session")
def contract_permissions():
    paths = json.loads(CONTRACT.read_text("utf-8"))["paths"]
    operations = [
        operation
        for methods in paths.values()
        for operation in methods.values()
        if isinstance(operation, dict)
    ]
    return {
        name for operation in operations for name in operation.get("x-permissions", {}).get("permissions", ())
    }
