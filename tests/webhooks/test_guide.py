"""docs/webhooks.md: its receiver receives, its commands exist, its figures are those of the code."""

import re
from pathlib import Path

import pytest
from standardwebhooks import WebhookVerificationError

from micgate.cli.webhooks import webhooks
from micgate.webhooks import office, patience, sign

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "webhooks.md").read_text("utf-8")


@pytest.fixture
def receive():
    (program,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    namespace = {}
    exec(program, namespace)
    return namespace["receive"]


def test_the_guides_receiver_verifies_and_drops_repeats(receive):
    import time

    secret, body = sign.new_secret(), b'{"type":"micgate.mute.placed"}'
    headers = sign.headers("msg_1", body, at=time.time(), keys=[secret])
    assert receive(secret, headers, body) == "micgate.mute.placed"
    assert receive(secret, headers, body) is None
    with pytest.raises(WebhookVerificationError):
        receive(secret, headers, body + b" ")
    with pytest.raises(WebhookVerificationError):
        receive(sign.new_secret(), headers, body)
    with pytest.raises(WebhookVerificationError):
        receive(secret, sign.headers("msg_1", body, at=time.time() - 600, keys=[secret]), body)


def test_the_guides_commands_are_there():
    told = set(re.findall(r"micgate webhooks (\w+)", GUIDE))
    assert told == set(webhooks.commands) - {"remove"}


def test_the_guides_figures_are_those_of_the_code():
    assert patience.SECONDS == (1, 5, 15, 60, 300, 600)
    assert (patience.TRIES, patience.IN_ORDER, office.ROOM) == (150, 2, 100)
