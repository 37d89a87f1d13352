"""Whom a caller asks about. What only the platform can say is counted: it uses up the budget of all."""

from micgate.service.http.errors import TooFast
from micgate.service.principals.principal import Principal
from micgate.service.request.parts import Parts
from micgate.store.agents import Agent


async def whom(parts: Parts, principal: Principal, ref: str) -> Agent:
    """The agent meant by an id, an e-mail address or a name. Raises `TooFast`, and what `Directory` does."""
    if not await parts.directory.is_at_hand(ref):
        parts.keys.count_look_up(principal)
    return await parts.directory.agent(ref)


async def mood(parts: Parts, principal: Principal, user_id: str) -> tuple[str | None, str | None]:
    """Presence and routing status; unknown when nobody says, or when this key has looked up too much."""
    try:
        if not parts.directory.remembers_mood(user_id):
            parts.keys.count_look_up(principal)
    except TooFast:
        return None, None
    return await parts.directory.mood(user_id)
