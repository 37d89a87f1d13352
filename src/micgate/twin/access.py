"""Who asks, and what they may see. Permissions count always, scopes only for tokens with a user."""

import re
from dataclasses import dataclass
from functools import lru_cache

from micgate.twin import refusals
from micgate.twin.calls import Conversation, Media
from micgate.twin.floor import Floor
from micgate.twin.people import Client, Role, User
from micgate.twin.tokens import Token
from micgate.twin.topics import TEMPLATES

VIEW = "conversation:communication:view"
_TOPICS = tuple(
    (re.compile(re.escape(template).replace(r"\{id\}", "([^.?&]+)")), permissions)
    for template, _, permissions in TEMPLATES
)


@dataclass(frozen=True, slots=True)
class Caller:
    """The token of a request, and in whose name it speaks. `scoped`: scopes count (knob)."""

    token: Token
    scoped: bool = True

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
        if self.token.user is None or not self.scoped:
            return True
        scopes = self.token.scopes
        return area in scopes or (not change and f"{area}:readonly" in scopes)

    def needs_any(self, *permissions: str, divisions: tuple[str, ...] = ()) -> None:
        """Raises Refusal (403) when the role has none of them, in one of `divisions` when named."""
        if not self.role.grants_any(permissions, divisions):
            raise refusals.missing_permissions(permissions)

    def needs_scope(self, area: str, *, change: bool) -> None:
        """Raises Refusal (403)."""
        if not self.in_scope(area, change=change):
            raise refusals.missing_scope(area if change else f"{area}:readonly")


class Access:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def find(self, caller: Caller, conversation_id: str, *, media: Media | None = None) -> Conversation:
        """Any conversation of the caller's organization. Raises Refusal (404)."""
        conversation = self._floor.calls.get(conversation_id)
        if (
            conversation is None
            or conversation.org_id != caller.org_id
            or media not in (None, conversation.media)
        ):
            raise refusals.not_found("conversation", conversation_id)
        return conversation

    def conversation(self, caller: Caller, conversation_id: str) -> Conversation:
        """For GET conversations/{id}: a party, or `conversation:communication:view` in one of its divisions.

        Raises Refusal.
        """
        if not _is_user(caller):
            caller.needs_any(VIEW)
        conversation = self.find(caller, conversation_id)
        if not _is_or_was_party(caller, conversation):
            caller.needs_any(VIEW, divisions=self.divisions(conversation))
        return conversation

    def call(self, caller: Caller, conversation_id: str) -> Conversation:
        """For GET conversations/calls/{id}, which lists no permission: parties, and tokens without a user as
        the knob says; another user needs `conversation:communication:view`. Raises Refusal.
        """
        conversation = self.find(caller, conversation_id, media="call")
        if _is_or_was_party(caller, conversation):
            return conversation
        knob = self._floor.behaviour.calls_read_without_user
        if not _is_user(caller) and knob == 404:  # noqa: PLR2004 -- the knob says it so
            raise refusals.not_found("conversation", conversation_id)
        served = not _is_user(caller) and knob == "accept"
        if not served and not (
            _is_user(caller) and caller.role.grants_any((VIEW,), self.divisions(conversation))
        ):
            raise refusals.conversation_forbidden(conversation_id)
        return conversation

    def divisions(self, conversation: Conversation) -> tuple[str, ...]:
        """Those that a role must cover, one of them at least. Empty: the knob asks for none."""
        return conversation.division_ids if self._floor.behaviour.conversation_divisions == "on" else ()

    def own(self, caller: Caller, *, media: str | None = None) -> list[Conversation]:
        """For GET conversations and conversations/calls: what occupies the calling user.

        Without a user as the knob says: nothing, or Refusal.
        """
        if caller.user_id is None:
            if self._floor.behaviour.calls_without_user == "empty":
                return []
            raise refusals.bad_request("This request requires a user context.")
        return [
            conversation
            for conversation in self._floor.calls.of_user(caller.user_id)
            if media in (None, conversation.media)
        ]

    def topic(self, caller: Caller, name: str) -> tuple[str, ...] | None:
        """None: the caller may follow this single (not combined) topic. Else the permissions it lacks.

        The lack is empty for a topic that does not exist, is another organization's, or is only for its user.
        """
        found = _recognise(name)
        if found is None or not self._in_org(caller, found[0]):
            return ()
        subject, permissions = found
        if subject == caller.user_id or (permissions and self._floor.behaviour.topic_permissions == "off"):
            return None
        lacking = tuple(one for one in permissions if one not in caller.role.permissions)
        return lacking or (None if permissions else ())

    def divisions_permitted(self, caller: Caller, permission: str) -> list[str]:
        """Division ids in which the caller holds a permission."""
        if permission not in caller.role.permissions:
            return []
        divisions = self._floor.people.divisions_of(caller.org_id)
        held = caller.role.division_ids
        return [division.id for division in divisions if held is None or division.id in held]

    def _in_org(self, caller: Caller, subject: str) -> bool:
        people = self._floor.people
        known = people.users.get(subject) or people.queues.get(subject)
        return known is not None and known.org_id == caller.org_id


def _is_user(caller: Caller) -> bool:
    return caller.user_id is not None


def _is_or_was_party(caller: Caller, conversation: Conversation) -> bool:
    return caller.user_id in conversation.user_ids


@lru_cache(maxsize=65_536)
def _recognise(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The id in a single topic, and what following it asks for; nothing: only its user may."""
    for pattern, permissions in _TOPICS:
        found = pattern.fullmatch(name)
        if found is not None:
            return found[1], permissions
    return None
