"""The control surface, /_twin/: what a test or a visitor may do to the world, in shapes of our own."""

import base64
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, Protocol, TypeAlias

import msgspec

from micgate.twin.answers import Wire, present
from micgate.twin.behaviour import Behaviour, Value, descriptions
from micgate.twin.calls import Conversation, Direction, Media
from micgate.twin.channels import Channels
from micgate.twin.exchange import HTML, Answer, Query, Shape, json_answer
from micgate.twin.faults import SOCKET_KINDS, Fault
from micgate.twin.faults import match as fault_match
from micgate.twin.invented import right_call
from micgate.twin.ledger import RequestEntry
from micgate.twin.people import GrantKind, Queue, User
from micgate.twin.refusals import Impossible
from micgate.twin.telephony import Telephony
from micgate.twin.world import World

ENDED_SHOWN = 100


class Twin(Protocol):
    """What the control surface drives."""

    world: World
    channels: Channels

    def restart(self, *, seed: int | None, agents: int | None, quiet: bool | None) -> Wire:
        """A new world; answers its announcement."""
        ...

    async def run_ahead(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A request to the control surface."""

    twin: Twin
    params: tuple[str, ...]
    query: Query
    body: bytes

    @property
    def world(self) -> World:
        return self.twin.world

    def read(self, shape: type[Shape]) -> Shape:
        """An empty body counts as an empty object. Raises Impossible (400)."""
        try:
            return msgspec.json.decode(self.body or b"{}", type=shape)
        except msgspec.DecodeError as problem:
            raise Impossible(str(problem), status=400) from None


class _Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Unknown members are refused: a typing error in a test should not pass."""


class Reset(_Body):
    seed: int | None = None
    agents: int | None = None
    quiet: bool | None = None


class NewOrg(_Body):
    name: str = "Second organization"


class NewUser(_Body):
    name: str
    email: str
    permissions: list[str] | None = None
    queues: list[str] = []
    division: str | None = None
    org: str | None = None


class NewClient(_Body):
    grant: GrantKind = "client_credentials"
    permissions: list[str] | None = None
    scopes: list[str] | None = None
    token_seconds: int = 86_400
    rate_per_minute: int = 300
    divisions: list[str] | None = None
    org: str | None = None
    name: str = "Client"


class NewCall(_Body):
    agent: str
    customer: str | None = None
    queue: str | None = None
    direction: Direction = "inbound"
    state: Literal["alerting", "connected", "dialing", "queued"] = "connected"
    recording: bool = True
    media: Media = "call"


class Deed(_Body):
    agent: str | None = None
    to: str | None = None
    blind: bool = True
    connected: bool = False
    muted: bool | None = None
    paused: bool | None = None


class FaultMatch(_Body):
    method: str | None = None
    path: str | None = None
    topic: str | None = None
    agent: str | None = None


class NewFault(_Body):
    kind: str
    match: FaultMatch = msgspec.field(default_factory=FaultMatch)
    times: int | None = None
    probability: float | None = None
    seconds: float | None = None
    status: int | None = None
    vendor_body: bool = True
    delay_ms: float | None = None


class Advance(_Body):
    seconds: float


def show_page(_: Wish) -> Answer:
    body, policy = _page()
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Frame-Options": "DENY"}
    return Answer(body=body, media=HTML, headers=headers)


@cache
def _page() -> tuple[bytes, str]:
    """The page and its policy: only its own script and style run, and it talks to nobody else."""
    text = files("micgate.twin").joinpath("page.html").read_text("utf-8")
    hashes = {tag: _hash(text, tag) for tag in ("script", "style")}
    policy = (
        f"default-src 'none'; script-src {hashes['script']}; style-src {hashes['style']}; connect-src 'self';"
        " img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _hash(text: str, tag: str) -> str:
    found = re.search(f"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
    inner = "" if found is None else found[1]
    return f"'sha256-{base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()}'"


def show_state(wish: Wish) -> Answer:
    world = wish.world
    return json_answer(
        {
            "now": world.now,
            "seq": world.ledger.last_seq,
            "org": {"id": world.org.id, "name": world.org.name},
            "users": [_user(one) for one in world.people.users.values()],
            "queues": [_queue(one) for one in world.people.queues.values()],
            "clients": [
                {"id": one.id, "name": one.name, "grant": one.grant, "org": one.org_id}
                for one in world.people.clients.values()
            ],
            "channels": [
                {
                    "id": one.id,
                    "client": one.client_id,
                    "user": one.user_id,
                    "connected": one.outlet is not None,
                    "topics": list(one.topics),
                    "expires": one.expires_at,
                }
                for one in wish.twin.channels.all()
            ],
            "conversations": [
                conversation(one)
                for one in (*world.calls.live.values(), *world.calls.latest_ended(ENDED_SHOWN))
            ],
        }
    )


def _user(one: User) -> Wire:
    return {
        "id": one.id,
        "name": one.name,
        "email": one.email,
        "org": one.org_id,
        "division": one.division_id,
        "queues": one.queue_ids,
        "presence": one.presence,
        "routing": one.routing,
        "permissions": sorted(one.role.permissions),
    }


def _queue(one: Queue) -> Wire:
    return {"id": one.id, "name": one.name, "org": one.org_id, "members": list(one.members)}


def conversation(known: Conversation) -> Wire:
    """One conversation as the control surface tells it."""
    return {
        "id": known.id,
        "media": known.media,
        "started": known.start_time,
        "ended": known.end_time,
        "recording_state": known.recording_state,
        "secure_pause": known.secure_pause,
        "participants": [
            present(
                {
                    "id": one.id,
                    "userId": one.user_id,
                    "name": one.name,
                    "purpose": one.purpose,
                    "state": one.state,
                    "muted": one.muted,
                    "held": one.held,
                    "confined": one.confined,
                    "queueId": one.queue_id,
                    "direction": one.direction,
                    "connected": one.connected_time,
                    "communicationId": one.communication_id,
                }
            )
            for one in known.participants
        ],
    }


def reset(wish: Wish) -> Answer:
    wanted = wish.read(Reset)
    return json_answer(wish.twin.restart(seed=wanted.seed, agents=wanted.agents, quiet=wanted.quiet))


def show_ledger(wish: Wish) -> Answer:
    """Entries after a sequence number; requests to invented paths say what the right call is."""
    after = wish.query.text("after") or "0"
    if not after.isdecimal():
        raise Impossible("after is a sequence number.", status=400)
    return json_answer([_entry(one) for one in wish.world.ledger.after(int(after))])


def _entry(entry: object) -> object:
    if not isinstance(entry, RequestEntry) or entry.status not in {400, 404}:
        return entry
    right = right_call(entry.method, entry.path)
    return entry if right is None else msgspec.to_builtins(entry) | {"right_call": right}


def add_org(wish: Wish) -> Answer:
    made = wish.world.add_org(name=wish.read(NewOrg).name)
    return json_answer({"id": made.id, "name": made.name})


def add_user(wish: Wish) -> Answer:
    wanted = wish.read(NewUser)
    made = wish.world.add_user(
        name=wanted.name,
        email=wanted.email,
        permissions=wanted.permissions,
        queues=wanted.queues,
        division=wanted.division,
        org_id=wanted.org,
    )
    return json_answer({"id": made.id, "name": made.name, "email": made.email, "password": made.password})


def add_client(wish: Wish) -> Answer:
    wanted = wish.read(NewClient)
    made = wish.world.add_client(
        grant=wanted.grant,
        permissions=wanted.permissions,
        scopes=wanted.scopes,
        token_seconds=wanted.token_seconds,
        rate_per_minute=wanted.rate_per_minute,
        divisions=wanted.divisions,
        org_id=wanted.org,
        name=wanted.name,
    )
    return json_answer({"id": made.id, "secret": made.secret})


def place_call(wish: Wish) -> Answer:
    wanted = wish.read(NewCall)
    made = wish.world.telephony.place(
        agent=wanted.agent,
        customer=wanted.customer,
        queue=wanted.queue,
        direction=wanted.direction,
        state=wanted.state,
        recording=wanted.recording,
        media=wanted.media,
    )
    return json_answer(conversation(made))


def do_verb(wish: Wish) -> Answer:
    conversation_id, verb = wish.params
    act = VERBS.get(verb)
    if act is None:
        raise Impossible(f"There is no verb {verb}: use {', '.join(VERBS)}.", status=404)
    return json_answer(conversation(act(wish.world.telephony, conversation_id, wish.read(Deed))))


def show_call(wish: Wish) -> Answer:
    known = wish.world.calls.get(wish.params[0])
    if known is None:
        raise Impossible(f"There is no conversation {wish.params[0]}.", status=404)
    return json_answer(conversation(known))


def _named(value: Shape | None, name: str) -> Shape:
    if value is None:
        raise Impossible(f"{name} is missing.", status=400)
    return value


Verb: TypeAlias = Callable[[Telephony, str, Deed], Conversation]

VERBS: dict[str, Verb] = {
    "answer": lambda phones, call, deed: phones.answer(call, agent=deed.agent),
    "hold": lambda phones, call, deed: phones.hold(call, agent=deed.agent),
    "retrieve": lambda phones, call, deed: phones.retrieve(call, agent=deed.agent),
    "disconnect": lambda phones, call, deed: phones.disconnect(call, agent=deed.agent),
    "transfer": lambda phones, call, deed: phones.transfer(
        call,
        agent=_named(deed.agent, "agent"),
        to=_named(deed.to, "to"),
        blind=deed.blind,
        connected=deed.connected,
    ),
    "consult": lambda phones, call, deed: phones.consult(
        call, agent=_named(deed.agent, "agent"), to=_named(deed.to, "to"), connected=deed.connected
    ),
    "conference": lambda phones, call, deed: phones.conference(
        call, agent=_named(deed.agent, "agent"), to=_named(deed.to, "to"), connected=deed.connected
    ),
    "press-mute": lambda phones, call, deed: phones.press_mute(
        call, agent=_named(deed.agent, "agent"), muted=_named(deed.muted, "muted")
    ),
    "press-record": lambda phones, call, deed: phones.press_record(
        call, paused=_named(deed.paused, "paused")
    ),
    "voicemail": lambda phones, call, deed: phones.voicemail(call, agent=_named(deed.agent, "agent")),
    "no-answer": lambda phones, call, deed: phones.no_answer(call, agent=_named(deed.agent, "agent")),
    "barge": lambda phones, call, deed: phones.barge(call, agent=_named(deed.agent, "agent")),
    "end-wrapup": lambda phones, call, deed: phones.end_wrapup(call, agent=_named(deed.agent, "agent")),
}


def show_behaviour(wish: Wish) -> Answer:
    return json_answer(wish.world.behaviour)


def turn_behaviour(wish: Wish) -> Answer:
    knobs: dict[str, Value] = wish.read(dict[str, bool | int | float | str | list[float]])
    return json_answer(wish.world.turn(knobs))


def explain_behaviour(_: Wish) -> Answer:
    defaults = msgspec.structs.asdict(Behaviour())
    return json_answer(
        [{"name": name, "default": defaults[name], "help": text} for name, text in descriptions().items()]
    )


def list_faults(wish: Wish) -> Answer:
    return json_answer([_fault(one) for one in wish.world.faults.all()])


def _fault(one: Fault) -> Wire:
    return present({"id": one.id, "kind": one.kind, "left": one.left, "probability": one.probability})


def add_fault(wish: Wish) -> Answer:
    """Socket faults, and revocations that name no request, happen at once to what is there."""
    wanted, world = wish.read(NewFault), wish.world
    agent = wanted.match.agent
    made = world.faults.add(
        fault_id=world.new_id(),
        kind=wanted.kind,
        match=fault_match(
            method=wanted.match.method,
            path=wanted.match.path,
            topic=wanted.match.topic,
            agent=None if agent is None else world.people.find_user(agent).id,
        ),
        times=wanted.times,
        probability=wanted.probability,
        seconds=wanted.seconds,
        status=wanted.status,
        vendor_body=wanted.vendor_body,
        delay_ms=wanted.delay_ms,
    )
    _strike_now(wish, made)
    return json_answer({"id": made.id})


def _strike_now(wish: Wish, made: Fault) -> None:
    world, match = wish.world, made.match
    named = (match.method, match.path, match.topic)
    if made.kind == "token_revoked" and named == (None, None, None):
        world.faults.remove(made.id)
        world.ledger.fault(at=world.now, fault=made.id, fault_kind=made.kind)
        world.tokens.revoke_of(user_id=match.agent)
    elif made.kind in SOCKET_KINDS:
        for channel in wish.twin.channels.all():
            wish.twin.channels.strike(channel)


def remove_faults(wish: Wish) -> Answer:
    wish.world.faults.remove()
    return json_answer({})


def remove_fault(wish: Wish) -> Answer:
    if not wish.world.faults.remove(wish.params[0]):
        raise Impossible(f"There is no fault {wish.params[0]}.", status=404)
    return json_answer({})


async def advance_clock(wish: Wish) -> Answer:
    seconds = wish.read(Advance).seconds
    if not 0 <= seconds <= 366 * 86_400:
        raise Impossible("seconds is from 0 to a year.", status=400)
    await wish.twin.run_ahead(seconds)
    return json_answer({"now": wish.world.now})


Act: TypeAlias = Callable[[Wish], Answer | Awaitable[Answer]]

_ACTS: tuple[tuple[str, re.Pattern[str], Act], ...] = tuple(
    (method, re.compile("/_twin" + path), act)
    for method, path, act in (
        ("GET", "/?", show_page),
        ("GET", "/state", show_state),
        ("POST", "/reset", reset),
        ("GET", "/ledger", show_ledger),
        ("POST", "/orgs", add_org),
        ("POST", "/users", add_user),
        ("POST", "/clients", add_client),
        ("POST", "/calls", place_call),
        ("GET", "/calls/([^/]+)", show_call),
        ("POST", "/calls/([^/]+)/([^/]+)", do_verb),
        ("GET", "/behaviour", show_behaviour),
        ("PATCH", "/behaviour", turn_behaviour),
        ("GET", "/behaviour/help", explain_behaviour),
        ("GET", "/faults", list_faults),
        ("POST", "/faults", add_fault),
        ("DELETE", "/faults", remove_faults),
        ("DELETE", "/faults/([^/]+)", remove_fault),
        ("POST", "/clock/advance", advance_clock),
    )
)


async def answer(twin: Twin, *, method: str, path: str, query: Query, body: bytes) -> Answer:
    """What a request to the control surface does."""
    try:
        act, params = _find(method, path)
        made = act(Wish(twin=twin, params=params, query=query, body=body))
        return made if isinstance(made, Answer) else await made
    except Impossible as problem:
        return json_answer({"message": str(problem)}, status=problem.status)


def _find(method: str, path: str) -> tuple[Act, tuple[str, ...]]:
    allowed = []
    for known_method, pattern, act in _ACTS:
        found = pattern.fullmatch(path)
        if found and method in {known_method, "HEAD" if known_method == "GET" else known_method}:
            return act, found.groups()
        if found:
            allowed.append(known_method)
    if allowed:
        raise Impossible(f"{path} takes {', '.join(allowed)}.", status=405)
    raise Impossible(f"There is nothing at {path}.", status=404)
