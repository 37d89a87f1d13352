"""Keys, scopes and limits: who gets in, and how far."""

import asyncio
import inspect
import json
import math

import pytest
from front_desk import Limits, Scope

from micgate.service.app import RESOURCES
from micgate.service.http.errors import Malformed
from micgate.service.principals.keyring import host, issue
from micgate.service.request.access import needs

UNKNOWN = "01930000-0000-7000-8000-000000000000"
DOORS = {
    "place_mute": ("POST", "/v1/mutes", {"agent": "x"}),
    "list_mutes": ("GET", "/v1/mutes", None),
    "get_mute": ("GET", f"/v1/mutes/{UNKNOWN}", None),
    "extend_mute": ("PATCH", f"/v1/mutes/{UNKNOWN}", {"reason": "drill"}),
    "release_mute": ("DELETE", f"/v1/mutes/{UNKNOWN}", None),
    "renew_mute": ("POST", f"/v1/mutes/{UNKNOWN}/renewal", {}),
    "list_microphones": ("GET", "/v1/microphones", None),
    "explain_agent": ("GET", "/v1/agents/nobody@example.com", None),
    "show_me": ("GET", "/v1/me", None),
    "show_budget": ("GET", "/v1/orgs/x/budget", None),
    "freeze_all": ("POST", "/v1/freeze", None),
    "unfreeze_all": ("POST", "/v1/unfreeze", None),
    "show_brake": ("GET", "/v1/freeze", None),
    "list_records": ("GET", "/v1/audit", None),
    "export_records": ("GET", "/v1/audit/export", None),
    "show_checkpoint": ("GET", "/v1/audit/checkpoint", None),
    "add_key": ("POST", "/v1/keys", {"name": "k", "scopes": ["mute"]}),
    "list_keys": ("GET", "/v1/keys", None),
    "rotate_key": ("POST", "/v1/keys/none/rotate", {}),
    "revoke_key": ("DELETE", "/v1/keys/none", None),
    "add_webhook": ("POST", "/v1/webhooks", {"name": "none", "url": "nowhere"}),
    "list_webhooks": ("GET", "/v1/webhooks", None),
    "remove_webhook": ("DELETE", "/v1/webhooks/none", None),
    "rotate_webhook": ("POST", "/v1/webhooks/none/rotate", {}),
    "test_webhook": ("POST", "/v1/webhooks/none/test", None),
    "replay_webhook": ("POST", "/v1/webhooks/none/replay", {"dead": True}),
    "list_deliveries": ("GET", "/v1/webhooks/none/deliveries", None),
    "list_protections": ("GET", "/v1/protections", None),
    "protect": ("PUT", "/v1/protections/queue/q", None),
    "unprotect": ("DELETE", "/v1/protections/queue/q", None),
    "show_alive": ("GET", "/healthz", None),
    "show_ready": ("GET", "/readyz", None),
    "show_metrics": ("GET", "/metrics", None),
    "stream_events": ("GET", "/v1/events?after=x", None),
}


def name(handler):
    return inspect.unwrap(handler.fn).__name__


def test_every_resource_is_in_the_matrix():
    assert {name(handler) for handler in RESOURCES} == set(DOORS)


@pytest.mark.parametrize("handler", RESOURCES, ids=name)
async def test_a_door_opens_for_its_scope_and_for_no_other(desk, handler):
    method, path, body = DOORS[name(handler)]
    wanted = needs(handler)
    without = await desk.ask(method, path, body, headers={"Authorization": ""})
    assert (without.status == 401) == (wanted is None or isinstance(wanted, Scope)), without.body
    for scope in Scope:
        answer = await desk.ask(method, path, body, key=await desk.key(scope))
        refused = answer.status == 403 and answer.body["facts"]["rule"].startswith("scope:")
        assert refused == (isinstance(wanted, Scope) and scope is not wanted), (scope, answer.body)
    others = [scope for scope in Scope if scope is not wanted]
    all_but = await desk.ask(method, path, body, key=await desk.key(*others))
    assert (all_but.status == 403) == isinstance(wanted, Scope), all_but.body


