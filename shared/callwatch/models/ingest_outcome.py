"""What happened to what clients send: the words in which ingest counts it, each from a closed list."""

import functools
import re
from collections.abc import Mapping
from typing import Literal, get_args

# accepted: kept or counted. refused: not kept, and told to the sender. cut: accepted without a part of it.
# client_discarded: never sent, as the client itself reports.
Outcome = Literal["accepted", "refused", "cut", "client_discarded"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

# Sentry's data categories, and what the API's own routes take; any other word of a client is "other".
CATEGORIES = frozenset({
    "error", "default", "request", "transaction", "span", "span_indexed", "session", "feedback", "attachment", "attachment_item",
    "replay", "profile", "profile_chunk", "profile_chunk_ui", "profile_duration", "monitor", "metric_bucket", "trace_metric",
    "log_item", "log_byte", "security", "client_report", "internal", "unknown",
})  # fmt: skip
# Errors and messages: what GET /api/metrics/errors counts.
ERROR_CATEGORIES = ("error", "default")
# What SDKs name as the reason for which they discard; any other word is "other".
DISCARD_REASONS = frozenset({
    "queue_overflow", "cache_overflow", "buffer_overflow", "ratelimit_backoff", "network_error", "send_error", "backpressure",
    "internal_sdk_error", "sample_rate", "before_send", "event_processor", "ignored", "no_parent_span", "insufficient_data",
    "invalid", "too_large",
})  # fmt: skip
# The program's owner decided so: nothing is lost.
CHOSEN_REASONS = frozenset({"before_send", "event_processor", "ignored", "no_parent_span"})
OTHER = "other"
UNKNOWN_SDK = "unknown"
# Programs that send without an SDK of Sentry, and those that import the tracker.
API_SDK, TRACKER_SDK = "api", "callwatch"
# Logs of platforms in which crashes are found.
VERCEL_LOGS, LAMBDA_LOGS = "vercel", "lambda"
MAX_SDK_CHARS = 80

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,48}")
_VERSION = re.compile(r"[0-9][0-9A-Za-z.+-]{0,29}")
# SDKs of Sentry for JavaScript that run on servers. The others, and those of phones, run where their user is.
_SERVER_NAMES = "node node-core bun deno nestjs aws-serverless google-cloud-serverless cloudflare vercel-edge"
_ON_SERVERS = frozenset(f"sentry.javascript.{name}" for name in _SERVER_NAMES.split())
_AT_USERS = ("sentry.javascript.", "raven-js", "sentry.cocoa", "sentry.java.android", "sentry.dart", "sentry.native")


def name_sdk(value: object) -> str | None:
    """The name of an SDK, as name/version, from a text of that form or an object of both; None if it is neither."""
    if isinstance(value, Mapping):
        name, version = value.get("name"), value.get("version")
    else:
        name, _slash, version = str(value)[:200].partition("/") if isinstance(value, str) else ("", "", "")
    name = name.strip().lower() if isinstance(name, str) and len(name) < 200 else ""
    version = version.strip() if isinstance(version, str) and len(version) < 200 else ""
    if not _NAME.fullmatch(name):
        return None
    return f"{name}/{version}" if _VERSION.fullmatch(version) else name


def is_sdk_name(text: object) -> bool:
    """Whether a text is what `name_sdk` returns."""
    return isinstance(text, str) and len(text) <= MAX_SDK_CHARS and _is_sdk_name(text)


@functools.lru_cache(256)
def _is_sdk_name(text: str) -> bool:
    return name_sdk(text) == text


def runs_at_users(sdk: str) -> bool:
    """Whether an SDK runs in browsers or on phones, which are often without a network."""
    name = sdk.partition("/")[0]
    return name.startswith(_AT_USERS) and name not in _ON_SERVERS
