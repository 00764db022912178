"""Refuses items the way the protocol does: by data category, so that an SDK stops sending only that category."""

import re
from collections.abc import Iterable

from callwatch.models.ingest_outcome import CATEGORIES, OTHER

TAKEN = frozenset({"event", "transaction", "span", "check_in", "log", "feedback", "user_report", "session", "sessions"})
# Reports of what the SDK itself dropped: they have no limit of their own.
_SILENT = frozenset({"client_report"})
_REFUSED_FOR_S = 3_600
# The shortest time that the header can express: an SDK that cannot send for a second loses no more than a second.
_BUSY_FOR_S = 1
_MAX_CATEGORIES = 20
# An item's type as its data category; SDKs disagree on that of profile_chunk.
_CATEGORIES: dict[str, tuple[str, ...]] = {
    "event": ("error",),
    "sessions": ("session",),
    "replay_event": ("replay",),
    "replay_recording": ("replay",),
    "replay_video": ("replay",),
    "profile_chunk": ("profile", "profile_chunk"),
    "check_in": ("monitor",),
    "statsd": ("metric_bucket",),
    "metric_buckets": ("metric_bucket",),
    "metric": ("trace_metric",),
    "log": ("log_item",),
    "otel_log": ("log_item",),
    "user_report": ("feedback",),
    "raw_security": ("security",),
    "nel": ("security",),
}


def find_category(kind: str) -> str:
    """The data category of an item type; "other" for a type that is not known."""
    category = _CATEGORIES.get(kind, (kind,))[0]
    return category if category in CATEGORIES else OTHER


def is_taken(kind: str) -> bool:
    """Whether items of this type are accepted."""
    return kind in TAKEN | _SILENT


def refuse_kinds(kinds: Iterable[str]) -> dict[str, str]:
    """The header that refuses those of these item types that Callwatch does not accept; empty if it accepts all of them."""
    return _build_limits({kind for kind in kinds if kind and not is_taken(kind)}, _REFUSED_FOR_S, "organization")


def delay_kinds(kinds: Iterable[str]) -> dict[str, str]:
    """Headers for item types that are accepted but cannot be now: limited to these types, for the shortest possible time."""
    return {"retry-after": str(_BUSY_FOR_S), **_build_limits(TAKEN & set(kinds), _BUSY_FOR_S, "key")}


def limit_all(seconds: int) -> dict[str, str]:
    """Headers that refuse every accepted category for this many seconds."""
    return {"retry-after": str(seconds), **_build_limits(TAKEN, seconds, "key")}


def _build_limits(kinds: Iterable[str], seconds: int, scope: str) -> dict[str, str]:
    categories = sorted({category for kind in kinds for category in _CATEGORIES.get(kind, (kind,))})
    # A type is the sender's text: only a plain word may stand in a header, and an empty category would refuse all.
    named = [category for category in categories if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", category)][:_MAX_CATEGORIES]
    return {"x-sentry-rate-limits": f"{seconds}:{';'.join(named)}:{scope}"} if named else {}
