"""`/v1/events`: a stream of what happens (server-sent events), resumable where it broke off.

A `snapshot` comes first, and again whenever a viewer fell behind; `changes` follow. With `Last-Event-ID` (or
`after`) the records that were missed come first. Whoever may no longer see is cut off within seconds.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, QueryParameter
from litestar.response import Stream as StreamResponse

from micgate.service.http.errors import Malformed, Unauthenticated
from micgate.service.principals.happening import Happening, happening, is_open
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request import patience, record, surroundings, views
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.service.request.stream import PAGE, Stream, Viewer, event

REPLAYED = 10_000
"""Whoever missed more records than this gets only the snapshot."""
RECHECK = 2.0
"""Seconds between two looks whether the key still opens the stream."""
BEAT = b": beat\n\n"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything standing, as of record `seq`. `missed`: records before it that were not told."""

    seq: int
    missed: bool
    mutes: list[views.MuteView]
    microphones: list[views.MicrophoneView]


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """Records that were missed."""

    seq: int
    records: list[Happening]


@get("/v1/events", opt=opened_by())
async def stream_events(
    *,
    request: Request[Any, Any, Any],
    parts: Shared,
    principal: Caller,
    stream: NamedDependency[Stream],
    last_event_id: Annotated[str | None, HeaderParameter(name="Last-Event-ID")] = None,
    after: Annotated[int | None, QueryParameter(ge=0, le=2**53)] = None,
) -> StreamResponse:
    """Mutes, microphones and records as they change."""
    since = _since(last_event_id, after)
    await stream.reach(since or 0)
    if since is not None and 0 < (count := stream.seq - since) <= REPLAYED:
        await record.looked(parts, principal, "replay", through=stream.seq, records=count)
    viewer = await stream.join(principal)
    authorization = request.headers.get("authorization")
    told = _told(parts, stream, viewer, principal, since=since, authorization=authorization)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamResponse(told, media_type="text/event-stream", headers=headers)


async def _told(
    parts: Parts,
    stream: Stream,
    viewer: Viewer,
    principal: Principal,
    *,
    since: int | None,
    authorization: str | None,
) -> AsyncIterator[bytes]:
    try:
        start = stream.seq
        missed = since is not None and not 0 <= start - since <= REPLAYED
        if since is not None and not missed:
            async for replayed in _replayed(parts, principal, after=since, through=start):
                yield replayed
        sent = start
        yield await _snapshot(parts, principal, seq=sent, missed=missed)
        while not stream.closed:
            if await viewer.wait(RECHECK) and not await _may_see(parts, authorization):
                break
            if viewer.lost:
                viewer.lost, sent = False, stream.seq
                viewer.take()
                yield await _snapshot(parts, principal, seq=sent, missed=True)
            ticks = [tick for tick in viewer.take() if tick.follows(sent)]
            yield b"".join(tick.encoded(viewer.sight) for tick in ticks) or BEAT
        yield event("end", {}, seq=None)
    finally:
        stream.leave(viewer)


async def _replayed(parts: Parts, principal: Principal, *, after: int, through: int) -> AsyncIterator[bytes]:
    while after < through:
        page = await parts.store.entries.after(parts.org, after, limit=min(PAGE, through - after))
        if not page:
            return
        seen = await surroundings.records_about(parts, principal, page)
        told = principal.has(Scope.AUDIT)
        records = [happening(one) for one in seen if told or is_open(one.entry.action)]
        after = page[-1].seq
        yield event("replay", Replay(seq=after, records=records), seq=after)


async def _snapshot(parts: Parts, principal: Principal, *, seq: int, missed: bool) -> bytes:
    every = await parts.store.microphones.all(parts.org)
    shown = tuple(row for row in every if row.memory.live_leg or row.memory.mutes)
    rows = await surroundings.rows_seen(parts, principal, shown)
    standing = await parts.store.mutes.standing(parts.org)
    mutes = await surroundings.mutes_seen(parts, principal, standing)
    agents = await parts.directory.known({row.target.user_id for row in rows})
    snapshot = Snapshot(
        seq=seq,
        missed=missed,
        mutes=await patience.show(parts, mutes),
        microphones=[views.microphone(row, agents=agents) for row in rows],
    )
    return event("snapshot", snapshot, seq=seq)


async def _may_see(parts: Parts, authorization: str | None) -> bool:
    try:
        await parts.keys.recognize(authorization)
    except Unauthenticated:
        return False
    return True


def _since(last_event_id: str | None, after: int | None) -> int | None:
    if last_event_id is None:
        return after
    if not (last_event_id.isascii() and last_event_id.isdigit() and len(last_event_id) <= 16):  # noqa: PLR2004 -- 2**53 has 16 digits
        raise Malformed("Last-Event-ID is no number of ours.", remedy="Leave it out, and get a snapshot.")
    return int(last_event_id)
