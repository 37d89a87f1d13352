"""What the platform says instead of doing it, and what the control surface cannot do."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_NOTHING: Mapping[str, str] = MappingProxyType({})


class Refusal(Exception):
    """An error answer in the vendor's words: status, code, message and its parameters."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        message_with_params: str | None = None,
        params: Mapping[str, str] = _NOTHING,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.message_with_params = message_with_params
        self.params = params


class GrantRefused(Exception):
    """The token endpoint's answer: `error` is the OAuth word, `description` the text beside it."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.error = error
        self.description = description


class Impossible(Exception):
    """A wish to the control surface that makes no sense: unknown agent, no such leg."""

    def __init__(self, message: str, *, status: int = 409) -> None:
        super().__init__(message)
        self.status = status


def no_token() -> Refusal:
    return Refusal(
        401,
        "authentication.required",
        "No authentication bearer token specified in authorization header.",
    )


def bad_token() -> Refusal:
    return Refusal(401, "bad.credentials", "Invalid login credentials.")


def bad_request(message: str, *, code: str = "bad.request") -> Refusal:
    return Refusal(400, code, message)


def missing_permissions(permissions: Iterable[str], *, every: bool = False) -> Refusal:
    listed = ", ".join(permissions)
    if every:
        return _lacking("missing.permissions", "You are missing the following permission(s):", listed)
    words = "You must have at least one of the following permissions assigned:"
    return _lacking("missing.any.permissions", words, listed)


def missing_scope(scope: str) -> Refusal:
    words = "You are not authorized to perform the requested action. Missing the following scope(s):"
    return Refusal(
        403,
        "not.authorized",
        f"{words} [{scope}]",
        message_with_params=f"{words} {{scopes}}",
        params={"scopes": f"[{scope}]"},
    )


def not_authorized() -> Refusal:
    return Refusal(403, "not.authorized", "You are not authorized to perform the requested action.")


def conversation_forbidden(conversation_id: str) -> Refusal:
    return Refusal(
        403,
        "not.authorized",
        f"Access to Conversation {conversation_id} is forbidden.",
        message_with_params="Access to {type} {id} is forbidden.",
        params={"id": conversation_id, "type": "Conversation"},
    )


def not_found(what: str, wanted: str) -> Refusal:
    return Refusal(
        404,
        "not.found",
        f"The requested {what} {wanted} was not found.",
        message_with_params="The requested {type} {id} was not found.",
        params={"id": wanted, "type": what},
    )


def user_not_in_conversation(user_id: str) -> Refusal:
    return Refusal(404, "not.found", f"User {user_id} is not a participant in the conversation.")


def wrong_state(status: int, participant_id: str, state: str) -> Refusal:
    codes = {400: "bad.request", 404: "not.found"}
    return Refusal(
        status,
        codes.get(status, "conflict"),
        f"Participant {participant_id} is in state {state}, the requested action is not possible.",
    )


def _lacking(code: str, words: str, listed: str) -> Refusal:
    start = f"Unable to perform the requested action. {words}"
    return Refusal(
        403,
        code,
        f"{start} [{listed}]",
        message_with_params=f"{start} {{permissions}}",
        params={"permissions": f"[{listed}]"},
    )
