"""The commands where there is a service: a real one, on its own database, and the simulator."""

import json
import re
import signal
import time

import pytest
from serving import PER_MINUTE
from shell import ended

pytestmark = [pytest.mark.xdist_group("served"), pytest.mark.timeout(300)]


@pytest.fixture
def shell(serving):
    return serving.shell


@pytest.fixture
def on(serving):
    return serving.on_call()


@pytest.fixture(scope="module")
def rules(serving):
    """A key that may mute, and no more."""
    return serving.another("mute")


@pytest.fixture(scope="module")
def auditor(serving):
    return serving.another("audit:read")


def lines(done):
    return [json.loads(row) for row in done.stdout.splitlines()]


def test_a_mute_outlives_its_command_and_ends_on_time(serving, shell, on):
    placed, result = lines(shell("mute", on.agent.email, "--for", "3s", "--reason", "customer", "--json"))
    assert (placed["event"], placed["state"], placed["muted"]) == ("placed", "pending", None)
    assert (result["event"], result["outcome"], result["exit_code"]) == ("result", "confirmed", 0)
    assert (result["muted"], result["reason"], result["user_id"]) == (True, "customer", on.agent.id)
    serving.simulator.wait_until(lambda: not serving.muted(on))
    assert turns(serving, on) == [True, False]


def turns(serving, on):
    return [
        entry["to"]
        for entry in serving.simulator.ledger(kind="change")
        if (entry["field"], entry["conversation"]) == ("muted", on.call["id"])
    ]


def test_a_mute_says_until_when_and_how_to_end_it(shell, on):
    done = shell("mute", on.agent.name)
    assert done.returncode == 0
    assert f"Genesys Cloud shows {on.agent.name} muted" in done.stdout
    assert "micgate unmute " in done.stderr


def test_a_mute_while_here_ends_with_its_command(serving, shell, on):
    command = shell.start("mute", on.agent.email, "--while-here", "--for", "1m", "--json")
    serving.simulator.wait_until(lambda: serving.muted(on), seconds=40)
    code, told, _ = ended(command, signal.SIGTERM)
    result = json.loads(told.splitlines()[-1])
    assert (code, result["outcome"], result["end"]) == (143, "stopped", "released")
    assert not serving.muted(on)


def test_a_mute_while_here_ends_on_time_too(serving, shell, on):
    placed, shown, result = lines(shell("mute", on.agent.email, "--while-here", "--for", "5s", "--json"))
    assert (placed["event"], result["outcome"], result["exit_code"]) == ("placed", "expired", 0)
    assert (shown["event"], shown["muted"]) == ("confirmed", True)
    serving.simulator.wait_until(lambda: not serving.muted(on))


def test_a_mute_while_here_says_that_it_is_not_seen_and_then_that_it_is(serving, shell, on):
    serving.simulator.turn(apply_ms=[3000, 3000])
    try:
        done = shell("mute", on.agent.email, "--while-here", "--for", "6s", "--timeout", "0.5")
    finally:
        serving.simulator.turn(apply_ms=[0, 0])
    not_yet, _, later = done.stderr.partition("Genesys Cloud does not show it")
    assert later, done.stderr
    assert f"Genesys Cloud shows {on.agent.name} muted" in later
    assert "Muted:" not in not_yet


def test_a_mute_while_here_does_not_outlive_a_killed_command(serving, shell, on):
    command = shell.start("mute", on.agent.email, "--while-here", "--for", "1m")
    serving.simulator.wait_until(lambda: serving.muted(on), seconds=40)
    ended(command, signal.SIGKILL)
    serving.simulator.wait_until(lambda: not serving.muted(on), seconds=20)
    told, _ = shell.json("mutes", on.agent.email, "--ended")
    assert told["mutes"][0]["end"] == "owner_gone"


def test_the_budget_shows_what_is_kept_for_the_ends_of_mutes(shell, on):
    shell("mute", on.agent.email, "--for", "3m")
    told, code = shell.json("budget")
    assert code == 0
    assert (told["allowed"], told["source"]) == (PER_MINUTE, "keeper")
    assert told["used"] >= 1
    assert told["left"] == PER_MINUTE - told["used"] - told["reserved"]
    said = shell("budget").stdout
    assert f"{PER_MINUTE} requests a minute" in said
    assert "for new mutes" in said
    shell("unmute", on.agent.email)