@pytest.mark.parametrize("handler", RESOURCES, ids=name)
async def test_a_key_that_has_ended_opens_no_door(desk, handler):
    method, path, body = DOORS[name(handler)]
    locked = needs(handler) is None or isinstance(needs(handler), Scope)
    expired = await desk.key(seconds=60)
    revoked = await desk.key()
    (there,) = [key for key in await desk.parts.keys.all() if key.prefix == revoked.split("_")[1]]
    await desk.parts.keys.revoke(there.id, by=host("test").actor)
    desk.clock.ahead += 61
    for key in (expired, revoked):
        answer = await desk.ask(method, path, body, key=key)
        assert (answer.status == 401) == locked, answer.body


async def test_the_matrix_is_what_the_description_lists(desk):
    """Litestar's own routes too, so that none can be forgotten."""
    document = (await desk.ask("GET", "/openapi.json")).body
    described = document if isinstance(document, dict) else json.loads(document)
    listed = {one["operationId"] for item in described["paths"].values() for one in item.values()}
    assert listed == set(DOORS)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Basic abc",
        "Bearer mg_0123456789_short",
        "Bearer mghost_guess",
        "Bearer mg_' or 1=1--",
        "Bearer " + "x" * 4000,
    ],
)
async def test_a_stranger_is_told_how_to_get_in_and_nothing_else(desk, authorization):
    answer = await desk.ask("GET", "/v1/mutes", headers={"Authorization": authorization})
    assert (answer.status, answer.word) == (401, "unauthenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_the_right_prefix_with_a_wrong_secret_is_unknown(desk):
    key = await desk.key(Scope.MUTE)
    assert (await desk.ask("GET", "/v1/me", key=key[:-1] + ("A" if key[-1] != "A" else "B"))).status == 401


async def test_a_key_is_of_one_organization(desk, open_service):
    other = await open_service()
    assert (await other.ask("GET", "/v1/me", key=await desk.key(Scope.MUTE))).status == 401


async def test_only_a_hash_of_a_key_is_stored(desk):
    key = await desk.key(Scope.MUTE)
    (stored,) = await desk.parts.keys.all()
    assert key not in repr(stored) + str(stored.hash) + stored.prefix
    assert len(stored.hash) == 32


async def test_a_key_is_made_shown_once_and_listed_without_its_secret(desk):
    made = await desk.ask("POST", "/v1/keys", {"name": "crm", "scopes": ["mute"]})
    assert made.status == 201, made.body
    listed = await desk.ask("GET", "/v1/keys")
    assert made.body["secret"] not in str(listed.body)
    (key,) = listed.body["keys"]
    assert key["good"] is True
    assert (await desk.ask("GET", "/v1/me", key=made.body["secret"])).body["name"] == "crm"
    assert [entry.action for entry in await desk.entries()] == ["key.issued"]


async def test_a_revoked_key_is_refused_at_once(desk):
    made = (await desk.ask("POST", "/v1/keys", {"name": "crm", "scopes": ["mute"]})).body
    assert (await desk.ask("GET", "/v1/me", key=made["secret"])).status == 200
    await desk.ask("DELETE", f"/v1/keys/{made['key']['prefix']}")
    answer = await desk.ask("GET", "/v1/me", key=made["secret"])
    assert (answer.status, answer.word) == (401, "unauthenticated")


async def test_an_expired_key_is_refused(desk):
    key = await desk.key(Scope.MUTE, seconds=60)
    desk.clock.ahead += 61
    assert (await desk.ask("GET", "/v1/me", key=key)).status == 401


async def test_a_rotated_key_works_for_the_overlap(desk):
    old = (await desk.ask("POST", "/v1/keys", {"name": "crm", "scopes": ["mute"]})).body
    new = (await desk.ask("POST", f"/v1/keys/{old['key']['id']}/rotate", {"overlap": "1h"})).body
    assert new["key"]["scopes"] == ["mute"]
    assert (await desk.ask("GET", "/v1/me", key=old["secret"])).status == 200
    desk.clock.ahead += 3601
    assert (await desk.ask("GET", "/v1/me", key=old["secret"])).status == 401
    assert (await desk.ask("GET", "/v1/me", key=new["secret"])).status == 200


async def test_a_key_gives_nothing_that_it_has_not(desk):
    narrow = Limits(agents=(desk.twin.agents[0].id,), standing=1)
    admin = await desk.key(Scope.ADMIN, limits=narrow)
    scopes = await desk.ask("POST", "/v1/keys", {"name": "k", "scopes": ["mute"]}, key=admin)
    limits = await desk.ask("POST", "/v1/keys", {"name": "k", "scopes": ["admin"]}, key=admin)
    assert [scopes.body["facts"]["rule"], limits.body["facts"]["rule"]] == ["scopes", "limits"]


@pytest.mark.parametrize(
    "limits",
    [
        *(
            {"longest": 0},
            {"longest": 7201},
            {"rate": 0},
            {"rate": 2.5},
            {"standing": -1},
            {"standing": True},
        ),
        *({"queue_share": 0}, {"queue_share": 1.5}, {"queues": ["a\0b"]}, {"queues": ["x" * 65]}),
        *({"agents": [""]}, {"agents": "ada"}, {"hours": "9-17"}, None),
    ],
)
async def test_a_key_with_limits_that_cannot_be_is_not_made(desk, limits):
    answer = await desk.ask("POST", "/v1/keys", {"name": "k", "scopes": ["mute"], "limits": limits})
    assert (answer.status, answer.word) == (400, "malformed_request"), answer.body
    assert await desk.parts.keys.all() == ()


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"longest": 0.0}, "The limit longest of the key"),
        ({"longest": 7201.0}, "The limit longest of the key"),
        ({"queue_share": math.nan}, "The limit queue share of the key"),
        ({"queues": ("a\nb",)}, "The limit queues of the key"),
    ],
)
def test_which_limit_of_a_key_cannot_be_is_said_in_words(limits, says):
    with pytest.raises(Malformed, match=says) as refused:
        issue("o", name="k", scopes=(Scope.MUTE,), limits=Limits(**limits), now=0.0, seconds=60.0)
    assert "2 hours" in refused.value.remedy


