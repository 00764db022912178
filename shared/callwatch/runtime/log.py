"""Structured JSON logs: one line per entry with the request id, without secrets and personal data.

Written on `logging` alone, because the logger of Powertools takes longer to import than everything else that an ingest function
needs (docs/decisions/0059).
"""

import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

from callwatch.scrubbing.scrubber import scrub_text, scrub_value

_LEVEL_VARIABLE = "POWERTOOLS_LOG_LEVEL"
# What a record always has; its other attributes were given as `extra`.
_OF_RECORDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_UNSCRUBBED = frozenset(
    {"level", "timestamp", "location", "service", "function_name", "request_id", "xray_trace_id", "duration_ms", "status"}
)


class JsonFormatter(logging.Formatter):
    """Scrubs messages, extra fields and tracebacks. `keys` are on each line until they are replaced."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self.keys: dict[str, object] = {}
        self._fixed = {"service": service}
        if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
            self._fixed["function_name"] = os.environ["AWS_LAMBDA_FUNCTION_NAME"]

    def format(self, record: logging.LogRecord) -> str:
        """Render one line; identifiers that the platform sets are kept unchanged."""
        line: dict[str, object] = {
            "level": record.levelname,
            "location": f"{record.funcName}:{record.lineno}",
            "message": record.getMessage(),
            "timestamp": _render_time(record.created),
            **self._fixed,
            **self.keys,
            **{name: value for name, value in vars(record).items() if name not in _OF_RECORDS},
        }
        # "Root=1-...;Parent=...": the part that X-Ray searches for.
        trace = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")
        if trace:
            line["xray_trace_id"] = trace
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = self.formatException(record.exc_info)
            line["exception_name"] = record.exc_info[0].__name__
        return json.dumps({name: value if name in _UNSCRUBBED else _scrub(value) for name, value in line.items()}, default=str)


def make_logger(name: str, stream: TextIO) -> logging.Logger:
    """A logger that writes to `stream`; its children by name inherit that."""
    made = logging.getLogger(name)
    made.setLevel(os.environ.get(_LEVEL_VARIABLE, "").upper() or logging.INFO)
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter(name))
    made.handlers[:] = [handler]
    for other in logging.getLogger().handlers:
        # Lambda's own handler would write each line once more.
        other.addFilter(lambda record: record.name.partition(".")[0] != name)
    return made


def append_keys(**keys: Any) -> None:
    """Put these fields on each line from now on."""
    for handler in logger.handlers:
        if isinstance(handler.formatter, JsonFormatter):
            handler.formatter.keys |= keys


def _scrub(value: Any) -> Any:
    return scrub_text(value) if isinstance(value, str) else scrub_value(_convert_to_plain(value))


def _convert_to_plain(value: Any) -> Any:
    """Convert the value to JSON types: an exception, a time or any other object becomes its text."""
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _convert_to_plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_convert_to_plain(item) for item in value]
    return str(value)


def _render_time(at: float) -> str:
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at))}.{int(at % 1 * 1000):03}Z"


logger = make_logger("callwatch", sys.stdout)