def test_what_the_service_says_of_a_mute_is_shown(serving, shell, on):
    simulator = serving.simulator
    simulator.control("POST", f"/calls/{on.call['id']}/hold", {})
    simulator.wait_until(lambda: "on hold" in shell("why", on.agent.email).stdout, seconds=40)
    rehearsed, code = shell.json("mute", on.agent.email, "--dry-run")
    assert (code, "on hold" in rehearsed["said"]) == (0, True)
    done = shell("mute", on.agent.email, "--for", "20s", "--no-wait")
    assert "on hold" in done.stderr
    shell("unmute", on.agent.email)


def test_a_service_that_is_away_is_waited_for_with_a_word(shell):
    elsewhere = {"MICGATE_URL": "http://127.0.0.1:1", "MICGATE_KEY": f"mg_0123456789_{'x' * 43}"}
    done = shell("mutes", "--json", **elsewhere, MICGATE_TIMEOUT="5")
    (told,) = done.stderr.splitlines()
    assert told.endswith("connection refused. Trying again, for up to 5 s.")
    assert (done.returncode, json.loads(done.stdout)["exit_code"]) == (1, 1)


def test_unmute_gives_the_microphone_back(serving, shell, on):
    shell("mute", on.agent.email)
    told, code = shell.json("unmute", on.agent.email)
    assert (code, told["outcome"], told["muted"]) == (0, "released", False)
    assert not serving.muted(on)


def test_unmute_of_two_own_mutes_waits_until_the_microphone_is_open(serving, shell, on):
    shell("mute", on.agent.email)
    shell("mute", on.agent.email, "--reason", "escalation")
    serving.simulator.turn(apply_ms=[700, 700])
    try:
        told, code = shell.json("unmute", on.agent.email)
    finally:
        serving.simulator.turn(apply_ms=[0, 0])
    assert (code, told["outcome"], told["muted"]) == (0, "released", False)
    assert len(told["released"]) == 2
    assert not serving.muted(on)


def test_unmute_takes_the_id_of_a_mute(serving, shell, on):
    placed, _ = lines(shell("mute", on.agent.email, "--json"))
    assert shell("unmute", placed["mute_id"]).returncode == 0
    assert not serving.muted(on)
    again, code = shell.json("unmute", placed["mute_id"])
    assert (code, again["outcome"], again["end"]) == (0, "nothing", "released")


def test_of_two_owners_one_releases_and_the_agent_stays_muted(serving, shell, rules, on):
    shell("mute", on.agent.email, "--reason", "escalation")
    rules("mute", on.agent.email, "--reason", "customer")
    told, code = shell.json("unmute", on.agent.email)
    assert (code, told["outcome"]) == (0, "others_stand")
    assert [other["reason"] for other in told["others"]] == ["customer"]
    assert serving.muted(on)
    assert rules.json("unmute", on.agent.email)[0]["outcome"] == "released"
    assert not serving.muted(on)


def test_unmute_of_anothers_mute_says_whose_it_is(serving, shell, rules, on):
    shell("mute", on.agent.email, "--reason", "escalation")
    told, code = rules.json("unmute", on.agent.email)
    assert (code, told["word"]) == (1, "not_ours")
    assert "escalation" in told["message"]
    refused, code = rules.json("unmute", told["facts"]["mutes"][0])
    assert (code, refused["word"]) == (1, "not_permitted")
    assert serving.muted(on)


def test_unmute_leaves_an_own_mute_alone(serving, shell, on):
    serving.simulator.press_mute(on.call, muted=True, agent=on.agent.id)
    serving.simulator.wait_until(lambda: shell.json("why", on.agent.email)[0]["muted"])
    told, code = shell.json("unmute", on.agent.email)
    assert (code, told["word"]) == (1, "not_ours")
    shell("mute", on.agent.email)
    assert shell.json("unmute", on.agent.email)[0]["outcome"] == "kept"
    assert serving.muted(on)


def test_unmute_without_a_name_needs_one_when_several_stand(serving):
    own = serving.another("mute")
    assert own.json("unmute")[0]["outcome"] == "nothing"
    first, second = serving.on_call(), serving.on_call()
    for each in (first, second):
        own("mute", each.agent.email)
    told, code = own.json("unmute")
    assert code == 1
    assert first.agent.name in told["message"]
    own("unmute", first.agent.email)
    assert own.json("unmute")[0]["outcome"] == "released"
    assert not serving.muted(second)


def test_without_waiting_it_returns_at_once(serving, shell, on):
    done = shell("mute", on.agent.email, "--no-wait", "--json")
    result = lines(done)[-1]
    assert (done.returncode, result["outcome"], result["confirmed_ms"]) == (0, "pending", None)
    serving.simulator.wait_until(lambda: serving.muted(on))


