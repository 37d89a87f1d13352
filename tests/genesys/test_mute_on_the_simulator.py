import pytest

from doctor.browser import access_token
from micgate.genesys.bearer import SystemClock
from micgate.genesys.errors import (
    AmbiguousCall,
    Forbidden,
    NoLiveCall,
    NotAnAgent,
    NotConnected,
    RateLimited,
    Unconfirmed,
    UnknownAgent,
)
from micgate.genesys.locate import find_call, find_user, read_call
from micgate.genesys.strategy import Accepted, Strategy
from simulator import Person

MAY_LOOK_AND_MUTE = ["conversation:communication:view", "conversation:communication:disconnect"]


@pytest.fixture
def agent(twin):
    return twin.agents[0]


@pytest.fixture
def mute(session, agent, move):
    return lambda: move(session, agent)


def signed_in(twin, person):
    return access_token(twin, client_id=twin.public_client_id, email=person.email, password=person.password)


def patches(twin):
    return twin.requests("PATCH")


async def test_a_mute_is_one_patch_on_behalf_and_seen_to_take_effect(twin, session, agent, move):
    call = twin.place_call()
    result = await move(session, agent)
    (patch,) = patches(twin)
    assert patch["path"].endswith(f"/user/{agent.id}")
    assert patch["body"] == {"muted": True}
    assert patch["correlation_id"] == result.correlation_id
    assert twin.leg(call)["muted"] is True
    assert (result.changed, result.muted) == (True, True)


async def test_muting_and_unmuting_gives_the_microphone_back(twin, session, agent, move):
    call = twin.place_call()
    await move(session, agent)
    await move(session, agent, muted=False)
    assert twin.leg(call)["muted"] is False
    assert len(patches(twin)) == 2


@pytest.mark.parametrize("kind", ["apply_then_reset", "apply_then_status"])
async def test_an_applied_change_whose_answer_is_lost_is_not_sent_again(twin, mute, kind, witness):
    twin.place_call()
    twin.fault(kind, match={"method": "PATCH"}, times=1, status=503)
    result = await mute()
    assert (len(patches(twin)), witness.outcomes, result.changed) == (1, ["unknown"], True)


@pytest.mark.parametrize("kind", ["reset", "html"])
async def test_a_change_lost_on_the_way_is_sent_once_more(twin, mute, kind, witness):
    call = twin.place_call()
    twin.fault(kind, match={"method": "PATCH"}, times=1)
    await mute()
    assert twin.leg(call)["muted"] is True
    assert witness.outcomes[-1] == "accepted"
    assert len(witness.outcomes) == 2


async def test_a_forgotten_change_is_unconfirmed_and_not_repeated(twin, session, agent, move):
    twin.place_call()
    twin.fault("accept_then_forget", match={"method": "PATCH"}, times=1)
    with pytest.raises(Unconfirmed) as caught:
        await move(session, agent, patience=2)
    assert (caught.value.cause, len(patches(twin))) == ("ignored", 1)


async def test_a_revoked_token_is_replaced_before_the_next_command(twin, session, agent, move, witness):
    call = twin.place_call()
    found = await find_call(session, await find_user(session, agent.email))
    twin.fault("token_revoked", match={"method": "PATCH"}, times=1)
    await move(session, agent, call=found)
    assert twin.leg(call)["muted"] is True
    assert witness.outcomes == ["refused", "accepted"]


@pytest.mark.parametrize("method", ["PATCH", "GET"])
async def test_a_platform_that_hangs_is_not_waited_for_longer_than_asked(twin, session, agent, move, method):
    twin.place_call()
    found = await find_call(session, await find_user(session, agent.email))
    twin.fault("hang", match={"method": method, "path": ".*/conversations/.*"}, probability=1.0)
    began = session.monotonic()
    with pytest.raises(Unconfirmed) as caught:
        await move(session, agent, call=found, patience=3)
    assert caught.value.cause == "away"
    assert session.monotonic() - began < 10  # it would hang for an hour


async def test_an_agents_own_token_mutes_as_a_party(twin, connect, agent, move):
    call = twin.place_call()
    io = connect(signed_in(twin, agent))
    result = await move(io, agent, call=await find_call(io, await find_user(io, agent.email), own=True))
    assert result.strategy is Strategy.PARTICIPANT
    assert [patch["path"].endswith(twin.leg(call)["id"]) for patch in patches(twin)] == [True]


