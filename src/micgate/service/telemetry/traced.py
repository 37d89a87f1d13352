"""Where a trace can hang on: a request, a transaction, what was sealed. By default nothing is traced."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from litestar.types import Scope

from micgate.keeper.seal import Published
from micgate.log import Log
from micgate.service.http.errors import Impossible
from micgate.service.telemetry.answered import Answered
from micgate.settings import Settings
from micgate.store.verbs import Change

Requests = Callable[[Scope], AbstractContextManager[Answered | None]]
Transactions = Callable[[Change], AbstractContextManager[None]]


def no_request(_: Scope) -> AbstractContextManager[Answered | None]:
    return nullcontext()


def no_transaction(_: Change) -> AbstractContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracing:
    """`published` gets what the keeper of this process sealed."""

    request: Requests = no_request
    transaction: Transactions = no_transaction
    published: Published = lambda _: None


@contextmanager
def opened(settings: Settings, *, log: Log) -> Iterator[Tracing]:
    """Off without an endpoint: nothing of OpenTelemetry is loaded then."""
    if settings.otel_endpoint is None:
        yield Tracing()
        return
    try:
        from micgate.service.telemetry.export import telemetry  # noqa: PLC0415 -- an extra, and only when it is on
    except ModuleNotFoundError as error:
        raise Impossible(
            f"MICGATE_OTEL_ENDPOINT is set and {error.name} is not installed.",
            remedy="pip install 'micgate[telemetry]', or unset it.",
        ) from None
    made = telemetry(settings, log=log)
    try:
        yield Tracing(request=made.request, transaction=made.transaction, published=made.published)
    finally:
        made.close()
