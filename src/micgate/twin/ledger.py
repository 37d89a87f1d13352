"""What happened, in order: what the tests and auditors of a client read."""

from typing import Literal, TypeAlias

import msgspec

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Cause = Literal["request", "agent", "world"]
Field = bool | str | None


class RequestEntry(msgspec.Struct, kw_only=True, tag_field="kind", tag="request"):
    """Entered when the request arrives; `status` is set by its answer and stays null without one."""

    seq: int
    at: float
    method: str
    path: str
    status: int | None = None
    client: str | None = None
    user: str | None = None
    body: Json = None
    correlation_id: str | None = None
    query: str = ""


class ChangeEntry(
    msgspec.Struct, kw_only=True, tag_field="kind", tag="change", frozen=True, rename={"from_": "from"}
):
    seq: int
    at: float
    conversation: str
    participant: str | None
    user: str | None
    field: str
    from_: Field
    to: Field
    cause: Cause
    correlation_id: str | None = None


class EventEntry(msgspec.Struct, kw_only=True, tag_field="kind", tag="event", frozen=True):
    """One message put on one socket. `fate` names the fault that bent it."""

    seq: int
    at: float
    topic: str
    channel: str | None = None
    conversation: str | None = None
    user: str | None = None
    correlation_id: str | None = None
    fate: str | None = None


class FaultEntry(msgspec.Struct, kw_only=True, tag_field="kind", tag="fault", frozen=True):
    seq: int
    at: float
    fault: str
    fault_kind: str
    method: str | None = None
    path: str | None = None
    topic: str | None = None
    correlation_id: str | None = None


Entry = RequestEntry | ChangeEntry | EventEntry | FaultEntry


class Ledger:
    """Bounded: the oldest entries go first. `seq` counts from 1 and never repeats."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self.limit = limit
        self._entries: list[Entry] = []
        self._next = 1

    @property
    def last_seq(self) -> int:
        """Of the newest entry; 0 before the first."""
        return self._next - 1

    def after(self, seq: int) -> list[Entry]:
        """Every entry kept with a higher `seq`."""
        wanted = min(self._next - 1 - max(seq, 0), self.limit, len(self._entries))
        return self._entries[len(self._entries) - wanted :] if wanted > 0 else []

    def request(
        self,
        *,
        at: float,
        method: str,
        path: str,
        query: str = "",
        client: str | None = None,
        user: str | None = None,
        body: Json = None,
        correlation_id: str | None = None,
    ) -> RequestEntry:
        """Enter a request; the caller sets `status` (client, user, body once known) on what is returned."""
        entry = RequestEntry(
            seq=self._next,
            at=at,
            method=method,
            path=path,
            query=query,
            client=client,
            user=user,
            body=body,
            correlation_id=correlation_id,
        )
        self._keep(entry)
        return entry

    def change(
        self,
        *,
        at: float,
        conversation: str,
        participant: str | None,
        user: str | None,
        field: str,
        before: Field,
        after: Field,
        cause: Cause,
        correlation_id: str | None,
    ) -> None:
        self._keep(
            ChangeEntry(
                seq=self._next,
                at=at,
                conversation=conversation,
                participant=participant,
                user=user,
                field=field,
                from_=before,
                to=after,
                cause=cause,
                correlation_id=correlation_id,
            )
        )

    def event(
        self,
        *,
        at: float,
        topic: str,
        channel: str | None = None,
        conversation: str | None = None,
        user: str | None = None,
        correlation_id: str | None = None,
        fate: str | None = None,
    ) -> None:
        self._keep(
            EventEntry(
                seq=self._next,
                at=at,
                topic=topic,
                channel=channel,
                conversation=conversation,
                user=user,
                correlation_id=correlation_id,
                fate=fate,
            )
        )

    def fault(
        self,
        *,
        at: float,
        fault: str,
        fault_kind: str,
        method: str | None = None,
        path: str | None = None,
        topic: str | None = None,
        correlation_id: str | None = None,
    ) -> None:
        self._keep(
            FaultEntry(
                seq=self._next,
                at=at,
                fault=fault,
                fault_kind=fault_kind,
                method=method,
                path=path,
                topic=topic,
                correlation_id=correlation_id,
            )
        )

    def _keep(self, entry: Entry) -> None:
        self._entries.append(entry)
        self._next += 1
        if len(self._entries) >= 2 * self.limit:
            del self._entries[: -self.limit]