@pytest.mark.parametrize("name", ["", "  ", "\udcff", "\u202e", "x" * 81])
def test_a_key_has_a_name_that_can_be_seen(name):
    with pytest.raises(Malformed, match="name"):
        issue("o", name=name, scopes=(Scope.MUTE,), limits=Limits(), now=0.0, seconds=60.0)


@pytest.mark.parametrize("limit", ["agents", "queues", "rate", "standing", "queue_share"])
async def test_a_limit_in_quotes_is_not_taken_for_none(desk, limit):
    wish = {"name": "k", "scopes": ["mute"], "limits": {limit: "null"}}
    answer = await desk.ask("POST", "/v1/keys", wish)
    assert (answer.status, answer.word) == (400, "malformed_request"), answer.body
    assert answer.body["errors"][0]["at"] == f"limits.{limit}"
    assert await desk.parts.keys.all() == ()


@pytest.mark.parametrize("overlap", [-5, "367d", "9000h", 1e308])
async def test_two_keys_beside_each_other_for_a_time_that_cannot_be_are_not_made(desk, overlap):
    prefix = (await desk.key(Scope.MUTE)).split("_")[1]
    answer = await desk.ask("POST", f"/v1/keys/{prefix}/rotate", {"overlap": overlap})
    assert answer.status in {400, 422}, answer.body
    (key,) = await desk.parts.keys.all()
    assert key.good(now=desk.clock.now())


async def test_the_last_use_of_a_key_is_noted(desk):
    key = await desk.key(Scope.MUTE)
    await desk.ask("GET", "/v1/me", key=key)
    used = desk.clock.now()
    desk.clock.ahead += 50
    await desk.parts.keys.flush()
    assert (await desk.parts.keys.all())[0].last_used_at == pytest.approx(used, abs=10)


