"""New conversations and new ends of them: a customer, a waiting queue, a user's leg."""

from msgspec.structs import replace

from micgate.twin import legs
from micgate.twin.calls import Conversation, Direction, Media, Participant, State
from micgate.twin.floor import Floor
from micgate.twin.people import Queue, User

ALERTING_TIMEOUT_MS = 8_000
OUR_NUMBER = "tel:+15555550199"


def begun(floor: Floor, outside: Participant, *, org_id: str, media: Media) -> Conversation:
    """A conversation with nobody but the outside in it."""
    return Conversation(
        id=floor.new_id(),
        org_id=org_id,
        media=media,
        participants=(outside,),
        start_time=outside.start_time,
        address=outside.address,
    )


def enqueued(
    floor: Floor, conversation: Conversation, queue: Queue, *, direction: Direction = "inbound"
) -> Conversation:
    leg = waiting(floor, queue=queue, direction=direction)
    return replace(conversation, participants=(*conversation.participants, leg))


def assigned(
    floor: Floor,
    conversation: Conversation,
    user: User,
    *,
    queue: Queue | None,
    state: State,
    direction: Direction = "inbound",
) -> Conversation:
    """A user gets a leg; a queue that held the caller lets go when it is connected."""
    queue_id = None if queue is None else queue.id
    leg = of_user(floor, conversation, user=user, queue_id=queue_id, state=state, direction=direction)
    others = tuple(_facing(one, leg) for one in conversation.participants)
    conversation = replace(conversation, participants=(*others, leg))
    if state != "connected":
        return conversation
    return legs.answered(conversation, leg.id, now=floor.clock.now)


def _facing(one: Participant, leg: Participant) -> Participant:
    """Who is outside faces whoever of us came first."""
    if one.purpose != "customer" or one.peer_id is not None:
        return one
    return replace(one, peer_id=leg.communication_id)


def customer(floor: Floor, *, name: str, number: str, direction: Direction, state: State) -> Participant:
    at = floor.clock.now
    return Participant(
        id=floor.new_id(),
        communication_id=floor.new_id(),
        name=name,
        address=number,
        purpose="customer",
        state=state,
        initial_state=state,
        direction=direction,
        start_time=at,
        connected_time=at if state == "connected" else None,
        ani=number,
        dnis=OUR_NUMBER,
    )


def waiting(floor: Floor, *, queue: Queue, direction: Direction) -> Participant:
    """The queue itself, with a caller who waits in it."""
    at = floor.clock.now
    return Participant(
        id=floor.new_id(),
        communication_id=floor.new_id(),
        name=queue.name,
        address=OUR_NUMBER,
        purpose="acd",
        state="connected",
        initial_state="connected",
        direction=direction,
        start_time=at,
        connected_time=at,
        queue_id=queue.id,
        ani=OUR_NUMBER,
        dnis=OUR_NUMBER,
    )


def of_user(
    floor: Floor,
    conversation: Conversation,
    *,
    user: User,
    queue_id: str | None,
    state: State,
    direction: Direction = "inbound",
) -> Participant:
    """A new leg of a user, as muted as the user's last one when the knob says so."""
    now = floor.clock.now
    last = conversation.legs(user.id)[-1:]
    muted = floor.behaviour.mute_survives_transfer and any(leg.muted for leg in last)
    return Participant(
        id=floor.new_id(),
        communication_id=floor.new_id(),
        peer_id=next((one.communication_id for one in conversation.participants if not one.ended), None),
        name=user.name,
        address=f"sip:{user.email}",
        purpose="user" if queue_id is None else "agent",
        state=state,
        initial_state=state,
        direction=direction,
        start_time=now,
        alerting_time=now if state == "alerting" else None,
        connected_time=now if state == "connected" else None,
        user_id=user.id,
        queue_id=queue_id,
        team_id=user.team_id,
        muted=muted,
        wrapup_required=queue_id is not None,
        alerting_timeout_ms=ALERTING_TIMEOUT_MS if queue_id or state == "alerting" else None,
        ani=conversation.address,
        dnis=OUR_NUMBER,
    )


def voicemail(floor: Floor, conversation: Conversation, *, user: User) -> Participant:
    leg = of_user(floor, conversation, user=user, queue_id=None, state="connected")
    return replace(leg, purpose="voicemail", name=f"{user.name} (voicemail)")


def with_divisions(floor: Floor, conversation: Conversation) -> Conversation:
    """The conversation belongs to the divisions of its users and queues."""
    divisions: dict[str, list[str]] = {}
    for user_id in conversation.user_ids:
        divisions.setdefault(floor.people.users[user_id].division_id, []).append(user_id)
    for queue_id in conversation.queue_ids:
        divisions.setdefault(floor.people.queues[queue_id].division_id, [])
    listed = tuple((division_id, tuple(users)) for division_id, users in divisions.items())
    return replace(conversation, division_users=listed)
