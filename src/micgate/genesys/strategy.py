"""In whose name a microphone is moved. Pure.

Two operations do it (the vendor's Python SDK, `apis/conversations_api.py`):

- `participant`: `PATCH .../participants/{participantId}`, for a caller who is a party to the conversation. A
  token without a user never is (https://community.genesys.com/discussion/error-403-in-purecloud-data-action).
- `on_behalf`: `PATCH .../participants/{participantId}/user/{userId}`, for a caller without a user. That it
  honours `muted` is unconfirmed.
"""

from enum import Enum


class Strategy(Enum):
    AUTO = "auto"
    ON_BEHALF = "on_behalf"
    PARTICIPANT = "participant"


_REMEMBERED = 60.0
"""Seconds; what was read so long ago is read again in any case."""


class Accepted:
    """What one organization accepted and refused from one token, so that no refusal is asked for twice.

    Keep one per token: a new token may be somebody else's.
    """

    def __init__(self) -> None:
        self.works: Strategy | None = None
        self._no_party: set[str] = set()
        self._moved: dict[str, float] = {}

    def moved(self, participant_id: str, *, at: float) -> None:
        """A change of this microphone is sent at `at`, seconds of `io.monotonic`."""
        self._moved = {one: then for one, then in self._moved.items() if then > at - _REMEMBERED}
        self._moved[participant_id] = at

    def moved_since(self, participant_id: str, read_at: float) -> bool:
        """Whether what was read then is older than a change that was sent from here."""
        return self._moved.get(participant_id, float("-inf")) >= read_at

    def worked(self, strategy: Strategy) -> None:
        self.works = strategy

    def not_a_party(self, conversation_id: str) -> None:
        """The plain form was refused here with `not.authorized`; with the same token that will not change."""
        self._no_party.add(conversation_id)
        if self.works is Strategy.PARTICIPANT:
            self.works = None

    def may_be_party(self, conversation_id: str) -> bool:
        return conversation_id not in self._no_party


def order(
    strategy: Strategy, *, has_user: bool, accepted: Accepted, conversation_id: str
) -> tuple[Strategy, ...]:
    """The strategies to try, in this order, each at most once. Never empty."""
    if strategy is not Strategy.AUTO:
        return (strategy,)
    if not has_user or not accepted.may_be_party(conversation_id):
        return (Strategy.ON_BEHALF,)
    if accepted.works is Strategy.ON_BEHALF:
        return (Strategy.ON_BEHALF, Strategy.PARTICIPANT)
    return (Strategy.PARTICIPANT, Strategy.ON_BEHALF)
