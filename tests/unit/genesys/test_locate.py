import pytest
from scripted_io import ADA, CALL, LEG, ScriptedIo, a_call, agent_end, customer_end, in_turn

from micgate.genesys.errors import (
    AmbiguousAgent,
    AmbiguousCall,
    Forbidden,
    MissingPermission,
    NoLiveCall,
    NotAnAgent,
    NotConnected,
    NotFound,
    UnknownAgent,
)
from micgate.genesys.locate import find_call, find_user, read_call
from micgate.genesys.models import User

ADA_USER = User(id=ADA, name="Ada Lovelace", email="ada@example.com")
ADA_JSON = {"id": ADA, "name": "Ada Lovelace", "email": "ada@example.com", "state": "active"}
GRACE_JSON = {"id": "grace-id", "name": "Grace Hopper", "email": "grace@example.com", "state": "active"}
SEARCH, USERS, ME = "^POST /api/v2/users/search", r"^GET /api/v2/users\?", "^GET /api/v2/users/me"
ACTIVITY, DETAILS = "activity/query", "details/query"
SUMMARY, OWN = f"^GET /api/v2/users/{ADA}", "^GET /api/v2/conversations/calls$"
NO = MissingPermission("No.", status=403)


def rows(*ids):
    return {"results": [{"entities": [{"conversationId": each, "userId": ADA} for each in ids]}]}


def detail(*ids):
    return {"conversations": [{"conversationId": each} for each in ids]}


def summary(active=0, **media):
    return {"id": ADA, "conversationSummary": {"call": {"contactCenter": {"active": active}}, **media}}


def platform(**answers):
    usual = {ACTIVITY: rows(), DETAILS: detail(), SUMMARY: summary(), OWN: {"entities": []}}
    named = {"activity": ACTIVITY, "details": DETAILS, "summary": SUMMARY, "own": OWN}
    return {**usual, **{named[name]: answer for name, answer in answers.items()}}


def calls(**by_id):
    """Answers for conversations beside the usual one."""
    return {
        f"^GET /api/v2/conversations/calls/{call_id}$": {"id": call_id, "participants": ends}
        for call_id, ends in by_id.items()
    }


async def test_a_call_is_found_by_what_is_going_on():
    io = ScriptedIo(answers=platform(activity=rows(CALL)))
    call = await find_call(io, ADA_USER)
    assert (call.conversation_id, call.participant_id, call.muted) == (CALL, LEG, False)
    assert (call.agent_name, call.read_at) == ("Ada Lovelace", pytest.approx(100.02))
    assert len(io.sent) == 2


async def test_a_direct_call_is_found_by_details():
    io = ScriptedIo(answers=platform(details=detail(CALL)))
    assert (await find_call(io, ADA_USER)).conversation_id == CALL


async def test_a_call_only_the_summary_counts_is_waited_for():
    io = ScriptedIo(answers=platform(details=in_turn(detail(), detail(), detail(CALL)), summary=summary(1)))
    assert (await find_call(io, ADA_USER)).conversation_id == CALL
    assert io.clock < 111


async def test_a_call_that_is_counted_but_never_shown_is_said():
    io = ScriptedIo(answers=platform(summary=summary(1)))
    with pytest.raises(NoLiveCall, match="does not say which"):
        await find_call(io, ADA_USER)
    assert io.clock == pytest.approx(110, abs=1)


async def test_no_call_at_all_is_said():
    with pytest.raises(NoLiveCall, match="no live call"):
        await find_call(ScriptedIo(answers=platform()), ADA_USER)


async def test_only_a_chat_is_named():
    chat = {"contactCenter": {"active": 1}}
    with pytest.raises(NoLiveCall) as caught:
        await find_call(ScriptedIo(answers=platform(summary=summary(chat=chat))), ADA_USER)
    assert caught.value.media == ("chat",)


async def test_after_call_work_is_said():
    acw = {"call": {"contactCenter": {"acw": 1}}}
    io = ScriptedIo(answers=platform(summary={"id": ADA, "conversationSummary": acw}))
    with pytest.raises(NotConnected) as caught:
        await find_call(io, ADA_USER)
    assert caught.value.state == "wrapup"


@pytest.mark.parametrize("state", ["alerting", "dialing", "contacting", "offering", "parked", "levitating"])
async def test_an_end_that_is_not_connected_is_said_in_its_own_words(state):
    io = ScriptedIo(ends=[agent_end(state=state)], answers=platform(activity=rows(CALL)))
    with pytest.raises(NotConnected) as caught:
        await find_call(io, ADA_USER)
    assert caught.value.state == state


