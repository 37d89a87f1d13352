"""Who are we to Genesys Cloud, and what may we do?"""

from datetime import datetime

import msgspec

from micgate.doctor import places, role
from micgate.doctor.case import Case
from micgate.doctor.finding import Finding, fail, ok, skipped, warn
from micgate.genesys import requests
from micgate.genesys.errors import BadRequest, Forbidden, MissingScope, NotFound
from micgate.genesys.models import Subject
from micgate.genesys.oauth import AccessToken, UserSession

SHORTEST_LIFE = 3540.0
"""Seconds: an hour, of which some is over when the token is looked at. A channel ends with the token that
made it, and changing over takes requests.
"""


async def credentials(case: Case) -> Finding:
    """Gets a token, if there is none yet, and asks Genesys Cloud what it is."""
    case.token = requests.read_token(await case.io.send(requests.get_token()))
    client = case.token.client.name if case.token.client else None
    organization = case.token.organization.name if case.token.organization else None
    case.named(client, organization)
    return ok(
        "credentials",
        f"The token is good: OAuth client {client or '?'}, organization {organization or '?'}.",
        credentials_from=case.credentials_source,
    )


async def grant(case: Case) -> Finding:
    if case.is_service:
        return ok(
            "grant",
            "Client credentials: a service without a user. It mutes on an agent's behalf.",
            user=False,
        )
    try:
        case.me = requests.read_user(await case.io.send(requests.get_me(expand=("authorization",))))
    except MissingScope:
        case.has_user = True
        raise
    except (BadRequest, Forbidden, NotFound):
        return ok("grant", "The token has no user: a service. It mutes on an agent's behalf.", user=False)
    case.has_user = True
    case.met((case.me,))
    return ok("grant", f"The token is a person's: {case.me.label}. It mutes that person only.", user=True)


async def scopes(case: Case) -> Finding:
    if not case.has_user:
        return skipped("scopes", "Scopes do not apply to client credentials; permissions do.")
    granted = case.token.scopes if case.token else None
    if granted is None:
        return skipped("scopes", "Genesys Cloud does not say which scopes the token has.")
    lacking = [scope for scope in _SCOPES if not scope.covered(granted)]
    if not lacking:
        return ok("scopes", "The token has every scope micgate needs.", granted=tuple(sorted(granted)))
    verdict = fail if any(scope.vital for scope in lacking) else warn
    return verdict(
        "scopes",
        " ".join(f"The scope {scope.name} is missing: {scope.without}" for scope in lacking),
        f"{places.CLIENT_SCOPES}; then approve it under {places.AUTHORIZED_APPLICATIONS} and sign in again.",
        missing=tuple(scope.name for scope in lacking),
        granted=tuple(sorted(granted)),
        region_knows=await _known_scopes(case),
    )


async def permissions(case: Case) -> Finding:
    return await (_permissions_of_person(case) if case.has_user else _permissions_of_service(case))


async def inactivity(case: Case) -> Finding:
    """An organization's inactivity timeout ends idle tokens and stops refresh tokens."""
    if (idle := _idle_seconds(case)) is not None:
        return warn(
            "inactivity",
            f"This token ends after {_minutes(idle)} without a request: there is an inactivity timeout.",
            f"{places.INACTIVITY}. micgate keeps its own token busy while it watches, never an agent's.",
            idle_seconds=round(idle),
        )
    life = case.token_life()
    if case.is_service and life is not None and life < SHORTEST_LIFE:
        return warn(
            "inactivity",
            f"Tokens of this OAuth client live for {_minutes(life)} only: calls cannot be watched live.",
            f"{places.TOKEN_DURATION}: an hour or more, 86400 s by default.",
            token_seconds=round(life),
        )
    if isinstance(case.credentials, UserSession) and case.credentials.refresh_token is None:
        return warn(
            "inactivity",
            "The sign-in has no refresh token, so it ends with its access token: an inactivity timeout?",
            f"{places.INACTIVITY}, if it shall last longer; otherwise run micgate login again.",
        )
    if isinstance(case.credentials, AccessToken):
        return skipped(
            "inactivity", "A token given from outside is not renewed; nothing tells how long it lasts."
        )
    return ok("inactivity", "No sign of an inactivity timeout.")


class _Scope(msgspec.Struct, frozen=True):
    name: str
    without: str
    vital: bool = False

    def covered(self, granted: tuple[str, ...]) -> bool:
        """`users` covers `users:readonly`, and for the own person `user-basic-info` is enough."""
        return self.name in granted or self.name.removesuffix(":readonly") in granted


