"""What a shell sees when Genesys Cloud, or the way to it, fails: two lines, a word, an exit code."""

import json

import pytest

CASES = [
    ({"kind": "status", "status": 400}, 1, "bad_request"),
    ({"kind": "status", "status": 401}, 0, None),
    ({"kind": "status", "status": 403}, 1, "not_a_party"),
    ({"kind": "status", "status": 404}, 1, "not_found"),
    ({"kind": "status", "status": 409}, 1, "conflict"),
    ({"kind": "status", "status": 415}, 1, "bad_request"),
    ({"kind": "status", "status": 503}, 0, None),
    ({"kind": "html"}, 0, None),
    ({"kind": "reset"}, 0, None),
    ({"kind": "apply_then_reset"}, 0, None),
    ({"kind": "apply_then_status", "status": 500}, 0, None),
    ({"kind": "accept_then_forget"}, 3, "unconfirmed"),
]


@pytest.fixture
def call(twin):
    return twin.place_call()


@pytest.mark.parametrize("command", ["why", "mute", "unmute"])
def test_an_argument_that_is_no_text_is_two_lines_with_a_remedy(command, shell, twin):
    done = shell(command, b"Zo\xeb")
    what, remedy = done.stderr.splitlines()
    assert (done.returncode, "no text" in what, "UTF-8" in remedy) == (2, True, True)
    assert not twin.requests("PATCH")


@pytest.mark.parametrize(("fault", "code", "word"), CASES, ids=str)
@pytest.mark.usefixtures("call")
def test_one_fault_on_the_change_is_survived_or_told(fault, code, word, shell, twin):
    twin.control("POST", "/faults", {"match": {"method": "PATCH"}, "times": 1} | fault)
    shown = shell("set", twin.agents[0].email, "--muted", "--json", "--timeout", "4")
    answer = json.loads(shown.stdout)
    assert shown.returncode == code, answer
    assert answer.get("word") == word
    assert "Traceback" not in shown.stderr
    assert shell.environ["GENESYS_CLIENT_SECRET"] not in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("path", "fault", "word"),
    [
        ("/oauth/token", {"kind": "status", "status": 400}, None),
        ("/oauth/token", {"kind": "html"}, "not_genesys"),
        ("/oauth/token", {"kind": "reset"}, "unreachable"),
        ("/api/v2/users/search", {"kind": "html"}, "not_genesys"),
        ("/api/v2/users/search", {"kind": "status", "status": 500}, "platform_failed"),
        ("/api/v2/users/search", {"kind": "status", "status": 401}, "token_refused"),
        ("/api/v2/users/search", {"kind": "rate_storm", "seconds": 60}, "rate_limited"),
        ("/api/v2/conversations/calls/.*", {"kind": "status", "status": 503}, "platform_failed"),
        ("/api/v2/conversations/calls/.*", {"kind": "slow", "seconds": 60}, "timed_out"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("call")
def test_a_lasting_fault_is_two_lines_with_a_remedy(path, fault, word, shell, twin):
    twin.control("POST", "/faults", {"match": {"path": path}} | fault)
    timeout = "1" if word == "timed_out" else "2"
    shown = shell("set", twin.agents[0].email, "--muted", "--timeout", timeout)
    assert shown.returncode == 1
    assert len(shown.stderr.splitlines()) == 2, shown.stderr
    assert not shown.stdout
    if word:
        twin.control("DELETE", "/faults")
        twin.control("POST", "/faults", {"match": {"path": path}} | fault)
        assert shell.json("set", twin.agents[0].email, "--muted", "--timeout", timeout)[0]["word"] == word
    assert not twin.requests("PATCH")


@pytest.mark.parametrize("knob", [{"on_behalf": "forbid"}], ids=str)
def test_a_mute_that_is_refused_leaves_nobody_muted(knob, shell, twin, call):
    twin.turn(**knob)
    shown = shell("mute", twin.agents[0].email, "--for", "5s", "--json")
    error = json.loads(shown.stdout.splitlines()[-1])
    assert (shown.returncode, error["exit_code"]) == (1, 1)
    assert error["word"] in {"missing_permission", "forbidden", "not_a_party"}
    assert twin.leg(call)["muted"] is False


def test_a_mute_that_never_takes_effect_ends_with_exit_code_3_and_nobody_muted(shell, twin, call, settled):
    twin.turn(on_behalf="ignore")
    shown = shell("mute", twin.agents[0].email, "--for", "60s", "--timeout", "1", "--json")
    error = json.loads(shown.stdout.splitlines()[-1])
    assert (shown.returncode, error["word"]) == (3, "unconfirmed")
    settled()
    assert twin.leg(call)["muted"] is False


def test_a_mute_that_takes_effect_late_is_still_given_back(shell, twin, call, settled):
    twin.turn(apply_ms=[2500, 2500])
    shown = shell("mute", twin.agents[0].email, "--for", "60s", "--timeout", "1", "--json")
    assert shown.returncode == 3
    settled()
    assert twin.leg(call)["muted"] is False
    assert {entry["to"] for entry in twin.ledger(kind="change") if entry["field"] == "muted"} == {True, False}


@pytest.fixture
def settled(shell, twin):
    """Wait for the guardian, which watches for late effects for 15 s and then lets go of its lock."""
    return lambda: twin.wait_until(lambda: not list((shell.state / "locks").iterdir()), seconds=40)
