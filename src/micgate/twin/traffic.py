"""The built-in contact centre at work: calls arrive, ring, are answered, held, transferred, and end.

Every step looks at what is there before it acts: others may have changed the call meanwhile.
"""

import random
from collections import deque
from collections.abc import Callable
from functools import partial

from micgate.twin import legs, names
from micgate.twin.calls import Conversation, Participant
from micgate.twin.floor import Floor
from micgate.twin.people import User
from micgate.twin.telephony import Telephony

BUSY_SHARE = 0.6
"""Of the agents, on average, once it runs."""
HANDLING_SECONDS = 140.0
WARM_UP_SECONDS = 120.0
RING_SECONDS = 8.0
TRIES = 8

OUTBOUND, NO_ANSWER, BREAK = 0.15, 0.08, 0.04
CUSTOMER_ENDS = 0.7
HOLDS, MUTES, TRANSFERS, CONSULTS, CONFERENCES = 0.25, 0.1, 0.08, 0.06, 0.06


class Traffic:
    def __init__(self, floor: Floor, telephony: Telephony, *, agents: list[User], rng: random.Random) -> None:
        self._floor = floor
        self._telephony = telephony
        self._agents = agents
        self._own = {agent.id for agent in agents}
        self._queues = [queue for queue in floor.people.queues.values() if queue.members]
        self._rng = rng
        self._members = {
            queue.id: [floor.people.users[user_id] for user_id in queue.members] for queue in self._queues
        }
        self._waiting: dict[str, deque[str]] = {queue.id: deque() for queue in self._queues}

    def begin(self) -> None:
        """Let calls come from now on; the first ones come close together."""
        if not self._agents:
            return
        self._floor.freed = self._freed
        for _ in range(round(len(self._agents) * BUSY_SHARE)):
            self._later(self._rng.uniform(0, WARM_UP_SECONDS / 2), self._arrive)
        self._later(WARM_UP_SECONDS / 2, self._arrive_steadily)

    def _arrive_steadily(self) -> None:
        self._arrive()
        rate = len(self._agents) * BUSY_SHARE / HANDLING_SECONDS
        self._later(self._rng.expovariate(rate), self._arrive_steadily)

    def _arrive(self) -> None:
        if self._rng.random() < OUTBOUND:
            self._dial_out()
        else:
            self._call_in()

    def _dial_out(self) -> None:
        agent = self._idle(self._agents)
        if agent is None:
            return
        call = self._telephony.place(
            agent=agent.id,
            customer=names.person(self._rng),
            number=names.number(self._rng),
            direction="outbound",
            state="dialing",
            from_traffic=True,
        )
        self._later(self._rng.uniform(3, 8), partial(self._answer, call.id, agent.id))

    def _call_in(self) -> None:
        queue = self._rng.choice(self._queues)
        call = self._telephony.place(
            agent=self._agents[0].id,
            customer=names.person(self._rng),
            number=names.number(self._rng),
            queue=queue.id,
            state="queued",
            from_traffic=True,
        )
        self._later(self._rng.uniform(0.5, 2), partial(self._route, call.id, queue.id))

    def _route(self, call_id: str, queue_id: str) -> None:
        agent = self._idle(self._members[queue_id])
        if agent is None:
            self._waiting[queue_id].append(call_id)
        elif self._waits(call_id):
            self._ring(call_id, agent)

    def _ring(self, call_id: str, agent: User) -> None:
        self._telephony.offer(call_id, agent=agent.id)
        if self._rng.random() < NO_ANSWER:
            self._later(RING_SECONDS, partial(self._give_up, call_id, agent.id))
        else:
            self._later(self._rng.uniform(1.5, 6), partial(self._answer, call_id, agent.id))

    def _give_up(self, call_id: str, agent_id: str) -> None:
        call = self._call(call_id)
        ringing = None if call is None else _ringing(call, agent_id)
        if ringing is not None and ringing.queue_id is not None:
            self._telephony.no_answer(call_id, agent=agent_id)
            self._later(self._rng.uniform(1, 3), partial(self._route, call_id, ringing.queue_id))

    def _answer(self, call_id: str, agent_id: str) -> None:
        call = self._call(call_id)
        if call is not None and _ringing(call, agent_id) is not None:
            self._telephony.answer(call_id, agent=agent_id)
            if not any(leg.user_id and leg.connected_time for leg in call.participants):
                self._plan(call_id, agent_id)

    def _plan(self, call_id: str, agent_id: str) -> None:
        talk = self._rng.uniform(30, 170)
        self._later(talk, partial(self._end, call_id, agent_id))
        if self._rng.random() < HOLDS:
            self._later(talk * 0.3, partial(self._hold, call_id, agent_id))
        if self._rng.random() < MUTES:
            self._later(talk * 0.15, partial(self._mute, call_id, agent_id))
        what = self._rng.random()
        if what < TRANSFERS:
            self._later(talk * 0.6, partial(self._transfer, call_id, agent_id))
        elif what < TRANSFERS + CONSULTS:
            self._later(talk * 0.6, partial(self._consult, call_id, agent_id))
        elif what < TRANSFERS + CONSULTS + CONFERENCES:
            self._later(talk * 0.6, partial(self._conference, call_id, agent_id))

    def _end(self, call_id: str, agent_id: str) -> None:
        call = self._call(call_id)
        if call is None:
            return
        if self._rng.random() < CUSTOMER_ENDS or _talking(call, agent_id) is None:
            self._telephony.hang_up(call_id)
        else:
            self._telephony.disconnect(call_id, agent=agent_id)
            self._later(self._rng.uniform(10, 40), partial(self._hang_up, call_id))
        for user_id in call.user_ids:
            self._later(self._rng.uniform(3, 14), partial(self._finish_wrapup, call_id, user_id))

    def _hang_up(self, call_id: str) -> None:
        if self._call(call_id) is not None:
            self._telephony.hang_up(call_id)

    def _finish_wrapup(self, call_id: str, user_id: str) -> None:
        call = self._floor.calls.get(call_id)
        if call is not None and any(leg.in_acw for leg in call.legs(user_id)):
            self._telephony.end_wrapup(call_id, agent=user_id)

    def _hold(self, call_id: str, agent_id: str) -> None:
        leg = self._leg(call_id, agent_id)
        if leg is not None and not leg.held:
            self._telephony.hold(call_id, agent=agent_id)
            self._later(self._rng.uniform(5, 20), partial(self._retrieve, call_id, agent_id))

    def _retrieve(self, call_id: str, agent_id: str) -> None:
        leg = self._leg(call_id, agent_id)
        if leg is not None and leg.held:
            self._telephony.retrieve(call_id, agent=agent_id)

    def _mute(self, call_id: str, agent_id: str) -> None:
        leg = self._leg(call_id, agent_id)
        if leg is not None and not leg.muted:
            self._telephony.press_mute(call_id, agent=agent_id, muted=True)
            self._later(self._rng.uniform(2, 8), partial(self._unmute, call_id, agent_id))

    def _unmute(self, call_id: str, agent_id: str) -> None:
        leg = self._leg(call_id, agent_id)
        if leg is not None and leg.muted:
            self._telephony.press_mute(call_id, agent=agent_id, muted=False)

    def _transfer(self, call_id: str, agent_id: str) -> None:
        to = self._idle(self._agents)
        if to is not None and self._leg(call_id, agent_id) is not None:
            self._telephony.transfer(call_id, agent=agent_id, to=to.id)
            self._later(self._rng.uniform(2, 6), partial(self._answer, call_id, to.id))

    def _consult(self, call_id: str, agent_id: str) -> None:
        to = self._idle(self._agents)
        if to is not None and self._leg(call_id, agent_id) is not None:
            self._telephony.consult(call_id, agent=agent_id, to=to.id)
            self._later(self._rng.uniform(2, 5), partial(self._answer, call_id, to.id))
            self._later(self._rng.uniform(8, 15), partial(self._complete, call_id, agent_id, to.id))

    def _complete(self, call_id: str, agent_id: str, to_id: str) -> None:
        if self._leg(call_id, agent_id) is not None and self._leg(call_id, to_id) is not None:
            self._telephony.transfer(call_id, agent=agent_id, to=to_id, blind=False)

    def _conference(self, call_id: str, agent_id: str) -> None:
        to = self._idle(self._agents)
        if to is not None and self._leg(call_id, agent_id) is not None:
            self._telephony.conference(call_id, agent=agent_id, to=to.id)
            self._later(self._rng.uniform(2, 5), partial(self._answer, call_id, to.id))

    def _freed(self, user_id: str) -> None:
        user = self._floor.people.users[user_id]
        if user_id not in self._own or user.routing != "IDLE":
            return
        if self._rng.random() < BREAK:
            self._floor.set_presence(user_id, "BREAK")
            self._later(self._rng.uniform(30, 120), partial(self._come_back, user_id))
            return
        for queue_id in user.queue_ids:
            waiting = self._waiting[queue_id]
            while waiting:
                call_id = waiting.popleft()
                if self._waits(call_id):
                    self._ring(call_id, user)
                    return

    def _come_back(self, user_id: str) -> None:
        if self._floor.people.users[user_id].presence == "BREAK":
            self._floor.set_presence(user_id, "ON_QUEUE")

    def _idle(self, among: list[User]) -> User | None:
        for _ in range(TRIES):
            agent = self._rng.choice(among)
            if agent.routing == "IDLE":
                return agent
        return next((agent for agent in among if agent.routing == "IDLE"), None)

    def _call(self, call_id: str) -> Conversation | None:
        return self._floor.calls.live.get(call_id)

    def _leg(self, call_id: str, agent_id: str) -> Participant | None:
        call = self._call(call_id)
        return None if call is None else _talking(call, agent_id)

    def _waits(self, call_id: str) -> bool:
        call = self._call(call_id)
        return (
            call is not None
            and any(one.purpose == "acd" and not one.ended for one in call.participants)
            and all(one.user_id is None or one.ended for one in call.participants)
        )

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._floor.clock.later(seconds, action)


def _ringing(call: Conversation, user_id: str) -> Participant | None:
    return legs.newest(call.legs(user_id), lambda leg: leg.state in ("alerting", "dialing"))


def _talking(call: Conversation, user_id: str) -> Participant | None:
    return legs.newest(call.legs(user_id), lambda leg: leg.connected)
