"""The six verbs on PostgreSQL. The order of locks is that of schema.sql."""

from collections.abc import Callable, Sequence
from itertools import chain

from micgate.control.mute import Mute
from micgate.control.pace import PACE
from micgate.store import (
    commands,
    due,
    entries,
    fold,
    idempotency,
    leases,
    microphones,
    mutes,
    orgs,
    paces,
    place,
)
from micgate.store.agents import Agents
from micgate.store.channels import Channels
from micgate.store.checkpoints import Checkpoints
from micgate.store.commands import Commands
from micgate.store.database import Connection, Database, Hint, notify
from micgate.store.deliveries import Deliveries
from micgate.store.entries import Entries, Sealed
from micgate.store.errors import Fenced
from micgate.store.fold import SortedOut
from micgate.store.forget import Forget
from micgate.store.frequency import Frequency
from micgate.store.keys import Keys
from micgate.store.leases import Leases, Term
from micgate.store.microphones import Microphones
from micgate.store.mutes import Ending, Mutes
from micgate.store.orgs import Orgs
from micgate.store.outlooks import Outlooks
from micgate.store.target import Subject
from micgate.store.verbs import (
    Change,
    Closing,
    Concluded,
    Decided,
    Due,
    DueNow,
    Extend,
    Freeze,
    Intended,
    Lapse,
    Noted,
    Place,
    Placed,
    Release,
    Rules,
    Sighting,
    Unfreeze,
)
from micgate.store.webhooks import Webhooks


class PostgresStore:
    """See `verbs.Verbs`. The attributes are for reading, and for what is no microphone's business.

    `nudge` tells a keeper in this very process that there is work, with all that is due, if it is known.
    False: somebody else may have that org.
    """

    def __init__(self, database: Database, rules: Rules) -> None:
        self._database = database
        self._rules = rules
        self.nudge: Callable[[str, Sequence[Due]], bool] = lambda *_: False
        self.leases = Leases(database)
        self.orgs = Orgs(database)
        self.outlooks = Outlooks(database)
        self.mutes = Mutes(database)
        self.microphones = Microphones(database)
        self.recordings = Microphones(database, subject=Subject.RECORDING)
        self.commands = Commands(database)
        self.entries = Entries(database)
        self.channels = Channels(database)
        self.checkpoints = Checkpoints(database)
        self.forget = Forget(database)
        self.frequency = Frequency(database)
        self.agents = Agents(database)
        self.keys = Keys(database)
        self.webhooks = Webhooks(database)
        self.deliveries = Deliveries(database)

    async def place(self, change: Change, *, now: float) -> Placed:
        if isinstance(change, Place):
            return await self._place(change, now)
        async with self._database.transaction() as connection:
            if change.claim and (replayed := await idempotency.claim(connection, change.claim, now=now)):
                return Placed(replayed=replayed)
            changed = await _apply(connection, change, now)
            await _wake_under(connection, change.org, changed, now)
            told = chain(change.entries, *(change.tell(mute) for mute in changed))
            await entries.add(connection, change.org, tuple(told))
        self._tell(change.org, changed)
        return Placed(mutes=changed)

    async def _place(self, change: Place, now: float) -> Placed:
        async with self._database.at_once() as connection:
            placed = await place.place(connection, change, now=now)
        self._tell(change.org, placed.mutes, placed.due)
        return placed

    def _tell(self, org: str, changed: Sequence[Mute], due: Sequence[Due] = ()) -> None:
        if changed and not self.nudge(org, due):
            self._database.hint(org)

    async def load_due(
        self, term: Term, *, now: float, limit: int = 500, owner_grace: float = PACE.owner_grace
    ) -> DueNow:
        org, lapsed = term.org, tuple[Mute, ...]()
        async with self._database.looking() as connection:
            found = await due.look(connection, term, now=now, limit=limit, owner_grace=owner_grace)
            lapse_at = found.next.lapse_at
            if lapse_at is not None and lapse_at <= now:
                lapsed = await due.lapsed(connection, org, now=now, owner_grace=owner_grace, limit=limit)
        return DueNow(due=fold.dues(found.rows, found.mutes), lapsed=lapsed, next_at=found.next.at)

    async def observe(self, term: Term, sightings: Sequence[Sighting], *, now: float) -> tuple[Noted, ...]:
        org, targets = term.org, {sighting.target for sighting in sightings}
        users = [target.user_id for target in targets if target.user_id]
        async with self._database.verb() as connection:
            passed = await leases.fence(connection, term)
            await mutes.pass_gates(connection, org, users, alone=False)
            locked = await microphones.lock(connection, org, targets)
            standing_at = await mutes.standing_at(connection, org, targets)
            await passed()
            rows, standing = await locked(), await standing_at()
            new = await microphones.add(connection, org, targets - rows.keys())
            memories = {target: row.memory for target, row in (rows | new).items()}
            noted = tuple(
                fold.take_in(self._rules, memories, sighting, standing=standing, now=now)
                for sighting in sightings
            )
            wakes = {one.target: now for one in noted if one.woken}
            await microphones.put(connection, org, memories, wakes=wakes)
            told = chain.from_iterable(self._rules.record(one.target, one.facts, now) for one in noted)
            await entries.add(connection, org, tuple(told))
        return fold.with_due(noted, rows, standing)  # of the new ones mutes may have been placed meanwhile

    async def intend(
        self, term: Term, decided: Sequence[Decided], lapses: Sequence[Lapse] = (), *, now: float
    ) -> Intended:
        org, targets = term.org, {one.target for one in decided}
        async with self._database.verb() as connection:
            passed = await leases.fence(connection, term)
            locked = await mutes.lock(connection, org, fold.ending_ids(decided, lapses))
            agents = await microphones.of_users(connection, org, fold.everywhere(locked))
            rows_of = await microphones.lock(connection, org, targets | fold.under(org, locked, agents))
            open_on = await commands.open_on(connection, org, targets)
            await passed()
            rows = await rows_of()
            sorted_ = fold.sort_out(
                decided,
                lapses,
                versions={target: row.version for target, row in rows.items()},
                standing={mute.id: mute for mute in locked},
                open_commands=await open_on(),
            )
            if sorted_.endings:
                await mutes.end(connection, org, sorted_.endings)
            ended = {ending.mute_id for ending in sorted_.endings}
            changed = [mute for mute in locked if mute.id in ended]
            woken = fold.under(org, changed, agents) & rows.keys() - {one.target for one in sorted_.done}
            await microphones.wake(connection, org, woken, now=now)
            await _write_down(connection, term, sorted_, now)
        return Intended(
            done=tuple(one.target for one in sorted_.done),
            stale=sorted_.stale,
            blocked=sorted_.blocked,
            lapsed=tuple(one.mute.id for one in sorted_.lapsed),
            due_at=sorted_.due_at(now, woken),
        )

    async def conclude(self, term: Term, closings: Sequence[Closing], *, now: float) -> tuple[Concluded, ...]:
        try:
            return await self._conclude(term, closings, now)
        except Fenced:
            async with self._database.transaction() as connection:
                told = chain.from_iterable(closing.late for closing in closings)
                await entries.add(connection, term.org, tuple(told))
            raise

    async def seal(self, term: Term, *, limit: int = 1000) -> tuple[Sealed, ...]:
        async with self._database.verb() as connection:
            passed = await leases.fence(connection, term)
            sealed = await entries.seal(connection, term.org, self._rules.link, limit=limit)
            await passed()
            if sealed:
                await notify(connection, term.org, of=Hint.SEALED)
        return sealed

    async def _conclude(self, term: Term, closings: Sequence[Closing], now: float) -> tuple[Concluded, ...]:
        org = term.org
        async with self._database.verb() as connection:
            passed = await leases.fence(connection, term)
            locked = await microphones.lock(connection, org, {closing.target for closing in closings})
            outcomes = [(closing.outcome, closing.sent_at) for closing in closings]
            closed = await commands.close(connection, org, outcomes)
            await passed()
            rows, in_time = await locked(), await closed()
            taken = fold.take_back(
                self._rules,
                {target: row.memory for target, row in rows.items()},
                closings,
                in_time=in_time,
                repeated=await commands.repeated(connection, org, outcomes, in_time=in_time),
                now=now,
            )
            await microphones.put(connection, org, taken.changed, wakes=taken.wakes)
            await entries.add(connection, org, taken.told)
        return taken.concluded


