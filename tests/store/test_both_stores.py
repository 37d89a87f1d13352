"""One machine of random actions on both stores: they answer alike and hold the same, step by step."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

import hypothesis.strategies as st
import pytest
from contents import NOON, RULES, command, entry, mute, new_house, uuid
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, multiple, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from msgspec import structs

from micgate.control.command import Kind, Outcome
from micgate.control.decide import Decision, decide
from micgate.control.errors import LengthRefused
from micgate.control.microphone import LegState, Observed, Way
from micgate.control.mute import End
from micgate.control.pace import PACE
from micgate.store.database import Database
from micgate.store.errors import StoreError
from micgate.store.idempotency import Claim
from micgate.store.leases import Lease, Term
from micgate.store.memory.store import MemoryStore
from micgate.store.target import Target
from micgate.store.verbs import (
    Closing,
    Decided,
    Due,
    Extend,
    Freeze,
    Lapse,
    Place,
    Release,
    Sighting,
    Unfreeze,
    Verbs,
)

users = st.sampled_from(("ada", "bob"))
calls, legs = st.sampled_from(("call-1", "call-2")), st.sampled_from(("leg-1", "leg-2"))
anybody = st.sampled_from(("ada", "bob", "cyd"))
"""Cyd is on no call."""
seconds = st.sampled_from((1.0, 20.0, 120.0, 7200.0, 7300.0))


@dataclass(frozen=True)
class Said:
    """What a verb answered, or the kind of its refusal."""

    value: object = None
    refused: type[StoreError] | None = None


class BothStores(RuleBasedStateMachine):
    runner: ClassVar[asyncio.Runner]
    database: ClassVar[Database]

    mutes = Bundle("mutes")
    issued = Bundle("issued")
    loaded = Bundle("loaded")

    @initialize()
    def begin(self):
        house = self.runner.run(new_house(self.database))
        self.org, self.real, self.now = house.org, house.store, NOON
        self.model = MemoryStore(RULES)
        self.lease = self.runner.run(self.model.leases.take(self.org, holder="first", seen=None))
        assert self.lease == house.lease
        self.numbers = iter(range(1, 1 << 30))

    @property
    def term(self) -> Term:
        return Term(self.org, self.lease.epoch)

    def new_id(self) -> str:
        return uuid(next(self.numbers))

    def both(self, verb: Callable[[Verbs], Awaitable[object]]) -> Said:
        """Ask both; they must say the same."""
        real, model = self._ask(verb(self.real)), self._ask(verb(self.model))
        assert real == model
        return real

    def _ask(self, asked: Awaitable[object]) -> Said:
        async def answer() -> Said:
            try:
                return Said(await asked)
            except (StoreError, LengthRefused) as error:
                return Said(refused=type(error))

        return self.runner.run(answer())

    @rule(seconds=st.sampled_from((0.01, 0.5, 2.0, 15.0, 61.0)))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(
        target=mutes,
        user=anybody,
        call=st.one_of(st.none(), calls),
        seconds=seconds,
        owner=st.sampled_from(("sam", "sue")),
        pause=st.booleans(),
        renews=st.booleans(),
        at_most=st.sampled_from((None, None, None, 2)),
        rate=st.sampled_from((None, None, 2, 3)),
        within=st.sampled_from((None, None, None, 140.0, 7320.0)),
        alone=st.sampled_from((False, False, False, True)),
        key=st.sampled_from((None, None, None, "one", "two")),
        body=st.sampled_from((b"a", b"b")),
    )
    def place(self, *, user, call, seconds, owner, pause, renews, at_most, rate, within, alone, key, body):
        new = mute(
            next(self.numbers), user=user, call=call, at=self.now, seconds=seconds, owner=owner,
            pause_recording=pause, renew_by=self.now + 30 if renews else None,
        )  # fmt: skip
        change = Place(
            org=self.org,
            mutes=(new,),
            at_most=at_most,
            rate=rate,
            within=within,
            beside=() if alone else None,
            claim=self._claim(key, body),
            tell=self._tell("placed"),
        )
        said = self.both(lambda store: store.place(change, now=self.now))
        self._finds(said.value.due if said.value else ())
        return new.id

    @rule(ids=st.lists(mutes, max_size=3, unique=True), end=st.sampled_from((End.RELEASED, End.CANCELLED)))
    def release(self, ids, end):
        change = Release(
            org=self.org, mute_ids=tuple(ids), by="sam", end=end, tell=self._tell("released"),
            entries=(entry("asked", at=self.now),),
        )  # fmt: skip
        self.both(lambda store: store.place(change, now=self.now))

    @rule(
        one=mutes,
        seconds=st.one_of(st.none(), seconds),
        renews=st.booleans(),
        rate=st.sampled_from((None, 2, 3)),
        within=st.sampled_from((None, 140.0)),
    )
    def extend(self, *, one, seconds, renews, rate, within):
        change = Extend(
            org=self.org,
            mute_ids=(one,),
            release_at=None if seconds is None else self.now + seconds,
            renew_by=self.now + 30 if renews else None,
            rate=rate,
            within=within,
            tell=self._tell("extended"),
        )
        self.both(lambda store: store.place(change, now=self.now))

    @rule(stays=st.sampled_from((False, False, False, True)))
    def brake(self, stays):
        freeze = Freeze(org=self.org, by="sam", tell=self._tell("stopped"))
        self.both(lambda store: store.place(freeze, now=self.now))
        if not stays:
            self.both(lambda store: store.place(Unfreeze(org=self.org), now=self.now))

    @rule(
        seen=st.lists(
            st.tuples(
                users,
                calls,
                legs,
                st.sampled_from(
                    (LegState.LIVE, LegState.LIVE, LegState.LIVE, LegState.OVER, LegState.WAITING)
                ),
                st.sampled_from((True, False, None)),
                st.sampled_from(Way),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def observe(self, seen):
        sightings = [
            Sighting(
                target=Target(self.org, call, user),
                observed=Observed(leg=leg, state=state, at=self.now, way=way, muted=muted, held=False),
            )
            for user, call, leg, state, muted, way in seen
        ]
        said = self.both(lambda store: store.observe(self.term, sightings, now=self.now))
        self._finds(one.due for one in said.value if one.due)

    @rule(user=users, call=calls)
    def lose_sight(self, user, call):
        lost = [Sighting(target=Target(self.org, call, user), observed=None)]
        self.both(lambda store: store.observe(self.term, lost, now=self.now))

    @rule(target=loaded, limit=st.sampled_from((1, 500)))
    def load(self, limit):
        said = self.both(lambda store: store.load_due(self.term, now=self.now, limit=limit))
        return said.value

    @rule(target=issued, found=loaded)
    def decide(self, found):
        """Perhaps long after it was loaded."""
        decided = [self._decided(due) for due in found.due]
        lapses = [self._lapse(one) for one in found.lapsed]
        self.both(lambda store: store.intend(self.term, decided, lapses, now=self.now))
        return multiple(*((one.target, one.decision.command.id) for one in decided if one.decision.command))

    @rule(target=issued, seconds=st.sampled_from((0.0, 0.0, 2.0, 16.0, 130.0)))
    def decide_now(self, seconds):
        self.now += seconds
        found = self.both(lambda store: store.load_due(self.term, now=self.now)).value
        return self.decide(found)

    @rule(target=issued)
    def insist(self):
        """A command whatever control would say, perhaps while another is open."""
        found = self.both(lambda store: store.load_due(self.term, now=self.now)).value
        decided = [self._insisting(due) for due in found.due]
        self.both(lambda store: store.intend(self.term, decided, now=self.now))
        return multiple(*((one.target, one.decision.command.id) for one in decided))

    @rule(
        commands=st.lists(issued, min_size=1, max_size=3),
        kind=st.sampled_from(Kind),
        final=st.booleans(),
        zombie=st.booleans(),
    )
    def conclude(self, commands, kind, final, zombie):
        closings = [
            Closing(
                target=target,
                outcome=Outcome(
                    command_id=command_id, kind=kind, at=self.now, again_at=None if final else self.now + 1
                ),
                sent_at=self.now,
                entries=(entry("outcome", at=self.now),),
                late=(entry("late", at=self.now),),
            )
            for target, command_id in commands
        ]
        term = replace_epoch(self.term, -1) if zombie and self.lease.epoch > 1 else self.term
        self.both(lambda store: store.conclude(term, closings, now=self.now))

    @rule(limit=st.sampled_from((1, 1000)))
    def seal(self, limit):
        said = [self._ask(store.seal(self.term, limit=limit)) for store in (self.real, self.model)]
        assert _chain(said[0].value) == _chain(said[1].value)

    @rule(ago=st.sampled_from((0.0, 30.0)))
    def sweep(self, ago):
        before = self.now - ago
        swept = self.runner.run(self.real.microphones.sweep(self.org, before=before))
        assert swept == self.model.sweep(self.org, before=before)

    @rule()
    def take_over(self):
        before = self.lease
        real, model = (
            self.runner.run(store.leases.take(self.org, holder="other", seen=before))
            for store in (self.real, self.model)
        )
        assert isinstance(real, Lease)
        assert real == model
        self.lease = real

    @rule(verb=st.sampled_from(("load_due", "observe", "intend")))
    def zombie(self, verb):
        """A keeper of an earlier term changes nothing."""
        old = replace_epoch(self.term, -1)
        arguments = {"load_due": (), "observe": ([],), "intend": ([],)}[verb]
        said = self.both(lambda store: getattr(store, verb)(old, *arguments, now=self.now))
        assert said.refused

    @rule()
    def beat(self):
        assert self.runner.run(self.real.leases.beat(self.term))
        assert self.runner.run(self.model.leases.beat(self.term))
        self.lease = self.runner.run(self.real.leases.read(self.org))
        assert self.lease == self.runner.run(self.model.leases.read(self.org))

    @invariant()
    def both_hold_the_same(self):
        self.runner.run(self._compare())

    async def _compare(self):
        real, model, org = self.real, self.model, self.org
        found = {mute.id: mute for mute in model.mutes(org)}
        assert await real.mutes.get(org, list(found)) == tuple(found.values())
        assert await real.mutes.standing(org) == tuple(one for one in found.values() if one.stands)
        rows = (*await real.microphones.all(org), *await real.recordings.all(org))
        assert tuple(sorted(rows, key=lambda row: row.target)) == model.remembered(org)
        assert sorted(await real.commands.open(org), key=_id) == sorted(model.open_commands(org), key=_id)
        sealed, known = await real.entries.after(org, 0), model.contents.seals.get(org, [])
        assert _chain(sealed) == _chain(known)
        assert (await real.entries.waiting(org))[0] == len(model.contents.entries) - len(known)

    def _finds(self, told: Iterable[Due]) -> None:
        """What a verb tells to be due is what whoever looks finds."""
        found = self._ask(self.model.load_due(self.term, now=self.now)).value
        assert set(told) <= set(found.due)

    def _decided(self, due: Due) -> Decided:
        if due.target.user_id:
            decision = decide(due.memory, due.mutes, PACE, self.now, self.new_id)
        else:
            decision = Decision(memory=due.memory, wake_at=self.now + 5)
        told = tuple(entry(f"ended {one.end}", at=one.at, mute_id=one.mute_id) for one in decision.ended)
        return Decided(target=due.target, version=due.version, decision=decision, entries=told)

    def _insisting(self, due: Due) -> Decided:
        made = command(next(self.numbers), at=self.now)
        memory = structs.replace(due.memory, pending=made)
        decision = Decision(memory=memory, command=made, wake_at=self.now + 15)
        return Decided(target=due.target, version=due.version, decision=decision)

    def _lapse(self, one) -> Lapse:
        at, end = one.due(owner_grace=PACE.owner_grace)
        return Lapse(mute=one, at=at, end=end, entries=(entry("lapsed", at=at, mute_id=one.id),))

    def _claim(self, key, body):
        if key is None:
            return None
        return Claim(
            principal=self.org,
            key=key,
            body_digest=body,
            status=201,
            response=b"made",
            expires_at=self.now + 40,
        )

    def _tell(self, action):
        return lambda one: (
            entry(action, at=self.now, mute_id=one.id, public=json.dumps({"until": one.release_at})),
        )


def replace_epoch(term: Term, by: int) -> Term:
    return Term(term.org, term.epoch + by)


def _id(one):
    return one.id


def _chain(sealed):
    """Numbers, hashes and content; the ids of entries are each store's own."""
    return [(one.seq, one.hash, one.entry.action, one.entry.at, one.entry.mute_id) for one in sealed]


@pytest.mark.timeout(300)
def test_postgres_and_memory_are_one_store(embedded):
    with asyncio.Runner() as runner:
        BothStores.runner = runner
        BothStores.database = runner.run(Database.open(embedded.conninfo(), size=2))
        run_machine(
            BothStores,
            settings=settings(
                max_examples=60,
                stateful_step_count=40,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(BothStores.database.close())
