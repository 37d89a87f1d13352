"""`micgate watch` where there is a service: what changes, with whose mutes."""

import asyncio
import time
from contextlib import suppress
from typing import Any

from micgate.cli import show, signals
from micgate.cli.standing import members, until
from micgate.client.aio import Gate
from micgate.client.happenings import Event
from micgate.client.models import Microphone, Mute


def run(gate: Gate, output: show.Output, *, agents: tuple[str, ...], seconds: float | None) -> int:
    watching = _Watching(output)
    code = 0
    try:
        with suppress(TimeoutError):
            asyncio.run(_follow(gate, watching, agents=agents, seconds=seconds))
        signals.rest()
    except signals.Stopped as stopped:
        code = stopped.code
    if output.as_json:
        told = {"changes": watching.changes, "gaps": watching.gaps}
        output.json({"event": "result", **told, "exit_code": code})
    return code


async def _follow(
    gate: Gate, watching: "_Watching", *, agents: tuple[str, ...], seconds: float | None
) -> None:
    async with gate, asyncio.timeout(None) as limit:
        wanted = [(await gate.explain(agent)).agent.id for agent in agents]
        watching.wanted = frozenset(wanted) or None
        async for event in gate.events():
            if watching.began() and seconds is not None:
                limit.reschedule(asyncio.get_running_loop().time() + seconds)
            watching.take(event)
            if watching.output.closed:
                return


class _Watching:
    """A line for each microphone and each mute that is not as it was when last shown."""

    def __init__(self, output: show.Output) -> None:
        self.output = output
        self.wanted: frozenset[str] | None = None
        self.changes = 0
        self.gaps = 0
        self._shown: dict[tuple[str, ...], tuple[object, ...]] = {}
        self._began = False

    def began(self) -> bool:
        """True the first time."""
        if self._began:
            return False
        self._began = True
        if self.output.as_json:
            self.output.json({"event": "watching", "agents": sorted(self.wanted) if self.wanted else None})
        self.output.note("Watching. Ctrl-C ends it.")
        return True

    def take(self, event: Event) -> None:
        if event.missed:
            self.gaps += 1
            self._gap(event)
        for microphone in event.microphones:
            if self._wants(microphone.agent.id):
                self._microphone(microphone)
        for mute in event.mutes:
            if self._wants(mute.agent.id):
                self._mute(mute)

    def _wants(self, user_id: str) -> bool:
        return self.wanted is None or user_id in self.wanted

    def _gap(self, event: Event) -> None:
        if self.output.as_json:
            self.output.json({"event": "gap", "seq": event.seq})
        self.output.note("Some changes were missed; what follows is how it is now.")

    def _microphone(self, one: Microphone) -> None:
        if not self._is_new(
            (one.conversation_id, one.agent.id), (one.leg, one.leg_state, one.muted, one.held)
        ):
            return
        words = [one.leg_state or "unknown", _MICROPHONE[one.muted]] + ["on hold"] * bool(one.held)
        self._show(
            f"{one.agent.label}  {', '.join(words)}  call {one.conversation_id}",
            at=one.seen_at.timestamp() if one.seen_at else None,
            members={
                "event": "microphone",
                "agent": one.agent.label,
                "user_id": one.agent.id,
                "conversation_id": one.conversation_id,
                "participant_id": one.leg,
                "state": one.leg_state,
                "muted": one.muted,
                "held": one.held,
                "source": one.way,
                "mutes": one.mutes,
            },
        )

    def _mute(self, mute: Mute) -> None:
        if not self._is_new((mute.id,), (mute.state, mute.release_at, mute.end)):
            return
        ends = f"until {until(mute)}" if mute.stands else f"{mute.end}"
        text = f"{mute.agent.label}  mute {mute.state}, {ends}, by {mute.owner}, reason {mute.reason}"
        self._show(text, at=None, members={"event": "mute", **members(mute)})

    def _is_new(self, key: tuple[str, ...], value: tuple[object, ...]) -> bool:
        """What was shown longest ago is forgotten: a watch may run for months."""
        if self._shown.pop(key, None) == value:
            self._shown[key] = value
            return False
        self._shown[key] = value
        if len(self._shown) > _MOST_SHOWN:
            del self._shown[next(iter(self._shown))]
        return True

    def _show(self, text: str, *, at: float | None, members: dict[str, Any]) -> None:
        self.changes += 1
        if self.output.as_json:
            self.output.json(members if at is None else {"at": at, **members})
        else:
            self.output.say(f"{show.clock(at or time.time())}  {text}")


_MOST_SHOWN = 50_000
_MICROPHONE = {True: "muted", False: "open", None: "microphone unknown"}
