"""What a key for certain queues sees: calls that the mirror has shown to be from them, and its own mutes."""

import pytest
from front_desk import Limits, Scope

from micgate.control.mute import Owner
from micgate.service.principals.sight import Scene, Sight

OURS, THEIRS, UNKNOWN = range(3)
"""Three agents: on a call of our queue, of another one, and of nobody knows which."""


@pytest.fixture
async def floor(desk):
    """The three calls, each with a mute by somebody else."""
    calls = [
        await desk.on_call(OURS, queue="ours"),
        await desk.on_call(THEIRS, queue="theirs"),
        await desk.on_call(UNKNOWN),
    ]
    mutes = [(await desk.mute(agent)).body["id"] for agent in range(3)]
    return calls, mutes


@pytest.fixture
async def key(desk):
    return await desk.key(
        Scope.MUTE, Scope.RELEASE_ANY, Scope.AUDIT, limits=Limits(queues=("ours",), queue_share=None)
    )


def users(told):
    return {one["agent"]["id"] for one in told}


async def test_it_lists_the_microphones_of_its_queues_only(desk, floor, key):
    phones = (await desk.ask("GET", "/v1/microphones", key=key)).body["microphones"]
    assert users(phones) == {desk.twin.agents[OURS].id}
    assert len((await desk.ask("GET", "/v1/microphones")).body["microphones"]) == 3


async def test_it_lists_and_reads_mutes_on_its_queues_only(desk, floor, key):
    _, mutes = floor
    listed = (await desk.ask("GET", "/v1/mutes", key=key)).body["mutes"]
    assert [one["id"] for one in listed] == [mutes[OURS]]
    for agent in (OURS, THEIRS, UNKNOWN):
        for method in ("GET", "DELETE"):
            answer = await desk.ask(method, f"/v1/mutes/{mutes[agent]}", key=key)
            assert answer.status == (200 if agent == OURS else 404), answer.body
    about = await desk.ask("GET", f"/v1/mutes?agent={desk.twin.agents[THEIRS].id}", key=key)
    assert about.body["mutes"] == []


async def test_why_tells_of_the_calls_of_its_queues_only(desk, floor, key):
    await desk.entries()
    ours = (await desk.ask("GET", f"/v1/agents/{desk.twin.agents[OURS].id}", key=key)).body
    assert (len(ours["microphones"]), len(ours["mutes"]), len(ours["lately"])) == (1, 1, 1)
    assert ours["presence"] is not None
    before = len(desk.twin.requests())
    for agent in (THEIRS, UNKNOWN):
        other = (await desk.ask("GET", f"/v1/agents/{desk.twin.agents[agent].id}", key=key)).body
        assert (other["microphones"], other["mutes"], other["lately"]) == ([], [], [])
        assert other["presence"] is None
        assert "no call that is known to be from a queue of this key" in other["says"]
    assert len(desk.twin.requests()) == before


def test_a_mute_of_all_calls_is_seen_while_it_is_on_a_call_of_its_queue():
    sight = Sight(queues=("ours",), owner=Owner("key", "me"))
    scene = Scene(
        queues={("call-1", "ada"): "ours", ("call-2", "bob"): "theirs", ("call-3", "cem"): None},
        upon={("call-1", "ada"): ("on-ada",), ("call-2", "bob"): ("on-bob",), ("call-3", "cem"): ("on-cem",)},
    )
    seen = {user: sight.mute(f"on-{user}", of=user, on=None, scene=scene) for user in ("ada", "bob", "cem")}
    assert seen == {"ada": True, "bob": False, "cem": False}
    assert not sight.mute("not-yet-upon", of="ada", on=None, scene=scene)


async def test_the_owner_of_a_mute_sees_it_and_its_microphone_whatever_the_queue(desk, key):
    """The queue was looked up to place it; the mirror never showed it."""
    queue = desk.twin.control("GET", "/state")["queues"][0]
    call = desk.live_call(OURS, queue=queue["name"])
    await desk.see(call, OURS)
    mine = await desk.key(Scope.MUTE, limits=Limits(queues=(queue["id"],), queue_share=None))
    assert (await desk.ask("GET", "/v1/microphones", key=mine)).body["microphones"] == []
    placed = (await desk.mute(OURS, key=mine)).body["id"]
    assert (await desk.ask("GET", f"/v1/mutes/{placed}", key=mine)).status == 200
    assert [one["id"] for one in (await desk.ask("GET", "/v1/mutes", key=mine)).body["mutes"]] == [placed]
    assert (await desk.ask("GET", f"/v1/mutes/{placed}", key=key)).status == 404


