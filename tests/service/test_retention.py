"""What is too old is forgotten, whoever asks to be erased is, and the record verifies as before."""

import io
import json
import subprocess
from pathlib import Path

import psycopg
import pytest
from front_desk import Limits, Scope, open_desk

from leftovers import held_folder
from micgate import settings
from micgate.audit.key_file import KeyFile
from micgate.audit.privacy import Retention
from micgate.audit.verify import verify
from micgate.control.microphone import encode
from micgate.genesys.network import Network
from micgate.log import Log
from micgate.service.duties import notary, outside, retention
from micgate.service.principals.keyring import host
from micgate.service.telemetry.metrics import Metrics
from micgate.store import migrate
from micgate.store.cut import cut
from micgate.store.database import limited
from micgate.store.embedded import OWNER, Embedded
from micgate.store.errors import NotOwner, StillAtWork
from micgate.store.ids import new_id
from micgate.store.microphones import BLANK
from replica import START_SECONDS, Serving

DAY = 86_400.0
MONTHS = Retention(person_linked_days=90, pseudonymous_months=13)


class Keep:
    """A desk with somebody who signs, and somebody who forgets."""

    def __init__(self, desk, embedded, tmp_path):
        self.desk = desk
        self.owner = embedded.conninfo(OWNER)
        self.keys = KeyFile(tmp_path / "audit.key")
        self.places = ()

    async def sign(self):
        await self.desk.entries()
        signer = notary.Notary(
            notary.Desk(
                store=self.desk.store,
                org=self.desk.org,
                keys=self.keys,
                places=self.places,
                term=lambda: self.desk.term,
                now=self.desk.clock.now,
                monotonic=self.desk.clock.monotonic,
                every=0.0,
                log=Log(stream=io.StringIO()),
                metrics=Metrics(),
            )
        )
        await signer.turn()
        return signer

    async def expire(self, *, days, roster=()):
        self.desk.clock.ahead = days * DAY
        return await retention.expire(
            self.desk.store,
            self.desk.org,
            owner=self.owner,
            keep=MONTHS,
            roster=roster,
            now=self.desk.clock.now(),
        )

    async def verdict(self):
        await self.sign()
        exported = (await self.desk.ask("GET", "/v1/audit/export")).body
        return exported, verify(io.BytesIO(exported), keys=[self.keys.load().public])

    async def rows(self, table):
        async with self.desk.parts.database.reading() as connection:
            found = await connection.execute(
                f"select count(*) as rows from {table} where org = %s", (self.desk.org,)
            )
            return (await found.fetchone())["rows"]


@pytest.fixture
def keep(desk, embedded, tmp_path):
    return Keep(desk, embedded, tmp_path)


async def muted_once(desk, agent=0):
    await desk.on_call(agent)
    mute = (await desk.mute(agent, note="whisper", headers={"Idempotency-Key": new_id()})).body
    await desk.ask("DELETE", f"/v1/mutes/{mute['id']}")
    await desk.entries()


async def test_after_ninety_days_nobody_is_named_and_all_verifies(keep):
    await muted_once(keep.desk)
    await keep.sign()
    young = await keep.expire(days=89)
    assert (young.entries, await keep.rows("mutes")) == (0, 1)
    done = await keep.expire(days=91)
    assert (done.entries, done.records) == (2, 0)
    exported, verdict = await keep.verdict()
    assert (verdict.word, verdict.withheld) == ("intact", 2)
    assert b"whisper" not in exported
    assert keep.desk.twin.agents[0].email.encode() not in exported
    assert [await keep.rows(table) for table in ("mutes", "notes", "commands")] == [0, 0, 0]
    (told,) = await keep.desk.entries("privacy.expired")
    assert '"entries": 2' in told.public


async def test_what_stands_and_what_is_young_stays(keep):
    await keep.desk.on_call()
    await keep.desk.mute(note="whisper")
    await keep.expire(days=91)
    assert [await keep.rows(table) for table in ("mutes", "notes")] == [1, 1]


async def test_a_microphone_nobody_ever_saw_is_forgotten_with_its_mute(keep):
    """As of a mute that ended while the platform was away."""
    org, call = keep.desk.org, new_id()
    async with keep.desk.parts.database.reading() as connection:
        for table, user in (("microphones", "ada"), ("recordings", "")):
            await connection.execute(
                f"insert into {table} (org, conversation_id, user_id, phase, memory, version) "
                "values (%s, %s, %s, 'idle', %s, 1)",
                (org, call, user, encode(BLANK).decode()),
            )
    await keep.expire(days=91)
    assert [await keep.rows(table) for table in ("microphones", "recordings")] == [0, 0]


async def test_who_left_is_forgotten_once_nothing_young_is_told_of_them(keep):
    await muted_once(keep.desk, agent=0)
    await muted_once(keep.desk, agent=1)
    left, here = keep.desk.twin.agents[:2]
    assert (await keep.expire(days=80, roster=[here.id])).leavers == 0
    async with keep.desk.parts.database.reading() as connection:
        await connection.execute("delete from microphones where org = %s", (keep.desk.org,))
    assert (await keep.expire(days=91, roster=[here.id])).leavers == 1
    assert await keep.desk.store.agents.get(keep.desk.org, [left.id]) == ()


