"""Channels and their subscriptions: /api/v2/notifications/..."""

from collections.abc import Callable

import msgspec

from micgate.twin import topics
from micgate.twin.answers import Wire, stamp
from micgate.twin.channels import Channel, Subscription
from micgate.twin.exchange import DONE, Answer, json_answer
from micgate.twin.refusals import bad_request
from micgate.twin.routes import Ask, Route


class ChannelTopic(msgspec.Struct):
    id: str | None = None


def list_channels(ask: Ask) -> Answer:
    """`includechannels`: those of the token (default), or of the client and user."""
    which = ask.query.text("includechannels") or "token"
    if which not in {"token", "oauthclient"}:
        raise bad_request("includechannels must be token or oauthclient.", code="invalid.value")
    mine = ask.channels.of(ask.caller, token_only=which == "token")
    return json_answer({"entities": [_channel(ask, one) for one in mine]})


def create_channel(ask: Ask) -> Answer:
    return json_answer(_channel(ask, ask.channels.create(ask.caller)))


def head_channel(ask: Ask) -> Answer:
    ask.channels.find(ask.caller, ask.params[0])
    return DONE


def list_subscriptions(ask: Ask) -> Answer:
    channel = ask.channels.find(ask.caller, ask.params[0])
    return _listing(channel, [Subscription(topic=topic) for topic in channel.topics])


def add_subscriptions(ask: Ask) -> Answer:
    return _subscribe(ask, replace=False)


def replace_subscriptions(ask: Ask) -> Answer:
    return _subscribe(ask, replace=True)


def delete_subscriptions(ask: Ask) -> Answer:
    ask.channels.clear(ask.channels.find(ask.caller, ask.params[0]))
    return DONE


def _subscribe(ask: Ask, *, replace: bool) -> Answer:
    channel = ask.channels.find(ask.caller, ask.params[0])
    wanted = ask.read(list[ChannelTopic])
    names = [one.id for one in wanted if one.id]
    if len(names) < len(wanted):
        raise bad_request("Every topic needs an id.", code="invalid.value")
    ignore = ask.query.flag("ignoreErrors")
    entries = ask.channels.subscribe(channel, names, caller=ask.caller, ignore_errors=ignore, replace=replace)
    return _listing(channel, entries)


def list_topics(ask: Ask) -> Answer:
    details = "permissionDetails" in ask.query.items("expand")
    return json_answer({"entities": topics.available(details=details)})


def _channel(ask: Ask, channel: Channel) -> Wire:
    return {
        "connectUri": f"ws://{ask.host}/channels/{channel.id}",
        "id": channel.id,
        "expires": stamp(channel.expires_at),
    }


def _listing(channel: Channel, entries: list[Subscription]) -> Answer:
    return json_answer({"entities": [_entry(channel, entry) for entry in entries]})


def _entry(channel: Channel, entry: Subscription) -> Wire:
    shape: Wire = {
        "id": entry.topic,
        "state": "Permitted" if entry.missing is None else "Rejected",
        "selfUri": f"/api/v2/notifications/channels/{channel.id}/subscriptions",
    }
    if entry.missing is not None:
        reason = "Missing permissions." if entry.missing else "The topic is not available."
        shape |= {"rejectionReason": reason, "missingPermissions": list(entry.missing)}
    return shape


_CHANNEL = "/api/v2/notifications/channels/{channelId}"


def _route(method: str, path: str, do: Callable[[Ask], Answer]) -> Route:
    return Route(method=method, path=path, do=do, area="notifications")


ROUTES = (
    _route("GET", "/api/v2/notifications/channels", list_channels),
    _route("POST", "/api/v2/notifications/channels", create_channel),
    _route("HEAD", _CHANNEL, head_channel),
    _route("GET", _CHANNEL + "/subscriptions", list_subscriptions),
    _route("POST", _CHANNEL + "/subscriptions", add_subscriptions),
    _route("PUT", _CHANNEL + "/subscriptions", replace_subscriptions),
    _route("DELETE", _CHANNEL + "/subscriptions", delete_subscriptions),
    _route("GET", "/api/v2/notifications/availabletopics", list_topics),
)
