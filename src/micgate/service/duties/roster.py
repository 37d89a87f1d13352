"""Everybody of the org: whom the keeper watches, and by which names they are called."""

from micgate.genesys.io import Io
from micgate.genesys.models import User
from micgate.genesys.requests import get_users, read_users
from micgate.store.agents import Agent, Agents
from micgate.store.ids import new_id

_PAGES = 400
_SIZE = 100


async def read_roster(io: Io, agents: Agents, org: str) -> tuple[str, ...]:
    """The user ids of all who work there, noted with name and address. Errors of the genesys tree."""
    found: list[str] = []
    for number in range(1, _PAGES + 1):
        page = read_users(await io.send(get_users(page=number, size=_SIZE)))
        here = [user for user in page.items if user.state in {None, "active"}]
        await agents.put(org, [_agent(user) for user in here])
        found += [user.id for user in here]
        if len(page.items) < _SIZE:
            break
    return tuple(dict.fromkeys(found))


def _agent(user: User) -> Agent:
    """Whoever is known keeps the pseudonym of before."""
    return Agent(user_id=user.id, pseudonym=new_id(), email=user.email, name=user.name)