async def _apply(
    connection: Connection, change: Release | Extend | Freeze | Unfreeze, now: float
) -> tuple[Mute, ...]:
    """The mutes that were changed, as they are now."""
    org = change.org
    match change:
        case Release():
            found = await mutes.lock(connection, org, change.mute_ids)
            endings = [Ending(mute_id=one.id, at=now, end=change.end, by=change.by) for one in found]
            return await (await mutes.end(connection, org, endings))()
        case Extend():
            return await _extend(connection, change, now)
        case Freeze():
            await orgs.set_brake(connection, org, at=now, by=change.by)
            found = await mutes.lock_standing(connection, org)
            endings = [Ending(mute_id=one.id, at=now, end=change.end, by=change.by) for one in found]
            return await (await mutes.end(connection, org, endings))()
        case Unfreeze():
            await orgs.loose_brake(connection, org)
            return ()


async def _extend(connection: Connection, change: Extend, now: float) -> tuple[Mute, ...]:
    org = change.org
    found = await mutes.get(connection, org, change.mute_ids)
    if (change.within, change.rate) != (None, None):
        await mutes.pass_owners(connection, org, found)
    await mutes.lock(connection, org, change.mute_ids)
    extended = await mutes.extend(
        connection, org, change.mute_ids, release_at=change.release_at, renew_by=change.renew_by
    )
    for mute in extended if change.within is not None else ():
        await mutes.check_chain(connection, org, mute, within=change.within or 0.0)
    if change.rate is not None:
        await paces.count(connection, org, extended, rate=change.rate, now=now)
    return extended


async def _wake_under(connection: Connection, org: str, changed: Sequence[Mute], now: float) -> None:
    agents = await microphones.of_users(connection, org, fold.everywhere(changed))
    await microphones.add_awake(connection, org, fold.under(org, changed, agents), now=now)


async def _write_down(connection: Connection, term: Term, sorted_: SortedOut, now: float) -> None:
    decisions = {one.target: one.decision for one in sorted_.done}
    memories = {target: decision.memory for target, decision in decisions.items()}
    await microphones.decide(connection, term.org, memories, wakes=sorted_.wakes(now))
    gave_up = [(decision.gave_up, None) for decision in decisions.values() if decision.gave_up]
    if gave_up:
        await commands.close(connection, term.org, gave_up)
    new = [(target, decision.command) for target, decision in decisions.items() if decision.command]
    await commands.add(connection, term, new)
    await entries.add(connection, term.org, sorted_.told)
