"""Two requests by OpenTelemetry and an error by Sentry's SDK, which sends both to its DSN."""

import os

import sentry_sdk
from opentelemetry import trace
from opentelemetry.trace import SpanKind
from sentry_sdk.integrations.otlp import OTLPIntegration

sentry_sdk.init(dsn=os.environ["DSN"], integrations=[OTLPIntegration()])
route = f"/clients/{os.environ['MARKER']}"
for _number in range(2):
    attributes = {"http.request.method": "GET", "http.route": route, "http.response.status_code": 200}
    with trace.get_tracer("clients").start_as_current_span("GET", kind=SpanKind.SERVER, attributes=attributes):
        pass
sentry_sdk.capture_exception(ValueError(f"error of {os.environ['MARKER']}"))
trace.get_tracer_provider().shutdown()
sentry_sdk.flush(20)
