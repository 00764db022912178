"""Levels of events, as Sentry's protocol reads them, and what they say about severity."""

from typing import Any

from callwatch.models.error import ErrorSeverity

LEVELS = ("debug", "info", "warning", "error", "fatal")
# Events of these levels report that something happened, not that something failed: no rule counts them as errors.
QUIET_LEVELS = ("debug", "info")
# Other words for each, of SDKs, of syslog and of logging libraries.
_NAMES = dict(zip(LEVELS, LEVELS, strict=True)) | {
    "trace": "debug",
    "verbose": "debug",
    "log": "info",
    "notice": "info",
    "information": "info",
    "warn": "warning",
    "err": "error",
    "critical": "fatal",
    "crit": "fatal",
    "alert": "fatal",
    "emergency": "fatal",
    "panic": "fatal",
}
# The levels of Python's logging.
_NUMBERS = ((50, "fatal"), (40, "error"), (30, "warning"), (20, "info"), (0, "debug"))
_LOWERED = {
    ErrorSeverity.CRITICAL: ErrorSeverity.MEDIUM,
    ErrorSeverity.HIGH: ErrorSeverity.MEDIUM,
    ErrorSeverity.MEDIUM: ErrorSeverity.LOW,
    ErrorSeverity.LOW: ErrorSeverity.LOW,
}


def read_level(value: Any) -> str:
    """One of LEVELS, from a word of any case or a number of Python's logging; "error" if it is neither."""
    if isinstance(value, str):
        text = value.strip().lower()
        if text in _NAMES:
            return _NAMES[text]
        value = int(text) if text.isascii() and text.isdigit() and len(text) < 4 else None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 100:
        return next(level for least, level in _NUMBERS if value >= least)
    return "error"


def rate_severity(level: str, severity: ErrorSeverity) -> ErrorSeverity:
    """The severity of an event of a level; severity: what its type and words say. A warning is less than an error."""
    if level == "fatal":
        return ErrorSeverity.CRITICAL
    if level in QUIET_LEVELS:
        return ErrorSeverity.LOW
    return _LOWERED[severity] if level == "warning" else severity


def is_quiet(level: str | None) -> bool:
    """Whether an event of this level is no error; an event without a level is one."""
    return level in QUIET_LEVELS
