"""Entries about what came in over the API."""

from collections.abc import Callable
from typing import Literal

from micgate.audit import facts
from micgate.audit.entry import Actor, write
from micgate.audit.privacy import NOBODY, People, Person
from micgate.control.mute import Mute
from micgate.service.principals.keyring import salt
from micgate.service.principals.principal import Principal
from micgate.service.request.parts import Parts
from micgate.store.agents import Agent
from micgate.store.entries import NewEntry

What = Literal["list", "export", "checkpoint", "history", "replay"]


def about_agent(agent: Agent, *, conversation_id: str | None = None, note: str | None = None) -> People:
    known = Person(user_id=agent.user_id, name=agent.name, email=agent.email)
    return People(agent=known, conversation_id=conversation_id, note=note)


def placed(
    principal: Principal, agent: Agent, *, at: float, note: str | None
) -> Callable[[Mute], tuple[NewEntry, ...]]:
    def tell(mute: Mute) -> tuple[NewEntry, ...]:
        fact = facts.MutePlaced(
            covers=mute.covers,
            reason=mute.reason,
            release_at=mute.release_at,
            on_override=mute.on_override,
            open_policy=mute.open_policy,
            pause_recording=mute.pause_recording,
        )
        people = about_agent(agent, conversation_id=mute.conversation_id, note=note)
        return (_entry(fact, at=at, by=principal.actor, target=agent.pseudonym, people=people, mute=mute),)

    return tell


def ended(actor: Actor, agents: dict[str, Agent], *, at: float) -> Callable[[Mute], tuple[NewEntry, ...]]:
    """`agents` are those whose mutes may be ended, by user id."""

    def tell(mute: Mute) -> tuple[NewEntry, ...]:
        if mute.end is None or mute.ended_at is None:
            return ()
        agent = agents.get(mute.user_id)
        fact = facts.MuteEnded(end=mute.end, ended_at=mute.ended_at)
        people = about_agent(agent, conversation_id=mute.conversation_id) if agent else NOBODY
        target = agent.pseudonym if agent else mute.id
        return (_entry(fact, at=at, by=actor, target=target, people=people, mute=mute),)

    return tell


def extended(
    principal: Principal, agent: Agent, *, at: float, before: float, reason: str
) -> Callable[[Mute], tuple[NewEntry, ...]]:
    def tell(mute: Mute) -> tuple[NewEntry, ...]:
        fact = facts.MuteExtended(release_at=mute.release_at, release_at_before=before, reason=reason)
        people = about_agent(agent, conversation_id=mute.conversation_id)
        return (_entry(fact, at=at, by=principal.actor, target=agent.pseudonym, people=people, mute=mute),)

    return tell


def refused(principal: Principal, agent: Agent, *, at: float, word: str, reason: str | None) -> NewEntry:
    fact = facts.MuteRefused(word=word, reason=reason)
    people = about_agent(agent)
    return _entry(fact, at=at, by=principal.actor, target=agent.pseudonym, people=people)


async def looked(
    parts: Parts,
    principal: Principal,
    what: What,
    *,
    through: int,
    records: int,
    private: bool = False,
    about: Agent | None = None,
) -> None:
    """Write down that somebody reads the record: all of it, or what it tells about one agent."""
    fact = facts.AuditRead(what=what, through_seq=through, records=records, with_private=private)
    told = _entry(
        fact,
        at=parts.now(),
        by=principal.actor,
        target=about.pseudonym if about else parts.org,
        people=about_agent(about) if about else NOBODY,
    )
    await parts.store.entries.tell(parts.org, (told,))


def protected(actor: Actor, target: str, fact: facts.Protection, *, at: float, people: People) -> NewEntry:
    return _entry(fact, at=at, by=actor, target=target, people=people)


def words(text: str, allowed: tuple[str, ...]) -> str:
    """A reason as it may be chained: free text is not."""
    word = text.strip().lower()
    return word if word in allowed else "other"


def _entry(
    fact: facts.Fact, *, at: float, by: Actor, target: str, people: People = NOBODY, mute: Mute | None = None
) -> NewEntry:
    mute_id = mute.id if mute else None
    return write(fact, at=at, actor=by, target=target, people=people, mute_id=mute_id, salt=salt)
