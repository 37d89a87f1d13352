"""Optional OpenTelemetry: spans from a request to silence, exported over OTLP (http/protobuf).

A trace is the caller's (`traceparent`) where the replica that took the request also keeps the org; elsewhere
its id is the mute's. Nothing in a span was written by a person: words and numbers of ours, ids of mutes.
"""

import logging
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from litestar.types import Scope
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from micgate import __version__
from micgate.log import Log
from micgate.service.http.listen import is_loopback
from micgate.service.telemetry.answered import Answered
from micgate.service.telemetry.spans import Span, Spans
from micgate.settings import SettingError, Settings
from micgate.store.entries import Sealed
from micgate.store.verbs import Change, Place

SECONDS = 5.0
"""For one export, and for the last one at the end."""
_PATH = "/v1/traces"
_CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_FAILS_FROM = 500
_NS = 1_000_000_000
_KEPT = 10_000


class Telemetry:
    """Made by `telemetry`. Every method costs a few microseconds; exporting has a thread of its own."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("micgate", __version__)
        self._spans = Spans()
        self._asked: OrderedDict[str, SpanContext] = OrderedDict()

    @contextmanager
    def request(self, scope: Scope) -> Iterator[Answered | None]:
        """Around a request that changes something; others would only be noise."""
        method = str(scope.get("method"))
        if method not in _CHANGES:
            yield None
            return
        context = TraceContextTextMapPropagator().extract(_traceparent(scope))
        with self._tracer.start_as_current_span(
            method, context, kind=SpanKind.SERVER, record_exception=False, set_status_on_exception=False
        ) as span:

            def answered(*, route: str, status: int) -> None:
                span.update_name(f"{method} {route}")
                span.set_attributes(
                    {"http.request.method": method, "http.route": route, "http.response.status_code": status}
                )
                if status >= _FAILS_FROM:
                    span.set_status(StatusCode.ERROR)

            yield answered

    @contextmanager
    def transaction(self, change: Change) -> Iterator[None]:
        """Around the commit of a change of mutes."""
        mutes = [mute.id for mute in change.mutes] if isinstance(change, Place) else []
        name = f"transaction {type(change).__name__.lower()}"
        with self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        ) as span:
            span.set_attribute("micgate.mutes", mutes)
            for mute in mutes:
                self._remember(mute, span.get_span_context())
            yield

    def published(self, sealed: Sequence[Sealed]) -> None:
        """What the keeper sealed: each record once, in order."""
        for one in sealed:
            if span := self._spans.of(one.entry):
                self._write(span)

    def close(self) -> None:
        """Export what is left. Blocks, `SECONDS` at most."""
        self._provider.force_flush(int(SECONDS * 1000))
        self._provider.shutdown()

    def _write(self, told: Span) -> None:
        written = self._tracer.start_span(
            told.name, self._context(told.mute), start_time=int(told.began * _NS), attributes=told.attributes
        )
        written.set_attribute("micgate.mute", told.mute)
        if told.failed:
            written.set_status(StatusCode.ERROR)
        written.end(int(told.ended * _NS))

    def _context(self, mute: str) -> Any:
        asked = self._asked.get(mute)
        return trace.set_span_in_context(NonRecordingSpan(asked or _of_mute(mute)))

    def _remember(self, mute: str, context: SpanContext) -> None:
        self._asked[mute] = context
        if len(self._asked) > _KEPT:
            self._asked.popitem(last=False)


def telemetry(settings: Settings, *, log: Log) -> Telemetry:
    """Raises `SettingError` where headers, which hold a key as a rule, would travel in the clear."""
    url = endpoint(settings)
    for name in ("opentelemetry", "urllib3", "requests"):
        quiet = logging.getLogger(name)
        quiet.addHandler(logging.NullHandler())
        quiet.propagate = False  # they write addresses and answers; what matters is told by `_Told`
    session = requests.Session()
    session.trust_env = False  # neither a netrc's password nor a proxy is added to what is set here
    session.max_redirects = 0
    exporter = OTLPSpanExporter(
        endpoint=url,
        headers=settings.otel_headers or None,
        timeout=SECONDS,
        certificate_file=settings.ca_bundle,
        session=session,
    )
    return Telemetry(_Told(exporter, log))


def endpoint(settings: Settings) -> str:
    """Where spans go to: the signal's path is added unless it is there."""
    url = (settings.otel_endpoint or "").rstrip("/")
    where = urlsplit(url)
    if where.scheme not in {"http", "https"} or not where.hostname or where.username or where.password:
        raise SettingError(
            "MICGATE_OTEL_ENDPOINT is no URL to export to.",
            remedy="Use http://host:4318 or https://host, and MICGATE_OTEL_HEADERS for a key.",
        )
    if where.scheme == "http" and settings.otel_headers and not is_loopback(where.hostname):
        raise SettingError(
            "MICGATE_OTEL_HEADERS would be sent in the clear.", remedy="Use https, or leave the headers out."
        )
    return url if url.endswith(_PATH) else url + _PATH


class _Told(SpanExporter):
    """Exports, and says the first failure and the recovery."""

    def __init__(self, exporter: SpanExporter, log: Log) -> None:
        self._exporter = exporter
        self._log = log

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            self._log.recovered("telemetry.unheard")
        else:
            self._log.failed("telemetry.unheard", spans=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _resource() -> Resource:
    """As OTEL_RESOURCE_ATTRIBUTES and OTEL_SERVICE_NAME say."""
    found = Resource.create({"service.version": __version__})
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return found.merge(Resource({SERVICE_NAME: "micgate"}))
    return found


def _traceparent(scope: Scope) -> Mapping[str, str]:
    """Without `tracestate`, in which a caller may write anything."""
    headers: Any = scope.get("headers") or ()
    found = [value.decode("ascii", "ignore") for name, value in headers if name == b"traceparent"]
    return {"traceparent": found[0]} if found else {}


def _of_mute(mute: str) -> SpanContext:
    """The same on every replica."""
    number, sampled = UUID(mute).int, TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(number, number & (2**64 - 1), is_remote=True, trace_flags=sampled)
