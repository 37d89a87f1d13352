"""API keys: made, recognized, counted. A key is shown once; a hash of it is kept."""

import hmac
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec

from micgate.audit import facts
from micgate.audit.entry import Actor, ActorKind, write
from micgate.audit.privacy import one_line
from micgate.service.http.errors import Impossible, Malformed, NotThere, TooFast, Unauthenticated
from micgate.service.people.shelf import Shelf
from micgate.service.principals.principal import UNLIMITED, Limits, Principal, Scope
from micgate.store.entries import NewEntry
from micgate.store.ids import new_id
from micgate.store.keys import StoredKey
from micgate.store.postgres import PostgresStore

DAY = 86_400.0
EXPIRES_SECONDS = 90 * DAY
LONGEST_SECONDS = 366 * DAY
NAME_CHARACTERS = 80
LOOK_UPS = 30
"""So often a minute may one key make us ask the platform who somebody is, or how they are."""
_FRESH_SECONDS = 2.0
"""A revoked key is refused everywhere after this."""
_KEY, _HOST = "mg", "mghost"
_HOST_KEY = re.compile(rf"{_HOST}_[\w-]{{43}}", re.ASCII)
_PREFIX_CHARACTERS = 10
_MINUTE = 60.0


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key that was just made. `secret` is the whole key; it is never shown again."""

    secret: str
    key: StoredKey

    def __repr__(self) -> str:
        return f"NewKey({self.key.prefix})"


def issue(
    org: str, *, name: str, scopes: tuple[Scope, ...], limits: Limits, now: float, seconds: float
) -> NewKey:
    """Make a key: a public prefix and 256 random bits."""
    shown = " ".join(one_line(name).split())
    _check(shown, scopes, seconds)
    _check_limits(limits)
    prefix = secrets.token_hex(_PREFIX_CHARACTERS // 2)
    secret = f"{_KEY}_{prefix}_{secrets.token_urlsafe(32)}"
    key = StoredKey(
        id=new_id(),
        org=org,
        prefix=prefix,
        hash=_hash(secret),
        name=shown,
        scopes=tuple(sorted(set(scopes))),
        limits=msgspec.json.encode(limits).decode(),
        made_at=now,
        expires_at=now + seconds,
    )
    return NewKey(secret=secret, key=key)


class KeyRing:
    """The keys of an org, and the one of this host: whoever may read it is trusted with everything."""

    def __init__(
        self,
        store: PostgresStore,
        org: str,
        *,
        now: Callable[[], float],
        monotonic: Callable[[], float],
        host_id: str = "local",
    ) -> None:
        self._store = store
        self._org = org
        self._now = now
        self._monotonic = monotonic
        self._known: Shelf[str, StoredKey | None] = Shelf(_FRESH_SECONDS, monotonic, most=10_000)
        self._used: dict[str, float] = {}
        self._names = {host_id: host(host_id).name}
        self._asked: dict[tuple[str, str], deque[float]] = {}
        self._host_hash = b""
        self._host = host(host_id)

    def host_key(self, *, kept: str | None = None) -> str:
        """The key of those who share this process's account: the one they have already, else a new one."""
        secret = kept if kept and _HOST_KEY.fullmatch(kept) else f"{_HOST}_{secrets.token_urlsafe(32)}"
        self._host_hash = _hash(secret)
        return secret

    async def recognize(self, authorization: str | None) -> Principal:
        """Raises `Unauthenticated`."""
        kind, _, secret = (authorization or "").partition(" ")
        if kind.lower() != "bearer" or not secret.strip():
            raise Unauthenticated(
                "This needs an API key.", remedy="Send it: Authorization: Bearer mg_... (micgate keys add)."
            )
        return await self._of(secret.strip())

    async def add(self, new: NewKey, *, by: Actor) -> None:
        key = new.key
        fact = facts.KeyIssued(key_id=key.prefix, scopes=key.scopes, expires_at=key.expires_at)
        await self._store.keys.add(key, entry=self._told(fact, key.prefix, by))

    async def all(self) -> tuple[StoredKey, ...]:
        return await self._store.keys.all(self._org)

    async def names(self, owners: set[str]) -> Mapping[str, str]:
        """By owner. A key keeps its name for life, so it is asked for once."""
        if not owners <= self._names.keys():
            self._names |= {key.prefix: key.name for key in await self.all()}
        return {owner: self._names[owner] for owner in owners & self._names.keys()}

    async def find(self, ref: str) -> StoredKey:
        """By prefix or id."""
        found = [key for key in await self.all() if ref in {key.id, key.prefix}]
        if not found:
            raise NotThere("There is no such key.", remedy="List them: micgate keys list.")
        return found[0]

    async def revoke(self, ref: str, *, by: Actor) -> StoredKey:
        """End a key now; one that has ended before is left as it is."""
        key = await self.find(ref)
        told = self._told(facts.KeyRevoked(key_id=key.prefix), key.prefix, by)
        await self._store.keys.revoke(self._org, key.id, at=self._now(), entry=told)
        self._known.drop(key.prefix)
        return await self.find(key.id)

    async def rotate(self, ref: str, *, by: Actor, overlap: float) -> NewKey:
        """A new key like this one, which goes on working for `overlap` seconds."""
        _check_overlap(overlap)
        old, now = await self.find(ref), self._now()
        if not old.good(now=now):
            raise Impossible("That key has ended already.", remedy="Make a new one: micgate keys add.")
        new = issue(
            self._org,
            name=old.name,
            scopes=tuple(Scope(scope) for scope in old.scopes),
            limits=limits(old),
            now=now,
            seconds=old.expires_at - old.made_at,
        )
        await self.add(new, by=by)
        told = self._told(facts.KeyRevoked(key_id=old.prefix), old.prefix, by)
        await self._store.keys.shorten(self._org, old.id, at=now + overlap, entry=told)
        self._known.drop(old.prefix)
        return new

    def count(self, principal: Principal) -> None:
        """One more wish of this principal at this replica, also one that is refused later or only rehearsed.
        What is really changed, the transaction counts for all replicas. Raises `TooFast`.
        """
        rate = principal.limits.rate
        if rate is not None:
            remedy = "Wait, or ask an administrator for more."
            self._count(principal.id, "mutes", most=rate, remedy=remedy)

    def count_look_up(self, principal: Principal) -> None:
        """One more look at the platform for this principal. Raises `TooFast`."""
        if principal.limits.rate is not None:
            remedy = "Wait, or ask by user ids that micgate knows."
            self._count(principal.id, "look-ups", most=LOOK_UPS, remedy=remedy)

    async def flush(self) -> None:
        """Write down when keys were used since the last time. What could not be written is kept."""
        for key_id, at in tuple(self._used.items()):
            await self._store.keys.used(key_id, at=at)
            if self._used.get(key_id) == at:
                del self._used[key_id]

    def _count(self, key_id: str, what: str, *, most: int, remedy: str) -> None:
        asked, now = self._asked.setdefault((key_id, what), deque()), self._monotonic()
        while asked and asked[0] <= now - _MINUTE:
            asked.popleft()
        if len(asked) >= most:
            raise TooFast(
                f"This key may ask for {most} {what} a minute.",
                remedy=remedy,
                retry_after=asked[0] + _MINUTE - now if asked else _MINUTE,
            )
        asked.append(now)

    async def _of(self, secret: str) -> Principal:
        if secret.startswith(f"{_HOST}_"):
            if self._host_hash and hmac.compare_digest(self._host_hash, _hash(secret)):
                return self._host
            raise _unknown()
        key = await self._stored(secret)
        if key is None or not hmac.compare_digest(key.hash, _hash(secret)):
            raise _unknown()
        if not key.good(now=self._now()):
            raise Unauthenticated(
                f"The key {key.prefix} is revoked or has expired.",
                remedy="Ask an administrator for a new one.",
            )
        self._used[key.id] = self._now()
        return principal(key)

    async def _stored(self, secret: str) -> StoredKey | None:
        kind, _, rest = secret.partition("_")
        prefix = rest.partition("_")[0]
        if kind != _KEY or len(prefix) != _PREFIX_CHARACTERS or not prefix.isalnum() or not prefix.isascii():
            return None
        key = await self._known.found(prefix, lambda: self._store.keys.by_prefix(prefix))
        return key if key and key.org == self._org else None

    def _told(self, fact: facts.KeyIssued | facts.KeyRevoked, target: str, by: Actor) -> NewEntry:
        return write(fact, at=self._now(), actor=by, target=target, salt=salt)


