"""The least-privilege role of micgate's OAuth client: what to grant, and why.

Permissions are those the vendor's API reference lists for the operations micgate uses. Two points are
unconfirmed on a real organization: that `conversation:agentlessCall:add` alone suffices to mute on behalf of
an agent, and which permissions the notification topics ask for.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec

from micgate.doctor import places

NAME = "micgate"
DESCRIPTION = "Mutes agents' microphones on live calls and gives them back. Nothing else."


class Permission(msgspec.Struct, frozen=True):
    """`domain:entity:action`, as the vendor writes it, and why micgate needs it."""

    name: str
    why: str
    without: str
    """What fails when the role lacks it."""

    @property
    def parts(self) -> tuple[str, str, str]:
        domain, entity, action = self.name.split(":")
        return domain, entity, action

    @property
    def label(self) -> str:
        """As Admin shows it: `Conversation > Agentless Call > Add`."""
        return " > ".join(_spaced(part) for part in self.parts)


REQUIRED = (
    Permission(
        "conversation:agentlessCall:add",
        "Mutes and un-mutes an agent on the agent's behalf: the client has no user of its own.",
        "No microphone can be moved.",
    ),
    Permission(
        "conversation:communication:view",
        "Reads the call: who is connected, on hold, muted. Every mute is proven by it.",
        "No call can be read, so nothing can be confirmed.",
    ),
    Permission(
        "directory:user:view",
        "Finds an agent by e-mail or name, and lets a channel report the agent's calls.",
        "Agents can be named by user id only.",
    ),
    Permission(
        "analytics:queueObservation:view",
        "Asks who is on a call now.",
        "Finding a live call takes longer: the details query lags behind.",
    ),
    Permission(
        "analytics:conversationDetail:view",
        "Finds calls that never touched a queue.",
        "Direct calls may not be found.",
    ),
    Permission(
        "routing:queue:view",
        "Shows queue names, and lets a channel report the calls of a queue.",
        "Queues are shown as ids and cannot be watched.",
    ),
)

OPTIONAL = (
    Permission(
        "conversation:recording:pauseOthers",
        "Pauses and resumes the recording of a call micgate is not part of.",
        "Recordings cannot be paused.",
    ),
)

STRONGER = (
    "conversation:communication:disconnect",
    "conversation:call:record",
    "conversation:participant:wrapup",
)
"""Also listed by the vendor for the on-behalf mute. They hang up, record or wrap up: none is in the role."""


def holds(held: Iterable[str], name: str) -> bool:
    """Whether one of the held permissions covers this one. `*` in it stands for anything."""
    wanted = name.split(":")
    return any(_covers(grant.split(":"), wanted) for grant in held)


def missing(held: Sequence[str]) -> tuple[Permission, ...]:
    """Those of the role that `held` does not cover."""
    return tuple(need for need in REQUIRED if not holds(held, need.name))


def beyond(held: Sequence[str]) -> tuple[str, ...]:
    """Those held that micgate never uses: the role could be narrower."""
    used = {need.name for need in (*REQUIRED, *OPTIONAL)}
    return tuple(name for name in held if name not in used)


def as_text() -> str:
    lines = [
        f"Role for micgate's OAuth client: {len(REQUIRED)} permissions",
        f"1. {places.ROLES} > Add Role, named {NAME}:",
        "",
        *_table(REQUIRED),
        "",
        "   Only if micgate shall pause recordings:",
        "",
        *_table(OPTIONAL),
        "",
        f"2. {places.CLIENT_ROLES}: assign it, in the divisions of the agents micgate may mute.",
        f"   {places.TAKES_A_WHILE}",
        "",
        "Only if `micgate doctor --probe` says that agentlessCall:add is not enough in your organization,",
        f"add one of {', '.join(STRONGER)}.",
        "They are strong rights: hang up, record, wrap up.",
    ]
    return "\n".join(lines)


def as_object() -> dict[str, object]:
    """`role` is the body of the vendor's `POST /api/v2/authorization/roles`; the rest is for people."""
    policies = [
        {"domain": domain, "entityName": entity, "actionSet": list(actions), "allowConditions": False}
        for domain, entity, actions in _policies(REQUIRED)
    ]
    return {
        "role": {"name": NAME, "description": DESCRIPTION, "permissionPolicies": policies},
        "why": {need.name: need.why for need in REQUIRED},
        "optional": {need.name: need.why for need in OPTIONAL},
    }


def as_terraform() -> str:
    """For the vendor's provider `mypurecloud/genesyscloud`: the role, and a client that has it."""
    return "\n".join(
        [
            'resource "genesyscloud_auth_role" "micgate" {',
            f'  name        = "{NAME}"',
            f'  description = "{DESCRIPTION}"',
            *_blocks(REQUIRED, comment=""),
            "",
            "  # Only if micgate shall pause recordings:",
            *_blocks(OPTIONAL, comment="# "),
            "}",
            "",
            'resource "genesyscloud_oauth_client" "micgate" {',
            '  name                  = "micgate"',
            '  authorized_grant_type = "CLIENT-CREDENTIALS"',
            "  # The client can mute in this division only. No division_id: the home division; '*': all.",
            "  roles {",
            "    role_id = genesyscloud_auth_role.micgate.id",
            "    # division_id = genesyscloud_auth_division.support.id",
            "  }",
            "}",
        ]
    )


def _covers(grant: list[str], wanted: list[str]) -> bool:
    return len(grant) == len(wanted) and all(
        have in (want, "*") for have, want in zip(grant, wanted, strict=True)
    )


def _table(permissions: tuple[Permission, ...]) -> list[str]:
    width = max(len(need.name) for need in (*REQUIRED, *OPTIONAL))
    return [
        line
        for need in permissions
        for line in (f"   {need.name:<{width}}   {need.label}", f"       {need.why}")
    ]


def _policies(permissions: tuple[Permission, ...]) -> list[tuple[str, str, tuple[str, ...]]]:
    by_entity = groupby(sorted(need.parts for need in permissions), key=lambda parts: parts[:2])
    return [(domain, entity, tuple(action for *_, action in parts)) for (domain, entity), parts in by_entity]


def _blocks(permissions: tuple[Permission, ...], *, comment: str) -> list[str]:
    lines: list[str] = []
    for need in permissions:
        domain, entity, action = need.parts
        lines += [
            "",
            f"  # {need.why}",
            f"  {comment}permission_policies {{",
            f'  {comment}  domain      = "{domain}"',
            f'  {comment}  entity_name = "{entity}"',
            f'  {comment}  action_set  = ["{action}"]',
            f"  {comment}}}",
        ]
    return lines


def _spaced(word: str) -> str:
    return "".join(f" {letter}" if letter.isupper() else letter for letter in word).strip().title()