async def test_of_a_call_it_is_told_about_those_of_its_queues(desk, floor, key):
    calls, _ = floor
    for agent in (OURS, THEIRS, UNKNOWN):
        may = (await desk.ask("GET", f"/v1/me?conversation={calls[agent]}", key=key)).body["may"]
        assert users(may) == ({desk.twin.agents[OURS].id} if agent == OURS else set())


async def test_of_several_calls_it_chooses_and_lists_those_of_its_queues(desk, key):
    theirs = [await desk.on_call(OURS, queue="theirs") for _ in range(2)]
    refused = await desk.mute(OURS, key=key)
    assert (refused.status, refused.body["facts"]) == (403, {"rule": "queues"})
    named = await desk.mute(OURS, key=key, conversation=theirs[0])
    assert (named.status, named.body["facts"]) == (403, {"rule": "queues"})
    first = await desk.on_call(OURS, queue="ours")
    assert (await desk.mute(OURS, key=key)).body["conversation_id"] == first
    second = await desk.on_call(OURS, queue="ours")
    several = await desk.mute(OURS, key=key)
    assert (several.word, set(several.body["facts"]["choices"])) == ("call_not_chosen", {first, second})


async def test_whoever_guesses_a_call_is_not_told_those_of_other_queues(desk, key):
    queue = desk.twin.control("GET", "/state")["queues"][0]
    call = desk.live_call(OURS, queue=queue["name"])
    wide = await desk.mute(OURS, conversation="no-such-call")
    assert (wide.word, wide.body["facts"]["choices"]) == ("call_not_chosen", [call])
    guessed = await desk.mute(OURS, key=key, conversation="no-such-call")
    assert (guessed.status, guessed.body["facts"]) == (403, {"rule": "queues"})


async def test_of_the_record_it_reads_what_is_about_its_calls(desk, floor, key):
    await desk.entries()
    for path in ("/v1/audit", "/v1/audit/export"):
        refused = await desk.ask("GET", path, key=key)
        assert (refused.status, refused.body["facts"]["rule"]) == (403, "queues")
    told = {}
    for agent in (OURS, THEIRS, UNKNOWN):
        about = await desk.ask("GET", f"/v1/audit?agent={desk.twin.agents[agent].id}", key=key)
        told[agent] = [one["record"]["action"] for one in about.body["records"]]
    assert told == {OURS: ["mute.placed"], THEIRS: [], UNKNOWN: []}


async def test_a_webhook_is_not_for_a_key_of_certain_queues(desk):
    key = await desk.key(Scope.ADMIN, limits=Limits(queues=("ours",)))
    body = {"name": "crm", "url": "https://crm.example/"}
    refused = await desk.ask("POST", "/v1/webhooks", body, key=key)
    assert (refused.status, refused.body["facts"]["rule"]) == (403, "queues")


async def test_a_stream_begins_with_its_queues_only(desk, floor, key):
    _, mutes = floor
    async with desk.events(key=key) as events:
        snapshot = (await events.next("snapshot"))["data"]
    assert users(snapshot["microphones"]) == {desk.twin.agents[OURS].id}
    assert [one["id"] for one in snapshot["mutes"]] == [mutes[OURS]]


async def test_a_stream_goes_on_with_its_queues_only(desk, key):
    calls = [await desk.on_call(OURS, queue="ours"), await desk.on_call(THEIRS, queue="theirs")]
    wide = await desk.key(Scope.MUTE)
    async with desk.events(key=key) as events, desk.events(key=wide) as all_events:
        await events.next("snapshot")
        await all_events.next("snapshot")
        for agent in (THEIRS, OURS):
            await desk.mute(agent)
            await desk.see(calls[agent], agent, muted=True, queue=("ours", "theirs")[agent])
        await desk.entries()
        told = await _until_records(events, 1)
        everything = await _until_records(all_events, 2)
    assert users(told["microphones"] + told["mutes"]) == {desk.twin.agents[OURS].id}
    assert [one["action"] for one in told["records"]] == ["mute.placed"]
    assert users(everything["microphones"] + everything["mutes"]) == {
        desk.twin.agents[agent].id for agent in (OURS, THEIRS)
    }


async def test_a_resumed_stream_replays_its_queues_only(desk, floor, key):
    head = len(await desk.entries())
    await desk.until(lambda: _reached(desk, head))
    async with desk.events(key=key, after=0) as events:
        replay = (await events.next("replay"))["data"]
    (ours,) = await desk.store.agents.get(desk.org, [desk.twin.agents[OURS].id])
    assert [one["target"] for one in replay["records"]] == [ours.pseudonym]


async def _reached(desk, seq):
    return desk.stream.seq >= seq


async def _until_records(events, count):
    """What was told until so many records had been."""
    told = {"records": [], "mutes": [], "microphones": []}
    while len(told["records"]) < count:
        data = (await events.next("changes"))["data"]
        for name in told:
            told[name] += data[name]
    return told