async def test_a_key_mutes_and_sees_only_its_agents(desk):
    mine, other = desk.twin.agents[0], desk.twin.agents[1]
    for agent in (0, 1):
        await desk.on_call(agent)
        await desk.mute(agent)
    key = await desk.key(Scope.MUTE, Scope.AUDIT, limits=Limits(agents=(mine.id,), queue_share=None))
    assert (await desk.mute(1, key=key)).body["facts"]["rule"] == "agents"
    assert (await desk.mute(0, key=key)).status == 201
    listed = await desk.ask("GET", "/v1/mutes", key=key)
    assert {one["agent"]["id"] for one in listed.body["mutes"]} == {mine.id}
    phones = await desk.ask("GET", "/v1/microphones", key=key)
    assert {one["agent"]["id"] for one in phones.body["microphones"]} == {mine.id}
    hidden = next(one for one in await desk.store.mutes.standing(desk.org) if one.user_id == other.id)
    assert (await desk.ask("GET", f"/v1/mutes/{hidden.id}", key=key)).status == 404
    assert (await desk.ask("GET", f"/v1/agents/{other.email}", key=key)).status == 403
    assert (await desk.ask("GET", "/v1/audit", key=key)).status == 403


async def test_a_refusal_by_a_limit_is_in_the_record(desk):
    await desk.on_call(1)
    key = await desk.key(Scope.MUTE, limits=Limits(agents=("somebody",)))
    await desk.mute(1, key=key)
    (entry,) = await desk.entries("mute.refused")
    assert entry.actor.startswith("key:")


async def test_a_key_mutes_no_longer_than_its_limit(desk):
    await desk.on_call()
    key = await desk.key(Scope.MUTE, limits=Limits(longest=60, queue_share=None))
    assert (await desk.mute(key=key, **{"for": "61s"})).body["facts"]["rule"] == "longest"
    assert (await desk.mute(key=key, **{"for": "60s"})).status == 201


async def test_a_key_cannot_mute_a_floor(desk):
    """Rate, standing and share of a queue each stop it."""
    key = await desk.key(Scope.MUTE, limits=Limits(queue_share=None))
    for agent in range(8):
        await desk.on_call(agent)
    answers = [await desk.mute(agent, key=key) for agent in range(8)]
    assert [answer.status for answer in answers] == [201] * 5 + [409] * 3


async def test_a_key_is_as_fast_as_its_rate_and_releases_are_free(desk):
    key = await desk.key(Scope.MUTE, limits=Limits(rate=3, queue_share=None))
    await desk.on_call()
    for _ in range(3):
        placed = await desk.mute(key=key)
        assert (await desk.ask("DELETE", f"/v1/mutes/{placed.body['id']}", key=key)).status == 200
    refused = await desk.mute(key=key)
    assert (refused.status, refused.word) == (429, "too_fast")
    assert int(refused.headers["Retry-After"]) > 0
    desk.clock.ahead += 61
    assert (await desk.mute(key=key)).status == 201


async def test_a_key_does_not_make_us_ask_the_platform_without_end(desk):
    """Its look-ups would use up what releases need."""
    key = await desk.key(Scope.AUDIT)
    for number in range(30):
        assert (await desk.ask("GET", f"/v1/agents/nobody-{number}", key=key)).status == 404
    refused = await desk.ask("GET", "/v1/me?agent=nobody-30", key=key)
    assert (refused.status, refused.word) == (429, "too_fast")
    assert int(refused.headers["Retry-After"]) > 0
    before = len(desk.twin.requests())
    assert (await desk.ask("GET", "/v1/agents/nobody-0", key=key)).status == 404
    assert len(desk.twin.requests()) == before
    assert (await desk.ask("GET", "/v1/agents/nobody-30", key=await desk.key(Scope.AUDIT))).status == 404


