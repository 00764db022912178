// Two requests, an exception in one of them, and two log records of errors: with OpenTelemetry's exporters for Node.js.
import { SpanKind } from "@opentelemetry/api";
import { OTLPLogExporter } from "@opentelemetry/exporter-logs-otlp-http";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";

const { OTLP_URL, INGEST_KEY, MARKER, FORM } = process.env;
const headers = { authorization: `Bearer ${INGEST_KEY}` };
const Exporter = FORM === "json" ? JsonExporter : ProtobufExporter;
const exporter = new Exporter({ url: `${OTLP_URL}/v1/traces`, headers, compression: FORM === "json" ? "none" : "gzip" });
const traces = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
const attributes = { "http.request.method": "GET", "http.route": `/clients/${MARKER}`, "http.response.status_code": 200 };
for (const word of ["", "first"]) {
  const span = traces.getTracer("clients").startSpan("GET", { kind: SpanKind.SERVER, attributes });
  if (word) span.recordException(new Error(`${word} error of ${MARKER}`));
  span.end();
}
const logExporter = new OTLPLogExporter({ url: `${OTLP_URL}/v1/logs`, headers });
const logs = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: logExporter })] });
const logger = logs.getLogger("clients");
logger.emit({ severityNumber: 17, severityText: "ERROR", body: `second error of ${MARKER}` });
logger.emit({ severityNumber: 9, severityText: "INFO", body: `no error of ${MARKER}` });
logger.emit({ severityText: "FATAL", body: `third error of ${MARKER}` });
await traces.shutdown();
await logs.shutdown();
