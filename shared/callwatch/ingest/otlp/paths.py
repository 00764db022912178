"""The paths of OTLP below a project: OpenTelemetry's own, and those that Sentry's SDKs use."""

from typing import Literal

from callwatch.api.http import Request

Signal = Literal["traces", "logs"]

_SIGNALS: dict[str, Signal] = {
    "otlp/v1/traces": "traces",
    "otlp/v1/logs": "logs",
    "integration/otlp/v1/traces": "traces",
    "integration/otlp/v1/logs": "logs",
}
PATHS = tuple(_SIGNALS)


def find_signal(request: Request) -> Signal | None:
    """What a request to /api/{project}/{proxy+} sends by OTLP; None for any other request. A last slash changes nothing."""
    return _SIGNALS.get(request.path_parameters.get("proxy", "").rstrip("/"))
