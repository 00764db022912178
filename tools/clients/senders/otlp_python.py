"""Two requests, an exception in one of them, and two log records of errors: with OpenTelemetry's exporters."""

import logging
import os

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression, OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

url, marker = os.environ["OTLP_URL"], os.environ["MARKER"]
headers = {"authorization": f"Bearer {os.environ['INGEST_KEY']}"}
traces, logs = TracerProvider(), LoggerProvider()
exporter = OTLPSpanExporter(f"{url}/v1/traces", headers=headers, compression=Compression.Gzip)
traces.add_span_processor(BatchSpanProcessor(exporter))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{url}/v1/logs", headers=headers)))
tracer, logger = traces.get_tracer("clients"), logging.getLogger("clients")
logger.addHandler(LoggingHandler(logger_provider=logs))
served = {"http.request.method": "GET", "http.route": f"/clients/{marker}", "http.response.status_code": 200}
with tracer.start_as_current_span("GET", kind=SpanKind.SERVER, attributes=served):
    pass
try:
    with tracer.start_as_current_span("GET", kind=SpanKind.SERVER, attributes=served), tracer.start_as_current_span("inner"):
        raise ValueError(f"first error of {marker}")
except ValueError:
    pass
logger.error("second error of %s", marker)
logger.warning("no error of %s", marker)
logger.critical("third error of %s", marker)
traces.shutdown()
logs.shutdown()
