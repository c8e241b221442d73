"""Traces are sent where OpenTelemetry listens, without what must not leave; unset, none is made."""

from __future__ import annotations

import gzip
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support import running
from tools.local.servers import LocalServers

ROOT = Path(__file__).resolve().parents[2]
SPEAKS = """
import sys
import config
from sqlalchemy import text
from tusker.app import create_app
from tusker.extensions import db
app = create_app(config.load())
browser = app.test_client()
browser.get("/account/reset/THE-SECRET")
browser.get("/login?next=/find%3Fq%3DTHE-SECRET")
browser.get("/healthz")
if len(sys.argv) > 1:
    from tusker.watching.traces import traced
    def fails():
        with app.app_context():
            db.session.execute(text("SELECT :secret"), {"secret": "THE-SECRET"})
        return False
    assert traced(app, "tusker.jobs.some", "job-1", fails) is False
print(sum(name.startswith("opentelemetry.instrumentation") for name in sys.modules))
"""


UNANSWERED = """
import os
import threading
import config
from tusker.app import create_app
from tusker.watching.traces import traced
app = create_app(config.load())
flushing = threading.Event()
def never():
    flushing.set()
    threading.Event().wait()
app.extensions["tusker_traces"].force_flush = never
print(traced(app, "tusker.jobs.some", "job-1", lambda: True), flushing.is_set(), flush=True)
os._exit(0)  # as RQ ends a job's process
"""


class Listening(BaseHTTPRequestHandler):
    """A collector that keeps what it is sent."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.bodies.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    bodies: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Collector", (Listening,), {"bodies": bodies}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", bodies
    server.shutdown()
    server.server_close()


def test_requests_statements_and_jobs_are_told(
    servers: LocalServers, tmp_path: Path, collector: tuple[str, list[bytes]]
) -> None:
    address, bodies = collector
    environ = running.environment(servers.database_url, servers.redis_url, running.SIGNALS, tmp_path)

    def speak(*arguments: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", SPEAKS, *arguments], cwd=ROOT, env=environ, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return int(done.stdout)

    assert speak() == 0
    assert bodies == []
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
    environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http/dup"  # the older names and the newer ones
    assert speak("job") > 0
    spans = {}
    for body in bodies:
        assert b"THE-SECRET" not in body
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            assert "tusker" in str(resource.resource.attributes)
            for scope in resource.scope_spans:
                spans |= {span.name: span for span in scope.spans}
    assert {"GET /account/reset/<token>", "GET /login", "tusker.jobs.some"} <= spans.keys()
    assert not any("healthz" in name for name in spans)
    assert spans["SELECT tusker"].parent_span_id == spans["tusker.jobs.some"].span_id
    told = {item.key: item.value.string_value for item in spans["GET /login"].attributes}
    assert (told["http.target"], told["url.path"], told["url.query"]) == ("/login", "/login", "")
    assert re.fullmatch(r"[0-9a-f]{16}", told["request.id"])
    assert spans["tusker.jobs.some"].status.code == 2


def test_a_collector_that_is_away_holds_no_worker(servers: LocalServers, tmp_path: Path) -> None:
    environ = running.environment(servers.database_url, servers.redis_url, running.SIGNALS, tmp_path)
    environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-c", UNANSWERED], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "True True\n", done.stderr
