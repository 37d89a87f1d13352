"""The record over HTTP: listed, exported, verified; and whoever reads it is in it."""

import csv
import io

import msgspec
from front_desk import Scope

from micgate.audit.export import COLUMNS
from micgate.audit.verify import verify


async def test_records_are_listed_in_pages(desk):
    await desk.on_call()
    for _ in range(3):
        await desk.ask("DELETE", f"/v1/mutes/{(await desk.mute()).body['id']}")
    count = len(await desk.entries())
    first = await desk.ask("GET", "/v1/audit?limit=4")
    rest = await desk.ask("GET", f"/v1/audit?after={first.body['next']}&limit=1000")
    seqs = [one["record"]["seq"] for one in first.body["records"] + rest.body["records"]]
    assert seqs[:count] == list(range(1, count + 1))
    assert first.body["head"] == count


async def test_whoever_reads_the_record_is_in_it(desk):
    key = await desk.key(Scope.AUDIT)
    await desk.ask("GET", "/v1/audit", key=key)
    await desk.ask("GET", "/v1/audit/export", key=key)
    read = await desk.entries("audit.read")
    assert len(read) == 2
    assert all(entry.actor.startswith("key:") for entry in read)


async def test_names_are_left_out_when_asked(desk):
    await desk.on_call()
    await desk.mute(note="whisper")
    await desk.entries()
    full = (await desk.ask("GET", "/v1/audit/export")).body
    bare = (await desk.ask("GET", "/v1/audit/export?private=false")).body
    assert b"whisper" in full
    assert b"whisper" not in bare
    assert desk.twin.agents[0].email.encode() not in bare


async def test_an_export_is_a_chain(desk):
    await desk.on_call()
    await desk.mute()
    await desk.entries()
    exported = (await desk.ask("GET", "/v1/audit/export")).body
    verdict = verify(io.BytesIO(exported), keys=[], outside=[])
    assert verdict.word == "unwitnessed"


async def test_a_part_of_the_record_is_exported_from_a_number_on(desk):
    await desk.on_call()
    await desk.mute()
    await desk.ask("DELETE", f"/v1/mutes/{(await desk.ask('GET', '/v1/mutes')).body['mutes'][0]['id']}")
    await desk.entries()
    part = (await desk.ask("GET", "/v1/audit/export?after=1")).body.splitlines()
    assert [msgspec.json.decode(line)["record"]["seq"] for line in part] == [2]


async def test_a_spreadsheet_holds_no_formula(desk):
    await desk.on_call()
    await desk.mute(note="=1+1")
    await desk.entries()
    text = (await desk.ask("GET", "/v1/audit/export?format=csv")).body.decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert list(rows[0]) == list(COLUMNS)
    assert rows[0]["note"] != "=1+1"
    assert "1+1" in rows[0]["note"]


async def test_the_record_of_one_agent_is_listed_latest_first(desk):
    for agent in (0, 1):
        await desk.on_call(agent)
        await desk.mute(agent)
    await desk.entries()
    answer = await desk.ask("GET", f"/v1/audit?agent={desk.twin.agents[1].email}")
    (one,) = answer.body["records"]
    assert one["record"]["seq"] == 2
    assert one["private"]["agent"]["fields"]["user_id"] == desk.twin.agents[1].id


async def test_without_a_checkpoint_there_is_none_to_show(desk):
    answer = await desk.ask("GET", "/v1/audit/checkpoint")
    assert (answer.status, answer.word) == (404, "not_found")


async def test_why_tells_owners_times_and_what_happened_last(desk):
    await desk.on_call()
    mute = (await desk.mute(reason="customer")).body
    await desk.entries()
    why = (await desk.ask("GET", f"/v1/agents/{desk.twin.agents[0].email}")).body
    assert [one["id"] for one in why["mutes"]] == [mute["id"]]
    assert [one["action"] for one in why["lately"]] == ["mute.placed"]
    assert why["microphones"][0]["muted"] is False
    assert why["presence"]
    assert "customer" in why["says"]
    unmuted = (await desk.ask("GET", f"/v1/agents/{desk.twin.agents[1].id}")).body
    assert unmuted["mutes"] == []


async def test_every_way_of_reading_the_record_is_in_it(desk):
    await desk.on_call()
    await desk.ask("DELETE", f"/v1/mutes/{(await desk.mute()).body['id']}")
    head = len(await desk.entries())
    key = await desk.key(Scope.AUDIT)
    agent = desk.twin.agents[0].id
    await desk.entries()
    await desk.until(lambda: seen(desk, head))
    for path in ("/v1/audit", f"/v1/audit?agent={agent}", "/v1/audit/export", f"/v1/agents/{agent}"):
        assert (await desk.ask("GET", path, key=key)).status == 200
    async with desk.events(key=key, after=0) as events:
        assert (await events.next("replay"))["data"]["records"]
    read = await desk.entries("audit.read")
    what = [msgspec.json.decode(entry.public)["what"] for entry in read]
    assert what == ["list", "list", "export", "history", "replay"]
    assert {entry.actor for entry in read} == {f"key:{key.split('_')[1]}"}
    assert read[1].target == read[3].target != desk.org


async def seen(desk, head):
    return desk.stream.seq >= head


async def test_who_looked_is_told_to_auditors_and_not_in_the_reasons_why(desk):
    await desk.on_call()
    await desk.mute()
    await desk.entries()
    agent = desk.twin.agents[0].id
    for _ in range(2):
        why = (await desk.ask("GET", f"/v1/agents/{agent}")).body
        await desk.entries()
    assert [one["action"] for one in why["lately"]] == ["mute.placed"]
    listed = (await desk.ask("GET", f"/v1/audit?agent={agent}")).body["records"]
    assert [one["record"]["action"] for one in listed] == ["audit.read", "audit.read", "mute.placed"]


async def test_whoever_has_no_record_is_not_read_about(desk):
    await desk.ask("GET", f"/v1/agents/{desk.twin.agents[0].id}")
    assert await desk.entries("audit.read") == []
