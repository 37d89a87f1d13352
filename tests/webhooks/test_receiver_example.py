"""The example of a receiver, as it is written, on deliveries of a real service."""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "webhook_receiver.py"
START_SECONDS = 40


@pytest.fixture
def served(serving, twin):
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    return serving


@pytest.fixture
def listening(tmp_path):
    """Start it; answers the process and its address."""
    started = []

    def start(port, *, secret):
        started.append(
            subprocess.Popen(
                [sys.executable, str(EXAMPLE), str(port)],
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | {"WEBHOOK_SECRET": secret},
            )
        )
        return started[-1], started[-1].stdout.readline().split()[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.communicate()


def test_it_prints_what_is_signed_with_its_secret_and_refuses_all_else(served, listening):
    first, url = listening(0, secret="whsec_c29tZWJvZHkgZWxzZSdz")
    made = served.ask("POST", "/v1/webhooks", {"name": "crm", "url": url, "events": ["brake.*"]})
    assert forged(url) == 401
    first.kill()
    first.communicate()
    process, _ = listening(url.rpartition(":")[2].rstrip("/"), secret=made["secret"])
    served.ask("POST", "/v1/freeze")
    said = process.stdout.readline()
    assert " micgate.brake." in said
    assert '"frozen": true' in said
    assert forged(url) == 401


def forged(url):
    headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,bm90aGluZw=="}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, b"{}", headers), timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