async def test_a_call_in_the_queue_is_said():
    acd = {"id": "leg-q", "purpose": "acd", "state": "connected"}
    io = ScriptedIo(ends=[customer_end(), acd])
    with pytest.raises(NotConnected) as caught:
        await find_call(io, ADA_USER, conversation_id=CALL)
    assert caught.value.state == "queue"


async def test_the_call_that_is_not_on_hold_is_chosen():
    answers = {**platform(activity=rows(CALL, "call-2")), **calls(**{"call-2": [agent_end(held=True)]})}
    call = await find_call(ScriptedIo(answers=answers), ADA_USER)
    assert (call.conversation_id, call.others_held) == (CALL, 1)


async def test_a_held_call_is_not_taken_before_details_were_asked():
    answers = {
        **platform(activity=rows("call-2"), details=detail(CALL)),
        **calls(**{"call-2": [agent_end(held=True)]}),
    }
    assert (await find_call(ScriptedIo(answers=answers), ADA_USER)).conversation_id == CALL


async def test_a_single_call_on_hold_is_chosen_and_says_so():
    io = ScriptedIo(ends=[agent_end(held=True)], answers=platform(activity=rows(CALL)))
    assert (await find_call(io, ADA_USER)).held is True


@pytest.mark.parametrize("held", [True, False])
async def test_several_calls_are_ambiguous(held):
    ends = [agent_end(held=held)]
    answers = {**platform(activity=rows(CALL, "call-2")), **calls(**{"call-2": ends})}
    with pytest.raises(AmbiguousCall) as caught:
        await find_call(ScriptedIo(ends=ends, answers=answers), ADA_USER)
    assert caught.value.conversation_ids == (CALL, "call-2")


async def test_a_named_conversation_is_one_read():
    io = ScriptedIo()
    call = await find_call(io, None, conversation_id=CALL, participant_id=LEG)
    assert (call.user_id, len(io.sent)) == (ADA, 1)


async def test_the_only_agent_of_a_named_conversation_needs_no_name():
    assert (await find_call(ScriptedIo(), None, conversation_id=CALL)).participant_id == LEG


async def test_several_agents_on_a_named_conversation_need_one():
    io = ScriptedIo(ends=[agent_end(), agent_end(id="leg-2", user={"id": "grace-id"}, name="Grace Hopper")])
    with pytest.raises(AmbiguousAgent) as caught:
        await find_call(io, None, conversation_id=CALL)
    assert caught.value.candidates == ("Ada Lovelace", "Grace Hopper")


@pytest.mark.parametrize("purpose", ["customer", "external", "acd", "ivr", "voicemail"])
async def test_an_end_that_is_no_agents_is_refused(purpose):
    io = ScriptedIo(ends=[agent_end(purpose=purpose)])
    with pytest.raises(NotAnAgent) as caught:
        await find_call(io, None, conversation_id=CALL, participant_id=LEG)
    assert caught.value.purpose == purpose


async def test_somebody_elses_end_is_refused():
    io = ScriptedIo(ends=[agent_end(user={"id": "grace-id"})])
    with pytest.raises(NotAnAgent):
        await find_call(io, ADA_USER, conversation_id=CALL, participant_id=LEG)


async def test_an_unknown_participant_is_said():
    with pytest.raises(NoLiveCall, match="no participant"):
        await find_call(ScriptedIo(), None, conversation_id=CALL, participant_id="leg-9")


async def test_a_read_closed_to_this_token_falls_back_to_the_other():
    whole = {
        "id": CALL,
        "participants": [
            {"id": LEG, "userId": ADA, "purpose": "agent", "calls": [{"state": "connected", "muted": True}]}
        ],
    }
    answers = {"conversations/calls/": Forbidden("No.", status=403), f"conversations/{CALL}$": whole}
    io = ScriptedIo(answers=answers)
    call = await find_call(io, ADA_USER, conversation_id=CALL)
    assert (call.muted, call.route) == (True, "conversations")
    await read_call(io, call)
    assert len(io.sent) == 3, "the closed one is not asked again"


async def test_a_conversation_that_is_no_call_names_its_media():
    whole = {"id": CALL, "participants": [{"id": LEG, "userId": ADA, "purpose": "agent", "chats": [{}]}]}
    answers = {"conversations/calls/": NotFound("No.", status=404), f"conversations/{CALL}$": whole}
    with pytest.raises(NoLiveCall) as caught:
        await find_call(ScriptedIo(answers=answers), ADA_USER, conversation_id=CALL)
    assert caught.value.media == ("chat",)


async def test_a_conversation_that_does_not_exist_is_said():
    with pytest.raises(NoLiveCall, match="There is no call nowhere"):
        await find_call(ScriptedIo(), ADA_USER, conversation_id="nowhere")


