"""The probe on a live call: nothing audible, a verdict, and a report that can be shared."""

import json
import re
import signal
import stat

import pytest

AGENT_WORDS = re.compile(r"@|[0-9a-f]{8}-[0-9a-f]{4}-", re.IGNORECASE)


@pytest.fixture
def probe(doctor, twin, tmp_path):
    def run(*arguments, **environ):
        return doctor(
            "--probe", twin.agents[0].email, "--report", str(tmp_path / "report.json"), *arguments, **environ
        )

    return run


def patches(twin):
    return [(entry["path"].rsplit("/", 2)[-2], entry["body"]) for entry in twin.requests("PATCH")]


@pytest.mark.parametrize("muted", [False, True])
def test_it_sends_the_present_value_once_and_moves_nothing(probe, twin, muted):
    call = twin.place_call()
    if muted:
        twin.press_mute(call, muted=True)
    changes = twin.ledger(kind="change")
    run = probe()
    assert run.code == 0
    assert patches(twin) == [("user", {"muted": muted})]
    assert twin.ledger(kind="change") == changes
    assert run.says("probe").startswith("ok: Accepted")
    assert run.finding("probe")["facts"]["strategy"] == "on_behalf"


def test_a_refusal_on_behalf_says_what_was_tried_and_what_to_change(probe, twin):
    twin.place_call()
    twin.turn(on_behalf="forbid")
    run = probe()
    assert run.code == 1
    assert run.says("probe").startswith("fail: Refused (on_behalf: refused (403")
    assert "OAuth > the client > Roles" in run.says("probe")
    assert "conversation:communication:disconnect" in run.says("probe")


def test_a_missing_permission_is_named(probe, twin, client):
    twin.place_call()
    lacking = client(
        permissions=[
            "conversation:communication:view",
            "directory:user:view",
            "analytics:queueObservation:view",
        ]
    )
    run = probe(**lacking)
    assert run.code == 1
    assert run.finding("probe")["facts"]["word"] == "missing_permission"
    assert "conversation:agentlessCall:add" in run.says("probe")


def test_no_live_call_is_said_and_nothing_sent(probe, twin):
    run = probe()
    assert run.code == 1
    assert "no live call" in run.says("call")
    assert run.finding("probe")["verdict"] == "skipped"
    assert not patches(twin)


def test_an_unknown_agent_is_said(doctor, tmp_path):
    run = doctor("--probe", "nobody@example.com", "--report", str(tmp_path / "r.json"))
    assert run.code == 1
    assert run.finding("call")["facts"]["word"] == "unknown_agent"


def test_a_lost_answer_is_neither_accepted_nor_refused(probe, twin):
    twin.place_call()
    twin.fault("apply_then_reset", match={"method": "PATCH"}, times=1)
    run = probe()
    assert run.says("probe").startswith("warn: Whether the mute request was accepted is not known")


def test_the_report_names_nobody(probe, twin, tmp_path):
    twin.place_call()
    run = probe()
    path = tmp_path / "report.json"
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run.told["report"] == str(path)
    assert not AGENT_WORDS.search(text)
    agent = twin.agents[0]
    for private in (
        *agent.name.split(),
        agent.email,
        twin.org["name"],
        twin.client_id,
        twin.client_secret,
        "127.0.0.1",
    ):
        assert private not in text
    facts = {each["check"]: each for each in json.loads(text)["findings"]}
    assert facts["call"]["facts"]["participant_id"] == "<id-2>"
    assert facts["probe"]["facts"]["attempts"] == ["on_behalf: accepted (202)"]


def test_an_existing_report_is_not_overwritten(probe, twin, tmp_path):
    (tmp_path / "report.json").write_text("mine")
    run = probe()
    assert run.code == 1
    assert (tmp_path / "report.json").read_text() == "mine"
    assert not patches(twin)


def test_the_probe_stands_in_the_journal(probe, twin, tmp_path):
    call = twin.place_call()
    probe()
    lines = [
        json.loads(line)
        for line in (tmp_path / "state" / "micgate" / "direct.jsonl").read_text().splitlines()
    ]
    assert [line["event"] for line in lines] == ["doctor.intended", "doctor.accepted"]
    assert {line["conversation_id"] for line in lines} == {call["id"]}


def test_audible_closes_the_microphone_for_two_seconds_and_hears_the_event(probe, twin):
    call = twin.place_call()
    run = probe("--audible")
    assert run.code == 0
    facts = run.finding("audible")["facts"]
    assert facts["given_back"] is True
    assert facts["event_ms"] > 0
    assert twin.leg(call)["muted"] is False
    assert [body for _, body in patches(twin)] == [{"muted": False}, {"muted": True}, {"muted": False}]


def test_audible_opens_no_microphone_that_its_agent_closed(probe, twin):
    call = twin.place_call()
    twin.press_mute(call, muted=True)
    run = probe("--audible")
    assert run.finding("audible")["verdict"] == "skipped"
    assert twin.leg(call)["muted"] is True


def test_audible_finds_out_that_accepted_requests_are_ignored(probe, twin):
    call = twin.place_call()
    twin.turn(on_behalf="ignore")
    run = probe("--audible", MICGATE_TIMEOUT="2")
    assert run.code == 1
    assert run.finding("probe")["verdict"] == "ok"
    assert "did not take effect" in run.says("audible")
    assert twin.leg(call)["muted"] is False


def test_audible_notices_that_no_event_comes(probe, twin):
    call = twin.place_call()
    twin.fault("event_lost", probability=1.0)
    run = probe("--audible")
    assert run.says("audible").startswith("warn: The microphone closed and opened again, but no event")
    assert twin.leg(call)["muted"] is False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_audible_gives_back_whatever_ends_it(start_doctor, twin, number):
    call = twin.place_call()
    process = start_doctor("--probe", twin.agents[0].email, "--audible")
    twin.wait_until(lambda: twin.leg(call)["muted"])
    process.send_signal(number)
    twin.wait_until(lambda: not twin.leg(call)["muted"])
    _, stderr = process.communicate(timeout=40)
    assert "Traceback" not in stderr
