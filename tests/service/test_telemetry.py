"""What a real service exports over OTLP, read from the bytes that arrive."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from micgate.settings import SettingError, load
from replica import START_SECONDS

NOTE = "Reads-out-card-numbers"
PHONE = "+353861234567"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTLP_KEY = "otlp-api-key-value"


class Collector:
    def __init__(self):
        self.bodies = []
        self.headers = []
        collector = self

        class Ear(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                zipped = self.headers.get("Content-Encoding") == "gzip"
                collector.bodies.append(gzip.decompress(body) if zipped else body)
                collector.headers.append((self.path, dict(self.headers)))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Ear)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def spans(self):
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.close()


def test_a_mute_is_a_trace_from_the_request_to_silence_and_names_nobody(serving, twin, collector):
    serving.environ |= {"MICGATE_OTEL_ENDPOINT": collector.url, "MICGATE_OTEL_HEADERS": f"api-key={OTLP_KEY}"}
    agent = twin.agents[0]
    call = twin.place_call(agent.id)
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    wish = {"agent": agent.email, "for": "60s", "note": f"{NOTE} {PHONE}"}
    heard = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-01", "tracestate": f"vendor={NOTE}"}
    mute = serving.ask("POST", "/v1/mutes", wish, Prefer="wait=20", **heard)
    assert mute["state"] == "confirmed"
    host_key = serving.announced["key"]
    serving.ask("DELETE", f"/v1/mutes/{mute['id']}", Prefer="wait=20")
    serving.ask("GET", f"/v1/agents/{agent.email}")
    twin.wait_until(lambda: twin.leg(call)["muted"] is False, seconds=40)
    twin.wait_until(lambda: "mute.ended" in sealed(serving))
    assert serving.stop() == 0

    spans = collector.spans
    ours = {span.name: span for span in reversed(spans) if span.trace_id.hex() == TRACE}
    assert {"POST /v1/mutes", "transaction place", "intent", "wire", "silence", "mute"} <= set(ours)
    assert "DELETE /v1/mutes/{mute_id}" in {span.name for span in spans}
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans)
    assert ours["POST /v1/mutes"].parent_span_id.hex() == "00f067aa0ba902b7"
    assert ours["intent"].start_time_unix_nano < ours["silence"].end_time_unix_nano
    assert {path for path, _ in collector.headers} == {"/v1/traces"}
    assert {headers["api-key"] for _, headers in collector.headers} == {OTLP_KEY}

    exported = b"".join(collector.bodies).lower()
    secrets = (host_key, twin.client_secret, OTLP_KEY, serving.environ["MICGATE_DATABASE_URL"])
    people = (agent.id, agent.email, agent.name, *agent.name.split(), call["id"])
    for unwanted in (*secrets, *people, NOTE, PHONE, PHONE.removeprefix("+"), "bearer"):
        assert unwanted.lower().encode() not in exported, unwanted
    assert mute["id"].encode() in exported


def sealed(serving):
    """The actions of the record, from which spans are made."""
    records = serving.ask("GET", "/v1/audit?limit=1000")["records"]
    return [one["record"]["action"] for one in records]


def test_a_collector_that_is_away_is_said_once_and_nothing_else_changes(serving, twin, collector):
    collector.close()
    serving.environ |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": "100"}
    twin.place_call()
    serving.start()
    twin.wait_until(lambda: serving.ready, seconds=START_SECONDS)
    mute = serving.ask("POST", "/v1/mutes", {"agent": twin.agents[0].id}, Prefer="wait=20")
    assert mute["state"] == "confirmed"
    twin.wait_until(lambda: "telemetry.unheard" in serving.log, seconds=40)
    assert serving.stop() == 0
    assert serving.log.count("telemetry.unheard") == 1
    assert "Traceback" not in serving.log
    assert collector.url not in serving.log


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"MICGATE_OTEL_ENDPOINT": "collector:4318"}, "no URL to export to"),
        ({"MICGATE_OTEL_ENDPOINT": "https://name:s3cret@collector.example"}, "no URL to export to"),
        (
            {"MICGATE_OTEL_ENDPOINT": "http://collector.example:4318", "MICGATE_OTEL_HEADERS": "k=s3cret"},
            "in the clear",
        ),
    ],
)
def test_an_address_that_spans_must_not_go_to_is_refused(environ, told, tmp_path):
    from micgate.service.telemetry.export import endpoint

    with pytest.raises(SettingError, match=told) as refused:
        endpoint(load(environ, tmp_path / "no.env"))
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("given", ["http://c:4318", "http://c:4318/", "http://c:4318/v1/traces"])
def test_the_path_of_the_signal_is_added_unless_it_is_there(given, tmp_path):
    from micgate.service.telemetry.export import endpoint

    assert endpoint(load({"MICGATE_OTEL_ENDPOINT": given}, tmp_path / "no.env")) == "http://c:4318/v1/traces"


def test_without_an_endpoint_nothing_of_it_is_loaded(serving):
    serving.start()
    loaded = Path(f"/proc/{serving.announced['pid']}/maps").read_text()
    assert "psycopg_binary" in loaded
    assert "google/_upb" not in loaded
