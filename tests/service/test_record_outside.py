"""The record of a real service: vouched for off the machine, verified offline, forged by the box's owner."""

import json
import shutil
import stat
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import psycopg
import pytest

from leftovers import held_folder
from micgate.audit import signing
from micgate.audit.canonical import canonical, hashed
from micgate.audit.chain import record
from micgate.audit.checkpoint import decoded, read, sign, signature
from micgate.store.database import limited
from micgate.store.embedded import OWNER
from micgate.store.entries import Entry
from micgate.store.ids import new_id
from replica import START_SECONDS, Serving

EVERY = "0.2"


class Box(Serving):
    """A service with a database of its own, whose checkpoints go to a file `outside`."""

    def __init__(self, folder, twin, **environ):
        self.outside = folder / "mount" / "checkpoints.jsonl"
        self.outside.parent.mkdir()
        given = {
            "MICGATE_CHECKPOINT_PATH": str(self.outside),
            "MICGATE_CHECKPOINT_SECONDS": EVERY,
        }
        super().__init__(folder, twin, given | environ)
        self.key_path = folder / "state" / "micgate" / "audit-signing.key"
        self.public = folder / "public.pem"

    def checkpoints(self):
        with self.outside.open("rb") as lines:
            return read(lines).checkpoints

    def vouched(self):
        return max((one.seq for one in self.checkpoints()), default=0) if self.outside.exists() else 0

    def record(self):
        return self.ask("GET", "/v1/audit?limit=1000")["records"]

    def check(self, name):
        return next(one for one in self.ask("GET", "/readyz")["checks"] if one["name"] == name)

    def told(self, *arguments):
        done = self.command(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def verify(self, export, *options):
        done = self.command("audit", "verify", str(export), "--key", str(self.public), "--json", *options)
        return done.returncode, json.loads(done.stdout)


@pytest.fixture
def box(embedded, twin, tmp_path):
    box = Box(tmp_path, twin, MICGATE_DATABASE_URL=embedded.conninfo(), MICGATE_ORG=f"org-{new_id()}")
    yield box
    box.end()


@pytest.fixture
def owner(embedded):
    """Who may do everything in the database, while the service runs."""
    with psycopg.connect(limited(embedded.conninfo(OWNER))) as connection:
        yield connection


def muted_and_released(box, twin, agent=0):
    twin.place_call(twin.agents[agent].id)
    mute = box.ask("POST", "/v1/mutes", {"agent": twin.agents[agent].id, "for": "60s"}, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    assert box.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")["end"] == "released"
    ended = ("mute.ended", mute["id"])
    twin.wait_until(
        lambda: ended in [(one["record"]["action"], one["record"].get("mute_id")) for one in box.record()]
    )


def started(box, twin):
    box.start()
    twin.wait_until(lambda: box.ready, seconds=START_SECONDS)


def test_what_a_service_did_is_vouched_for_outside_and_a_forged_record_is_named(box, twin, owner, tmp_path):
    box.public.write_text(box.told("audit", "key"))
    started(box, twin)
    muted_and_released(box, twin)
    head = box.record()[-1]["record"]["seq"]
    twin.wait_until(lambda: box.vouched() >= head)
    assert box.check("checkpoints") == {
        "name": "checkpoints",
        "ok": True,
        "warns": False,
        "remedy": "",
        "says": f"They are brought to {box.outside}.",
    }
    outside, export = tmp_path / "outside.jsonl", tmp_path / "record.jsonl"
    shutil.copy(box.outside, outside)
    box.told("audit", "export", str(export))
    code, verdict = box.verify(export, "--checkpoints", str(outside))
    assert (code, verdict["word"], verdict["withheld"]) == (0, "intact", 0)
    assert verdict["outside_seq"] >= head

    placed = next(one["record"] for one in box.record() if one["record"]["action"] == "mute.placed")
    box.stop()  # else it may chain a record to a head that is being forged
    forge(owner, box, seq=placed["seq"])
    started(box, twin)
    forged = tmp_path / "forged.jsonl"
    box.told("audit", "export", str(forged))
    assert b"person:p-scapegoat" in forged.read_bytes()
    code, verdict = box.verify(forged)
    assert (code, verdict["word"]) == (0, "intact"), verdict
    code, verdict = box.verify(forged, "--checkpoints", str(outside))
    assert (code, verdict["word"]) == (1, "altered")
    assert (verdict["bad"]["seq"], verdict["bad"]["word"]) == (placed["seq"], "witness")


def test_a_new_key_takes_over_and_the_first_public_key_stays_enough(box, twin, tmp_path):
    box.public.write_text(box.told("audit", "key"))
    started(box, twin)
    muted_and_released(box, twin)
    box.told("audit", "key", "--rotate")
    following = box.key_path.with_name("audit-signing.key.next")
    twin.wait_until(lambda: not following.exists(), seconds=40)
    muted_and_released(box, twin, agent=1)
    head = box.record()[-1]["record"]["seq"]
    twin.wait_until(lambda: box.vouched() >= head)
    outside, export = tmp_path / "outside.jsonl", tmp_path / "record.jsonl"
    shutil.copy(box.outside, outside)
    box.told("audit", "export", str(export))
    code, verdict = box.verify(export, "--checkpoints", str(outside))
    assert (code, verdict["word"]) == (0, "intact"), verdict
    assert verdict["outside_seq"] >= head
    assert len({one.key_id for one in box.checkpoints()}) == 2
    assert stat.S_IMODE(box.key_path.stat().st_mode) == 0o600
    assert "audit.key_handed_over" in [one["record"]["action"] for one in box.record()]


@pytest.fixture
def alone(twin, tmp_path):
    """A box whose database nobody else uses."""
    with held_folder() as folder:
        box = Box(tmp_path, twin, MICGATE_DATABASE_DIR=str(folder / "database"))
        yield box
        box.end()


def test_after_an_older_dump_is_restored_the_checkpoints_of_before_contradict_the_record(
    alone, twin, tmp_path
):
    """What the documents tell an operator to do then."""
    alone.public.write_text(alone.told("audit", "key"))
    started(alone, twin)
    twin.wait_until(lambda: alone.outside.exists() and alone.vouched() > 0)
    alone.told("db", "backup", str(tmp_path / "dump"))
    dumped = alone.record()[-1]["record"]["seq"]
    grown(alone, twin)
    before = tmp_path / "before.jsonl"
    known = shutil.copy(alone.outside, tmp_path / "known.jsonl")  # the export is told of in the next one
    alone.told("audit", "export", str(before))
    assert alone.stop() == 0
    alone.told("db", "restore", str(tmp_path / "dump"), "--yes")
    aside = alone.outside.rename(tmp_path / "checkpoints-before.jsonl")
    started(alone, twin)
    grown(alone, twin)
    grown(alone, twin)

    after = tmp_path / "after.jsonl"
    fresh = shutil.copy(alone.outside, tmp_path / "fresh.jsonl")
    alone.told("audit", "export", str(after))
    code, verdict = alone.verify(after, "--checkpoints", str(aside))
    assert (code, verdict["word"]) == (1, "altered")
    assert verdict["bad"]["seq"] == dumped + 1
    code, verdict = alone.verify(after, "--checkpoints", str(fresh))
    assert (code, verdict["word"], verdict["bad"]) == (0, "intact", None)
    assert verdict["outside_seq"] > 0
    code, verdict = alone.verify(before, "--checkpoints", str(known))
    assert (code, verdict["word"], verdict["bad"]) == (0, "intact", None)


def grown(box, twin):
    """By two records, which a checkpoint outside vouches for."""

    def braked():
        found = [one["record"] for one in box.record()]
        return [one["seq"] for one in found if one["target"] == "brake"]

    wanted = len(braked()) + 2
    for verb in ("freeze", "unfreeze"):
        box.ask("POST", f"/v1/{verb}")
    twin.wait_until(lambda: len(braked()) == wanted)
    head = braked()[-1]
    twin.wait_until(lambda: box.vouched() >= head)


def test_the_newest_checkpoint_is_told_to_whoever_may_read_the_record(box, twin):
    started(box, twin)
    twin.wait_until(lambda: box.vouched() > 0, seconds=40)
    told = box.ask("GET", "/v1/audit/checkpoint")
    assert told["seq"] >= 1
    twin.wait_until(lambda: told in [msgspec.to_builtins(one) for one in box.checkpoints()])


def forge(owner, box, *, seq):
    """Lay one entry to somebody else, make every later hash fit, and sign all checkpoints anew with the key
    of the machine: all that whoever owns the box can do.
    """
    key = signing.load(box.key_path)
    for table in ("entries", "seals", "checkpoints"):
        owner.execute(f"alter table {table} disable trigger only_added_to")
    owner.execute(
        "update entries set actor = 'person:p-scapegoat' where id = (select entry_id from seals "
        "where org = %s and seq = %s)",
        (box.environ["MICGATE_ORG"], seq),
    )
    hashes = rebuilt(owner, box.environ["MICGATE_ORG"])
    signed = "select body from checkpoints where org = %s order by seq"
    for (body,) in owner.execute(signed, (box.environ["MICGATE_ORG"],)).fetchall():
        old = decoded(body)
        anew = sign(key, org=old.org, seq=old.seq, hashes=hashes[old.since : old.seq], at=0.0)
        owner.execute(
            "update checkpoints set hash = %s, signature = %s, body = %s where org = %s and seq = %s",
            (hashes[old.seq - 1], signature(anew), canonical(anew), old.org, old.seq),
        )
    for table in ("entries", "seals", "checkpoints"):
        owner.execute(f"alter table {table} enable trigger only_added_to")
    owner.commit()


def rebuilt(owner, org):
    names = Entry.__struct_fields__
    texts = {"mute_id": "mute_id::text", "command_id": "command_id::text", "public": "public::text"}
    columns = ", ".join(texts.get(name, f"e.{name}") for name in names)
    query = (
        f"select seq, {columns} from seals s join entries e on id = entry_id where s.org = %s order by seq"
    )
    rows = owner.execute(query, (org,)).fetchall()
    hashes = []
    for seq, *values in rows:
        entry = Entry(**dict(zip(names, values, strict=True)))
        before = hashes[-1] if hashes else b""
        hashes.append(bytes.fromhex(hashed(record(entry, seq=seq, previous=before))))
        owner.execute("update seals set hash = %s where org = %s and seq = %s", (hashes[-1], org, seq))
    return hashes


class Receiver(ThreadingHTTPServer):
    """Answers every POST with `status`, and keeps what came with a good one."""

    def __init__(self):
        self.status = 503
        self.came = []
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.came.append(decoded(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    receiver = Receiver()
    serving = threading.Thread(target=receiver.serve_forever, daemon=True)
    serving.start()
    yield receiver
    receiver.shutdown()
    receiver.server_close()
    serving.join()


def test_a_receiver_that_refuses_is_warned_about_and_gets_all_of_them_later(box, twin, receiver):
    url = f"http://127.0.0.1:{receiver.server_port}/hook/token-4711"
    box.environ |= {"MICGATE_CHECKPOINT_URL": url, "MICGATE_ALLOW_PRIVATE_RECEIVERS": "yes"}
    started(box, twin)
    muted_and_released(box, twin)
    twin.wait_until(lambda: "answer 503" in box.check("checkpoints")["says"], seconds=40)
    assert box.ready
    assert box.check("checkpoints")["warns"] is True
    receiver.status = 200
    twin.wait_until(lambda: receiver.came, seconds=40)
    twin.wait_until(lambda: box.check("checkpoints")["ok"], seconds=40)
    assert receiver.came[0].since == 0
    assert "token-4711" not in box.log
    assert "checkpoint.undelivered.webhook" in box.log


def test_without_a_place_outside_readyz_stays_well_and_names_it(box, twin):
    del box.environ["MICGATE_CHECKPOINT_PATH"]
    started(box, twin)
    told = box.check("checkpoints")
    assert (told["ok"], told["warns"]) == (False, True)
    assert "MICGATE_CHECKPOINT_PATH" in told["remedy"]
    examined = box.command("doctor", "--json")
    warned = [one for one in json.loads(examined.stdout)["checks"] if one["check"] == "service"]
    assert ("warn", "checkpoints") in [(one["verdict"], one["facts"]["name"]) for one in warned]


def test_a_receiver_in_the_own_network_needs_to_be_allowed(box):
    box.environ["MICGATE_CHECKPOINT_URL"] = "https://10.1.2.3/hook/token-4711"
    refused = box.command("serve")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 2)
    assert "MICGATE_ALLOW_PRIVATE_RECEIVERS" in refused.stderr
    assert "token-4711" not in refused.stderr
