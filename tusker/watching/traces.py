"""Traces for OpenTelemetry: requests, their statements, questions to delivery companies, and jobs.

Imported only where `OTEL_EXPORTER_OTLP_ENDPOINT` is set; the SDK reads its other variables (`OTEL_…`) itself. They are
sent in the background, also from processes that were forked later.
"""

import os
from collections.abc import Callable
from threading import Thread

from flask import Flask, request
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, StatusCode

from tusker.extensions import db
from tusker.watching.logs import who, work_id

UNTOLD = "healthz,readyz,static/"
"""Addresses that are asked too often to be of interest."""
LONGEST_FLUSH = 2
"""For how many seconds a job that is done has its worker wait for the collector; what is not sent then is lost."""


def init_app(app: Flask) -> None:
    """Trace the app's requests and what they ask of others."""
    os.environ.setdefault("OTEL_SERVICE_NAME", "tusker")
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app, tracer_provider=provider, excluded_urls=UNTOLD, response_hook=_say_whose, enable_commenter=False
    )
    RequestsInstrumentor().instrument(tracer_provider=provider)
    with app.app_context():
        # it says that it is for SQLAlchemy before 2.1; the events that it listens to are the same (a test holds it)
        SQLAlchemyInstrumentor().instrument(
            engines=list(db.engines.values()), tracer_provider=provider, skip_dep_check=True
        )
    app.extensions["tusker_traces"] = provider


def traced(app: Flask, name: str, job_id: str, perform: Callable[[], bool]) -> bool:
    """Have a job done and trace it; what is traced is sent before its process ends. False says that it failed."""
    provider: TracerProvider = app.extensions["tusker_traces"]
    try:
        with provider.get_tracer(__name__).start_as_current_span(name, attributes={"job.id": job_id}) as span:
            done = perform()
            if not done:
                span.set_status(StatusCode.ERROR)
            return done
    finally:
        # the SDK does not go by a time limit of its own yet
        flush = Thread(target=provider.force_flush, daemon=True)
        flush.start()
        flush.join(LONGEST_FLUSH)


def _say_whose(span: Span | None, _status: str, _headers: list[tuple[str, str]]) -> None:
    """Add the request's id and whose it is, and take out what an address may tell besides its route: searched words and
    reset links."""
    if span is not None:
        route = request.url_rule.rule if request.url_rule else "none"
        # by the older names and, which OTEL_SEMCONV_STABILITY_OPT_IN asks for, the newer ones
        addresses = {"http.target": route, "url.path": route, "url.query": ""}
        span.set_attributes({**addresses, "request.id": work_id.get(), "enduser.id": who.get()})
