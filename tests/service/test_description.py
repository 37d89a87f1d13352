"""The API's description, held against the service by schemathesis: what it says, and what nobody foresaw."""

import json
import subprocess
import sys
import urllib.request

import pytest

from replica import START_SECONDS

LIMITS = {"rate": 100_000, "standing": 1000, "queue_share": None}
SCOPES = ["mute", "mute:reassert", "release:any", "audit:read", "admin"]


@pytest.fixture
def house(serving, twin):
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    return serving


def test_every_answer_is_as_described_and_none_is_a_mistake_of_ours(house, twin, tmp_path):
    """A key, not the host's: what it makes us look up at the platform is bounded, and no answer is 503."""
    twin.place_call()
    wish = {"name": "schemathesis", "scopes": SCOPES, "limits": LIMITS}
    key = house.ask("POST", "/v1/keys", wish)["secret"]
    url = f"{house.announced['url']}/openapi.json"
    header = ("--header", f"Authorization: Bearer {key}")
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", url, *header, *OPTIONS],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stdout + done.stderr


OPTIONS = (
    *("--phases", "examples,coverage,fuzzing", "--max-examples", "12", "--seed", "1"),
    *("--checks", "all", "--exclude-checks", "positive_data_acceptance", "--continue-on-failure"),
    *("--exclude-path", "/v1/events", "--request-timeout", "15", "--no-color", "--warnings", "off"),
)
"""What fits the description may still be refused, for what it means; a stream has no end."""


def test_the_description_names_every_operation_and_its_scope(house):
    with urllib.request.urlopen(f"{house.announced['url']}/openapi.json") as answer:
        described = json.load(answer)
    place = described["paths"]["/v1/mutes"]["post"]
    assert place["operationId"] == "place_mute"
    assert "Needs the scope `mute`." in place["description"]
    assert place["responses"]["4XX"]["content"].keys() == {"application/problem+json"}
    assert described["components"]["schemas"]["NewMute"]["additionalProperties"] is False
    assert described["paths"]["/healthz"]["get"]["security"] == []
    assert described["paths"]["/v1/events"]["get"]["responses"]["200"]["content"].keys() == {
        "text/event-stream"
    }
