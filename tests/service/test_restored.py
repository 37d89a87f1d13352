"""A service on a restored database: what the dump says of microphones is old, and nothing is opened on it."""

import json

from replica import START_SECONDS


def test_a_restored_service_does_not_open_what_an_agent_has_closed_since(alone, twin):
    call = twin.place_call()
    agent = twin.agents[0]
    file = alone.folder / "dump"
    alone.start()
    twin.wait_until(lambda: alone.ready, seconds=START_SECONDS)
    mute = alone.ask("POST", "/v1/mutes", {"agent": agent.id, "for": "5m"}, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    assert alone.command("db", "backup", str(file)).returncode == 0
    alone.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
    twin.wait_until(lambda: twin.leg(call)["muted"] is False, seconds=40)
    twin.press_mute(call, muted=True)
    assert alone.stop() == 0

    refused = alone.command("db", "restore", str(file), "--yes", "--json")
    assert refused.returncode == 0, refused.stderr
    alone.start()
    twin.wait_until(lambda: alone.ready, seconds=START_SECONDS)
    assert [one["id"] for one in alone.ask("GET", "/v1/mutes")["mutes"]] == [mute["id"]]
    ended = alone.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
    assert ended["end"] == "released"
    twin.wait_until(lambda: state(alone, mute) in {"ended", "left_closed"}, seconds=60)
    assert twin.leg(call)["muted"] is True


def state(house, mute):
    return house.ask("GET", f"/v1/mutes/{mute['id']}")["state"]


def test_a_restore_beside_a_running_service_is_refused(alone, twin):
    file = alone.folder / "dump"
    alone.start()
    assert alone.command("db", "backup", str(file)).returncode == 0
    for asked in ((), ("--yes",)):
        refused = alone.command("db", "restore", str(file), *asked, "--json")
        assert refused.returncode == 1
        assert json.loads(refused.stdout)["message"] == "The database is in use."
        assert "Drop" not in refused.stderr
    assert alone.ask("GET", "/v1/freeze")["frozen"] is False
