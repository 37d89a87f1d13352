"""Worlds for tests, and the people who ask in them."""

from micgate.twin.access import Caller
from micgate.twin.changes import Change
from micgate.twin.floor import ConversationChanged
from micgate.twin.world import World

MUTE, UNMUTE = Change(muted=True), Change(muted=False)


def quiet_world(**knobs):
    """Six agents, no calls of their own, requests applied after exactly 100 ms unless told."""
    world = World(seed=7, agents=6, quiet=True)
    world.turn({"apply_ms": 100} | knobs)
    return world


def service(world, **wishes):
    """A caller without a user; `wishes` go to add_client."""
    client = world.add_client(grant="client_credentials", **wishes)
    return Caller(world.tokens.by_client_credentials(client))


def person(world, user, **wishes):
    """A caller who is a user."""
    client = world.add_client(grant="code", **wishes)
    return Caller(world.tokens.issue(client=client, user=user, refreshable=True))


def call_of(world, agent, **wishes):
    """A connected call; answers it and the agent's leg."""
    call = world.telephony.place(agent=agent.id, **wishes)
    return call, call.legs(agent.id)[-1]


def leg_of(world, call, leg):
    """The leg as it is now."""
    return world.calls.get(call.id).participant(leg.id)


def pass_time(world, seconds):
    world.advance(world.now + seconds)


def mute(world, call, leg, change=MUTE, *, caller=None, **wishes):
    """On behalf, by a service with every right."""
    world.changes.patch_on_behalf(
        caller or service(world),
        conversation_id=call.id,
        participant_id=leg.id,
        user_id=leg.user_id,
        change=change,
        request_id=wishes.pop("request_id", "r-1"),
        **wishes,
    )


def call_events(world):
    return [one for one in world.drain() if isinstance(one, ConversationChanged)]


def changes_of(world, field):
    """(from, to, cause) of every ledger entry about a field."""
    return [
        (entry.from_, entry.to, entry.cause)
        for entry in world.ledger.after(0)
        if getattr(entry, "field", None) == field
    ]
