"""The control surface, /_twin/: what a test or a visitor may do to the world, in shapes of our own."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import msgspec

from micgate.twin import page, state
from micgate.twin.answers import Wire, present
from micgate.twin.behaviour import Behaviour, Value, descriptions
from micgate.twin.channels import Channels
from micgate.twin.exchange import Answer, Query, Shape, json_answer
from micgate.twin.faults import SOCKET_KINDS, Fault
from micgate.twin.faults import match as fault_match
from micgate.twin.invented import right_call
from micgate.twin.ledger import RequestEntry
from micgate.twin.refusals import Impossible
from micgate.twin.verbs import VERBS
from micgate.twin.wishes import (
    Advance,
    Deed,
    Membership,
    NewCall,
    NewClient,
    NewFault,
    NewOrg,
    NewPresence,
    NewUser,
    Reset,
)
from micgate.twin.world import World


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
        """No body, or null, counts as an empty object. Raises Impossible (400)."""
        said = self.body.strip()
        try:
            return msgspec.json.decode(b"{}" if said in {b"", b"null"} else said, type=shape)
        except msgspec.DecodeError as problem:
            raise Impossible(str(problem), status=400) from None


def show_page(_: Wish) -> Answer:
    return page.show()


def show_state(wish: Wish) -> Answer:
    return json_answer(state.whole(wish.world, wish.twin.channels))


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


def set_presence(wish: Wish) -> Answer:
    known = wish.world.set_presence(wish.params[0], wish.read(NewPresence).presence)
    return json_answer({"id": known.id, "presence": known.presence})


def set_membership(wish: Wish) -> Answer:
    wanted = wish.read(Membership)
    wish.world.join_queue(wish.params[0], wanted.user, joined=wanted.joined)
    return json_answer({})


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
    return json_answer(state.conversation(made))


def do_verb(wish: Wish) -> Answer:
    conversation_id, verb = wish.params
    act = VERBS.get(verb)
    if act is None:
        raise Impossible(f"There is no verb {verb}: use {', '.join(VERBS)}.", status=404)
    return json_answer(state.conversation(act(wish.world.telephony, conversation_id, wish.read(Deed))))


def show_call(wish: Wish) -> Answer:
    known = wish.world.calls.get(wish.params[0])
    if known is None:
        raise Impossible(f"There is no conversation {wish.params[0]}.", status=404)
    return json_answer(state.conversation(known))


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
    if made.lifetime is not None:
        world.later(made.lifetime, lambda: _over(world, made))
    _strike_now(wish, made)
    return json_answer({"id": made.id})


def _over(world: World, made: Fault) -> None:
    world.faults.remove(made.id)


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
        ("POST", "/users/([^/]+)/presence", set_presence),
        ("POST", "/queues/([^/]+)/members", set_membership),
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
