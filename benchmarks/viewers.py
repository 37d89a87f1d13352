"""200 viewers of the event stream while 500 changes a second are committed by another replica."""

import asyncio
import json
import subprocess
import sys
import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from typing import Any

from benchmarks.house import ORG, House, cpu_seconds, house
from micgate.audit import facts
from micgate.audit.entry import MICGATE, write
from micgate.control.mute import Mute, Owner
from micgate.store.database import Database
from micgate.store.entries import NewEntry
from micgate.store.ids import new_id
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Place, Release, Rules

VIEWERS, PER_SECOND, AT_ONCE = 200, 500, 5
STANDING = 50
TAIL = 3.0


@dataclass(frozen=True, slots=True)
class Shown:
    """Milliseconds from a change's commit to each viewer."""

    viewers: int
    per_second: float
    taken: tuple[float, ...]
    lost: int
    cpu: float


def measure(*, seconds: float = 12.0) -> Shown:
    changes = int(seconds * PER_SECOND)
    with house(agents=40) as made:
        viewing = _open(made, seconds=seconds + TAIL)
        pid = made.serving.process.pid
        before, began = cpu_seconds(pid), time.monotonic()
        asyncio.run(_change(made, changes))
        took = time.monotonic() - began
        cpu = cpu_seconds(pid) - before
        frames = json.loads(viewing.communicate()[0])
        taken, lost = _judged(made, frames)
        return Shown(
            viewers=len(frames),
            per_second=changes / took,
            taken=tuple(taken),
            lost=lost,
            cpu=100 * cpu / took,
        )


def _open(made: House, *, seconds: float) -> "subprocess.Popen[str]":
    """Streams with the host's key, of which one may have many."""
    plan = {"url": made.serving.url, "key": made.serving.key, "viewers": VIEWERS, "seconds": seconds}
    viewing = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.viewing"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert viewing.stdin is not None
    assert viewing.stderr is not None
    viewing.stdin.write(json.dumps(plan) + "\n")
    viewing.stdin.flush()
    line = viewing.stderr.readline()
    if line.strip() != "open":
        raise RuntimeError(line + viewing.stderr.read())
    return viewing


async def _change(made: House, changes: int) -> None:
    database = await Database.open(made.embedded.conninfo(), size=2)
    store = PostgresStore(database, Rules(link=lambda *_: b""))
    agents, began = made.twin.agents, time.monotonic()
    standing: deque[Mute] = deque()
    for number in range(0, changes, 2 * AT_ONCE):
        await asyncio.sleep(max(0.0, began + number / PER_SECOND - time.monotonic()))
        new = tuple(_mute(agents[(number + more) % len(agents)]) for more in range(AT_ONCE))
        await store.place(Place(org=ORG, mutes=new, tell=_told), now=time.time())
        standing.extend(new)
        if len(standing) > STANDING:
            over = tuple(standing.popleft().id for _ in range(AT_ONCE))
            await store.place(Release(org=ORG, mute_ids=over, by="bench", tell=_told), now=time.time())
    await database.close()


def _mute(agent: str) -> Mute:
    """Of all calls: the agents are on none, so that nothing but the stream has work."""
    now = time.time()
    return Mute(id=new_id(), user_id=agent, owner=Owner("key", "bench"), placed_at=now, release_at=now + 600)


def _told(mute: Mute) -> tuple[NewEntry, ...]:
    if mute.end is not None:
        ended = facts.MuteEnded(end=mute.end, ended_at=mute.ended_at or 0.0)
        return (_entry(mute, ended),)
    placed = facts.MutePlaced(
        covers=mute.covers,
        reason=mute.reason,
        release_at=mute.release_at,
        on_override=mute.on_override,
        open_policy=mute.open_policy,
        pause_recording=False,
    )
    return (_entry(mute, placed),)


def _entry(mute: Mute, fact: facts.Fact) -> NewEntry:
    target, at = mute.user_id, mute.ended_at or mute.placed_at
    return write(fact, at=at, actor=MICGATE, target=target, mute_id=mute.id, salt=lambda: "0" * 32)


def _judged(made: House, frames: list[list[list[Any]]]) -> tuple[list[float], int]:
    rows = made.query(
        "select s.seq, extract(epoch from pg_xact_commit_timestamp(e.xmin))::float8 from entries e "
        "join seals s on s.entry_id = e.id where e.action in ('mute.placed', 'mute.ended')"
    )
    taken, lost = [], 0
    for viewer in frames:
        numbers = [number for number, _ in viewer]
        for seq, committed in rows:
            place = bisect_left(numbers, seq)
            if place == len(numbers):
                lost += 1
            else:
                taken.append((viewer[place][1] - committed) * 1000)
    return taken, lost
