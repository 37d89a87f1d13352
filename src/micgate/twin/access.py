"""Who asks, and what they may see. Permissions and scopes are two different things: the first count always, the second only
for tokens with a user.
"""

from dataclasses import dataclass

from micgate.twin.calls import Conversation
from micgate.twin.floor import Floor
from micgate.twin.people import Client, Role, User
from micgate.twin.tokens import Token


@dataclass(frozen=True, slots=True)
class Caller:
    """The token of a request, and in whose name it speaks."""

    token: Token

    @property
    def client(self) -> Client:
        return self.token.client

    @property
    def user(self) -> User | None:
        return self.token.user

    @property
    def user_id(self) -> str | None:
        return None if self.token.user is None else self.token.user.id

    @property
    def org_id(self) -> str:
        return self.token.org_id

    @property
    def role(self) -> Role:
        user = self.token.user
        return self.token.client.role if user is None else user.role

    def in_scope(self, area: str, *, change: bool) -> bool:
        """Whether the scopes of a user token reach an area; always for a token without a user."""
        if self.token.user is None:
            return True
        scopes = self.token.scopes
        return area in scopes or (not change and f"{area}:readonly" in scopes)

    def needs_any(self, *permissions: str, divisions: tuple[str, ...] = ()) -> None:
        """Raises Refusal (403 missing.any.permissions) when the role has none of them (in one of `divisions`)."""
        raise NotImplementedError

    def needs_scope(self, area: str, *, change: bool) -> None:
        """Raises Refusal (403)."""
        raise NotImplementedError


class Access:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        """For GET conversations/{id}: a party, or `conversation:communication:view` in a division of the conversation.
        Raises Refusal.
        """
        raise NotImplementedError

    def call(self, caller: Caller, conversation_id: str) -> Conversation:
        """For GET conversations/calls/{id}. No permission is listed: parties, and tokens without a user as the knob says;
        another user needs `conversation:communication:view`. Raises Refusal.
        """
        raise NotImplementedError

    def own(self, caller: Caller, *, media: str | None = None) -> list[Conversation]:
        """For GET conversations and conversations/calls: what occupies the calling user. Without a user as the knob says.
        Raises Refusal.
        """
        raise NotImplementedError

    def topic(self, caller: Caller, topic: str) -> tuple[str, ...] | None:
        """None: the caller may follow this single (not combined) topic. Else the permissions it lacks (empty for a topic that
        does not exist or belongs to another organization).
        """
        raise NotImplementedError

    def divisions_permitted(self, caller: Caller, permission: str) -> list[str]:
        """Division ids in which the caller holds a permission."""
        raise NotImplementedError
