"""The world as the control surface tells it."""

from micgate.twin.answers import Wire, present
from micgate.twin.calls import Conversation
from micgate.twin.channels import Channel, Channels
from micgate.twin.people import Client, Queue, User
from micgate.twin.world import World

ENDED_SHOWN = 100


def whole(world: World, channels: Channels) -> Wire:
    """Everything there is; of ended conversations the latest."""
    known = (*world.calls.live.values(), *world.calls.latest_ended(ENDED_SHOWN))
    return {
        "now": world.now,
        "seq": world.ledger.last_seq,
        "org": {"id": world.org.id, "name": world.org.name},
        "users": [_user(one) for one in world.people.users.values()],
        "queues": [_queue(one) for one in world.people.queues.values()],
        "clients": [_client(one) for one in world.people.clients.values()],
        "channels": [_channel(one) for one in channels.all()],
        "conversations": [conversation(one) for one in known],
    }


def _user(one: User) -> Wire:
    return {
        "id": one.id,
        "name": one.name,
        "email": one.email,
        "org": one.org_id,
        "division": one.division_id,
        "queues": one.queue_ids,
        "presence": one.presence,
        "routing": one.routing,
        "permissions": sorted(one.role.permissions),
    }


def _queue(one: Queue) -> Wire:
    return {"id": one.id, "name": one.name, "org": one.org_id, "members": list(one.members)}


def _client(one: Client) -> Wire:
    return {"id": one.id, "name": one.name, "grant": one.grant, "org": one.org_id}


def _channel(one: Channel) -> Wire:
    return {
        "id": one.id,
        "client": one.client_id,
        "user": one.user_id,
        "connected": one.outlet is not None,
        "topics": list(one.topics),
        "expires": one.expires_at,
    }


def conversation(known: Conversation) -> Wire:
    """One conversation as the control surface tells it."""
    return {
        "id": known.id,
        "media": known.media,
        "started": known.start_time,
        "ended": known.end_time,
        "recording_state": known.recording_state,
        "secure_pause": known.secure_pause,
        "participants": [
            present(
                {
                    "id": one.id,
                    "userId": one.user_id,
                    "name": one.name,
                    "purpose": one.purpose,
                    "state": one.state,
                    "muted": one.muted,
                    "held": one.held,
                    "confined": one.confined,
                    "queueId": one.queue_id,
                    "direction": one.direction,
                    "connected": one.connected_time,
                    "communicationId": one.communication_id,
                }
            )
            for one in known.participants
        ],
    }
