"""Says no the protocol's way: by data category, so that an SDK stops sending that alone."""

import re
from collections.abc import Iterable

TAKEN = frozenset({"event", "transaction", "span"})
# Reports of what the SDK itself dropped: taken in silence.
_SILENT = frozenset({"client_report"})
_REFUSED_FOR_S = 3_600
# As short as the header can say: who cannot send for a second has lost no more than a second.
_BUSY_FOR_S = 1
_MOST_CATEGORIES = 20
# An item's type as its data category; the SDKs do not agree on that of profile_chunk.
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


def refusal(kinds: Iterable[str]) -> dict[str, str]:
    """The header that refuses what we do not take of these item types; empty where we take them all."""
    return _limits({kind for kind in kinds if kind and kind not in TAKEN | _SILENT}, _REFUSED_FOR_S, "organization")


def busy(kinds: Iterable[str]) -> dict[str, str]:
    """Headers for what we would take and cannot now: scoped to these item types, for the shortest time there is."""
    return {"retry-after": str(_BUSY_FOR_S), **_limits(TAKEN & set(kinds), _BUSY_FOR_S, "key")}


def _limits(kinds: Iterable[str], seconds: int, scope: str) -> dict[str, str]:
    categories = sorted({category for kind in kinds for category in _CATEGORIES.get(kind, (kind,))})
    # A type is the sender's text: only a plain word may stand in a header, and without any all would be refused.
    named = [category for category in categories if re.fullmatch(r"[a-z][a-z0-9_]{0,40}", category)][:_MOST_CATEGORIES]
    return {"x-sentry-rate-limits": f"{seconds}:{';'.join(named)}:{scope}"} if named else {}
