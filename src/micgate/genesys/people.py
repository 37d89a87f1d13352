"""Finding the person somebody means."""

import re
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from micgate.genesys.errors import AmbiguousAgent, BadRequest, Forbidden, NotFound, Refused, UnknownAgent
from micgate.genesys.io import Io
from micgate.genesys.models import User
from micgate.genesys.requests import (
    get_me,
    get_user,
    get_users,
    read_found_users,
    read_user,
    read_users,
    search_users,
)

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PAGES_LISTED = 5
_ALIKE = 0.6
_NAMED = 3


async def find_user(io: Io, ref: str) -> User:
    """The person with this id, e-mail address or name, compared ignoring case.

    Raises `UnknownAgent`, naming the nearest, or `AmbiguousAgent`, listing who answers to the name.
    """
    ref = ref.strip()
    if not ref:
        raise UnknownAgent("No agent was named.", remedy="Give an e-mail address, a name or a user id.")
    if _UUID.fullmatch(ref):
        return await _by_id(io, ref)
    try:
        found = await _searched(io, ref)
    except Forbidden:
        return await _without_search(io, ref)
    if found:
        return _only(found, ref)
    people = await _listed(io)
    listed = _answering(people, ref)
    return _only(listed, ref) if listed else await _by_opaque_id(io, ref, people)


async def find_me(io: Io) -> User:
    """The person whose token this is. `Refused` for a token without a user."""
    return read_user(await io.send(get_me()))


async def _searched(io: Io, ref: str) -> list[User]:
    field = "email" if "@" in ref else "name"
    return _answering(read_found_users(await io.send(search_users(field, ref))), ref)


async def _without_search(io: Io, ref: str) -> User:
    """Agents with a token of their own seldom may search: perhaps they mean themselves."""
    for ask in (_me, _listed):
        found = _answering(await ask(io), ref)
        if found:
            return _only(found, ref)
    return _only(await _searched(io, ref), ref)


async def _me(io: Io) -> list[User]:
    try:
        return [await find_me(io)]
    except Refused:
        return []


async def _listed(io: Io) -> list[User]:
    """The first few hundred: search lags behind for somebody new, and an error can name the nearest."""
    people: list[User] = []
    for number in range(1, _PAGES_LISTED + 1):
        page = read_users(await io.send(get_users(page=number)))
        people += page.items
        if not page.next_uri:
            break
    return people


async def _by_id(io: Io, user_id: str) -> User:
    try:
        return read_user(await io.send(get_user(user_id)))
    except (NotFound, BadRequest) as error:
        raise UnknownAgent(
            f"Nobody in this organization has the user id {user_id}.",
            remedy="Check the id, or give the e-mail address.",
            status=error.status,
            correlation_id=error.correlation_id,
        ) from error


async def _by_opaque_id(io: Io, ref: str, people: Sequence[User]) -> User:
    """Ids are opaque: a word that is nobody's name may still be one."""
    if "@" not in ref and " " not in ref:
        try:
            return read_user(await io.send(get_user(ref)))
        except (NotFound, BadRequest):
            pass
    raise _unknown(ref, people)


def _answering(people: Iterable[User], ref: str) -> list[User]:
    """Those whose e-mail address or name this is; people who still work here before those who do not."""
    wanted = ref.casefold()
    found = [
        user
        for user in people
        if wanted in {(text or "").casefold() for text in (user.email, user.username, user.name)}
    ]
    here = [user for user in found if user.state in {None, "active"}]
    return here or found


def _only(found: Sequence[User], ref: str) -> User:
    if len(found) == 1:
        return found[0]
    candidates = tuple(sorted(user.label for user in found))
    raise AmbiguousAgent(
        f"{len(found)} people answer to {ref!r}: {', '.join(candidates)}.",
        remedy="Give the e-mail address or the user id.",
        candidates=candidates,
    )


def _unknown(ref: str, people: Sequence[User]) -> UnknownAgent:
    kind = "e-mail address" if "@" in ref else "name or id"
    alike = {user.label: _likeness(user, ref) for user in people}
    most = max(alike.values(), default=0.0)
    if most >= _ALIKE:
        nearest = sorted(label for label, likeness in alike.items() if likeness == most)
        more = ["somebody else of that name"] if len(nearest) > _NAMED else []
        remedy = f"Did you mean {' or '.join([*nearest[:_NAMED], *more])}?"
    else:
        remedy = "Check the spelling, or give the user id from Admin > People."
    return UnknownAgent(f"Nobody in this organization has the {kind} {ref!r}.", remedy=remedy)


def _likeness(user: User, ref: str) -> float:
    """How near somebody's name, or the part of the address before the domain that everybody shares."""
    name, email = (user.name or "").casefold(), (user.email or "").casefold()
    wanted = ref.casefold().split("@", maxsplit=1)[0]
    texts = {name, email.split("@", maxsplit=1)[0], *name.split()}
    return max(SequenceMatcher(None, wanted, text).ratio() for text in texts)