async def test_the_agents_own_token_asks_for_its_own_calls():
    io = ScriptedIo(answers=platform(own={"entities": [{"id": CALL, "participants": [agent_end()]}]}))
    call = await find_call(io, ADA_USER, own=True)
    assert (call.participant_id, len(io.sent)) == (LEG, 1)


async def test_a_token_that_may_not_look_people_up_may_be_their_own():
    own = {"entities": [{"id": CALL, "participants": [agent_end()]}]}
    io = ScriptedIo(answers=platform(activity=NO, details=NO, own=own))
    assert (await find_call(io, ADA_USER)).conversation_id == CALL


async def test_a_service_account_that_may_not_look_up_is_told_why():
    io = ScriptedIo(answers={**platform(activity=NO, details=NO), ME: NotFound("No.", status=404)})
    with pytest.raises(MissingPermission):
        await find_call(io, ADA_USER)


async def test_reading_again_follows_the_agent_to_a_new_leg():
    io = ScriptedIo(ends=[agent_end(state="disconnected"), agent_end(id="leg-2", muted=True)])
    call = await read_call(io, a_call())
    assert (call.participant_id, call.muted, call.live) == ("leg-2", True, True)


async def test_reading_an_ended_call_again_says_so_without_an_error():
    call = await read_call(ScriptedIo(ends=[agent_end(state="terminated", muted=True)]), a_call())
    assert (call.ended, call.live) == (True, False)


async def test_an_e_mail_address_is_compared_in_any_case():
    io = ScriptedIo(answers={SEARCH: {"results": [GRACE_JSON, ADA_JSON]}})
    assert (await find_user(io, " ADA@Example.com ")).id == ADA


async def test_somebody_new_is_found_in_the_listing():
    io = ScriptedIo(answers={SEARCH: {}, USERS: {"entities": [GRACE_JSON, ADA_JSON]}})
    assert (await find_user(io, "ada lovelace")).id == ADA


async def test_namesakes_are_listed():
    twin_sister = {**ADA_JSON, "id": "ada-2", "email": "ada2@example.com"}
    io = ScriptedIo(answers={SEARCH: {"results": [ADA_JSON, twin_sister]}})
    with pytest.raises(AmbiguousAgent) as caught:
        await find_user(io, "Ada Lovelace")
    assert len(caught.value.candidates) == 2


async def test_a_namesake_who_left_does_not_count():
    left = {**ADA_JSON, "id": "ada-2", "state": "inactive"}
    io = ScriptedIo(answers={SEARCH: {"results": [left, ADA_JSON]}})
    assert (await find_user(io, "Ada Lovelace")).id == ADA


@pytest.mark.parametrize("ref", ["ada@exmaple.com", "Ada Lovelac", "ada"])
async def test_a_misspelt_agent_names_the_nearest(ref):
    io = ScriptedIo(answers={SEARCH: {}, USERS: {"entities": [GRACE_JSON, ADA_JSON]}})
    with pytest.raises(UnknownAgent, match="Did you mean Ada Lovelace"):
        await find_user(io, ref)


async def test_everybody_whose_name_is_equally_near_is_named():
    other = {**ADA_JSON, "id": "ada-2", "name": "Ada Byron", "email": "ada.byron@example.com"}
    io = ScriptedIo(answers={SEARCH: {}, USERS: {"entities": [GRACE_JSON, ADA_JSON, other]}})
    with pytest.raises(UnknownAgent) as unknown:
        await find_user(io, "Ada")
    assert unknown.value.remedy.startswith("Did you mean Ada Byron <ada.byron@example.com> or Ada Lovelace")


async def test_an_id_is_asked_for_directly():
    user_id = "3f1c2a52-0c5b-4a1e-9d3e-6f0b7f3a9a11"
    io = ScriptedIo(answers={f"users/{user_id}": {"id": user_id}})
    assert (await find_user(io, user_id)).id == user_id
    assert len(io.sent) == 1


async def test_an_unknown_id_is_said():
    with pytest.raises(UnknownAgent):
        await find_user(ScriptedIo(), "3f1c2a52-0c5b-4a1e-9d3e-6f0b7f3a9a11")


async def test_an_agent_who_may_not_search_can_mean_himself():
    io = ScriptedIo(answers={SEARCH: NO, ME: ADA_JSON})
    assert (await find_user(io, "ada@example.com")).id == ADA


async def test_who_may_not_search_is_told_so():
    io = ScriptedIo(answers={SEARCH: NO, ME: ADA_JSON, USERS: {"entities": []}})
    with pytest.raises(MissingPermission):
        await find_user(io, "grace@example.com")


async def test_nobody_is_nobody():
    with pytest.raises(UnknownAgent):
        await find_user(ScriptedIo(), "  ")