def test_a_mute_of_the_agent_meets_the_next_call_too(serving, shell, on):
    shell("mute", on.agent.email, "--covers", "agent")
    later = serving.simulator.place_call(on.agent.id)
    serving.simulator.wait_until(lambda: serving.simulator.leg(later, on.agent.id)["muted"], seconds=40)
    shell("unmute", on.agent.email)
    serving.simulator.wait_until(lambda: not serving.simulator.leg(later, on.agent.id)["muted"])


def test_a_dry_run_changes_nothing(serving, shell, on):
    told, code = shell.json("mute", on.agent.email, "--dry-run", "--for", "90s")
    assert (code, told["would_send"], told["conversation_id"]) == (0, True, on.call["id"])
    assert shell.json("mutes", on.agent.email)[0] == {"mutes": []}
    assert not serving.muted(on)


def test_a_change_that_is_not_seen_is_exit_code_3_and_the_mute_stands(serving, shell, on):
    serving.simulator.turn(apply_ms=[4000, 4000])
    try:
        done = shell("mute", on.agent.email, "--timeout", "1", "--json")
    finally:
        serving.simulator.turn(apply_ms=[0, 0])
    result = lines(done)[-1]
    assert (done.returncode, result["muted"], result["outcome"]) == (3, None, "pending")
    assert f"micgate why {on.agent.id}" in result["remedy"]
    serving.simulator.wait_until(lambda: serving.muted(on))


