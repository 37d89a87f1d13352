"""Whom somebody means, and which calls they are on: what is stored first, then the platform."""

from collections.abc import Callable, Collection

from micgate.control.microphone import LegState, Observed, Way
from micgate.control.placing import Circumstances, LiveCall, OnlyIf
from micgate.genesys.errors import AmbiguousAgent, Away, GenesysError, NoLiveCall, RateLimited, UnknownAgent
from micgate.service.people.lookup import Found, LookUp, Mood
from micgate.service.people.shelf import Shelf
from micgate.store.agents import Agent
from micgate.store.ids import new_id
from micgate.store.microphones import Remembered
from micgate.store.postgres import PostgresStore

KNOWN_SECONDS = 600.0
"""Whose name an e-mail address is, and how large a queue, is looked up again after this."""
LONGEST_REF = 320
"""Characters of an e-mail address; ids and names are shorter."""
_ALL, _MARKED = "queues", "marked"
_MARKED_SECONDS = 1.0
_MISSING_SECONDS = 30.0
_MOOD_SECONDS = 5.0
_POPULATION_SECONDS = 60.0


class Directory:
    """`monotonic` is in seconds, for how long something is remembered."""

    def __init__(
        self, store: PostgresStore, org: str, look_up: LookUp, *, monotonic: Callable[[], float]
    ) -> None:
        self._store = store
        self._org = org
        self._look_up = look_up
        self._people: Shelf[str, Agent] = Shelf(KNOWN_SECONDS, monotonic)
        self._population: Shelf[str, int] = Shelf(_POPULATION_SECONDS, monotonic)
        self._missing: Shelf[str, GenesysError] = Shelf(_MISSING_SECONDS, monotonic, most=10_000)
        self._moods: Shelf[str, Mood] = Shelf(_MOOD_SECONDS, monotonic)
        self._queues: Shelf[tuple[str, str], str | None] = Shelf(3600.0, monotonic)
        self._marked: Shelf[str, frozenset[tuple[str, str]]] = Shelf(_MARKED_SECONDS, monotonic)
        self._sizes: Shelf[str, dict[str, int | None]] = Shelf(KNOWN_SECONDS, monotonic)

    async def agent(self, ref: str) -> Agent:
        """The agent meant by an id, an e-mail address or a name. Errors of the genesys tree."""
        ref = ref.strip()
        if not _can_be(ref):
            raise UnknownAgent(
                "Nobody is called that.", remedy="Give an e-mail address, a name or a user id."
            )
        name = ref.casefold()
        if missing := self._missing.get(name):
            raise missing.with_traceback(None)
        known = self._people.get(name)
        if known is None:
            known = await self._sought(ref)
            self._people.put(name, known)
        return known

    async def is_at_hand(self, ref: str) -> bool:
        """Whether the platform need not be asked who that is."""
        ref = ref.strip()
        name = ref.casefold()
        if not _can_be(ref) or name in self._people or name in self._missing:
            return True
        return len(await self._store.agents.find(self._org, ref)) == 1

    def remembers_mood(self, user_id: str) -> bool:
        return user_id in self._moods

    async def known(self, users: set[str]) -> dict[str, Agent]:
        """Those of them that were met before, by user id."""
        found = await self._store.agents.get(self._org, sorted(users)) if users else ()
        return {agent.user_id: agent for agent in found}

    async def calls(
        self, agent: Agent, rows: tuple[Remembered, ...], *, named: str | None
    ) -> tuple[LiveCall, ...]:
        """The agent's live calls. The platform is asked when none is known, or not the one that is named."""
        known = [row for row in rows if _is_live(row)]
        live = tuple(LiveCall(conversation_id=row.target.conversation_id, held=_held(row)) for row in known)
        for row in known:
            self._keep_queue(row)
        if live and (named is None or any(one.conversation_id == named for one in live)):
            return live
        found = await self._look_up.calls(Found(user_id=agent.user_id, name=agent.name, email=agent.email))
        for call in found:
            self._queues.put((agent.user_id, call.conversation_id), call.queue_id)
        return tuple(LiveCall(conversation_id=call.conversation_id, held=call.held) for call in found)

    async def circumstances(
        self, agent: Agent, rows: tuple[Remembered, ...], call: LiveCall | None, only_if: OnlyIf
    ) -> Circumstances:
        """As much as these conditions ask for."""
        mood = await self._look_up.mood(agent.user_id) if only_if.presence or only_if.routing_status else None
        queue = await self.queue(agent.user_id, call.conversation_id) if only_if.queue and call else None
        row = next((one for one in rows if call and one.target.conversation_id == call.conversation_id), None)
        seen = row.memory.seen if row and _is_live(row) else None
        return Circumstances(
            observed=seen or (_told(call) if call else None),
            queue=queue,
            presence=mood.presence if mood else None,
            routing_status=mood.routing_status if mood else None,
        )

    async def mood(self, user_id: str) -> tuple[str | None, str | None]:
        """Presence and routing status; unknown when the platform is away."""
        mood = self._moods.get(user_id)
        if mood is None:
            try:
                mood = await self._look_up.mood(user_id)
            except (Away, RateLimited):
                return None, None
            self._moods.put(user_id, mood)
        return mood.presence, mood.routing_status

    async def queue(self, user_id: str, conversation_id: str) -> str | None:
        """The queue that a call came from, None when from none. Asked for unless the mirror has shown it."""
        key = (user_id, conversation_id)
        if key not in self._queues:
            for row in await self._store.microphones.of_agent(self._org, user_id):
                self._keep_queue(row)
        if key not in self._queues:
            self._queues.put(key, await self._look_up.queue_of(user_id, conversation_id))
        return self._queues.get(key)

    async def protected(self) -> frozenset[tuple[str, str]]:
        """Pairs of kind (agent, queue) and id, at most a second old."""
        return await self._marked.found(_MARKED, lambda: self._store.agents.protected(self._org))

    def forget_protected(self) -> None:
        """Somebody has just marked, or unmarked, one."""
        self._marked.drop(_MARKED)

    async def is_from(self, user_id: str, conversation_id: str, queue_id: str) -> bool:
        """Whether that call came from this queue; one that is over counts for none."""
        return await self.is_from_any(user_id, conversation_id, (queue_id,))

    async def is_from_any(self, user_id: str, conversation_id: str, queues: Collection[str]) -> bool:
        """As `is_from`, of several."""
        try:
            return await self.queue(user_id, conversation_id) in queues
        except NoLiveCall:
            self._queues.put((user_id, conversation_id), None)
            return False

    async def members(self, queue_id: str) -> int | None:
        """How many members a queue has; None when nobody says."""
        return (await self._every_queue()).get(queue_id)

    async def is_queue(self, queue_id: str) -> bool | None:
        """Whether there is such a queue, a new one too; None when nobody says."""
        try:
            if queue_id not in await self._every_queue():
                self._sizes.drop(_ALL)
            return queue_id in await self._every_queue()
        except (Away, RateLimited):
            return None

    async def population(self) -> int:
        """How many agents are known here."""
        count = self._population.get(_ALL)
        if count is None:
            count = len(await self._store.agents.all(self._org))
            self._population.put(_ALL, count)
        return count

    async def _every_queue(self) -> dict[str, int | None]:
        """With how many members each has."""
        if _ALL not in self._sizes:
            self._sizes.put(_ALL, await self._look_up.queues())
        return self._sizes.get(_ALL) or {}

    async def _sought(self, ref: str) -> Agent:
        """Who is not there is not looked for again at once."""
        try:
            return await self._found(ref)
        except (UnknownAgent, AmbiguousAgent) as error:
            self._missing.put(ref.casefold(), error)
            raise

    async def _found(self, ref: str) -> Agent:
        """Whoever the roster names alone. It is as old at most as what is remembered here."""
        stored = await self._store.agents.find(self._org, ref)
        if len(stored) == 1:
            return stored[0]
        return await self._met(await self._look_up.agent(ref))

    def _keep_queue(self, row: Remembered) -> None:
        """If the mirror has shown it."""
        queue_id = row.memory.seen.queue_id if row.memory.seen else None
        if queue_id is not None:
            self._queues.put((row.target.user_id, row.target.conversation_id), queue_id or None)

    async def _met(self, found: Found) -> Agent:
        """The first pseudonym stays, whoever gave it."""
        met = Agent(user_id=found.user_id, pseudonym=new_id(), email=found.email, name=found.name)
        await self._store.agents.put(self._org, [met])
        return (await self._store.agents.get(self._org, [found.user_id]))[0]


def _can_be(ref: str) -> bool:
    """Whether anybody can be called that. The database takes no NUL, and nobody's answer is a whole page."""
    return ref.isprintable() and len(ref) <= LONGEST_REF


def _is_live(row: Remembered) -> bool:
    seen = row.memory.seen
    return seen is not None and seen.state is LegState.LIVE and not row.memory.stale


def _told(call: LiveCall) -> Observed:
    """A call that only the platform's look-up has shown is live, as that finds no others."""
    return Observed(leg="", state=LegState.LIVE, at=0.0, way=Way.READ, held=call.held)


def _held(row: Remembered) -> bool | None:
    return row.memory.seen.held if row.memory.seen else None
