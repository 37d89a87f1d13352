"""The same story on two stores at once: the keeper lives on PostgreSQL, the model beside it must agree.

Every verb is asked of both, and both must answer alike, or refuse alike. What is asked all the time, changing
nothing, is asked of PostgreSQL only when there is something to tell: that saves most of the time.
"""

import asyncio
from collections.abc import Callable, Coroutine
from threading import Thread
from typing import Any, Self

from micgate.store.database import Database
from micgate.store.errors import StoreError
from micgate.store.memory.leases import MemoryLeases
from micgate.store.memory.store import MemoryStore
from micgate.store.postgres import PostgresStore
from micgate.store.verbs import Rules
from simulation.broken import Broken


class Real:
    """PostgreSQL, for callers whose time stands still while it works: on a loop and a thread of its own."""

    def __init__(self, conninfo: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.database = self.ask(Database.open(conninfo, size=2))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ask(self.database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def ask(self, verb: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(verb, self._loop).result()

    def store(self, org: str) -> Callable[[Rules], "BothStores"]:
        """A maker of stores for a new org."""

        def make(rules: Rules) -> BothStores:
            store = PostgresStore(self.database, rules)
            self.ask(store.orgs.ensure(org))
            return BothStores(rules, self, store)

        return make


class BothLeases(MemoryLeases):
    def __init__(self, model: MemoryStore, both: "BothStores") -> None:
        super().__init__(model.contents)
        self._both = both

    async def take(self, name, **about):
        return self._both.agreed(self._both.real.leases.take(name, **about), super().take(name, **about))

    async def beat(self, term, **about):
        return self._both.agreed(self._both.real.leases.beat(term, **about), super().beat(term, **about))

    async def resign(self, term):
        self._both.agreed(self._both.real.leases.resign(term), super().resign(term))


class BothStores(MemoryStore):
    def __init__(self, rules: Rules, thread: Real, real: PostgresStore) -> None:
        super().__init__(rules)
        self.real = real
        self._thread = thread
        self._idle = False
        self.leases = BothLeases(self, self)

    async def place(self, change, *, now):
        return self.agreed(self.real.place(change, now=now), super().place(change, now=now))

    async def load_due(self, term, *, now, **about):
        found = await super().load_due(term, now=now, **about)
        if found.due or found.lapsed or not self._idle:
            _same("answer", self._done(self.real.load_due(term, now=now, **about)), found)
        self._idle = not found.due and not found.lapsed
        return found

    async def observe(self, term, sightings, *, now):
        return self.agreed(
            self.real.observe(term, sightings, now=now), super().observe(term, sightings, now=now)
        )

    async def intend(self, term, decided, lapses=(), *, now):
        return self.agreed(
            self.real.intend(term, decided, lapses, now=now), super().intend(term, decided, lapses, now=now)
        )

    async def conclude(self, term, closings, *, now):
        return self.agreed(
            self.real.conclude(term, closings, now=now), super().conclude(term, closings, now=now)
        )

    async def seal(self, term, *, limit=1000):
        """The ids of entries are each store's own."""
        if not self.contents.unsealed.get(term.org):
            return await super().seal(term, limit=limit)
        real = self._done(self.real.seal(term, limit=limit))
        model = _said(super().seal(term, limit=limit))
        if isinstance(real, StoreError):
            raise real
        _same("seal", [_link(one) for one in real], [_link(one) for one in model])
        return model

    def sweep(self, org, *, before):
        swept = self._done(self.real.microphones.sweep(org, before=before))
        _same("sweep", swept, super().sweep(org, before=before))
        return swept

    def agreed(self, real: Coroutine[Any, Any, Any], model: Coroutine[Any, Any, Any]) -> Any:
        """What PostgreSQL answered, if the model says the same."""
        said, ours = self._done(real), _said(model)
        if isinstance(said, StoreError):
            _same("refusal", type(said), type(ours))
            raise said
        _same("answer", said, ours)
        return said

    def hold_the_same(self, org: str) -> None:
        """In the end."""
        mutes = {mute.id: mute for mute in self.mutes(org)}
        _same("mutes", self._done(self.real.mutes.get(org, list(mutes))), tuple(mutes.values()))
        rows = (*self._done(self.real.microphones.all(org)), *self._done(self.real.recordings.all(org)))
        _same("rows", tuple(sorted(rows, key=lambda row: row.target)), self.remembered(org))
        _same("commands", self._done(self.real.commands.open(org)), self.open_commands(org))
        sealed = self._done(self.real.entries.after(org, 0, limit=1_000_000))
        _same("seals", [_link(one) for one in sealed], [_link(one) for one in self.contents.seals[org]])

    def _done(self, verb: Coroutine[Any, Any, Any]) -> Any:
        try:
            return self._thread.ask(verb)
        except StoreError as error:
            return error


def _said(verb: Coroutine[Any, Any, Any]) -> Any:
    """The model waits for nothing."""
    try:
        verb.send(None)
    except StopIteration as done:
        return done.value
    except StoreError as error:
        return error
    raise AssertionError("the store in memory waits")


def _link(sealed):
    return (
        sealed.seq,
        sealed.hash,
        sealed.entry.action,
        sealed.entry.at,
        sealed.entry.mute_id,
        sealed.entry.command_id,
    )


def _same(what: str, real: object, model: object) -> None:
    if real != model:
        raise Broken(0, f"PostgreSQL and the model differ in their {what}: {real!r} and {model!r}")
