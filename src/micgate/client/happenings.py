"""From what the stream sends to what changed. Pure."""

import msgspec

from micgate.client.errors import NotTheService
from micgate.client.models import Happening, Microphone, Mute
from micgate.client.stream import Sent

KINDS = frozenset({"snapshot", "changes", "replay"})


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What changed. Give `seq` as `after` to go on from here.

    `kind` is `snapshot` (everything that stands and every live call, first and after each gap: forget what
    was known before), `changes` (as they are now) or `replay` (records that were missed). `missed`: records
    were made that the stream will not tell; they are in the audit.
    """

    kind: str
    seq: int
    mutes: tuple[Mute, ...] = ()
    microphones: tuple[Microphone, ...] = ()
    records: tuple[Happening, ...] = ()
    missed: bool = False


class _Content(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    mutes: tuple[Mute, ...] = ()
    microphones: tuple[Microphone, ...] = ()
    records: tuple[Happening, ...] = ()
    missed: bool = False


_content = msgspec.json.Decoder(_Content)


def read(sent: Sent) -> Event | None:
    """None: a kind that only a newer client would know."""
    if sent.kind not in KINDS:
        return None
    try:
        found = _content.decode(sent.data)
    except msgspec.MsgspecError:
        raise NotTheService(
            "The stream sent something that cannot be read.", remedy="Check what answers at that address."
        ) from None
    return Event(
        kind=sent.kind,
        seq=found.seq,
        mutes=found.mutes,
        microphones=found.microphones,
        records=found.records,
        missed=found.missed,
    )