def host(host_id: str) -> Principal:
    """Whoever has an account on the service's host that may read its files."""
    return Principal(
        kind=ActorKind.HOST, id=host_id, name="this host", scopes=frozenset(Scope), limits=UNLIMITED
    )


def principal(key: StoredKey) -> Principal:
    return Principal(
        kind=ActorKind.KEY,
        id=key.prefix,
        name=key.name,
        scopes=frozenset(Scope(scope) for scope in key.scopes),
        limits=limits(key),
        ends_at=key.expires_at,
    )


def limits(key: StoredKey) -> Limits:
    return msgspec.json.decode(key.limits, type=Limits)


def salt() -> str:
    return secrets.token_hex(16)


def _hash(secret: str) -> bytes:
    """256 random bits need no slow hash."""
    return sha256(secret.encode()).digest()


def _check(name: str, scopes: tuple[Scope, ...], seconds: float) -> None:
    if not 0 < len(name) <= NAME_CHARACTERS:
        raise Malformed("A key needs a name.", remedy=f"Give one of up to {NAME_CHARACTERS} characters.")
    if not scopes:
        raise Malformed("A key without a scope can do nothing.", remedy=f"Give some of: {', '.join(Scope)}.")
    if not 0 < seconds <= LONGEST_SECONDS:
        raise Malformed("A key lives for a year at most.", remedy="Ask for up to 366 days.")


def _check_overlap(seconds: float) -> None:
    if not 0 <= seconds <= LONGEST_SECONDS:
        raise Malformed(
            "Two keys work beside each other from 0 seconds to 366 days.", remedy="Give such a time: 24h."
        )


def _check_limits(limits: Limits) -> None:
    """Those that were not read from a request were not checked yet."""
    try:
        msgspec.convert(msgspec.to_builtins(limits), Limits)
    except msgspec.ValidationError as error:
        at = str(error).partition("`$.")[2].partition("[")[0].rstrip("`")
        raise Malformed(
            f"The limit {at.replace('_', ' ')} of the key cannot be that.", remedy=_LIMITS
        ) from None


_LIMITS = (
    "Longest is at most 2 hours; rate and standing are 1 or more; the queue share is over 0 and at most "
    "100 %; agents and queues are ids."
)


def _unknown() -> Unauthenticated:
    return Unauthenticated("That key is not known here.", remedy="Check it, or make one: micgate keys add.")