def test_stopping_the_command_leaves_the_mute_and_says_so(serving, shell, on):
    serving.simulator.turn(apply_ms=[3000, 3000])
    try:
        process = shell.start("mute", on.agent.email, "--json")
        placed = json.loads(process.stdout.readline())
        code, out, _ = ended(process, signal.SIGINT)
    finally:
        serving.simulator.turn(apply_ms=[0, 0])
    result = json.loads(out.splitlines()[-1])
    assert (code, result["outcome"]) == (130, "stopped")
    assert placed["mute_id"] in result["remedy"]
    serving.simulator.wait_until(lambda: serving.muted(on))


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("mute", "nobody@example.com"), 1, "unknown_agent"),
        (("mute", "{idle}"), 4, "no_live_call"),
        (("mute", "{on}", "--reason", "bored"), 2, "reason_refused"),
        (("mute", "{on}", "--for", "20h"), 2, "length_refused"),
        (("mute", "{on}", "--for", "soon"), 2, "length_refused"),
        (("mute", "{on}", "--note", "4111 1111 1111 1111"), 2, "note_refused"),
        (("mute", "{on}", "--conversation", "elsewhere"), 1, "call_not_chosen"),
        (("unmute", "01a1fecf-471e-760e-bea1-bb5fa9699d30"), 1, "not_found"),
        (("mute",), 2, "usage"),
        (("mutes", "--ended"), 2, "usage"),
        (("why", "nobody@example.com"), 1, "unknown_agent"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_refused_with_its_word_and_a_remedy(serving, on, arguments, code, word):
    names = {"on": on.agent.email, "idle": serving.simulator.agents[-1].email}
    told, found = serving.shell.json(*(argument.format(**names) for argument in arguments))
    assert (found, told["word"], told["exit_code"]) == (code, word, code)
    assert told["remedy"]


def test_why_names_the_owner_the_reason_and_what_happened(serving, shell, rules, on):
    rules("mute", on.agent.email, "--reason", "customer", "--note", "asked for it")
    told, code = shell.json("why", on.agent.email)
    assert (code, told["whose"], told["muted"]) == (0, "micgate", True)
    assert [(mute["reason"], mute["state"]) for mute in told["mutes"]] == [("customer", "confirmed")]
    serving.simulator.wait_until(
        lambda: "mute.placed" in {each["action"] for each in shell.json("why", on.agent.email)[0]["lately"]}
    )
    shown = shell("why", on.agent.email).stdout
    assert "reason customer" in shown
    assert re.search(r"until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\.$", shown)
    assert on.agent.name in shown.splitlines()[0]


def test_why_shows_what_was_before_latest_first(serving, shell, on):
    reasons = ["drill", "customer", "escalation", "system", "agent", "supervisor"]
    with serving.gate() as gate:
        for reason in reasons:
            gate.release(gate.mute(on.agent.email, reason=reason, wait=0), wait=0)
    before = re.findall(r"before .* reason (\w+)", shell("why", on.agent.email).stdout)
    assert before == list(reversed(reasons))[:5]


def test_why_without_a_call_is_exit_code_4(serving, shell):
    told, code = shell.json("why", serving.simulator.agents[-1].email)
    assert (code, told["no_call"], told["microphones"]) == (4, "no_live_call", [])


def test_mutes_lists_what_stands_and_what_has_ended(shell, on):
    shell("mute", on.agent.email)
    assert [mute["state"] for mute in shell.json("mutes", on.agent.email)[0]["mutes"]] == ["confirmed"]
    row = shell("mutes", on.agent.email).stdout.splitlines()[1].split("\t")
    assert row[1:3] == [on.agent.name, "confirmed"]
    shell("unmute", on.agent.email)
    assert shell.json("mutes", on.agent.email)[0]["mutes"] == []
    assert shell.json("mutes", on.agent.email, "--ended")[0]["mutes"][0]["end"] == "released"


def test_agents_shows_the_mutes_on_each_microphone(shell, on):
    placed, _ = lines(shell("mute", on.agent.email, "--json"))
    mine = [each for each in shell.json("agents")[0]["agents"] if each["user_id"] == on.agent.id]
    assert [(each["muted"], each["mutes"]) for each in mine] == [(True, [placed["mute_id"]])]


def test_watch_follows_microphones_and_mutes_of_those_who_are_named(serving, shell, on):
    other = serving.on_call()
    process = shell.start("watch", on.agent.email, "--json")
    events = map(json.loads, process.stdout)
    assert next(events)["event"] == "watching"
    assert next(events)["muted"] is False
    shell("mute", other.agent.email)
    shell("mute", on.agent.email)
    seen = []
    while {("microphone", None), ("mute", "confirmed")} - {_told(each) for each in seen}:
        seen.append(next(events))
    code, out, _ = ended(process, signal.SIGINT)
    assert {each["user_id"] for each in seen} == {on.agent.id}
    assert (code, json.loads(out.splitlines()[-1])["event"]) == (130, "result")


def _told(event):
    """The two may come in either order."""
    return event["event"], event.get("state") if event["event"] == "mute" else None


def test_watch_shows_when_and_whose_each_mute_is(shell, on):
    shell("mute", on.agent.email, "--reason", "drill")
    shown = [
        line for line in shell("watch", on.agent.email, "--for", "2s").stdout.splitlines() if "drill" in line
    ]
    assert [
        bool(re.match(r"\d\d:\d\d:\d\d  .*  mute confirmed, until .*, reason drill$", one)) for one in shown
    ] == [True]


def test_watch_ends_after_its_time(shell, on):
    done = shell("watch", "--for", "2s")
    assert done.returncode == 0
    assert on.call["id"] in done.stdout


def test_the_record_is_listed_and_exported_and_verifies(serving, shell, auditor, on, tmp_path):
    shell("mute", on.agent.email)

    def told_of_the_agent():
        return [each["record"] for each in auditor.json("audit", "list", on.agent.email)[0]["records"]]

    serving.simulator.wait_until(lambda: "mute.placed" in {one["action"] for one in told_of_the_agent()})
    about = told_of_the_agent()
    assert [entry["seq"] for entry in about] == sorted(entry["seq"] for entry in about)
    latest, code = auditor.json("audit", "list", "--limit", "3")
    assert (code, len(latest["records"])) == (0, 3)
    file = tmp_path / "record.jsonl"
    assert auditor("audit", "export", str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    rows = [json.loads(row) for row in file.read_text().splitlines()]
    numbers = [row["record"]["seq"] for row in rows if "record" in row]
    assert numbers == list(range(1, len(numbers) + 1))
    told = auditor("audit", "export", str(file), "--json")
    assert json.loads(told.stdout) == {"file": str(file), "format": "jsonl", "bytes": file.stat().st_size}
    mixed = auditor("audit", "export", "--json")
    assert (mixed.returncode, json.loads(mixed.stdout)["word"]) == (2, "usage")
    assert json.loads(auditor("audit", "export", "-").stdout.splitlines()[0])["record"]["seq"] == 1
    link = tmp_path / "link"
    link.symlink_to(file)
    for taken in ("/dev/null", str(link)):
        refused = auditor("audit", "export", taken)
        assert (refused.returncode, "is a link or a device" in refused.stderr) == (2, True)
    assert link.is_symlink()
    nowhere = tmp_path / "none" / "record.jsonl"
    assert auditor("audit", "export", str(nowhere)).stderr.splitlines()[0].endswith(f"directory: {nowhere}.")
    assert auditor("audit", "export", "--format", "csv", "--no-private").stdout.startswith('"seq","at"')


def test_a_key_does_only_what_its_scopes_say(rules):
    for arguments in (("audit", "list"), ("freeze",), ("unfreeze",)):
        told, code = rules.json(*arguments)
        assert (code, told["word"]) == (1, "not_permitted"), arguments
        assert "micgate keys add NAME --scope " in told["remedy"]
    export = rules("audit", "export")
    assert (export.returncode, export.stdout) == (1, "")


def test_the_brake_releases_everything_and_takes_no_more(serving, shell, on):
    shell("mute", on.agent.email)
    told, code = shell.json("freeze")
    try:
        assert (code, told["frozen"]) == (0, True)
        assert told["released"] >= 1
        serving.simulator.wait_until(lambda: not serving.muted(on))
        refused, code = shell.json("mute", on.agent.email)
        assert (code, refused["word"]) == (1, "frozen")
    finally:
        assert shell.json("unfreeze")[0]["frozen"] is False
    assert shell("mute", on.agent.email).returncode == 0


def test_a_service_of_this_account_is_used_only_for_its_own_organization(serving, shell, on):
    told, code = shell.json("mutes", GENESYS_CLIENT_ID="another-client")
    assert (code, told["word"]) == (2, "no_service")
    assert f"MICGATE_URL={serving.url}" in told["remedy"]
    assert shell.json("mutes", GENESYS_CLIENT_ID="another-client", MICGATE_URL=serving.url)[1] == 0
    assert shell.json("mutes", MICGATE_URL="none")[0]["word"] == "no_service"
    direct = shell("why", on.agent.email, "--json", MICGATE_URL="none")
    assert "ours" in json.loads(direct.stdout)


def test_a_file_that_others_could_write_is_not_followed(serving, shell, tmp_path):
    told = serving.folder / "run" / "micgate.json"
    (tmp_path / "micgate.json").write_bytes(told.read_bytes())
    (tmp_path / "micgate.json").chmod(0o644)
    shown, code = shell.json("mutes", XDG_RUNTIME_DIR=str(tmp_path))
    assert (code, shown["word"]) == (1, "refused")


def test_a_service_that_is_gone_is_not_looked_for(shell, tmp_path):
    gone = {"url": "http://127.0.0.1:1", "key": "mghost_" + "x" * 40, "pid": 2**22 + 1}
    told = gone | {"region": shell.environ["GENESYS_REGION"], "client_id": shell.environ["GENESYS_CLIENT_ID"]}
    (tmp_path / "micgate.json").write_text(json.dumps(told))
    (tmp_path / "micgate.json").chmod(0o600)
    assert shell.json("mutes", XDG_RUNTIME_DIR=str(tmp_path))[0]["word"] == "no_service"


@pytest.mark.parametrize(
    "url", ["http://micgate.example", "micgate.example", "https://me:you@micgate.example"]
)
def test_an_address_that_would_show_the_key_is_refused(shell, url):
    told, code = shell.json("mutes", MICGATE_URL=url, MICGATE_KEY="mg_secret_word_and_more")
    assert (code, told["word"]) == (2, "unsafe_configuration")
    assert "secret_word" not in json.dumps(told)


def test_a_key_that_is_not_known_is_refused_and_not_shown(serving, shell):
    done = shell("mutes", MICGATE_URL=serving.url, MICGATE_KEY="mg_0123456789_secret_word_and_more")
    assert done.returncode == 1
    assert "not known" in done.stderr
    assert "secret_word" not in done.stderr + done.stdout


def test_a_mute_survives_the_service_killed_and_ends_on_time(serving, shell, on):
    began = time.monotonic()
    placed, _ = lines(shell("mute", on.agent.email, "--for", "20s", "--json"))
    serving.end(signal.SIGKILL)
    serving.start()
    assert shell.json("mutes", on.agent.email)[0]["mutes"][0]["release_at"] == placed["release_at"]
    assert serving.muted(on)
    serving.simulator.wait_until(lambda: not serving.muted(on), seconds=60)
    assert time.monotonic() - began > 19


def test_a_microphone_that_micgate_left_closed_is_not_somebody_elses(serving, shell, on):
    shell("mute", on.agent.email, "--for", "1m", "--json")
    serving.simulator.control("POST", f"/calls/{on.call['id']}/hold", {"agent": on.agent.id})
    *_, released = lines(shell("unmute", on.agent.email, "--json"))

    why = json.loads(shell("why", on.agent.email, "--json").stdout)

    assert released["outcome"] == "left_closed"
    assert (why["whose"], why["muted"]) == ("micgate", True)
    assert "micgate left the microphone closed" in why["says"]