async def test_after_thirteen_months_the_record_begins_later_and_verifies_from_there(keep):
    await muted_once(keep.desk)
    await keep.sign()
    cut_at = (await keep.desk.store.checkpoints.newest(keep.desk.org)).seq
    keep.desk.clock.ahead = 200 * DAY
    await muted_once(keep.desk, agent=1)
    await keep.sign()
    done = await keep.expire(days=410)
    assert done.records == cut_at
    exported, verdict = await keep.verdict()
    assert (verdict.word, verdict.first_seq) == ("intact", cut_at + 1)
    assert verdict.vouched_seq == verdict.last_seq
    assert b"mute.placed" in exported
    listed = (await keep.desk.ask("GET", "/v1/audit?limit=2")).body
    assert [one["record"]["seq"] for one in listed["records"]] == [cut_at + 1, cut_at + 2]
    (told,) = await keep.desk.entries("audit.cut")
    assert f'"through_seq": {cut_at}' in told.public
    assert (await keep.expire(days=411)).records == 0


async def test_only_the_owner_cuts_and_nobody_changes_what_is_left(keep, embedded):
    await muted_once(keep.desk)
    with pytest.raises(NotOwner, match="micgate audit expire"):
        cut(embedded.conninfo(), keep.desk.org, through=1)
    with psycopg.connect(limited(keep.owner)) as owner:
        for statement in ("delete from entries", "update seals set seq = 9", "truncate checkpoints cascade"):
            with pytest.raises(psycopg.errors.RestrictViolation):
                owner.execute(statement)
            owner.rollback()


async def test_a_service_that_is_not_the_owner_says_that_the_cut_is_left_to_others(keep, embedded):
    await muted_once(keep.desk)
    await keep.sign()
    keep.desk.clock.ahead = 410 * DAY
    janitor = retention.Janitor(
        store=keep.desk.store,
        org=keep.desk.org,
        owner=embedded.conninfo(),
        keep=MONTHS,
        keeps=lambda: True,
        roster=list,
        now=keep.desk.clock.now,
        log=Log(stream=io.StringIO()),
    )
    assert janitor.check() is None
    await janitor.turn()
    told = janitor.check()
    assert (told.ok, told.warns) == (False, True)
    assert "micgate audit expire" in told.remedy
    assert await keep.desk.entries("privacy.expired")
    janitor.owner = keep.owner
    await janitor.turn()
    assert janitor.check() is None
    assert await keep.desk.entries("audit.cut")


async def test_a_key_that_nobody_handed_over_to_is_warned_about(keep, tmp_path):
    await muted_once(keep.desk)
    first = await keep.sign()
    assert "hand over" not in first.check().says
    keep.keys = KeyFile(tmp_path / "another.key")
    await muted_once(keep.desk, agent=1)
    second = await keep.sign()
    assert "did not hand over" in second.check().says
    exported = (await keep.desk.ask("GET", "/v1/audit/export")).body
    both = [KeyFile(tmp_path / name).load().public for name in ("audit.key", "another.key")]
    assert verify(io.BytesIO(exported), keys=both).word == "intact"


async def test_nobody_is_erased_under_a_standing_mute(keep):
    await keep.desk.on_call()
    await keep.desk.mute()
    with pytest.raises(StillAtWork):
        await erased(keep)
    assert await keep.rows("mutes") == 1


async def test_a_key_for_an_erased_agent_alone_is_for_nobody(keep):
    agent = keep.desk.twin.agents[0]
    await muted_once(keep.desk)
    await keep.desk.key(Scope.MUTE, limits=Limits(agents=(agent.id,)))
    await erased(keep)
    (key,) = await keep.desk.store.keys.all(keep.desk.org)
    assert '"agents": []' in key.limits


async def erased(keep):
    return await retention.erase_person(
        keep.desk.store,
        keep.desk.org,
        keep.desk.twin.agents[0].email,
        by=host("test").actor,
        now=keep.desk.clock.now(),
    )


@pytest.fixture
def alone(twin, tmp_path):
    """A service with a database of its own: everything in it is about this test."""
    with held_folder() as folder:
        environ = {
            "MICGATE_DATABASE_DIR": str(folder / "database"),
            "MICGATE_CHECKPOINT_PATH": str(folder / "checkpoints.jsonl"),
            "MICGATE_CHECKPOINT_SECONDS": "0.2",
            "MICGATE_BACKUP_KEEP": "0",
        }
        serving = Serving(tmp_path, twin, environ)
        yield serving
        serving.end()