async def test_an_agents_token_finds_the_call_without_being_told_whose_it_is(twin, connect, agent):
    call = twin.place_call()
    io = connect(signed_in(twin, agent))
    assert (await find_call(io, await find_user(io, agent.email))).conversation_id == call["id"]


async def test_somebody_elses_plain_patch_is_refused_once_and_never_repeated(twin, connect, agent, move):
    call = twin.place_call()
    lead = {"name": "Lead", "email": "lead@example.com", "permissions": MAY_LOOK_AND_MUTE}
    person = Person(**twin.control("POST", "/users", lead))
    io, accepted = connect(signed_in(twin, person)), Accepted()
    found = await find_call(io, None, conversation_id=call["id"])
    await move(io, agent, call=found, accepted=accepted)
    await move(io, agent, muted=False, call=await read_call(io, found), accepted=accepted)
    assert [patch["status"] for patch in patches(twin)] == [403, 202, 202]


async def test_a_rate_limit_beyond_the_patience_is_said(twin, session, agent, move):
    twin.place_call()
    twin.fault("rate_storm", match={"method": "PATCH"}, times=1, seconds=40)
    with pytest.raises(RateLimited):
        await move(session, agent, patience=3)
    assert len(patches(twin)) == 1


async def test_an_organization_that_forbids_it_is_asked_once(twin, session, agent, move):
    twin.place_call()
    twin.turn(on_behalf="forbid")
    with pytest.raises(Forbidden):
        await move(session, agent)
    assert len(patches(twin)) == 1


async def test_a_call_that_is_ringing_is_not_sent_to(twin, session, agent, move):
    twin.place_call(state="alerting")
    with pytest.raises(NotConnected) as caught:
        await move(session, agent)
    assert (caught.value.state, patches(twin)) == ("alerting", [])


async def test_an_agent_without_a_call_is_said_to_have_none(session, agent, move, twin):
    with pytest.raises(NoLiveCall):
        await move(session, agent)
    assert patches(twin) == []


async def test_the_call_that_is_not_on_hold_is_chosen(twin, session, agent):
    held = twin.place_call()
    twin.control("POST", f"/calls/{held['id']}/hold", {"agent": agent.id})
    speaking = twin.place_call()
    call = await find_call(session, await find_user(session, agent.id))
    assert (call.conversation_id, call.others_held) == (speaking["id"], 1)


async def test_two_calls_not_on_hold_are_ambiguous(twin, session, agent):
    calls = {twin.place_call()["id"], twin.place_call()["id"]}
    with pytest.raises(AmbiguousCall) as caught:
        await find_call(session, await find_user(session, agent.id))
    assert set(caught.value.conversation_ids) == calls


@pytest.mark.parametrize("hours", [-6, 6])
async def test_a_direct_call_is_found_though_the_clock_here_is_wrong(twin, connect, agent, hours):
    class WrongClock(SystemClock):
        def now(self):
            return super().now() + hours * 3600

    twin.turn(activity_covers_direct="off", details_lag_s=0)
    placed = twin.place_call(agent.id)
    session = connect(clock=WrongClock())

    call = await find_call(session, await find_user(session, agent.email))

    assert call.conversation_id == placed["id"]


async def test_a_direct_call_the_activity_query_leaves_out_is_found(twin, session, agent):
    twin.turn(activity_covers_direct="off", details_lag_s=0)
    placed = twin.place_call()
    call = await find_call(session, await find_user(session, agent.email))
    assert call.conversation_id == placed["id"]


async def test_known_ids_cost_one_read(twin, session, agent):
    placed = twin.place_call()
    before = len(twin.requests())
    call = await find_call(session, None, conversation_id=placed["id"], participant_id=twin.leg(placed)["id"])
    assert call.user_id == agent.id
    assert len(twin.requests()) == before + 1


async def test_the_customers_end_is_no_microphone_of_ours(twin, session):
    placed = twin.place_call()
    customer = next(end for end in placed["participants"] if not end.get("userId"))
    with pytest.raises(NotAnAgent):
        await find_call(session, None, conversation_id=placed["id"], participant_id=customer["id"])


@pytest.mark.parametrize("spelling", [str, str.upper, str.title])
async def test_an_e_mail_address_is_found_in_any_case(session, agent, spelling):
    assert (await find_user(session, spelling(agent.email))).id == agent.id


async def test_a_name_is_found(session, agent):
    assert (await find_user(session, agent.name.lower())).id == agent.id


async def test_a_misspelt_agent_names_the_nearest(session, agent):
    with pytest.raises(UnknownAgent, match="Did you mean"):
        await find_user(session, agent.email.replace("@", "x@"))
