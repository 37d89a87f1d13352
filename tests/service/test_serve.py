"""`micgate serve` as a process: API and keeper, on the embedded database and the simulator."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from replica import START_SECONDS


def test_a_mute_over_http_silences_and_a_release_gives_back(serving, twin):
    call = twin.place_call()
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    agent = twin.agents[0].email
    mute = serving.ask("POST", "/v1/mutes", {"agent": agent, "for": "60s"}, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    assert twin.leg(call)["muted"] is True
    ended = serving.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
    assert ended["end"] == "released"
    twin.wait_until(lambda: twin.leg(call)["muted"] is False)
    assert len(twin.requests("PATCH")) == 2


def test_it_announces_itself_to_this_account_only_and_takes_that_back(serving, twin):
    told = serving.start()
    path = serving.folder / "run" / "micgate.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert serving.announced["url"] == told["url"]
    assert serving.announced["region"] == twin.api_url
    assert serving.announced["key"] not in (serving.folder / "log").read_text()
    assert "key" not in told
    assert serving.stop() == 0
    assert not path.exists()


def test_commands_that_outlive_it_get_on_with_the_next(serving, twin):
    serving.start()
    key, kept = serving.announced["key"], serving.folder / "run" / "micgate.key"
    assert kept.stat().st_mode & 0o777 == 0o600
    serving.stop()
    serving.start()
    assert serving.announced["key"] == key
    assert serving.ask("GET", "/v1/me", key=key)["scopes"]
    kept.chmod(0o644)
    serving.stop()
    serving.start()
    assert serving.announced["key"] != key  # others could have read it, or written it
    twin.wait_until(lambda: refused(serving, key))


def test_a_second_replica_keeps_the_org_when_the_first_stops(serving, twin):
    call = twin.place_call()
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    mute = serving.ask("POST", "/v1/mutes", {"agent": twin.agents[0].id, "for": "5m"}, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    serving.start()
    assert serving.stop(serving.replicas[0]) == 0
    twin.wait_until(lambda: serving.ready)
    assert serving.ask("GET", f"/v1/mutes/{mute['id']}")["release_at"] == mute["release_at"]
    serving.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
    twin.wait_until(lambda: twin.leg(call)["muted"] is False)


def test_both_replicas_say_what_the_budget_is(serving, twin):
    twin.place_call()
    first = serving.start()["url"]
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    serving.ask("POST", "/v1/mutes", {"agent": twin.agents[0].id, "for": "45s"}, Prefer="wait=20")
    key = json.loads(serving.command("keys", "add", "x", "--scope", "mute", "--json").stdout)["key"]
    seen = {first: {}, serving.start()["url"]: {}}

    def agree():
        seen.update({url: budget(serving, url, key) for url in seen})
        return all(one["reserved"] + one["next_minute"]["reserved"] == 2 for one in seen.values())

    twin.wait_until(agree)
    assert [one["source"] for one in seen.values()] == ["keeper", "told"]
    assert len({one["allowed"] for one in seen.values()}) == 1


def budget(serving, url, key):
    address = f"{url}/v1/orgs/{serving.environ['MICGATE_ORG']}/budget"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def test_the_first_key_is_made_on_the_host_and_works(serving, twin):
    made = serving.command("keys", "add", "crm", "--scope", "mute", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)["key"]
    assert key not in made.stderr
    serving.start()
    assert serving.ask("GET", "/v1/me", key=key)["scopes"] == ["mute"]
    listed = serving.command("keys", "list", "--json")
    assert key not in listed.stdout
    (shown,) = json.loads(listed.stdout)["keys"]
    assert (shown["limits"]["standing"], shown["limits"]["rate"], shown["limits"]["agents"]) == (5, 30, None)
    prefix = shown["prefix"]
    assert serving.command("keys", "revoke", prefix).returncode == 0
    row = serving.command("keys", "list").stdout.splitlines()[1].split("\t")
    assert (row[0], row[3].split()[:2]) == (prefix, ["no:", "revoked"])
    twin.wait_until(lambda: refused(serving, key))


def refused(serving, key):
    try:
        serving.ask("GET", "/v1/me", key=key)
    except urllib.error.HTTPError as error:
        with error:
            return error.code == 401
    return False


def test_the_brake_is_pulled_on_the_host_without_a_service(serving):
    assert json.loads(serving.command("freeze", "--here", "--json").stdout)["frozen"] is True
    assert json.loads(serving.command("unfreeze", "--here", "--json").stdout)["frozen"] is False


def test_a_backup_of_the_embedded_database_is_put_back(alone):
    file = alone.folder / "dump"
    assert alone.command("freeze", "--here").returncode == 0
    assert alone.command("db", "backup", str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    alone.command("unfreeze", "--here")
    done = alone.command("db", "restore", str(file), "--yes", "--json")
    assert done.returncode == 0, done.stderr
    alone.start()
    assert alone.ask("GET", "/v1/freeze")["frozen"] is True


def test_wrong_settings_end_it_with_two_lines(serving):
    serving.environ["MICGATE_HOST"] = "0.0.0.0"
    answer = serving.command("serve")
    assert answer.returncode == 2
    assert "API keys would travel in the clear" in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 2


def test_a_certificate_that_is_none_is_said_and_does_not_end_it_as_if_all_were_well(serving, tmp_path):
    (tmp_path / "cert.pem").write_text("junk")
    (tmp_path / "key.pem").write_text("junk")
    serving.environ |= {
        "MICGATE_TLS_CERT": str(tmp_path / "cert.pem"),
        "MICGATE_TLS_KEY": str(tmp_path / "key.pem"),
    }
    done = serving.command("serve")
    assert done.returncode == 2
    assert "MICGATE_TLS_CERT" in done.stderr


def test_a_key_that_signs_nothing_ends_it_at_once(serving):
    serving.environ["MICGATE_AUDIT_KEY"] = "-----BEGIN HUNTER2-----"
    done = serving.command("serve")
    assert done.returncode == 1
    assert "MICGATE_AUDIT_KEY" in done.stderr
    assert "HUNTER2" not in done.stderr


def test_a_wrong_secret_ends_it_before_it_is_said_to_have_started(serving):
    serving.environ["GENESYS_CLIENT_SECRET"] = "wrong"
    answer = serving.command("serve")
    assert answer.returncode == 1
    assert "its secret is wrong or was renewed" in answer.stderr
    assert " service.listening " in answer.stderr
    assert " service.started " not in answer.stderr


def test_the_health_check_of_the_image_works_on_a_real_service(serving):
    serving.start()
    assert health_check(serving).returncode == 0
    serving.stop()
    assert health_check(serving).returncode != 0


def health_check(house):
    """As the Dockerfile has it, on the folder of this service."""
    dockerfile = Path(__file__).resolve().parents[2].joinpath("Dockerfile").read_text()
    (line,) = [line for line in dockerfile.splitlines() if line.startswith("HEALTHCHECK")]
    _, flag, program = json.loads(line.partition("CMD ")[2])
    program = program.replace("/run/micgate/", f"{house.folder}/run/")
    return subprocess.run([sys.executable, flag, program], capture_output=True, check=False)
