"""Who does things: agents and customers on the telephone; supervisors and rules at the API."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from micgate.control.mute import Mute, Owner
from micgate.control.policy import OnOverride, OpenPolicy
from micgate.store.errors import Busy, Refused, Unavailable
from micgate.store.verbs import Change, Extend, Freeze, Place, Release, Unfreeze
from micgate.twin.calls import Conversation, Participant
from micgate.twin.people import User
from micgate.twin.refusals import Impossible
from micgate.twin.world import World
from simulation.names import MUTES, named
from simulation.story import OWNERS, Step, What

if TYPE_CHECKING:
    from simulation.process import Process

_RING = (0.5, 6.0)


class Telephones:
    """Every verb that makes no sense now is passed over."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._telephony = world.telephony
        self._verbs: dict[What, Callable[[Step, User], None]] = {
            What.CALL: self._call,
            What.LEAVE: self._leave,
            What.HANG_UP: self._hang_up,
            What.HOLD: self._hold,
            What.PRESS: self._press,
            What.TRANSFER: self._transfer,
            What.CONSULT: self._consult,
            What.CONFERENCE: self._conference,
            What.COME_BACK: self._come_back,
            What.RECORD: self._record,
        }

    def knows(self, what: What) -> bool:
        return what in self._verbs

    def act(self, step: Step) -> None:
        self._try(lambda: self._verbs[step.what](step, self._world.agents[step.agent]))

    def talking(self, user: User) -> tuple[Conversation, Participant] | None:
        """The newest live leg of the agent."""
        for call in reversed(self._world.calls.of_user(user.id)):
            for leg in reversed(call.legs(user.id)):
                if leg.connected:
                    return call, leg
        return None

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except Impossible:
            return

    def _later(self, seconds: float, action: Callable[[], object]) -> None:
        self._world.later(seconds, lambda: self._try(action))

    def _call(self, step: Step, user: User) -> None:
        if len(self._world.calls.of_user(user.id)) > 1:
            return
        chance = step.chance()
        rings = chance.random() < 0.6
        call = self._telephony.place(
            agent=user.id,
            queue=user.queue_ids[0] if user.queue_ids and chance.random() < 0.7 else None,
            direction="outbound" if chance.random() < 0.2 else "inbound",
            state="alerting" if rings else "connected",
            recording=chance.random() < 0.8,
        )
        if rings:
            self._answer_later(chance.uniform(*_RING), call.id, user)
        self._later(max(20.0, step.seconds * 2), lambda: self._telephony.hang_up(call.id))

    def _answer_later(self, seconds: float, call_id: str, user: User) -> None:
        self._later(seconds, lambda: self._telephony.answer(call_id, agent=user.id))

    def _leave(self, _step: Step, user: User) -> None:
        if found := self.talking(user):
            self._telephony.disconnect(found[0].id, agent=user.id)

    def _hang_up(self, _step: Step, user: User) -> None:
        if found := self.talking(user):
            self._telephony.hang_up(found[0].id)

    def _hold(self, step: Step, user: User) -> None:
        found = self.talking(user)
        if found is None:
            return
        call, leg = found
        if leg.held:
            self._telephony.retrieve(call.id, agent=user.id)
            return
        self._telephony.hold(call.id, agent=user.id)
        self._later(step.seconds, lambda: self._telephony.retrieve(call.id, agent=user.id))

    def _press(self, step: Step, user: User) -> None:
        """Now and then twice or more, in quick succession."""
        found = self.talking(user)
        if found is None:
            return
        call, leg = found
        muted, at = leg.muted, 0.0
        chance = step.chance()
        for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 4])):
            muted = not muted
            self._later(
                at, lambda value=muted: self._telephony.press_mute(call.id, agent=user.id, muted=value)
            )
            at += chance.choice([0.02, 0.15, 1.0, 4.0])

    def _transfer(self, step: Step, user: User) -> None:
        self._with_another(step, user, "transfer")

    def _consult(self, step: Step, user: User) -> None:
        self._with_another(step, user, "consult")

    def _conference(self, step: Step, user: User) -> None:
        self._with_another(step, user, "conference")

    def _with_another(self, step: Step, user: User, verb: str) -> None:
        found, other = self.talking(user), self._world.agents[step.other]
        if found is None or other is user:
            return
        call_id, chance = found[0].id, step.chance()
        connected = chance.random() < 0.3
        blind = {"blind": chance.random() < 0.5} if verb == "transfer" else {}
        getattr(self._telephony, verb)(call_id, agent=user.id, to=other.id, connected=connected, **blind)
        if not connected:
            self._answer_later(chance.uniform(*_RING), call_id, other)
        if verb == "consult":
            self._later(
                chance.uniform(2, 25), lambda: self._end_consult(call_id, user, other, chance.random())
            )

    def _end_consult(self, call_id: str, user: User, other: User, dice: float) -> None:
        """The consulting agent hands over, goes back to the customer, or makes it a conference."""
        if dice < 0.4:
            self._telephony.transfer(call_id, agent=user.id, to=other.id, blind=False)
        elif dice < 0.8:
            self._telephony.disconnect(call_id, agent=other.id)

    def _come_back(self, step: Step, user: User) -> None:
        """On a new leg: invited by somebody on a call that the agent has left, or moving to another phone."""
        chance = step.chance()
        for call in self._world.calls.recent_of_user(user.id)[::-1]:
            there = [leg for leg in call.participants if leg.user_id and leg.connected]
            if call.ended or not there:
                continue
            inviter = there[0].user_id
            connected = chance.random() < 0.5
            if inviter == user.id:
                self._telephony.transfer(call.id, agent=inviter, to=user.id, connected=connected)
            else:
                self._telephony.conference(call.id, agent=inviter, to=user.id, connected=connected)
            if not connected:
                self._answer_later(chance.uniform(*_RING), call.id, user)
            return

    def _record(self, step: Step, user: User) -> None:
        if found := self.talking(user):
            self._telephony.press_record(found[0].id, paused=found[0].recording_state == "active")


