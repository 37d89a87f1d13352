"""The search for users: criteria over what is known of them."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from micgate.twin.people import User
from micgate.twin.refusals import bad_request


class Criterion(msgspec.Struct, rename="camel"):
    type: Literal[
        "EXACT", "STARTS_WITH", "CONTAINS", "REGEX", "TERM", "TERMS", "REQUIRED_FIELDS", "MATCH_ALL",
        "QUERY_STRING", "RANGE", "LESS_THAN", "LESS_THAN_EQUAL_TO", "GREATER_THAN", "GREATER_THAN_EQUAL_TO",
    ]  # fmt: skip
    fields: list[str] | None = None
    value: str | None = None
    values: list[str] | None = None
    operator: Literal["AND", "OR", "NOT"] | None = None
    group: list["Criterion"] | None = None


class UserSearchRequest(msgspec.Struct, rename="camel"):
    page_size: int | None = None
    page_number: int | None = None
    query: list[Criterion] | None = None
    expand: list[str] | None = None
    sort_order: Literal["ASC", "DESC", "SCORE"] | None = None
    sort_by: str | None = None


def meets_all(user: User, query: Iterable[Criterion]) -> bool:
    """Criteria are joined by their own operator: NOT must not fit, one of the ORs must, all others must."""
    either = [_meets(user, one) for one in query if one.operator == "OR"]
    others = (_meets(user, one) != (one.operator == "NOT") for one in query if one.operator != "OR")
    return all(others) and (not either or any(either))


def _meets(user: User, criterion: Criterion) -> bool:
    if criterion.group:
        return meets_all(user, criterion.group)
    wanted = [*(criterion.values or ()), *([criterion.value] if criterion.value is not None else ())]
    facts = [_fact(user, name) for name in criterion.fields or ("name", "email")]
    if criterion.type == "MATCH_ALL":
        return True
    if criterion.type == "REQUIRED_FIELDS":
        return all(facts)
    return any(_fits(criterion.type, fact, value) for fact in facts for value in wanted)


def _fact(user: User, name: str) -> str:
    facts = {
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "username": user.email,
        "state": user.state,
        "title": user.title,
        "department": user.department,
        "divisionId": user.division_id,
    }
    return facts.get(name, "").casefold()


def _fits(kind: str, fact: str, value: str) -> bool:
    if kind == "REGEX":
        return _fits_pattern(value, fact)
    value = value.casefold()
    if kind in {"EXACT", "TERMS"}:
        return fact == value
    if kind == "STARTS_WITH":
        return any(word.startswith(value) for word in (fact, *fact.split()))
    return value in fact


def _fits_pattern(pattern: str, fact: str) -> bool:
    try:
        return re.search(pattern, fact, re.IGNORECASE) is not None
    except re.error:
        raise bad_request("The value is not a regular expression.", code="invalid.value") from None