def told(serving, *arguments):
    done = serving.command(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def dumped(folder):
    """All of a database as text, as pg_dump writes it."""
    embedded = Embedded.attach(folder)
    try:
        tool = embedded.cluster.binaries.folder / "pg_dump"
        command = [tool, "--format=plain", f"--dbname={embedded.conninfo(OWNER)}"]
        return subprocess.run(command, capture_output=True, check=True, text=True).stdout
    finally:
        embedded.detach()


def used(serving, twin):
    """A service that has something to tell of its first agent, everywhere; the words that name them."""
    agent, other = twin.agents[:2]
    for one in (agent, other):
        call = twin.place_call(one.id)
        wish = {"agent": one.id, "for": "60s", "note": f"as {agent.name} asked"}
        mute = serving.ask("POST", "/v1/mutes", wish, **{"Prefer": "wait=20", "Idempotency-Key": new_id()})
        assert mute["state"] == "confirmed"
        serving.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
        twin.control("POST", f"/calls/{call['id']}/disconnect", {})
        twin.wait_until(lambda call=call: over(serving, call), seconds=40)
        if one is agent:
            words = (agent.id, agent.name, agent.email, call["id"])
    serving.ask("PUT", f"/v1/protections/agent/{agent.id}")
    told(serving, "keys", "add", "crm", "--scope", "mute", "--agent", agent.id)
    return words


def over(serving, call):
    """Nothing is under way on the call, as far as the service shows."""
    shown = serving.ask("GET", "/v1/microphones")["microphones"]
    return call["id"] not in [one["conversation_id"] for one in shown]


def test_whoever_is_erased_is_in_no_dump_and_the_record_verifies(alone, twin, tmp_path):
    folder = Path(alone.environ["MICGATE_DATABASE_DIR"])
    (tmp_path / "public.pem").write_text(told(alone, "audit", "key"))
    alone.start()
    twin.wait_until(lambda: alone.ready, seconds=START_SECONDS)
    words = used(alone, twin)
    alone.stop()
    before = dumped(folder)
    assert [word for word in words if word not in before] == []
    unconfirmed = alone.command("audit", "erase", words[2])
    assert (unconfirmed.returncode, "nothing was done" in unconfirmed.stderr) == (2, True)
    told(alone, "audit", "erase", words[2], "--yes")
    after = dumped(folder)
    assert [word for word in words if word in after] == []
    assert twin.agents[1].name in after

    alone.start()
    twin.wait_until(lambda: alone.ready, seconds=START_SECONDS)
    twin.wait_until(lambda: "privacy.erased" in told_of(alone))
    told(alone, "audit", "export", str(tmp_path / "record.jsonl"))
    verdict = told(
        alone,
        *("audit", "verify", str(tmp_path / "record.jsonl"), "--key", str(tmp_path / "public.pem"), "--part"),
        *("--checkpoints", alone.environ["MICGATE_CHECKPOINT_PATH"]),
    )
    assert verdict.startswith("Intact:")


async def of_long_ago(alone, twin, tmp_path):
    """A record with its checkpoints, as a service of then has left it: the org, and what of it is too old."""
    where = settings.load(alone.environ, tmp_path / ".env")
    embedded = Embedded.attach(Path(where.database_dir))
    migrate.upgrade(embedded.conninfo(OWNER))
    async with open_desk(embedded.conninfo(), twin) as desk:
        keep = Keep(desk, embedded, tmp_path)
        keep.keys = KeyFile(where.audit_key_path)
        keep.places = outside.places(where, network=Network())
        for days, agent in ((-420, 0), (-100, 1), (-10, 2)):
            desk.clock.ahead = days * DAY
            await muted_once(desk, agent)
            await keep.sign()
            if agent == 0:
                old = (await desk.store.checkpoints.newest(desk.org)).seq
        await desk.store.leases.resign(desk.term)
    embedded.detach()
    return desk.org, old


async def test_a_service_that_starts_forgets_what_is_too_old_and_the_record_still_verifies(
    alone, twin, tmp_path
):
    org, old = await of_long_ago(alone, twin, tmp_path)
    alone.environ["MICGATE_ORG"] = org
    (tmp_path / "public.pem").write_text(told(alone, "audit", "key"))
    alone.start()
    twin.wait_until(lambda: {"privacy.expired", "audit.cut"} <= told_of(alone), seconds=START_SECONDS)
    exported = tmp_path / "record.jsonl"
    told(alone, "audit", "export", str(exported))
    first = json.loads(exported.read_text().splitlines()[0])
    assert first["record"]["seq"] == old + 1
    assert [twin.agents[number].id in exported.read_text() for number in (0, 1, 2)] == [False, False, True]
    verdict = told(
        alone,
        *("audit", "verify", str(exported), "--key", str(tmp_path / "public.pem"), "--part"),
        *("--checkpoints", alone.environ["MICGATE_CHECKPOINT_PATH"]),
    )
    assert verdict.startswith("Intact:")
    assert "off the machine vouches for the records up to" in verdict


def told_of(serving):
    """What its record tells of, as far as it is sealed."""
    records = serving.ask("GET", "/v1/audit?limit=1000")["records"]
    return {one["record"]["action"] for one in records}
