"""The knobs: what nobody could confirm about the real service, and figures worth changing in a test."""

from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from micgate.twin.refusals import Impossible

OnOff = Literal["on", "off"]
Value = bool | int | float | str | list[float]


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the simulator behaves. The defaults are the safest reading of what the vendor publishes."""

    on_behalf: Annotated[
        Literal["accept", "forbid", "ignore"],
        Meta(
            description="PATCH in the name of a user: does it, answers 403, or answers 202 and does nothing"
        ),
    ] = "accept"
    on_behalf_other_user: Annotated[
        Literal["accept", "forbid"],
        Meta(description="on behalf of a user in the call whose leg is another participant"),
    ] = "accept"
    plain_without_user: Annotated[
        Literal["not_authorized", "forbidden_conversation"],
        Meta(description="which 403 a token without a user gets for a plain PATCH"),
    ] = "not_authorized"
    own_leg_without_permission: Annotated[
        Literal["forbid", "accept"],
        Meta(description="a user who holds none of the listed permissions mutes the own leg"),
    ] = "forbid"
    barged_may_mute: Annotated[
        bool, Meta(description="a supervisor who barged in counts as a party for a plain PATCH on others")
    ] = True
    apply_ms: Annotated[
        tuple[float, float], Meta(description="from the 202 to the state and its event: shortest, longest")
    ] = (50, 300)
    apply_order: Annotated[
        Literal["in_order", "any"],
        Meta(description="whether quick changes of one leg may overtake each other"),
    ] = "in_order"
    same_value_event: Annotated[
        bool, Meta(description="an event although the value is the one already set")
    ] = False
    not_connected: Annotated[
        Literal[409, 400, 404, "ignore"],
        Meta(description="a change of a leg that is not connected; ignore answers 202 and does nothing"),
    ] = 409
    mute_survives_hold: Annotated[
        bool, Meta(description="a muted leg stays muted when it holds the call")
    ] = True
    mute_survives_transfer: Annotated[
        bool,
        Meta(description="a user's new leg in the same conversation starts as muted as the last one was"),
    ] = False
    calls_read_without_user: Annotated[
        Literal["accept", "forbid", 404],
        Meta(description="GET conversations/calls/{id} with a token without a user"),
    ] = "accept"
    conversation_divisions: Annotated[
        OnOff, Meta(description="a role counts for a conversation only when it covers one of its divisions")
    ] = "on"
    scope_areas: Annotated[
        OnOff, Meta(description="a person's token reaches only the areas of the API that its scopes name")
    ] = "on"
    oauth_error_text: Annotated[
        Literal["both", "description", "error_description"],
        Meta(description="which member says why no token was given"),
    ] = "both"
    calls_without_user: Annotated[
        Literal["empty", 400], Meta(description="GET conversations and conversations/calls without a user")
    ] = "empty"
    users_me_without_user: Annotated[
        Literal[400, 403, 404], Meta(description="GET users/me with a token without a user")
    ] = 400
    activity_covers_direct: Annotated[
        bool, Meta(description="the activity query counts calls that never touched a queue")
    ] = True
    activity_entities: Annotated[
        bool, Meta(description="the activity query lists conversations when asked for details")
    ] = True
    activity_page_most: Annotated[
        int, Meta(ge=1, description="groups on a page of the activity query, whatever page size is asked for")
    ] = 10_000
    details_lag_s: Annotated[
        float, Meta(ge=0, description="the details query answers with what was so long ago")
    ] = 5
    search_lag_s: Annotated[
        float, Meta(ge=0, description="a new user is missing from users/search for so long")
    ] = 0
    search_empty: Annotated[
        Literal["absent", "empty"], Meta(description="`results` when a search finds nobody")
    ] = "absent"
    topic_permissions: Annotated[
        OnOff, Meta(description="following other people's conversations asks for permissions")
    ] = "on"
    combined_topics_count: Annotated[
        Literal["each", "once"], Meta(description="how a combined topic counts towards topics_per_channel")
    ] = "each"
    heartbeat_s: Annotated[float, Meta(gt=0, description="between heartbeats on sockets opened later")] = 30
    closing_warning_s: Annotated[
        float, Meta(ge=0, description="from the announcement of a closing socket to its end")
    ] = 60
    socket_life_s: Annotated[
        float, Meta(ge=0, description="a socket is announced as closing after so long; 0 never")
    ] = 0
    channel_life_s: Annotated[
        float, Meta(gt=0, description="a channel lives so long after the last subscription")
    ] = 86_400
    channels_per_client: Annotated[int, Meta(ge=1, description="channels of one user and client")] = 20
    topics_per_channel: Annotated[int, Meta(ge=1, description="topics of one channel")] = 1_000
    channel_dies_with_token: Annotated[
        bool, Meta(description="a channel ends when the token that made it ends")
    ] = True
    dead_channel: Annotated[
        Literal[401, 403, 404, "result"],
        Meta(
            description="connecting to a channel that is gone: upgrade status, or a socket saying result 404"
        ),
    ] = 401
    idle_token_s: Annotated[
        float, Meta(ge=0, description="a token unused for so long is revoked; 0 never")
    ] = 0
    idle_without_user: Annotated[bool, Meta(description="idle_token_s counts for client credentials too")] = (
        True
    )
    refresh_tokens: Annotated[OnOff, Meta(description="the code grant returns a refresh token")] = "on"
    pkce_refresh_token: Annotated[OnOff, Meta(description="so does the code grant with PKCE")] = "on"
    correlation_in_events: Annotated[
        OnOff, Meta(description="an event carries the correlation id of the request that caused it")
    ] = "off"
    acw_s: Annotated[
        float, Meta(ge=0, description="wrap-up after a queue call ends, when nobody ends it")
    ] = 20

    def __post_init__(self) -> None:
        shortest, longest = self.apply_ms
        if not 0 <= shortest <= longest:
            raise ValueError("apply_ms is [shortest, longest], both not negative")


def changed(behaviour: Behaviour, values: dict[str, Value]) -> Behaviour:
    """The behaviour with some knobs turned. Booleans may be said as on and off and the other way round, a
    status as text, one figure for both ends of a range.

    Raises Impossible (400) for an unknown knob or a value it does not take.
    """
    hints = get_type_hints(Behaviour)
    told = {name: _spelled(hints.get(name), value) for name, value in values.items()}
    try:
        return msgspec.convert(msgspec.structs.asdict(behaviour) | told, Behaviour)
    except msgspec.ValidationError as problem:
        raise Impossible(str(problem), status=400) from None


def descriptions() -> dict[str, str]:
    """What each knob does, for the page and the documentation."""
    hints = get_type_hints(Behaviour, include_extras=True)
    return {name: hint.__metadata__[0].description or "" for name, hint in hints.items()}


def _spelled(hint: object, value: Value) -> Value:
    allowed = get_args(hint) if get_origin(hint) is Literal else ()
    if hint is bool and value in ("on", "off"):
        return value == "on"
    if isinstance(value, bool) and "on" in allowed:
        return "on" if value else "off"
    if isinstance(value, str) and value.isdecimal() and int(value) in allowed:
        return int(value)
    if get_origin(hint) is tuple and isinstance(value, int | float) and not isinstance(value, bool):
        return [value, value]
    return value
