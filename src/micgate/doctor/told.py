"""The members by which the vendor's kinds of errors are told apart."""

import msgspec


class Told(msgspec.Struct, frozen=True, rename="camel"):
    code: str | None = None
    error: str | None = msgspec.field(name="error", default=None)
    error_description: str | None = msgspec.field(name="error_description", default=None)
    description: str | None = None
    context_id: str | None = None
    message: str | None = None
    status: int | str | None = None
    topic_name: str | None = None
    event_body: "SystemBody | None" = None
    result: str | int | None = None
    id: str | None = None
    state: str | None = None
    rejection_reason: str | None = None
    missing_permissions: tuple[str, ...] | None = None
    entities: tuple["Told", ...] | None = None

    @property
    def is_refused_topic(self) -> bool:
        return (self.state or "").lower() == "rejected" or self.rejection_reason is not None

    @property
    def says_something(self) -> bool:
        return bool(self.code or self.message or self.context_id)


class SystemBody(msgspec.Struct, frozen=True):
    reason: str | None = None
    message: str | None = None
