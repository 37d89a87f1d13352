"""What somebody may do: roles in divisions, scopes, the token itself."""

from micgate.twin import answers, profiles
from micgate.twin.answers import Wire
from micgate.twin.exchange import DONE, Answer, json_answer
from micgate.twin.people import SCOPES, Role
from micgate.twin.refusals import bad_request, not_found
from micgate.twin.routes import Ask, Route

GRANT_TYPES = {"client_credentials": "CLIENT-CREDENTIALS", "code": "CODE", "pkce": "CODE"}


def divisions_permitted(ask: Ask) -> Answer:
    permission = ask.query.text("permission")
    if permission is None:
        raise bad_request("permission is required.")
    known = ask.world.people.divisions
    permitted = [known[one] for one in ask.world.access.divisions_permitted(ask.caller, permission)]
    name = (ask.query.text("name") or "").casefold()
    return json_answer([profiles.division(one) for one in permitted if name in one.name.casefold()])


def my_subject(ask: Ask) -> Answer:
    caller = ask.caller
    if caller.user is not None:
        return json_answer(_subject(ask, caller.user.id, caller.user.name, caller.role))
    return json_answer(_subject(ask, caller.client.id, caller.client.name, caller.role))


def get_subject(ask: Ask) -> Answer:
    people, wanted = ask.world.people, ask.params[0]
    known = people.users.get(wanted) or people.clients.get(wanted)
    if known is None or known.org_id != ask.caller.org_id:
        raise not_found("subject", wanted)
    return json_answer(_subject(ask, known.id, known.name, known.role))


def _subject(ask: Ask, identity: str, name: str, role: Role) -> Wire:
    """AuthzSubject: one role, in the divisions it is granted in."""
    known = ask.world.people.divisions_of(ask.caller.org_id)
    granted = [one for one in known if role.division_ids is None or one.id in role.division_ids]
    shape: Wire = {"id": role.id, "name": role.name, "policies": _policies(role)}
    grants = [
        {
            "subjectId": identity,
            "division": profiles.division(one),
            "role": shape,
            "grantMadeAt": answers.stamp(0),
        }
        for one in granted
    ]
    return {"id": identity, "name": name, "grants": grants, "version": 1}


def _policies(role: Role) -> list[Wire]:
    by_entity: dict[tuple[str, str], list[str]] = {}
    for permission in sorted(role.permissions):
        domain, entity, action = permission.split(":")
        by_entity.setdefault((domain, entity), []).append(action)
    return [
        {"domain": domain, "entityName": entity, "actions": actions}
        for (domain, entity), actions in by_entity.items()
    ]


def list_scopes(_: Ask) -> Answer:
    entities = [
        {"id": scope, "description": _scope_text(scope), "selfUri": f"/api/v2/oauth/scopes/{scope}"}
        for scope in SCOPES
    ]
    return json_answer({"total": len(entities), "entities": entities, "selfUri": "/api/v2/oauth/scopes"})


def _scope_text(scope: str) -> str:
    area, _, readonly = scope.partition(":")
    return f"View {area}" if readonly else f"View and change {area}"


def get_token(ask: Ask) -> Answer:
    return json_answer(token_info(ask))


def token_info(ask: Ask) -> Wire:
    token, client = ask.caller.token, ask.caller.client
    org = ask.world.people.orgs[token.org_id]
    named = {"id": org.id, "name": org.name}
    shape: Wire = {
        "organization": named,
        "homeOrganization": named,
        "authorizedScope": sorted(token.scopes),
        "OAuthClient": {
            "id": client.id,
            "name": client.name,
            "authorizedGrantType": GRANT_TYPES[client.grant],
            "scope": sorted(client.scopes),
            "state": "active",
            "organization": named,
        },
    }
    idle = ask.world.behaviour.idle_token_s
    if idle:
        shape["dateTokenIdles"] = answers.stamp(ask.world.now + idle)
    return shape


def delete_token(ask: Ask) -> Answer:
    ask.world.tokens.revoke(ask.caller.token)
    return DONE


ROUTES = (
    Route(
        method="GET",
        path="/api/v2/authorization/divisionspermitted/me",
        do=divisions_permitted,
        area="authorization",
    ),
    Route(method="GET", path="/api/v2/authorization/subjects/me", do=my_subject, area="authorization"),
    Route(
        method="GET",
        path="/api/v2/authorization/subjects/{subjectId}",
        do=get_subject,
        area="authorization",
        any_of=("authorization:grant:view",),
    ),
    Route(method="GET", path="/api/v2/oauth/scopes", do=list_scopes),
    Route(method="GET", path="/api/v2/tokens/me", do=get_token),
    Route(method="DELETE", path="/api/v2/tokens/me", do=delete_token),
)
