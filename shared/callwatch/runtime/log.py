"""Structured JSON logs: one logger for the package, with the request id on every line and no secret in any."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from callwatch.tracker.scrub import scrub_text, scrub_value


class ScrubbingFormatter(LambdaPowertoolsFormatter):
    """Scrubs messages, extra fields and tracebacks, so that no log line carries a secret or a person's data."""

    def serialize(self, log: dict[str, Any]) -> str:  # type: ignore[override]
        """One JSON line; identifiers that the platform set are kept as they are."""
        for name, value in log.items():
            if name in _PLATFORM_FIELDS:
                continue
            log[name] = scrub_text(value) if isinstance(value, str) else scrub_value(_plain(value))
        return super().serialize(log)


def _plain(value: Any) -> Any:
    """The value as JSON knows it: an exception, a time or any other object by its text."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    return str(value)


_PLATFORM_FIELDS = frozenset(
    {"level", "timestamp", "location", "service", "function_request_id", "function_name", "function_arn"}
    | {"request_id", "xray_trace_id", "cold_start", "function_memory_size", "duration_ms", "status"}
)

# Lower floors log to children of this logger by logging.getLogger(__name__); they inherit its handler.
logger = Logger(service="callwatch", logger_formatter=ScrubbingFormatter(utc=True))
