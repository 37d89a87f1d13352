"""Filters of analytics queries, held against what is known of one end of a conversation."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

from micgate.twin.calls import Conversation, Media, Participant

Operator = Literal["matches", "exists", "notExists"]
Facts: TypeAlias = dict[str, str | None]

MEDIA_TYPE: dict[Media, str] = {"call": "voice", "chat": "chat", "email": "email"}


class Predicate(msgspec.Struct, rename="camel"):
    dimension: str | None = None
    metric: str | None = None
    property: str | None = None
    type: Literal["dimension", "property", "metric"] | None = None
    operator: Operator | None = None
    value: str | None = None


class Clause(msgspec.Struct):
    type: Literal["and", "or"] | None = None
    predicates: list[Predicate] | None = None


class Filter(msgspec.Struct):
    type: Literal["and", "or"] | None = None
    clauses: list[Clause] | None = None
    predicates: list[Predicate] | None = None


def meets(wanted: Filter | Clause | None, facts: Facts) -> bool:
    """A filter without predicates lets everything through."""
    if wanted is None:
        return True
    verdicts = [_holds(one, facts) for one in wanted.predicates or ()]
    if isinstance(wanted, Filter):
        verdicts += [meets(clause, facts) for clause in wanted.clauses or ()]
    if not verdicts:
        return True
    return any(verdicts) if wanted.type == "or" else all(verdicts)


def _holds(told: Predicate, facts: Facts) -> bool:
    fact = facts.get(told.dimension or "")
    if told.operator == "exists":
        return fact is not None
    if told.operator == "notExists":
        return fact is None
    return fact is not None and fact.casefold() == (told.value or "").casefold()


def named_user(filters: Sequence[Filter]) -> str | None:
    """The one user that filters let through: then nobody else needs to be looked at."""
    for one in filters:
        for told in one.predicates or () if one.type != "or" else ():
            if told.dimension == "userId" and told.operator in {None, "matches"}:
                return told.value
    return None


def facts(conversation: Conversation, one: Participant) -> Facts:
    return {
        "conversationId": conversation.id,
        "sessionId": one.communication_id,
        "userId": one.user_id,
        "queueId": one.queue_id,
        "mediaType": MEDIA_TYPE[conversation.media],
        "direction": one.direction,
        "participantName": one.name,
        "addressFrom": one.ani,
        "addressTo": one.dnis,
        "ani": one.ani,
        "dnis": one.dnis,
        "teamId": one.team_id,
    }