_SCOPES = (
    _Scope("conversations", "no call can be read or muted.", vital=True),
    _Scope("users:readonly", "agents cannot be found by e-mail or name."),
    _Scope("notifications", "nothing can be watched live."),
    _Scope("analytics:readonly", "other people's live calls cannot be found."),
    _Scope("routing:readonly", "queues are shown as ids."),
)


async def _known_scopes(case: Case) -> tuple[str, ...]:
    try:
        return requests.read_scopes(await case.io.send(requests.get_scopes()))
    except (Forbidden, NotFound):
        return ()


async def _permissions_of_service(case: Case) -> Finding:
    subject = requests.read_grants(await case.io.send(requests.get_own_grants()))
    case.named(subject.name, *(grant.role.name for grant in subject.grants or () if grant.role))
    case.named(*(grant.division.name for grant in subject.grants or () if grant.division))
    if not subject.grants:
        return fail(
            "permissions",
            "The OAuth client has no role, so it may do nothing.",
            f"{places.CLIENT_ROLES}: assign what `micgate doctor --role` prints. {places.TAKES_A_WHILE}",
            missing=tuple(need.name for need in role.REQUIRED),
        )
    held = _held(subject)
    if not held and any(grant.role and grant.role.policies is None for grant in subject.grants):
        return skipped(
            "permissions", "Genesys Cloud names the roles, but not what is in them; see the look-up."
        )
    return _judge(held, divisions=_divisions(subject))


def _judge(held: tuple[str, ...], *, divisions: tuple[str, ...]) -> Finding:
    lacking = role.missing(held)
    facts = {"missing": tuple(need.name for need in lacking), "held": held, "divisions": divisions}
    if not lacking:
        more = len(role.beyond(held))
        also = f", and {more} that micgate does not need" if more else ""
        return ok("permissions", f"All {len(role.REQUIRED)} permissions are there{also}.", **facts)
    verdict = fail if _unworkable(lacking, held) else warn
    return verdict(
        "permissions",
        " ".join(f"{need.name} is missing: {need.without}" for need in lacking),
        f"{places.ROLES} > the role of this client. {places.TAKES_A_WHILE}",
        **facts,
    )


def _unworkable(lacking: tuple[role.Permission, ...], held: tuple[str, ...]) -> bool:
    names = {need.name for need in lacking}
    cannot_mute = "conversation:agentlessCall:add" in names and not _holds_stronger(held)
    cannot_find = {"analytics:queueObservation:view", "analytics:conversationDetail:view"} <= names
    return cannot_mute or cannot_find or "conversation:communication:view" in names


def _holds_stronger(held: tuple[str, ...]) -> bool:
    return any(role.holds(held, name) for name in role.STRONGER)


async def _permissions_of_person(case: Case) -> Finding:
    given = case.me.authorization.permissions if case.me and case.me.authorization else None
    if given is None:
        return skipped("permissions", "Genesys Cloud does not say which permissions this person has.")
    if _holds_stronger(given):
        return ok("permissions", "This person holds a permission that the vendor lists for muting oneself.")
    return warn(
        "permissions",
        f"None of {', '.join(role.STRONGER)} is held, which the vendor lists for a mute: it may be refused.",
        f"{places.PERSON_ROLES}. {places.TAKES_A_WHILE} `micgate doctor --probe` tells for sure.",
        missing=role.STRONGER,
    )


def _held(subject: Subject) -> tuple[str, ...]:
    policies = [
        policy for grant in subject.grants or () if grant.role for policy in grant.role.policies or ()
    ]
    return tuple(
        sorted(
            {
                f"{policy.domain}:{policy.entity_name}:{action}"
                for policy in policies
                for action in policy.actions or ()
            }
        )
    )


def _divisions(subject: Subject) -> tuple[str, ...]:
    names = {grant.division.name or grant.division.id for grant in subject.grants or () if grant.division}
    return tuple(sorted(name for name in names if name))


def _idle_seconds(case: Case) -> float | None:
    if case.token is None or case.token.idles_at is None:
        return None
    try:
        return datetime.fromisoformat(case.token.idles_at).timestamp() - case.io.now()
    except ValueError:
        return None


def _minutes(seconds: float) -> str:
    return f"{max(1, round(seconds / 60))} min"