async def test_a_key_that_looks_too_often_is_shown_an_unknown_presence(desk):
    key, agent = await desk.key(Scope.AUDIT), desk.twin.agents[0]
    await desk.parts.directory.agent(agent.id)
    known = await desk.ask("GET", f"/v1/agents/{agent.id}", key=key)
    assert known.body["presence"] is not None
    for _ in range(29):
        desk.clock.ahead += 0.01
        await desk.ask("GET", f"/v1/agents/nobody-{_}", key=key)
    desk.clock.ahead += 6
    answer = await desk.ask("GET", f"/v1/agents/{agent.id}", key=key)
    assert (answer.status, answer.body["presence"]) == (200, None)


async def test_asserting_again_needs_its_own_scope(desk):
    await desk.on_call()
    wish = {"on_override": "reassert"}
    assert (await desk.mute(key=await desk.key(Scope.MUTE), **wish)).body["facts"][
        "rule"
    ] == "scope:mute:reassert"
    assert (await desk.mute(key=await desk.key(Scope.MUTE, Scope.REASSERT), **wish)).status == 201


async def test_a_key_is_held_to_the_queue_of_the_call(desk):
    queue = desk.twin.control("GET", "/state")["queues"][0]
    call = desk.live_call(queue=queue["name"])
    await desk.see(call)
    here = await desk.key(Scope.MUTE, limits=Limits(queues=(queue["id"],), queue_share=None))
    elsewhere = await desk.key(Scope.MUTE, limits=Limits(queues=("another",), queue_share=None))
    assert (await desk.mute(key=elsewhere)).body["facts"]["rule"] == "queues"
    assert (await desk.mute(key=here, covers="agent")).body["facts"]["rule"] == "queues"
    assert (await desk.mute(key=here)).status == 201


async def test_a_key_mutes_a_tenth_of_a_queue_but_always_one(desk):
    queue = desk.twin.control("GET", "/state")["queues"][0]["name"]
    for agent in (0, 1):
        await desk.see(desk.live_call(agent, queue=queue), agent)
    key = await desk.key(Scope.MUTE, limits=Limits(queue_share=0.01))
    assert (await desk.mute(0, key=key)).status == 201
    assert (await desk.mute(1, key=key)).body["facts"]["rule"] == "queue_share"


async def test_somebody_who_is_muted_twice_is_one_of_a_queue(desk):
    queue = desk.twin.control("GET", "/state")["queues"][0]["name"]
    for agent in (0, 1):
        await desk.see(desk.live_call(agent, queue=queue), agent)
    key = await desk.key(Scope.MUTE, limits=Limits(queue_share=0.01))
    assert [(await desk.mute(agent, key=key)).status for agent in (0, 0, 1)] == [201, 201, 403]


async def test_a_key_does_not_mute_a_floor_by_muting_all_calls_of_each(desk):
    key = await desk.key(Scope.MUTE, limits=Limits(queue_share=0.25))
    for agent in desk.twin.agents:
        await desk.parts.directory.agent(agent.id)
    answers = [await desk.mute(agent, key=key, covers="agent") for agent in range(5)]
    assert [answer.status for answer in answers] == [201] * 3 + [403] * 2
    assert answers[-1].body["facts"] == {"rule": "queue_share"}
    assert "of the 12 agents" in answers[-1].body["detail"]


async def test_a_protected_agent_is_muted_by_nobody_alone(desk):
    await desk.on_call()
    agent = desk.twin.agents[0]
    marked = await desk.ask("PUT", f"/v1/protections/agent/{agent.email}")
    assert (marked.status, marked.body["id"]) == (200, agent.id)
    assert (await desk.mute()).body["facts"]["rule"] == "protected"
    assert (await desk.ask("GET", f"/v1/agents/{agent.id}")).body["protected"] is True
    await desk.ask("DELETE", f"/v1/protections/agent/{agent.id}")
    assert (await desk.mute()).status == 201
    assert len(await desk.entries("policy.protection")) == 2


