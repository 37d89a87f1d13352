"""A record of 1,000,000 entries: verified offline; listed and asked about while the service runs on it."""

import http.client
import secrets
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from benchmarks.house import ORG, House, Replica, house
from benchmarks.process import MICGATE
from micgate.audit import chain, facts
from micgate.audit.entry import MICGATE as ITSELF
from micgate.audit.entry import write
from micgate.audit.export import json_line
from micgate.audit.privacy import People, Person
from micgate.control.command import Lane, Verb
from micgate.control.mute import Covers, End
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store import migrate
from micgate.store.cluster import SUPERUSER
from micgate.store.embedded import OWNER
from micgate.store.entries import Entry, NewEntry, Sealed
from micgate.store.ids import new_id

ENTRIES, AGENTS, VERIFIED = 1_000_000, 200, 200_000
EACH = 180
DAYS = 30 * 86_400


@dataclass(frozen=True, slots=True)
class Asked:
    """Milliseconds of whole requests over a kept-alive connection."""

    entries: int
    made_in: float
    first_page: tuple[float, ...]
    last_page: tuple[float, ...]
    about_agent: tuple[float, ...]
    why: tuple[float, ...]
    mutes: tuple[float, ...]


def verified_per_second(*, records: int = VERIFIED) -> float:
    """`micgate audit verify` as a process, from its start to its exit."""
    people = [(new_id(), new_id()) for _ in range(AGENTS)]
    with tempfile.TemporaryDirectory(prefix="micgate-bench-") as name:
        file, key = Path(name) / "record.jsonl", Path(name) / "public.pem"
        with file.open("wb") as lines:
            for one in chain.sealed_records(b"", _sealed(people, records)):
                lines.write(json_line(one))
        environment = {"PATH": "/usr/bin:/bin", "HOME": name, "XDG_STATE_HOME": name}
        made = subprocess.run([MICGATE, "audit", "key"], env=environment, check=True, capture_output=True)
        key.write_bytes(made.stdout)
        began = time.perf_counter()
        command = [MICGATE, "audit", "verify", file, "--key", key, "--json"]
        done = subprocess.run(command, env=environment, check=False, capture_output=True)
        took = time.perf_counter() - began
        if done.returncode not in {0, 3}:
            raise RuntimeError("the record that was made does not verify")
        return records / took


def measure(*, entries: int = ENTRIES) -> Asked:
    made_in = 0.0

    def fill(made: House) -> None:
        nonlocal made_in
        began = time.perf_counter()
        _fill(made, entries)
        made_in = time.perf_counter() - began

    with house(agents=AGENTS, prepare=fill) as made:
        agents = made.twin.agents
        ask = _asker(made.serving)
        return Asked(
            entries=entries,
            made_in=made_in,
            first_page=_times(ask, lambda _: "/v1/audit?limit=100"),
            last_page=_times(ask, lambda number: f"/v1/audit?limit=100&after={entries - 200 - number}"),
            about_agent=_times(ask, lambda number: f"/v1/audit?limit=100&agent={agents[number]}"),
            why=_times(ask, lambda number: f"/v1/agents/{agents[number]}"),
            mutes=_times(ask, lambda number: f"/v1/mutes?agent={agents[number]}&standing=false"),
        )


def _times(ask: Callable[[str], None], path: Callable[[int], str]) -> tuple[float, ...]:
    ask(path(0))
    taken = []
    for number in range(1, EACH):
        began = time.perf_counter()
        ask(path(number))
        taken.append((time.perf_counter() - began) * 1000)
    return tuple(taken)


def _asker(replica: Replica) -> Callable[[str], None]:
    connection = http.client.HTTPConnection(urlsplit(replica.url).netloc)
    headers = {"Authorization": f"Bearer {replica.key}"}

    def ask(path: str) -> None:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body[:300].decode())

    return ask


def _fill(made: House, count: int) -> None:
    """Agents, and a record about them that is chained as a keeper would have."""
    embedded = made.embedded
    migrate.upgrade(embedded.conninfo(OWNER))
    people = [(user, new_id()) for user in made.twin.agents]
    with psycopg.connect(
        embedded.conninfo(SUPERUSER), options="-c search_path=micgate -c session_replication_role=replica"
    ) as connection:
        connection.execute("insert into orgs (id) values (%s)", [ORG])
        with connection.cursor() as cursor:
            cursor.executemany(
                "insert into agents (org, user_id, pseudonym) values (%s, %s, %s)",
                [(ORG, user, pseudonym) for user, pseudonym in people],
            )
            _copy(cursor, _sealed(people, count))
        connection.execute("select setval('entries_id_seq', %s)", [count])
    with psycopg.connect(embedded.conninfo(OWNER), options="-c search_path=micgate") as connection:
        connection.execute("analyze")


def _copy(cursor: "psycopg.Cursor[tuple[object, ...]]", sealed: Iterator[Sealed]) -> None:
    """A part at a time, as only one COPY runs on a connection."""
    while part := list(islice(sealed, 50_000)):
        with cursor.copy(
            "copy entries (id, org, at, actor, action, target, mute_id, public, private_digest) from stdin"
        ) as rows:
            for one in part:
                entry = one.entry
                rows.write_row(
                    (
                        *(entry.id, ORG, entry.at, entry.actor, entry.action, entry.target),
                        *(entry.mute_id, entry.public, entry.private_digest),
                    )
                )
        with cursor.copy("copy private (entry_id, body) from stdin") as rows:
            for one in part:
                rows.write_row((one.entry.id, one.body))
        with cursor.copy("copy seals (org, seq, entry_id, hash) from stdin") as rows:
            for one in part:
                rows.write_row((ORG, one.seq, one.entry.id, one.hash))


def _sealed(people: list[tuple[str, str]], count: int) -> Iterator[Sealed]:
    """A mute a while, each with what is told of one: placed, intended, ended."""
    digest, began = b"", time.time() - DAYS
    templates = [_told(user, pseudonym, began) for user, pseudonym in people]
    mute_id = new_id()
    for number in range(count):
        about, step = templates[(number // 3) % len(templates)], number % 3
        mute_id = new_id() if step == 0 else mute_id
        new = about[step]
        entry = Entry(
            id=number + 1,
            org=ORG,
            at=began + number * DAYS / count,
            actor=new.actor,
            action=new.action,
            target=new.target,
            public=new.public,
            mute_id=mute_id,
            private_digest=new.private.digest if new.private else None,
        )
        digest = chain.link(digest, number + 1, entry)
        body = new.private.body if new.private else None
        yield Sealed(seq=number + 1, hash=digest, entry=entry, body=body)


def _told(user: str, pseudonym: str, at: float) -> tuple[NewEntry, ...]:
    people = People(agent=Person(user_id=user), conversation_id=new_id())
    said: tuple[facts.Fact, ...] = (
        facts.MutePlaced(
            covers=Covers.CALL,
            reason="supervisor",
            release_at=at + 120,
            on_override=OnOverride.YIELD,
            open_policy=OpenPolicy.RESTORE,
            pause_recording=False,
        ),
        facts.Intended(verb=Verb.MUTE, lane=Lane.MUTE, epoch=1, leg=new_id()),
        facts.MuteEnded(end=End.EXPIRED, ended_at=at + 120),
    )
    return tuple(
        write(one, at=at, actor=ITSELF, target=pseudonym, people=people, salt=lambda: secrets.token_hex(16))
        for one in said
    )
