"""`micgate watch`: observations as lines."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from micgate.cli import show, signals
from micgate.direct.client import Genesys
from micgate.genesys import requests
from micgate.genesys.channel import Coverage, Watch
from micgate.genesys.errors import Forbidden
from micgate.genesys.kept_channels import KeptChannels
from micgate.genesys.models import Conversation, Participant, User
from micgate.genesys.notifications import Observation, calls_topic
from micgate.settings import Settings

_MOST_PAGES = 160  # 16,000 people, 100 a page: what 16 channels hold


def run(settings: Settings, output: show.Output, *, agents: tuple[str, ...], seconds: float | None) -> int:
    watching = _Watching(output)
    code = 0
    try:
        with suppress(TimeoutError):
            asyncio.run(_follow(settings, watching, agents=agents, seconds=seconds))
        signals.rest()
    except signals.Stopped as stopped:
        code = stopped.code
    if output.as_json:
        output.json(
            {"event": "result", "changes": watching.changes, "gaps": watching.gaps, "exit_code": code}
        )
    return code


async def _follow(
    settings: Settings, watching: "_Watching", *, agents: tuple[str, ...], seconds: float | None
) -> None:
    async with asyncio.timeout(None) as limit, Genesys.from_settings(settings) as genesys:
        people = [await genesys.find_user(agent) for agent in agents] if agents else await _everybody(genesys)
        watching.names = {person.id: person.label for person in people}
        topics = [calls_topic(person.id) for person in people]
        connection = genesys.connection
        kept = KeptChannels(
            settings.state_dir, purpose="watch", region=connection.region, credentials=connection.credentials
        )
        with kept.borrowed() as ours:
            given = kept.load() if ours else ()
            async with genesys.watch(topics=topics, given=given, max_channels=settings.max_channels) as watch:
                if ours:
                    kept.store(watch.channels)
                watching.began(watch.coverage)
                if seconds is not None:
                    limit.reschedule(asyncio.get_running_loop().time() + seconds)
                await _show(watch, watching, genesys)


async def _show(watch: Watch, watching: "_Watching", genesys: Genesys) -> None:
    session = genesys.session
    async for observation in watch:
        watching.take(observation, at=session.now() - (session.monotonic() - observation.at))
        if watching.output.closed:
            return


async def _everybody(genesys: Genesys) -> list[User]:
    """All people of the organization; the token's own person where it may not list them."""
    found: list[User] = []
    for number in range(1, _MOST_PAGES + 1):
        try:
            page = requests.read_users(await genesys.session.send(requests.get_users(page=number)))
        except Forbidden:
            if not await genesys.session.has_user():
                raise
            return [requests.read_user(await genesys.session.send(requests.get_me()))]
        found += page.items
        if not page.next_uri:
            break
    return found


class _Watching:
    """Turns whole-call observations into one line for each change of a microphone."""

    def __init__(self, output: show.Output) -> None:
        self.output = output
        self.names: dict[str, str] = {}
        self.changes = 0
        self.gaps = 0
        self._shown: dict[tuple[str, str], tuple[object, ...]] = {}

    def began(self, coverage: Coverage) -> None:
        if self.output.as_json:
            refused = [topic.id for topic in coverage.refused]
            members = {"topics": coverage.topics, "channels": coverage.channels, "refused": refused}
            self.output.json({"event": "watching", **members, "left_out": len(coverage.left_out)})
        self.output.note(f"Watching {coverage.topics} people. Ctrl-C ends it.")
        for text in _not_covered(coverage):
            self.output.note(f"Warning: {text}")

    def take(self, observation: Observation, *, at: float) -> None:
        if observation.gap:
            self.gaps += 1
            self._gap(observation, at)
        elif observation.conversation:
            for end in self._changed(observation.conversation):
                self.changes += 1
                self._change(observation, observation.conversation, end, at)

    def _changed(self, conversation: Conversation) -> Iterator[Participant]:
        for end in conversation.participants:
            key, value = (conversation.id, end.id), (end.state, end.muted, end.held, end.ended)
            if end.is_agent and end.user_id in self.names and self._shown.get(key) != value:
                self._remember(key, value, ended=end.ended)
                yield end

    def _remember(self, key: tuple[str, str], value: tuple[object, ...], *, ended: bool) -> None:
        """An ended leg changes no more, and a watch may run for months."""
        self._shown[key] = value
        if ended and len(self._shown) > _MOST_SHOWN:
            self._shown = {each: seen for each, seen in self._shown.items() if not seen[-1]}

    def _gap(self, observation: Observation, at: float) -> None:
        if self.output.as_json:
            self.output.json({"event": "gap", "at": at, "reason": observation.reason})
        self.output.note(f"{show.clock(at)}  Events may be missing: {observation.reason}. Reading again.")

    def _change(self, observation: Observation, call: Conversation, end: Participant, at: float) -> None:
        if self.output.as_json:
            self.output.json(self._members(observation, call, end, at))
        else:
            words = [end.state or "unknown", _MICROPHONE[end.muted]] + ["on hold"] * bool(end.held)
            who = self.names[end.user_id or ""]
            self.output.say(f"{show.clock(at)}  {who}  {', '.join(words)}  call {call.id}")

    def _members(
        self, observation: Observation, call: Conversation, end: Participant, at: float
    ) -> dict[str, Any]:
        return {
            "event": "microphone",
            "at": at,
            "agent": self.names[end.user_id or ""],
            "user_id": end.user_id,
            "conversation_id": call.id,
            "participant_id": end.id,
            "state": end.state,
            "muted": end.muted,
            "held": end.held,
            "recording_state": call.recording_state or end.recording_state,
            "source": observation.source,
            "correlation_id": observation.correlation_id,
        }


_MICROPHONE = {True: "muted", False: "open", None: "microphone unknown"}
_MOST_SHOWN = 10_000


def _not_covered(coverage: Coverage) -> Iterator[str]:
    if coverage.refused:
        missing = sorted({name for topic in coverage.refused for name in topic.missing_permissions or ()})
        why = f"; missing: {', '.join(missing)}" if missing else ""
        yield f"Genesys Cloud refused {len(coverage.refused)} topics{why}. See: micgate doctor --role"
    if coverage.left_out:
        yield f"{len(coverage.left_out)} people are left out: no more channels may be opened."
