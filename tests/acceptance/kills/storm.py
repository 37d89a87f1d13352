"""Rounds of kills on one house, one after the other, and what is found when everything has come to rest."""

import asyncio
import json
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from kills.books import Ledger, read_ledger, read_record
from kills.compare import GRACE, HEARD, Told, Verdict, compare
from kills.house import OWNERS, House, Mended, NoAnswer
from kills.plan import AGENTS, Blow, HangUp, Place, Press, Step, Trouble, draw
from micgate.audit.verify import verify
from simulator import Refused

TAKE_OVER = 5.0
"""Seconds until somebody serves again after a keeper is gone, or a database is back."""
TROUBLED = 5.0
"""Seconds for which one request that the platform loses keeps us from the next: its deadline, and a read."""
REST_SECONDS = 90.0
AT_REST = 1.5


@dataclass(slots=True)
class Storm:
    """`accepted` and `taken_back` are ids of mutes that clients were told of."""

    house: House
    accepted: set[str] = field(default_factory=set)
    taken_back: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)
    blows: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    unanswered: int = 0
    _entries: list[dict[str, Any]] = field(default_factory=list)
    _calls: list[tuple[str, str]] = field(default_factory=list)

    async def round(self, seed: str) -> None:
        """Everything begins within three seconds; what was struck is mended at the end."""
        steps = draw(seed, replicas=self.house.size, owners=OWNERS)
        people = self._people()
        calls = [self.house.simulator.place_call(user) for user in people]
        self._calls += [(call["id"], user) for call, user in zip(calls, people, strict=True)]
        await self._known(calls)
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for step in steps:
                group.create_task(self._at(began + step.at, step, calls, people))
        self.rounds += 1
        self.house.simulator.control("DELETE", "/faults")
        self._read_ledger()

    async def verdict(self, *, grace: float = GRACE, heard: float = HEARD) -> Verdict:
        """When everything has come to rest. `grace`: seconds by which a release may be late; `heard`: in
        which a keeper surely knows what it was told.
        """
        await self._rest()
        self._read_ledger()
        left_closed = await self.house.left_closed()
        told = Told(
            placed=frozenset(self.accepted),
            ended=frozenset(self.taken_back),
            closed=self._closed(),
            left_closed=left_closed,
            deaf=tuple(
                (one.since, one.until + TAKE_OVER)
                for one in self.house.mended
                if one.name.startswith("service")
            ),
            grace=grace,
            heard=heard,
            away=(
                *((one.since, self._served_again(one)) for one in self.house.mended),
                *((one["at"], one["at"] + TROUBLED) for one in self._entries if one["kind"] == "fault"),
            ),
        )
        lines = await self._record()
        found = compare(self.ledger, read_record(map(json.loads, lines)), told)
        found.findings += _chain(lines)
        found.findings += [f"log: {line}" for line in self.house.mistakes()]
        return found

    async def keep(self, folder: Path) -> None:
        """Everything that the verdict was made of, to look into."""
        folder.mkdir(parents=True)
        for log in self.house.logs:
            shutil.copy(log, folder)
        (folder / "ledger.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in self._entries))
        (folder / "record.jsonl").write_bytes(b"\n".join(await self._record()))
        (folder / "blows.txt").write_text("".join(f"{one}\n" for one in self.house.mended))

    def _served_again(self, one: Mended) -> float:
        """Another replica takes over from one that is gone."""
        alone = self.house.size == 1 or one.name.startswith("database")
        return one.until if alone else min(one.until, one.since + TAKE_OVER)

    @property
    def ledger(self) -> Ledger:
        return read_ledger(self._entries, client=self.house.client_id)

    def _people(self) -> list[str]:
        """Others in each round, so that the calls of the last one go on a while."""
        everybody = [agent.id for agent in self.house.simulator.agents]
        first = self.rounds * AGENTS % len(everybody)
        people = everybody[first : first + AGENTS]
        for call, user in tuple(self._calls):
            if user in people:
                self._calls.remove((call, user))
                self._hang_up(call)
        return people

    def _hang_up(self, call: str) -> None:
        with suppress(Refused):  # it has ended
            self.house.simulator.control("POST", f"/calls/{call}/disconnect", {})

    async def _known(self, calls: Sequence[dict[str, Any]]) -> None:
        """Until the service knows of the calls, or long enough."""
        wanted = {call["id"] for call in calls}
        for _ in range(50):
            answer = await self.house.ask("GET", "/v1/microphones?limit=20000", key=self.house.keys.auditor)
            if wanted <= {one["conversation_id"] for one in answer.body["microphones"]}:
                return
            await asyncio.sleep(0.05)

    async def _at(
        self, moment: float, step: Step, calls: Sequence[dict[str, Any]], people: list[str]
    ) -> None:
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
        simulator = self.house.simulator
        match step:
            case Place():
                await self._place(step, people[step.agent], calls[step.agent]["id"])
            case Press() | HangUp():
                self._act(step, calls[step.agent], people[step.agent])
            case Trouble():
                simulator.fault(step.kind, times=1, **_about(step.kind))
            case Blow():
                self.blows[step.name] += 1
                await self.house.strike(step)

    def _act(self, step: Press | HangUp, call: dict[str, Any], user: str) -> None:
        if isinstance(step, HangUp):
            self._hang_up(call["id"])
            return
        with suppress(Refused):  # the call has ended
            self.house.simulator.press_mute(call, agent=user, muted=step.muted)

    async def _place(self, step: Place, user: str, call: str) -> None:
        key = self.house.keys.owners[step.owner]
        wish = {
            "agent": user,
            "conversation": call,
            "for": step.seconds,
            "on_override": step.on_override,
        }
        try:
            answer = await self.house.ask("POST", "/v1/mutes", wish, key=key, once=str(uuid4()))
        except NoAnswer:
            self.unanswered += 1
            return
        if answer.status != 201:
            self.refused[answer.body["word"]] += 1
            return
        mute_id = answer.body["id"]
        self.accepted.add(mute_id)
        if step.released_after is not None:
            await asyncio.sleep(step.released_after)
            await self._release(mute_id, key)

    async def _release(self, mute_id: str, key: str) -> None:
        try:
            answer = await self.house.ask("DELETE", f"/v1/mutes/{mute_id}", key=key)
        except NoAnswer:
            self.unanswered += 1
            return
        if answer.status == 200:
            self.taken_back.add(mute_id)

    def _read_ledger(self) -> None:
        after = self._entries[-1]["seq"] if self._entries else 0
        self._entries += self.house.simulator.ledger(after)

    def _closed(self) -> frozenset[tuple[str, str]]:
        state = self.house.simulator.control("GET", "/state")
        return frozenset(
            (call["id"], end["userId"])
            for call in state["conversations"]
            for end in call["participants"]
            if end.get("userId") and end["muted"] and end["state"] == "connected"
        )

    async def _rest(self) -> None:
        """Until no mute stands, nothing is on its way and nothing changes any more; or it never rests."""
        limit = time.monotonic() + REST_SECONDS
        quiet_since, before = time.monotonic(), -1
        while time.monotonic() < limit:
            self._read_ledger()
            requests = len(self.ledger.requests)
            rests = await self.house.all_mutes_have_ended() and await self._nothing_open()
            if requests != before or not rests:
                quiet_since, before = time.monotonic(), requests
            if time.monotonic() - quiet_since > AT_REST:
                return
            await asyncio.sleep(0.2)

    async def _nothing_open(self) -> bool:
        """Nobody of ours is still to be given back, as far as the service knows."""
        answer = await self.house.ask(
            "GET", "/v1/microphones?live=false&limit=20000", key=self.house.keys.auditor
        )
        return all(one["state"] in {None, "left_closed"} for one in answer.body["microphones"])

    async def _record(self) -> list[bytes]:
        """As exported."""
        answer = await self.house.ask("GET", "/v1/audit/export", key=self.house.keys.auditor)
        return [line.encode() for line in answer.body.splitlines()]


def _chain(lines: list[bytes]) -> list[str]:
    """That nothing is missing in the chain; nobody has to vouch for it here."""
    verdict = verify(lines, keys=(), outside=())
    return [] if verdict.bad is None else [f"lost: the chain is broken: {verdict.bad}"]


def _about(kind: str) -> dict[str, Any]:
    if kind in {"event_lost", "socket_cut"}:
        return {}
    return {"match": {"method": "PATCH"}} | ({"delay_ms": 800} if kind == "slow" else {})