@dataclass(slots=True)
class Desk:
    """Those who place and end mutes. They ask again when they are told nothing, as our clients do.

    `accepted` are the changes that were answered with yes.
    """

    world: World
    telephones: Telephones
    alive: Callable[[], list["Process"]]
    org: str
    accepted: list[tuple[Change, float]] = field(default_factory=list)
    placed: dict[str, Mute] = field(default_factory=dict)

    def knows(self, what: What) -> bool:
        return what in {What.PLACE, What.RELEASE, What.EXTEND, What.FREEZE}

    def act(self, step: Step) -> None:
        processes = self.alive()
        if not processes:
            return
        asked = processes[step.number % len(processes)]
        change = self._change(step, asked.service_now())
        if change is not None:
            asked.do(self._ask(asked, change))
        if step.what is What.FREEZE:
            loosed = Unfreeze(org=self.org)
            self.world.later(step.seconds, lambda: asked.dead or asked.do(self._ask(asked, loosed)))

    async def _ask(self, asked: "Process", change: Change) -> None:
        for wait in (0.3, 1.0, 3.0, 9.0, 27.0, 60.0):
            try:
                placed = await asked.store.place(change, now=asked.service_now())
            except (Unavailable, Busy):
                await asyncio.sleep(wait)
                continue
            except Refused:
                return
            self.accepted.append((change, self.world.now))
            self.placed |= {mute.id: mute for mute in placed.mutes}
            if not asked.hand(placed.due):
                asked.tell_keepers()
            return

    def _change(self, step: Step, now: float) -> Change | None:
        match step.what:
            case What.PLACE:
                mute = self._wish(step, now)
                return None if mute is None else Place(org=self.org, mutes=(mute,))
            case What.RELEASE:
                mutes = self._standing(now)
                if not mutes:
                    return None
                mute = mutes[step.dice % len(mutes)]
                return Release(org=self.org, mute_ids=(mute.id,), by=mute.owner.id)
            case What.EXTEND:
                return self._extension(step, now)
            case _:
                return Freeze(org=self.org, by="grace")

    def _extension(self, step: Step, now: float) -> Change | None:
        mutes = self._standing(now)
        if not mutes:
            return None
        mute = mutes[step.dice % len(mutes)]
        if mute.renew_by is not None:
            return Extend(org=self.org, mute_ids=(mute.id,), renew_by=now + 20.0)
        return Extend(org=self.org, mute_ids=(mute.id,), release_at=now + step.seconds)

    def _standing(self, now: float) -> list[Mute]:
        """As the owners believe: they hear of an end a little late."""
        return [mute for mute in self.placed.values() if mute.release_at > now]

    def _wish(self, step: Step, now: float) -> Mute | None:
        user, chance = self.world.agents[step.agent], step.chance()
        found = self.telephones.talking(user)
        everywhere = chance.random() < 0.25
        if found is None and not everywhere:
            return None
        return Mute(
            id=named(self.org, MUTES, step.number),
            user_id=user.id,
            conversation_id=None if everywhere or found is None else found[0].id,
            owner=Owner("person", f"owner-{step.dice % OWNERS}"),
            placed_at=now,
            release_at=now + step.seconds,
            on_override=chance.choice([*OnOverride, OnOverride.YIELD]),
            open_policy=chance.choices(list(OpenPolicy), [8, 1, 1])[0],
            renew_by=now + 10.0 if chance.random() < 0.1 else None,
        )
