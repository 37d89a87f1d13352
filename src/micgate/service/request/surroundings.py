"""Reads what is needed to say what a key sees. For keys without a limit on queues that is nothing."""

from collections.abc import Iterable, Sequence

from micgate.control.mute import Mute
from micgate.service.principals import sight
from micgate.service.principals.principal import Principal
from micgate.service.principals.sight import Scene, Sight, sight_of
from micgate.service.request.parts import Parts
from micgate.store.entries import Sealed
from micgate.store.microphones import Remembered

NOTHING = Scene()


async def rows_seen(parts: Parts, principal: Principal, rows: Sequence[Remembered]) -> tuple[Remembered, ...]:
    """The microphones that this principal sees."""
    wanted = sight_of(principal)
    around = await around_rows(parts, rows) if wanted.needs_scene else NOTHING
    return tuple(row for row in rows if wanted.microphone(sight.call_of(row.target), around))


async def mutes_seen(parts: Parts, principal: Principal, mutes: Sequence[Mute]) -> tuple[Mute, ...]:
    """The mutes that this principal sees."""
    wanted = sight_of(principal)
    around = await _around_mutes(parts, mutes) if wanted.needs_scene else NOTHING
    return tuple(one for one in mutes if sees(wanted, one, around))


def sees(wanted: Sight, mute: Mute, around: Scene) -> bool:
    return wanted.mute(mute.id, of=mute.user_id, on=mute.conversation_id, scene=around)


async def records_about(parts: Parts, principal: Principal, page: Sequence[Sealed]) -> tuple[Sealed, ...]:
    """The records about agents and calls that this principal sees."""
    wanted = sight_of(principal)
    if not wanted.bounded:
        return tuple(page)
    around = await around_records(parts, page, whole=wanted.needs_scene)
    return tuple(one for one in page if wanted.concerns(one, around))


async def around_rows(parts: Parts, rows: Iterable[Remembered], *, mutes: Iterable[Mute] = ()) -> Scene:
    """With these mutes, and all that is upon these microphones."""
    rows, known = tuple(rows), {mute.id: mute for mute in mutes}
    return sight.scene(rows, await _with_those_upon(parts, rows, known), {})


async def around_records(
    parts: Parts, page: Sequence[Sealed], *, users: Iterable[str] = (), whole: bool = True
) -> Scene:
    """And around these users. Not `whole`: only whom the records are about."""
    behind = await _behind(parts, page)
    if not whole:
        return Scene(users=behind)
    rows = await parts.store.microphones.of_agents(parts.org, {*behind.values(), *users})
    named = {one.entry.mute_id for one in page if one.entry.mute_id}
    known = {mute.id: mute for mute in await _mutes(parts, named)}
    return sight.scene(rows, await _with_those_upon(parts, rows, known), behind)


async def _around_mutes(parts: Parts, mutes: Sequence[Mute]) -> Scene:
    rows = await parts.store.microphones.of_agents(parts.org, {mute.user_id for mute in mutes})
    return await around_rows(parts, rows, mutes=mutes)


async def _with_those_upon(
    parts: Parts, rows: tuple[Remembered, ...], known: dict[str, Mute]
) -> tuple[Mute, ...]:
    upon = {mute_id for row in rows for mute_id in (*row.memory.mutes, *row.memory.freed)}
    return (*known.values(), *await _mutes(parts, upon - known.keys()))


async def _mutes(parts: Parts, ids: set[str]) -> tuple[Mute, ...]:
    return await parts.store.mutes.get(parts.org, sorted(ids)) if ids else ()


async def _behind(parts: Parts, page: Iterable[Sealed]) -> dict[str, str]:
    """The agents that records are about: user ids by pseudonym."""
    targets = {one.entry.target for one in page if _is_pseudonym(one.entry.target)}
    found = await parts.store.agents.behind(parts.org, sorted(targets)) if targets else ()
    return {agent.pseudonym: agent.user_id for agent in found}


def _is_pseudonym(target: str) -> bool:
    """They are UUIDs; other targets are words."""
    return len(target) == 36 and target.count("-") == 4  # noqa: PLR2004 -- a UUID's text
