"""Reads the names that events had before envelopes, as raven sends them."""

from typing import Any

# Sentry's documentation of an event's interfaces gives the long name of each.
_NAMES = {
    "sentry.interfaces.Exception": "exception",
    "sentry.interfaces.Message": "logentry",
    "sentry.interfaces.Stacktrace": "stacktrace",
    "sentry.interfaces.Http": "request",
    "sentry.interfaces.User": "user",
    "sentry.interfaces.Breadcrumbs": "breadcrumbs",
    "sentry.interfaces.Contexts": "contexts",
    "sentry.interfaces.threads.Threads": "threads",
    "sentry.interfaces.DebugMeta": "debug_meta",
    # Where the event happened, before transactions had names.
    "culprit": "transaction",
}


def rename_interfaces(event: dict[str, Any]) -> dict[str, Any]:
    """The event with today's names; what stands under today's name already stays."""
    if event.keys().isdisjoint(_NAMES):
        return event
    renamed = {name: value for name, value in event.items() if name not in _NAMES}
    for old, name in _NAMES.items():
        if event.get(old) not in (None, "", {}, []) and renamed.get(name) in (None, "", {}, []):
            renamed[name] = event[old]
    return renamed