async def test_a_queue_that_is_not_there_is_not_marked_as_if_it_were(desk):
    queue = desk.twin.control("GET", "/state")["queues"][0]
    there = await desk.ask("PUT", f"/v1/protections/queue/{queue['id']}")
    assert (there.status, there.body["protected"]) == (200, True)
    missing = await desk.ask("PUT", f"/v1/protections/queue/{UNKNOWN}")
    assert (missing.status, missing.word) == (404, "not_found")
    listed = (await desk.ask("GET", "/v1/protections")).body["protections"]
    assert [one["id"] for one in listed] == [queue["id"]]
    await desk.see(desk.live_call(queue=queue["name"]))
    assert (await desk.mute()).body["facts"]["rule"] == "protected"


@pytest.mark.parametrize("limit", ["agents", "queues"])
async def test_a_key_for_some_marks_nobody_and_takes_no_mark_off(desk, limit):
    agent = desk.twin.agents[1].id
    key = await desk.key(Scope.ADMIN, limits=Limits(**{limit: ("somebody",)}))
    await desk.ask("PUT", f"/v1/protections/agent/{agent}")
    for method, whom in (("DELETE", agent), ("PUT", desk.twin.agents[0].id)):
        refused = await desk.ask(method, f"/v1/protections/agent/{whom}", key=key)
        assert (refused.status, refused.body["facts"]["rule"]) == (403, "protections")
    listed = (await desk.ask("GET", "/v1/protections")).body["protections"]
    assert [one["id"] for one in listed] == [agent]


@pytest.mark.parametrize("limit", ["agents", "queues"])
async def test_a_key_for_some_pulls_no_brake_for_all(desk, limit):
    limits = Limits(**{limit: ("somebody",)})
    key = await desk.key(Scope.RELEASE_ANY, Scope.ADMIN, limits=limits)
    for path in ("/v1/freeze", "/v1/unfreeze"):
        refused = await desk.ask("POST", path, key=key)
        assert (refused.status, refused.body["facts"]["rule"]) == (403, "brake")
    assert (await desk.ask("GET", "/v1/freeze")).body["frozen"] is False


@pytest.mark.parametrize("body", [{"dry_run": True}, {"queue": "Leeds"}, [], None])
async def test_a_brake_for_a_part_is_not_pulled_for_all(desk, body):
    await desk.on_call()
    mute = (await desk.mute()).body["id"]
    for method, path in (("POST", "/v1/freeze"), ("DELETE", f"/v1/mutes/{mute}"), ("GET", "/v1/mutes")):
        refused = await desk.ask(method, path, raw=json.dumps(body).encode())
        assert (refused.status, refused.body["detail"]) == (400, "This takes no body.")
    assert (await desk.ask("GET", "/v1/freeze")).body["frozen"] is False
    assert len(await desk.store.mutes.standing(desk.org)) == 1
    assert (await desk.ask("POST", "/v1/freeze", {})).status == 200


async def test_the_brake_releases_all_and_refuses_new_ones_until_it_is_off(desk):
    for agent in (0, 1):
        await desk.on_call(agent)
        await desk.mute(agent)
    pulled = await desk.ask("POST", "/v1/freeze", key=await desk.key(Scope.RELEASE_ANY))
    assert (pulled.body["frozen"], pulled.body["released"]) == (True, 2)
    assert await desk.store.mutes.standing(desk.org) == ()
    refused = await desk.mute()
    assert (refused.status, refused.word) == (423, "frozen")
    assert (await desk.ask("POST", "/v1/freeze")).body["released"] == 0
    assert (await desk.ask("POST", "/v1/unfreeze")).body["frozen"] is False
    assert (await desk.mute()).status == 201
    assert len(await desk.entries("brake.pulled")) == 2


async def test_chains_of_one_owner_at_the_same_time_stay_within_the_ceiling(desk):
    await desk.on_call()
    answers = await asyncio.gather(*(desk.mute(**{"for": "14m"}) for _ in range(6)))
    assert sorted(answer.status for answer in answers).count(201) <= 2
