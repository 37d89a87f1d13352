"""Who asks, and what they may do: in general, to an agent, on a call."""

from front_desk import Limits, Scope

from micgate.control.microphone import LegState


async def may(desk, key=None, **named):
    query = "&".join(f"{name}={value}" for name, value in named.items())
    answer = await desk.ask("GET", f"/v1/me?{query}", key=key)
    assert answer.status == 200, answer.body
    return answer.body["may"]


async def test_a_key_is_told_its_scopes_its_limits_and_what_it_uses_of_them(desk):
    limits = Limits(standing=3, queue_share=None, longest=60)
    key = await desk.key(Scope.MUTE, limits=limits)
    await desk.on_call()
    await desk.mute(key=key, **{"for": "30s"})
    me = (await desk.ask("GET", "/v1/me", key=key)).body
    assert (me["kind"], me["scopes"], me["standing"], me["may"]) == ("key", ["mute"], 1, None)
    assert (me["limits"]["standing"], me["limits"]["longest"]) == (3, 60)


async def test_a_key_with_the_usual_limits_is_told_each_of_them(desk):
    key = await desk.key(Scope.MUTE, limits=Limits())
    assert (await desk.ask("GET", "/v1/me", key=key)).body["limits"] == {
        "agents": None,
        "queues": None,
        "longest": 600,
        "rate": 30,
        "standing": 5,
        "queue_share": 0.1,
    }


async def test_of_an_agent_on_a_call_it_is_told_for_how_long_and_on_which_call(desk):
    call = await desk.on_call()
    (one,) = await may(desk, await desk.key(Scope.MUTE), agent=desk.twin.agents[0].email)
    assert (one["mute"], one["conversation_id"], one["longest"], one["reassert"]) == (True, call, 600, False)
    assert one["refused"] is None


async def test_of_a_call_it_is_told_about_everybody_it_may_see(desk):
    call = await desk.on_call(0)
    await desk.see(call, 1)
    assert len(await may(desk, conversation=call)) == 2
    mine = Limits(agents=(desk.twin.agents[1].id,), queue_share=None)
    (one,) = await may(desk, await desk.key(Scope.MUTE, limits=mine), conversation=call)
    assert one["agent"]["id"] == desk.twin.agents[1].id
    assert await may(desk, conversation="no-such-call") == []


async def test_what_speaks_against_it_is_the_problem_that_muting_would_be(desk):
    await desk.on_call()
    await desk.ask("PUT", f"/v1/protections/agent/{desk.twin.agents[0].id}")
    (one,) = await may(desk, agent=desk.twin.agents[0].id)
    assert (one["mute"], one["longest"], one["refused"]["word"]) == (False, 0, "not_permitted")
    assert one["refused"]["facts"] == {"rule": "protected"}
    assert one["refused"]["remedy"]
    (idle,) = await may(desk, agent=desk.twin.agents[1].id)
    assert idle["refused"]["word"] == "no_live_call"


async def test_a_key_without_the_scope_is_told_so(desk):
    await desk.on_call()
    (one,) = await may(desk, await desk.key(Scope.AUDIT), agent=desk.twin.agents[0].id)
    assert one["refused"]["facts"] == {"rule": "scope:mute"}


async def test_the_longest_mute_shrinks_with_what_was_asked_before(desk):
    await desk.on_call()
    key = await desk.key(Scope.MUTE)
    for _ in range(2):
        await desk.mute(key=key, **{"for": "8m"})
    (one,) = await may(desk, key, agent=desk.twin.agents[0].id)
    assert one["longest"] == 240


async def test_brake_and_standing_mutes_count_too(desk):
    await desk.on_call()
    key = await desk.key(Scope.MUTE, limits=Limits(standing=1, queue_share=None))
    await desk.mute(key=key)
    (full,) = await may(desk, key, agent=desk.twin.agents[0].id)
    assert full["refused"]["word"] == "too_many_standing"
    await desk.ask("POST", "/v1/freeze")
    (frozen,) = await may(desk, key, agent=desk.twin.agents[0].id)
    assert frozen["refused"]["word"] == "frozen"


async def test_asking_is_no_refusal_in_the_record(desk):
    await desk.on_call(1)
    await may(desk, await desk.key(Scope.AUDIT), agent=desk.twin.agents[1].id)
    assert await desk.entries("mute.refused") == []


async def test_an_agent_beyond_the_key_is_not_told_about(desk):
    await desk.on_call(1)
    key = await desk.key(Scope.MUTE, limits=Limits(agents=(desk.twin.agents[0].id,), queue_share=None))
    answer = await desk.ask("GET", f"/v1/me?agent={desk.twin.agents[1].email}", key=key)
    assert (answer.status, answer.body["facts"]["rule"]) == (403, "agents")


async def test_a_call_that_is_over_lets_nobody_be_muted(desk):
    call = await desk.on_call()
    await desk.see(call, state=LegState.OVER)
    (one,) = await may(desk, conversation=call)
    assert one["mute"] is False
