"""An org's record in memory: entries written, sealed, vouched for and exported as the service does."""

from dataclasses import dataclass, field
from itertools import count

import msgspec

from micgate.audit import export, signing
from micgate.audit.chain import link, sealed_records
from micgate.audit.checkpoint import Checkpoint, sign
from micgate.audit.entry import MICGATE, Actor, ActorKind, write
from micgate.audit.facts import Fact, MuteEnded, MutePlaced
from micgate.audit.privacy import People, Person, Private, restored, stored
from micgate.audit.record import SealedRecord
from micgate.control.mute import Covers, End
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store.entries import Entry, NewEntry, Sealed, chained

ORG = "acme"
START = 1_790_000_000.0
ADA = Person(user_id="11111111-aaaa-4aaa-8aaa-111111111111", name="Ada Lovelace", email="ada@example.com")
EVE = Person(user_id="22222222-bbbb-4bbb-8bbb-222222222222", name="Eve Müller", email="eve@example.com")
SUPERVISOR = Actor(ActorKind.PERSON, "p-7f3a")
KEY = signing.new()


def salts():
    numbers = count(1)
    return lambda: f"{next(numbers):032x}"


def placed(**changes) -> MutePlaced:
    fact = MutePlaced(
        covers=Covers.CALL,
        reason="supervisor",
        release_at=START + 120,
        on_override=OnOverride.YIELD,
        open_policy=OpenPolicy.RESTORE,
    )
    return msgspec.structs.replace(fact, **changes)


def ended() -> MuteEnded:
    return MuteEnded(end=End.RELEASED, ended_at=START + 5)


def about_ada(note: str | None = "talks to the bank") -> People:
    return People(agent=ADA, actor=EVE, conversation_id="call-1", note=note)


def entry(
    fact: Fact | None = None, *, at: float = START, people: People | None = None, **changes
) -> NewEntry:
    given = {"actor": SUPERVISOR, "target": "a-91c2", "mute_id": "m-1", "salt": salts()}
    people = about_ada() if people is None else people
    return write(fact or placed(), at=at, people=people, **{**given, **changes})


@dataclass
class Books:
    """Seals as the keeper does it and exports as the service does it, with lists for tables.

    `bodies` are what the table `private` holds: an erasure changes nothing else.
    """

    entries: list[Entry] = field(default_factory=list)
    sealed: list[Sealed] = field(default_factory=list)
    bodies: dict[int, bytes] = field(default_factory=dict)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    key: signing.SigningKey = KEY

    def write(self, *entries: NewEntry, org: str = ORG) -> None:
        for new in entries:
            self.add(kept(new, id_=len(self.entries), org=org))
            if new.private:
                self.bodies[len(self.entries) - 1] = new.private.body

    def add(self, *entries: Entry) -> None:
        self.entries += entries
        last = (len(self.sealed), self.sealed[-1].hash if self.sealed else b"")
        self.sealed += chained(last, entries, link)

    def sign(self, **options) -> Checkpoint:
        since = self.checkpoints[-1].seq if self.checkpoints else 0
        hashes = [each.hash for each in self.sealed[since:]]
        seq = len(self.sealed)
        self.checkpoints.append(sign(self.key, org=ORG, seq=seq, hashes=hashes, at=START + 9, **options))
        return self.checkpoints[-1]

    def rebuild(self) -> None:
        """What an insider does after an edit: all hashes and checkpoints anew, with the key of the box."""
        ends = [each.seq for each in self.checkpoints]
        entries, self.entries, self.sealed, self.checkpoints = self.entries, [], [], []
        for each in entries:
            self.add(each)
            if len(self.entries) in ends:
                self.sign()

    def edit(self, seq: int, **changes) -> None:
        self.entries[seq - 1] = msgspec.structs.replace(self.entries[seq - 1], **changes)

    def private(self, seq: int) -> Private | None:
        body = self.bodies.get(self.entries[seq - 1].id)
        return restored(body) if body else None

    def keep(self, seq: int, private: Private) -> None:
        self.bodies[self.entries[seq - 1].id] = stored(private)

    def records(self) -> list[SealedRecord]:
        joined = [msgspec.structs.replace(each, body=self.bodies.get(each.entry.id)) for each in self.sealed]
        return list(sealed_records(b"", joined))

    def export(self, first: int = 1, last: int | None = None) -> list[bytes]:
        vouching = {each.seq: each for each in self.checkpoints}
        lines = []
        for sealed in self.records()[first - 1 : last]:
            lines.append(export.json_line(sealed))
            if sealed.record.seq in vouching:
                lines.append(export.checkpoint_line(vouching[sealed.record.seq]))
        return lines


def kept(new: NewEntry, *, id_: int, org: str = ORG) -> Entry:
    """As the table `entries` gives it back."""
    return Entry(
        id=id_,
        org=org,
        at=new.at,
        actor=new.actor,
        action=new.action,
        target=new.target,
        public=new.public,
        mute_id=new.mute_id,
        command_id=new.command_id,
        private_digest=new.private.digest if new.private else None,
    )


def books(records: int = 12, *, signed_at: tuple[int, ...] = (4, 8, 10)) -> Books:
    """Mutes placed and ended in turn, with checkpoints after some of them."""
    made = Books()
    for number in range(1, records + 1):
        fact = placed() if number % 2 else ended()
        people = about_ada() if number % 3 else People()
        actor = SUPERVISOR if number % 2 else MICGATE
        made.write(entry(fact, at=START + number, people=people, actor=actor, mute_id=f"m-{number // 2}"))
        if number in signed_at:
            made.sign()
    return made
