"""`/v1/audit`: the record is listed and exported; whoever reads it is in it."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal

import msgspec
from litestar import get
from litestar.params import QueryParameter
from litestar.response import Stream

from micgate.audit import export
from micgate.audit.chain import sealed_records
from micgate.audit.checkpoint import Checkpoint, decoded
from micgate.audit.record import SealedRecord
from micgate.service.http.errors import NotPermitted, NotThere
from micgate.service.principals import permission
from micgate.service.principals.principal import Principal, Scope
from micgate.service.request import record, surroundings
from micgate.service.request.access import Caller, Shared, opened_by
from micgate.service.request.parts import Parts
from micgate.service.request.whom import whom

MOST = 1000
_TYPES = {"jsonl": "application/jsonl", "csv": "text/csv; charset=utf-8"}

After = Annotated[int, QueryParameter(ge=0, le=2**53, description="Only records behind this number.")]
WithPrivate = Annotated[bool, QueryParameter(description="With names, notes and the platform's ids.")]


class RecordList(msgspec.Struct, frozen=True, kw_only=True):
    """`head` is the newest record's number; `next` is the following page's `after`, null on the last."""

    records: list[SealedRecord]
    head: int
    next: int | None = None


@get("/v1/audit", opt=opened_by(Scope.AUDIT))
async def list_records(
    *,
    parts: Shared,
    principal: Caller,
    after: After = 0,
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 100,
    agent: Annotated[
        str | None, QueryParameter(description="The latest about one agent, latest first.")
    ] = None,
    private: WithPrivate = True,
) -> RecordList:
    """Records in their order."""
    if agent is not None:
        return await _list_about(parts, principal, agent, limit=limit, private=private)
    _check_unbounded(principal)
    head, _ = await parts.store.entries.head(parts.org)
    found = _records(parts, after=after, through=head, most=limit, with_private=private)
    records = [one async for one in found]
    await record.looked(parts, principal, "list", through=head, records=len(records), private=private)
    following = records[-1].record.seq if len(records) == limit else None
    return RecordList(records=records, head=head, next=following)


@get("/v1/audit/export", opt=opened_by(Scope.AUDIT))
async def export_records(
    *,
    parts: Shared,
    principal: Caller,
    format: Annotated[Literal["jsonl", "csv"], QueryParameter(name="format")] = "jsonl",  # noqa: A002 -- the API's word
    after: After = 0,
    private: WithPrivate = True,
) -> Stream:
    """The whole record as a file: JSON Lines can be verified offline, CSV opened as a spreadsheet."""
    _check_unbounded(principal)
    head, _ = await parts.store.entries.head(parts.org)
    count = max(0, head - after)
    await record.looked(parts, principal, "export", through=head, records=count, private=private)
    lines = _lines(parts, form=format, after=after, through=head, with_private=private)
    disposition = f'attachment; filename="micgate-audit-{head}.{format}"'
    return Stream(lines, media_type=_TYPES[format], headers={"Content-Disposition": disposition})


@get("/v1/audit/checkpoint", opt=opened_by(Scope.AUDIT))
async def show_checkpoint(*, parts: Shared, principal: Caller) -> Checkpoint:
    """The latest signed head. Keep it where micgate cannot reach it."""
    newest = await parts.store.checkpoints.newest(parts.org)
    if newest is None:
        raise NotThere("There is no checkpoint yet.", remedy="See /readyz; one is made every minute.")
    found = decoded(newest.body)
    await record.looked(parts, principal, "checkpoint", through=found.seq, records=0, private=False)
    return found


def _check_unbounded(principal: Principal) -> None:
    bounded = (("agents", principal.limits.agents), ("queues", principal.limits.queues))
    for rule in (name for name, limit in bounded if limit is not None):
        raise NotPermitted(
            f"This key is for certain {rule}, and the record is about all.",
            remedy="Ask for one agent: ?agent=",
            rule=rule,
        )


async def _list_about(
    parts: Parts, principal: Principal, ref: str, *, limit: int, private: bool
) -> RecordList:
    agent = await whom(parts, principal, ref)
    permission.check_agent(principal, agent.user_id)
    head, _ = await parts.store.entries.head(parts.org)
    latest = await parts.store.entries.of(parts.org, agent.pseudonym, limit=limit)
    found = await surroundings.records_about(parts, principal, latest)
    told = (sealed_records(one.before, [one], with_private=private) for one in found)
    records = [one for each in told for one in each]
    await record.looked(
        parts, principal, "list", through=head, records=len(records), private=private, about=agent
    )
    return RecordList(records=records, head=head)


async def _records(
    parts: Parts, *, after: int, through: int, most: int, with_private: bool
) -> AsyncIterator[SealedRecord]:
    """So many, from behind `after` on, none behind `through`."""
    previous: bytes | None = None
    while most > 0 and after < through:
        page = await parts.store.entries.after(parts.org, after, limit=min(most, MOST))
        page = tuple(one for one in page if one.seq <= through)
        if not page:
            return
        if previous is None:
            previous = await parts.store.entries.hash(parts.org, page[0].seq - 1)
        for one in sealed_records(previous, page, with_private=with_private):
            yield one
        after, previous, most = page[-1].seq, page[-1].hash, most - len(page)


async def _lines(
    parts: Parts, *, form: str, after: int, through: int, with_private: bool
) -> AsyncIterator[bytes]:
    if form == "csv":
        yield export.csv_header()
    line = export.csv_line if form == "csv" else export.json_line
    wanted = _records(parts, after=after, through=through, most=through, with_private=with_private)
    async for one in wanted:
        yield line(one)
    if form == "jsonl":
        for stored in await parts.store.checkpoints.last_of_each_key(parts.org, through=through):
            yield export.checkpoint_line(decoded(stored.body))
