"""What telephones do: the verbs of the control surface. They take effect at once.

`agent` and `to` are ids, e-mails or unique names, `queue` an id or name. Every verb answers the conversation
and raises Impossible when it makes no sense.
"""

from functools import partial

from msgspec.structs import replace

from micgate.twin import legs, parties
from micgate.twin.calls import Conversation, Direction, Media, Participant, State
from micgate.twin.floor import Floor
from micgate.twin.ledger import Cause
from micgate.twin.people import Queue, User
from micgate.twin.refusals import Impossible

PLACE_STATES: dict[str, State] = {
    "connected": "connected",
    "alerting": "alerting",
    "dialing": "dialing",
    "queued": "none",
}
CUSTOMER_NUMBER = "tel:+15555550100"


class Telephony:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def place(
        self,
        *,
        agent: str,
        customer: str | None = None,
        number: str = CUSTOMER_NUMBER,
        queue: str | None = None,
        direction: Direction = "inbound",
        state: str = "connected",
        recording: bool = True,
        media: Media = "call",
        from_traffic: bool = False,
    ) -> Conversation:
        """A new conversation of `agent` with `customer` (a name).

        `state` is connected, alerting, dialing, or queued (nobody assigned yet; needs a queue). Calls of the
        traffic that keep the agent busy make way, unless this is one of them.
        """
        user = self._floor.people.find_user(agent)
        through = None if queue is None else self._floor.people.find_queue(queue)
        if state not in PLACE_STATES or (state == "queued" and through is None):
            raise Impossible(f"A call cannot start as {state} here.", status=400)
        if not from_traffic:
            self.make_way(user.id)
        ringing = direction == "outbound" and state != "connected"
        outside = parties.customer(
            self._floor,
            name=customer or "Test Customer",
            number=number,
            direction=direction,
            state="dialing" if ringing else "connected",
        )
        conversation = parties.begun(self._floor, outside, org_id=user.org_id, media=media)
        conversation = replace(conversation, recorded=recording, from_traffic=from_traffic)
        if through is not None:
            conversation = parties.enqueued(self._floor, conversation, through, direction=direction)
        if state != "queued":
            leg_state = PLACE_STATES[state]
            conversation = parties.assigned(
                self._floor, conversation, user, queue=through, state=leg_state, direction=direction
            )
        return self._floor.commit(parties.with_divisions(self._floor, conversation), cause="world")

    def answer(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        """The leg that rings (of `agent`, else the newest) is connected; a queued call goes to `agent`."""
        conversation = self._find(conversation_id)
        user = None if agent is None else self._floor.people.find_user(agent)
        ringing = legs.newest(
            conversation.participants if user is None else conversation.legs(user.id), _rings
        )
        if ringing is not None:
            return self._commit(legs.answered(conversation, ringing.id, now=self._floor.clock.now))
        queue_leg = legs.newest(conversation.participants, lambda one: one.purpose == "acd" and not one.ended)
        if user is None or queue_leg is None or queue_leg.queue_id is None:
            raise Impossible("Nothing rings there.")
        queue = self._floor.people.queues[queue_leg.queue_id]
        given = parties.assigned(self._floor, conversation, user, queue=queue, state="connected")
        return self._commit(parties.with_divisions(self._floor, given))

    def hold(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        conversation, leg = self._connected(conversation_id, agent)
        survives = self._floor.behaviour.mute_survives_hold
        now = self._floor.clock.now
        return self._commit(legs.held(conversation, leg.id, now=now, mute_survives=survives))

    def retrieve(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        conversation, leg = self._connected(conversation_id, agent)
        return self._commit(legs.put_aside(legs.retrieved(conversation, leg.id), aside=False))

    def disconnect(
        self,
        conversation_id: str,
        *,
        agent: str | None = None,
        cause: Cause = "agent",
    ) -> Conversation:
        """End the agent's legs, and all when nobody is left to talk to; without `agent` end all."""
        conversation = self._find(conversation_id)
        now = self._floor.clock.now
        if agent is None:
            return self._commit(legs.ended(conversation, now=now, why="peer"), cause=cause)
        user = self._floor.people.find_user(agent)
        present = [leg.id for leg in conversation.legs(user.id) if not leg.ended]
        if not present:
            raise Impossible(f"{user.name} has no leg there that could end.")
        for leg_id in present:
            conversation = legs.left(conversation, leg_id, now=now)
        return self._commit(conversation, cause=cause)

    def hang_up(self, conversation_id: str) -> Conversation:
        """The customer ends the call."""
        conversation = self._find(conversation_id)
        now = self._floor.clock.now
        gone = legs.changed(
            conversation, lambda one: one.purpose == "customer" and not one.ended, partial(_hung_up, now=now)
        )
        return self._commit(legs.ended(gone, now=now, why="peer"), cause="world")

    def transfer(
        self,
        conversation_id: str,
        *,
        agent: str,
        to: str,
        blind: bool = True,
        connected: bool = False,
    ) -> Conversation:
        """`to` (a user or a queue) gets a new leg. Blind: the agent's leg ends now; else when `to` answers.

        A `to` that is already there from a consult keeps its leg.
        """
        conversation, leg = self._connected(conversation_id, agent)
        target = self._target(to, conversation)
        now = self._floor.clock.now
        if isinstance(target, Queue):
            moved = parties.enqueued(self._floor, conversation, target)
            return self._hand_over(moved, leg, why="transfer")
        there = legs.newest(conversation.legs(target.id), lambda one: not one.ended and one.id != leg.id)
        if there is None:
            completes = None if blind or connected else leg.id
            moved = self._invite(conversation, leg, target, connected=connected, completes=completes)
        elif there.connected or blind:
            moved, completes = conversation, None
        else:
            moved, completes = _completing(conversation, there.id, leg.id), leg.id
        if completes is not None:
            return self._commit(moved)
        if there is not None and connected and _rings(there):
            moved = legs.answered(moved, there.id, now=now)
        return self._hand_over(moved, leg, why="transfer" if blind else "transfer.consult")

    def consult(self, conversation_id: str, *, agent: str, to: str, connected: bool = False) -> Conversation:
        """`to` gets a new leg to talk to `agent`, while the customer is put aside (`confined`)."""
        conversation, leg = self._connected(conversation_id, agent)
        target = self._user(to, conversation)
        if _present(conversation, target) is not None:
            raise Impossible(f"{target.name} is on the call already.")
        invited = self._invite(conversation, leg, target, connected=connected)
        newcomer = replace(invited.participants[-1], consult_participant_id=leg.id)
        invited = replace(invited, participants=(*invited.participants[:-1], newcomer))
        return self._commit(legs.put_aside(invited, aside=True))

    def conference(
        self, conversation_id: str, *, agent: str, to: str, connected: bool = False
    ) -> Conversation:
        """`to` gets a new leg and all hear each other. One that `agent` consults keeps its leg."""
        conversation, leg = self._connected(conversation_id, agent)
        target = self._user(to, conversation)
        there = _present(conversation, target)
        if there is None:
            return self._commit(self._invite(conversation, leg, target, connected=connected))
        if there.consult_participant_id != leg.id:
            raise Impossible(f"{target.name} is on the call already.")
        merged = legs.changed(
            conversation,
            lambda one: one.id == there.id,
            lambda one: replace(one, consult_participant_id=None, confined=False),
        )
        if connected and _rings(there):
            merged = legs.answered(merged, there.id, now=self._floor.clock.now)
        return self._commit(legs.put_aside(merged, aside=False))

    def voicemail(self, conversation_id: str, *, agent: str) -> Conversation:
        """The agent's voicemail joins: one more participant with the same user."""
        conversation = self._find(conversation_id)
        box = parties.voicemail(self._floor, conversation, user=self._user(agent, conversation))
        joined = replace(conversation, participants=(*conversation.participants, box))
        return self._commit(parties.with_divisions(self._floor, joined), cause="world")

    def no_answer(self, conversation_id: str, *, agent: str) -> Conversation:
        """The alerting leg of `agent` gives up (transfer.noanswer); a queue keeps the caller."""
        conversation = self._find(conversation_id)
        user = self._floor.people.find_user(agent)
        ringing = legs.newest(conversation.legs(user.id), _rings)
        if ringing is None:
            raise Impossible(f"Nothing rings at {user.name}.")
        now = self._floor.clock.now
        return self._commit(
            legs.left(conversation, ringing.id, now=now, why="transfer.noanswer"), cause="world"
        )

    def offer(self, conversation_id: str, *, agent: str) -> Conversation:
        """A call that waits in a queue rings at `agent`."""
        conversation = self._find(conversation_id)
        queue_leg = legs.newest(conversation.participants, lambda one: one.purpose == "acd" and not one.ended)
        if queue_leg is None or queue_leg.queue_id is None:
            raise Impossible("The call waits in no queue.")
        user = self._user(agent, conversation)
        leg = parties.of_user(
            self._floor, conversation, user=user, queue_id=queue_leg.queue_id, state="alerting"
        )
        offered = parties.with_divisions(self._floor, legs.joined(conversation, leg))
        return self._commit(offered, cause="world")

    def barge(self, conversation_id: str, *, agent: str) -> Conversation:
        """A supervisor joins the call and is heard by all."""
        conversation = self._find(conversation_id)
        agent_leg = legs.newest(
            conversation.participants, lambda one: one.user_id is not None and one.connected
        )
        if agent_leg is None:
            raise Impossible("Nobody talks there.")
        user = self._user(agent, conversation)
        leg = parties.of_user(self._floor, conversation, user=user, queue_id=None, state="connected")
        leg = replace(
            leg,
            purpose="supervisor",
            barged_participant_id=agent_leg.id,
            barged_time=self._floor.clock.now,
        )
        return self._commit(parties.with_divisions(self._floor, legs.joined(conversation, leg)))

    def press_mute(self, conversation_id: str, *, agent: str, muted: bool) -> Conversation:
        """The agent's own headset or button."""
        conversation, leg = self._connected(conversation_id, agent)
        return self._commit(legs.muted(conversation, leg.id, value=muted))

    def press_record(self, conversation_id: str, *, paused: bool) -> Conversation:
        """Somebody else's secure pause."""
        return self._commit(legs.paused(self._find(conversation_id), value=paused))

    def end_wrapup(self, conversation_id: str, *, agent: str) -> Conversation:
        conversation = self._find(conversation_id, even_ended=True)
        user = self._floor.people.find_user(agent)
        for leg in conversation.legs(user.id):
            conversation = legs.wrapped_up(conversation, leg.id, now=self._floor.clock.now)
        return self._commit(conversation)

    def make_way(self, user_id: str) -> None:
        """The traffic's calls that keep a user busy end, wrap-up included."""
        now = self._floor.clock.now
        for conversation in self._floor.calls.of_user(user_id):
            if conversation.from_traffic:
                freed = conversation
                for leg in conversation.legs(user_id):
                    freed = legs.wrapped_up(legs.left(freed, leg.id, now=now), leg.id, now=now)
                self._commit(freed, cause="world")

    def _invite(
        self,
        conversation: Conversation,
        leg: Participant,
        user: User,
        *,
        connected: bool,
        completes: str | None = None,
    ) -> Conversation:
        if not conversation.from_traffic:
            self.make_way(user.id)
        newcomer = parties.of_user(
            self._floor,
            conversation,
            user=user,
            queue_id=leg.queue_id,
            state="connected" if connected else "alerting",
        )
        joined = legs.joined(conversation, replace(newcomer, completes=completes))
        return parties.with_divisions(self._floor, joined)

    def _hand_over(self, conversation: Conversation, leg: Participant, *, why: str) -> Conversation:
        now = self._floor.clock.now
        moved = legs.left(conversation, leg.id, now=now, why=why)
        return self._commit(legs.put_aside(moved, aside=False))

    def _target(self, ref: str, conversation: Conversation) -> User | Queue:
        try:
            return self._user(ref, conversation)
        except Impossible as unknown:
            if unknown.status != 404:  # noqa: PLR2004 -- an ambiguous name is no queue either
                raise
        return self._floor.people.find_queue(ref)

    def _user(self, ref: str, conversation: Conversation) -> User:
        user = self._floor.people.find_user(ref)
        if user.org_id != conversation.org_id:
            raise Impossible(f"{user.name} belongs to another organization.")
        return user

    def _find(self, conversation_id: str, *, even_ended: bool = False) -> Conversation:
        conversation = self._floor.calls.get(conversation_id)
        if conversation is None:
            raise Impossible(f"There is no conversation {conversation_id}.", status=404)
        if conversation.ended and not even_ended:
            raise Impossible("The conversation has ended.")
        return conversation

    def _connected(self, conversation_id: str, agent: str | None) -> tuple[Conversation, Participant]:
        conversation = self._find(conversation_id)
        if agent is None:
            candidates = tuple(one for one in conversation.participants if one.user_id is not None)
        else:
            candidates = conversation.legs(self._floor.people.find_user(agent).id)
        leg = legs.newest(candidates, lambda one: one.connected and one.purpose != "voicemail")
        if leg is None:
            raise Impossible("There is no connected leg of an agent to do that with.")
        return conversation, leg

    def _commit(self, conversation: Conversation, *, cause: Cause = "agent") -> Conversation:
        """Every verb is told to all in the call, also when it changed nothing."""
        return self._floor.commit(conversation, cause=cause, always=True)


def _rings(leg: Participant) -> bool:
    return leg.user_id is not None and leg.state in ("alerting", "dialing", "contacting", "offering")


def _present(conversation: Conversation, user: User) -> Participant | None:
    """The leg with which a user is on the call, or will be."""
    return legs.newest(conversation.legs(user.id), lambda one: not one.ended and one.purpose != "voicemail")


def _completing(conversation: Conversation, leg_id: str, leaves: str) -> Conversation:
    return legs.changed(
        conversation, lambda one: one.id == leg_id, lambda one: replace(one, completes=leaves)
    )


def _hung_up(leg: Participant, *, now: float) -> Participant:
    return replace(leg, state="disconnected", end_time=now, disconnect_type="endpoint")
