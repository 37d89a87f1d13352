"""Whatever people, devices and requests do in whatever order, the books of the world agree."""

import random
from contextlib import suppress

import pytest
from worlds import mute, pass_time, quiet_world

from micgate.twin.changes import Change
from micgate.twin.floor import ConversationChanged
from micgate.twin.refusals import Impossible, Refusal

STEPS = 250


def a_wild_day(seed):
    """A world after many random steps, and everything it published."""
    rng = random.Random(seed)
    world = quiet_world(
        apply_ms=[0, 2000],
        acw_s=5,
        apply_order=rng.choice(["any", "in_order"]),
        mute_survives_hold=rng.random() < 0.5,
        mute_survives_transfer=rng.random() < 0.5,
        same_value_event=rng.random() < 0.5,
    )
    seen = []
    for _ in range(STEPS):
        with suppress(Impossible, Refusal):
            one_step(world, rng)
        pass_time(world, rng.choice([0, 0, 0.3, 2]))
        seen += [one for one in world.drain() if isinstance(one, ConversationChanged)]
    return world, seen


def one_step(world, rng):
    agent, to = rng.choice(world.agents), rng.choice(world.agents)
    live = list(world.calls.live)
    if len(live) < 3 or rng.random() < 0.1:
        state = rng.choice(["connected", "alerting", "queued", "dialing"])
        queue = rng.choice(["Support", None])
        world.telephony.place(agent=agent.id, state=state, queue=queue)
        return
    call = world.calls.get(rng.choice(live))
    verbs = {
        "answer": {"agent": agent.id},
        "hold": {"agent": agent.id},
        "retrieve": {"agent": agent.id},
        "disconnect": {"agent": agent.id},
        "transfer": {"agent": agent.id, "to": to.id, "blind": rng.random() < 0.5},
        "consult": {"agent": agent.id, "to": to.id, "connected": rng.random() < 0.5},
        "conference": {"agent": agent.id, "to": to.id, "connected": rng.random() < 0.5},
        "press_mute": {"agent": agent.id, "muted": rng.random() < 0.5},
        "press_record": {"paused": rng.random() < 0.5},
        "no_answer": {"agent": agent.id},
        "voicemail": {"agent": agent.id},
        "offer": {"agent": agent.id},
    }
    verb = rng.choice([*verbs, "request", "request", "request"])
    if verb != "request":
        getattr(world.telephony, verb)(call.id, **verbs[verb])
        return
    leg = rng.choice([one for one in call.participants if one.user_id] or [None])
    if leg is not None:
        asked = Change(muted=rng.choice([True, False]), held=rng.choice([None, None, True, False]))
        mute(world, call, leg, asked)


@pytest.mark.parametrize("seed", range(8))
def test_the_books_agree(seed):
    world, seen = a_wild_day(seed)
    everything = list(world.calls.all())
    for agent in world.agents:
        occupied = {call.id for call in everything if call.occupies(agent.id)}
        assert {call.id for call in world.calls.of_user(agent.id)} == occupied
        assert (agent.routing == "IDLE") == (not occupied)
    for call in everything:
        assert call.ended == (call.id not in world.calls.live)
        assert call.ended == all(leg.ended for leg in call.participants)
    latest = {event.after.id: event.after for event in seen}
    assert latest == {call.id: call for call in everything}


@pytest.mark.parametrize("seed", range(8))
def test_the_ledger_retold_is_the_present_state(seed):
    world, _ = a_wild_day(seed)
    told = {}
    for entry in world.ledger.after(0):
        key = (entry.conversation, entry.participant, entry.field)
        assert told.get(key, entry.from_) == entry.from_
        told[key] = entry.to
    for call in world.calls.all():
        for leg in call.participants:
            assert told[call.id, leg.id, "state"] == leg.state
            for field in ("muted", "held", "confined"):
                assert told.get((call.id, leg.id, field), False) == getattr(leg, field)


@pytest.mark.parametrize("seed", range(8))
def test_versions_count_up_and_no_leg_comes_back_to_life(seed):
    _, seen = a_wild_day(seed)
    before, ended = {}, set()
    for event in seen:
        known = before.get(event.after.id)
        assert event.before == known
        assert event.after.version - (known.version if known else 0) in (0, 1)
        before[event.after.id] = event.after
        for leg in event.after.participants:
            assert leg.ended or leg.id not in ended
            assert not (leg.ended and (leg.held or leg.recording or leg.confined))
            if leg.ended:
                ended.add(leg.id)
