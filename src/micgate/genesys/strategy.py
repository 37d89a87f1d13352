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


class Accepted:
    """What one organization accepted and refused from one token, so that no refusal is asked for twice.

    Keep one per token: a new token may be somebody else's.
    """

    def __init__(self) -> None:
        self.works: Strategy | None = None
        self._no_party: set[str] = set()

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
