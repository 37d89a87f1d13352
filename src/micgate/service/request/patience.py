"""`Prefer: wait=2` (RFC 7240): the answer waits until there is something to say, but not for ever."""

from micgate.control.microphone import State
from micgate.control.mute import Mute
from micgate.service.request import views
from micgate.service.request.parts import Parts

LONGEST = 30.0
_LOOK = 0.1
_UNDECIDED = frozenset({State.PENDING.value, State.RELEASING.value})


def wanted(prefer: str | None) -> float:
    """The seconds to wait; a preference that cannot be read counts as none, as the RFC wants it."""
    for part in (prefer or "").split(","):
        name, _, value = part.strip().partition("=")
        if name.strip().lower() == "wait" and value.strip().isascii() and value.strip().isdigit():
            return min(float(value.strip()[:6]), LONGEST)
    return 0.0


async def settled(parts: Parts, mute: Mute, *, seconds: float) -> views.MuteView:
    """The mute as soon as it is neither pending nor releasing, the time is up or the service ends."""
    deadline = parts.monotonic() + seconds
    while True:
        shown = await _shown(parts, mute.id, mute)
        left = deadline - parts.monotonic()
        if shown.state not in _UNDECIDED or left <= 0 or parts.pulse.stopped:
            return shown
        await parts.pulse.wait(min(left, _LOOK))


async def _shown(parts: Parts, mute_id: str, before: Mute) -> views.MuteView:
    found = await parts.store.mutes.get(parts.org, [mute_id])
    mute = found[0] if found else before
    return (await show(parts, (mute,)))[0]


async def show(parts: Parts, mutes: tuple[Mute, ...]) -> list[views.MuteView]:
    users = {mute.user_id for mute in mutes}
    rows = await parts.store.microphones.of_agents(parts.org, users)
    agents = await parts.directory.known(users)
    names = await parts.keys.names({mute.owner.id for mute in mutes})
    return [views.mute(mute, agents=agents, memories=views.met(mute, rows), names=names) for mute in mutes]
