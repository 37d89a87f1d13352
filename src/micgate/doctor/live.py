"""Does a notification channel open and beat, and which topics does it refuse?"""

import time

import msgspec

from micgate.doctor import places
from micgate.doctor.case import Case, Socket
from micgate.doctor.finding import Finding, fail, from_error, ok, skipped, warn
from micgate.genesys import requests
from micgate.genesys.errors import Unreachable
from micgate.genesys.models import Channel, ChannelTopic

MOST_CHANNELS = 20
BEAT_SECONDS = 5.0
PING = '{"message":"ping"}'


async def channel(case: Case) -> Finding:
    """Opens one, unless that could push out somebody else's; the one of the last run is used again."""
    existing = requests.read_channels(await case.io.send(requests.get_channels()))
    kept = _kept(case, existing)
    if kept is None and len(existing) >= case.max_channels:
        return warn(
            "channel",
            f"{len(existing)} of {MOST_CHANNELS} channels exist: none was opened, to push nobody out.",
            f"Not in Admin: stop what else uses this OAuth client, or give micgate its own ({places.OAUTH}).",
            channels=len(existing),
        )
    case.channel = kept or await _new(case)
    return _beats(case, case.channel, count=len(existing) + (kept is None))


async def topics(case: Case) -> Finding:
    if case.channel is None:
        return skipped("topics", "There is no channel to subscribe with.")
    await _look_around(case)
    wanted = _wanted(case)
    if not wanted:
        return skipped("topics", "Nobody was found whose calls could be watched.")
    answer = requests.read_subscriptions(
        await case.io.send(requests.put_subscriptions(case.channel.id, wanted))
    )
    await case.io.send(requests.put_subscriptions(case.channel.id, ()))
    refused = [topic for topic in answer if topic.refused]
    return _refused(case, refused) if refused else ok("topics", f"All {len(wanted)} topics are permitted.")


def _kept(case: Case, existing: tuple[Channel, ...]) -> Channel | None:
    alive = {each.id for each in existing}
    return next((one for one in case.kept.load() if one.connect_uri and one.id in alive), None)


async def _new(case: Case) -> Channel:
    made = requests.read_channel(await case.io.send(requests.create_channel()))
    case.kept.store((made,))
    return made


def _beats(case: Case, channel: Channel, *, count: int) -> Finding:
    try:
        with case.listen(channel.connect_uri or "") as socket:
            milliseconds = _until_pong(socket)
    except Unreachable as error:
        return from_error("channel", error)
    if milliseconds is None:
        return fail(
            "channel",
            f"The notification socket opened, but nothing came over it for {BEAT_SECONDS:.0f} s.",
            "Not in Admin: a proxy holds WebSocket messages back; let the streaming host pass unchanged.",
        )
    return ok(
        "channel",
        f"A notification channel opened and beats ({milliseconds:.0f} ms); {count} of {MOST_CHANNELS} exist.",
        channels=count,
        milliseconds=round(milliseconds, 1),
    )


class _Message(msgspec.Struct):
    topic: str = msgspec.field(name="topicName", default="")


def _until_pong(socket: Socket) -> float | None:
    """Milliseconds from the ping to the first sign of life: the pong, or a heartbeat that came first."""
    asked = time.monotonic()
    socket.say(PING)
    while heard := socket.hear(asked + BEAT_SECONDS - time.monotonic()):
        if _topic(heard.text) == "channel.metadata":
            return (heard.at - asked) * 1000
    return None


def _topic(text: str) -> str:
    try:
        return msgspec.json.decode(text, type=_Message).topic
    except msgspec.DecodeError:
        return ""


async def _look_around(case: Case) -> None:
    """Somebody whose topics can be asked for, when no check has met anybody yet."""
    if case.somebody is None and not case.has_user:
        case.met(requests.read_users(await case.io.send(requests.get_users(size=1))).items)


def _wanted(case: Case) -> tuple[str, ...]:
    of_user = [f"v2.users.{case.somebody.id}.{name}" for name in _OF_USER] if case.somebody else []
    of_queue = [f"v2.routing.queues.{case.queue_id}.conversations.calls"] if case.queue_id else []
    return (*of_user, *of_queue)


_OF_USER = ("conversations.calls", "conversations", "conversationsummary", "presence", "routingStatus")


def _refused(case: Case, refused: list[ChannelTopic]) -> Finding:
    needed = sorted({name for topic in refused for name in topic.missing_permissions or ()})
    grant = f"add {', '.join(needed)}" if needed else "compare it with `micgate doctor --role`"
    place = places.PERSON_ROLES if case.has_user else f"{places.ROLES} > the role of this client"
    return warn(
        "topics",
        f"Refused: {', '.join(_template(case, topic.id) for topic in refused)}. That cannot be watched live.",
        f"{place}: {grant}.",
        refused=tuple(_template(case, topic.id) for topic in refused),
        permissions=tuple(needed),
    )


def _template(case: Case, topic: str) -> str:
    for known in (case.somebody.id if case.somebody else None, case.queue_id):
        if known:
            topic = topic.replace(known, "{id}")
    return topic
