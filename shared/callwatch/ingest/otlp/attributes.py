"""Attributes by OpenTelemetry's semantic conventions, old names and new, and which of them may be kept."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from callwatch.events.trim import cut_text
from callwatch.ingest.otlp.records import Origin

CALL_ID = "call.id"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# What models were asked and what they answered stands under these names: of the conventions, and of OpenLLMetry, OpenInference,
# the Vercel AI SDK, Langfuse, LangSmith and LiveKit.
_OF_MODELS = re.compile(
    r"(?:gen_ai|llm|ai|traceloop|openinference|input|output|langfuse|langsmith|lk)\."
    r"|(?:.*[._])?(?:prompts?|completions?|transcripts?)(?:[._]|$)",
    re.DOTALL,
)
_KEPT_OF_MODELS = frozenset(
    {
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.response.finish_reasons",
        "gen_ai.response.model",
        "gen_ai.system",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
    }
)
_MAX_KEPT = 100
MAX_KEPT_CHARS = 4_000


def find_first(attributes: Mapping[str, Any], *names: str) -> Any:
    """The value of the first of these names that has one."""
    return next((attributes[name] for name in names if attributes.get(name) not in (None, "")), None)


def read_text(attributes: Mapping[str, Any], *names: str) -> str:
    """The same as text; empty if none has a value, or a structured one."""
    value = find_first(attributes, *names)
    return str(value) if isinstance(value, (str, int, float)) else ""


def is_private(name: str) -> bool:
    """Whether an attribute may hold what a model was asked or answered."""
    return name not in _KEPT_OF_MODELS and _OF_MODELS.match(name.lower()) is not None


def select_attributes(attributes: Mapping[str, Any], without: tuple[str, ...] = ()) -> dict[str, Any]:
    """The attributes that an occurrence keeps: plain values and lists of them, none that is private to a model's call."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        if len(found) == _MAX_KEPT:
            break
        if name in without or is_private(name):
            continue
        if isinstance(value, list):
            value = [item for item in value if isinstance(item, (str, int, float))]
            value = value if sum(len(str(item)) for item in value) <= MAX_KEPT_CHARS else None
        if isinstance(value, (str, int, float, list)):
            found[name] = cut_text(value, MAX_KEPT_CHARS) if isinstance(value, str) else value
    return found


def describe_origin(origin: Origin) -> dict[str, str | None]:
    """Environment, release, service, platform and SDK, as events name them."""
    resource = origin.resource
    language = read_text(resource, "telemetry.sdk.language")
    sdk = read_text(resource, "telemetry.sdk.name")
    version = read_text(resource, "telemetry.sdk.version")
    return {
        "environment": read_text(resource, "deployment.environment.name", "deployment.environment")[:100] or None,
        "release": read_text(resource, "service.version")[:200] or None,
        "service": read_text(resource, "service.name")[:200] or None,
        "platform": {"nodejs": "node", "webjs": "javascript"}.get(language, language)[:50] or None,
        "sdk": f"{sdk}/{version}"[:100] if sdk else None,
    }


def to_time(time_ns: int) -> datetime | None:
    """A time in ns since 1970; None for 0, which means unknown, and for one that no calendar holds."""
    try:
        return _EPOCH + timedelta(microseconds=time_ns // 1_000) if time_ns else None
    except OverflowError:
        return None
