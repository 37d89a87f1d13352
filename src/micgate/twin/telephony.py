"""What telephones do: the verbs of the control surface. They take effect at once.

`agent` and `to` are ids, e-mails or unique names. Every verb answers the conversation and raises Impossible when it makes no
sense.
"""

from micgate.twin.calls import Conversation, Direction, Media
from micgate.twin.floor import Floor
from micgate.twin.ledger import Cause


class Telephony:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def place(
        self,
        *,
        agent: str,
        customer: str | None = None,
        queue: str | None = None,
        direction: Direction = "inbound",
        state: str = "connected",
        recording: bool = True,
        media: Media = "call",
        from_traffic: bool = False,
    ) -> Conversation:
        """A new conversation of `agent` with `customer` (a name). `state` is alerting, connected, dialing or queued (still in
        the queue, nobody assigned). Calls of the traffic that keep the agent busy make way, unless it is traffic itself.
        """
        raise NotImplementedError

    def answer(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        """The alerting leg (of `agent`, else the newest) becomes connected; a queued call is given to `agent`."""
        raise NotImplementedError

    def hold(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        raise NotImplementedError

    def retrieve(self, conversation_id: str, *, agent: str | None = None) -> Conversation:
        raise NotImplementedError

    def disconnect(
        self, conversation_id: str, *, agent: str | None = None, cause: Cause = "agent"
    ) -> Conversation:
        """End the agent's leg, and the conversation when fewer than two ends are left; without `agent` end all of it."""
        raise NotImplementedError

    def transfer(
        self,
        conversation_id: str,
        *,
        agent: str,
        to: str,
        blind: bool = True,
        connected: bool = False,
    ) -> Conversation:
        """`to` (a user or a queue) gets a new leg. Blind: the agent's leg ends now; else when `to` has answered."""
        raise NotImplementedError

    def consult(self, conversation_id: str, *, agent: str, to: str, connected: bool = False) -> Conversation:
        """`to` gets a new leg to talk to `agent`, while the customer is put aside (`confined`)."""
        raise NotImplementedError

    def conference(
        self, conversation_id: str, *, agent: str, to: str, connected: bool = False
    ) -> Conversation:
        raise NotImplementedError

    def voicemail(self, conversation_id: str, *, agent: str) -> Conversation:
        """The agent's voicemail joins: a second participant with the same user."""
        raise NotImplementedError

    def no_answer(self, conversation_id: str, *, agent: str) -> Conversation:
        """The alerting leg of `agent` gives up (transfer.noanswer); the call waits in its queue again."""
        raise NotImplementedError

    def barge(self, conversation_id: str, *, agent: str) -> Conversation:
        """A supervisor joins the call as a participant of the purpose `supervisor`."""
        raise NotImplementedError

    def press_mute(self, conversation_id: str, *, agent: str, muted: bool) -> Conversation:
        """The agent's own headset or button."""
        raise NotImplementedError

    def press_record(self, conversation_id: str, *, paused: bool) -> Conversation:
        """Somebody else's secure pause."""
        raise NotImplementedError

    def end_wrapup(self, conversation_id: str, *, agent: str) -> Conversation:
        raise NotImplementedError
