"""What is posted: a sealed record as a CloudEvent 1.0 in JSON. Only its public part: nobody's name. Pure."""

from difflib import get_close_matches

import msgspec

from micgate.audit.canonical import Plain, stamp
from micgate.audit.entry import actions
from micgate.store.entries import Entry, Sealed

CONTENT_TYPE = "application/cloudevents+json"
TYPE = "micgate."
"""Before the action of the record: `micgate.mute.placed`."""
TEST = "webhook.test"
EVERYTHING = "*"


class Data(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`seq` counts the org's records without gaps. `target` is a pseudonym for an agent."""

    seq: int
    action: str
    actor: str
    target: str
    facts: dict[str, Plain]
    mute_id: str | None = None
    command_id: str | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """CloudEvents 1.0.2, section 3. `source` and `id` together name it for ever."""

    specversion: str = "1.0"
    id: str
    source: str
    type: str
    time: str
    subject: str
    datacontenttype: str = "application/json"
    data: Data


def of(sealed: Sealed) -> bytes:
    """The body of a delivery; the same bytes every time."""
    return _encode(_event(sealed.entry, id_=str(sealed.seq), seq=sealed.seq))


def test(org: str, *, id_: str, at: float, webhook: str) -> bytes:
    """The body of a delivery that tells of nothing."""
    entry = Entry(id=0, org=org, at=at, actor="micgate", action=TEST, target=webhook, public="{}")
    return _encode(_event(entry, id_=id_, seq=0))


def kinds() -> tuple[str, ...]:
    """What a webhook can ask for: each action of the record, `mute.*` for all of a kind, `*` for all."""
    every = actions()
    return (*every, *sorted({f"{action.partition('.')[0]}.*" for action in every}), EVERYTHING)


def unknown(wanted: tuple[str, ...]) -> dict[str, str | None]:
    """Those that no record will ever have, each with the nearest that one could."""
    known = kinds()
    return {word: _nearest(word, known) for word in wanted if word not in known}


def _nearest(word: str, known: tuple[str, ...]) -> str | None:
    found = get_close_matches(word, known, n=1)
    return found[0] if found else None


def _event(entry: Entry, *, id_: str, seq: int) -> Event:
    return Event(
        id=id_,
        source=f"/micgate/orgs/{entry.org}",
        type=TYPE + entry.action,
        time=stamp(entry.at),
        subject=entry.target,
        data=Data(
            seq=seq,
            action=entry.action,
            actor=entry.actor,
            target=entry.target,
            facts=_facts(entry.public),
            mute_id=entry.mute_id,
            command_id=entry.command_id,
        ),
    )


_encode = msgspec.json.Encoder().encode
_facts = msgspec.json.Decoder(dict[str, Plain]).decode
