"""Sanitizes samples, texts and stored states for the evaluation, JSON and PostgreSQL; nothing here raises."""

import contextlib
import hashlib
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

from callwatch.alerts.evaluation.instance import Instance, State
from callwatch.models.alert import EndReason
from callwatch.models.reason import Reason, UnknownCode
from callwatch.models.sample import Sample
from callwatch.times import parse_time, to_utc

MAX_DETAIL = 1000
_MAX_LABELS = 10
_MAX_NAME = 60
# PostgreSQL indexes an instance's key, which contains its labels, up to 2,700 bytes. Escapes may double the length.
_MAX_LABEL_BYTES = 1000
# An earlier time comes from a broken clock or an empty date.
_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_STATES = frozenset(get_args(State))
_CODES = frozenset(get_args(UnknownCode))
_ENDS = frozenset(get_args(EndReason))
_TIMES = ("clear_since", "began_at", "last_notified_at", "last_cleared_at", "gone_since")
_TEXTS = ("metric", "comparison", "detail", "suppressed_by", "notified_level", "group", "held", "ended", "ended_why")
_FLAGS = ("is_notified", "is_acknowledged", "is_flapping", "is_unknown", "is_muted", "has_seen")


def is_storable(text: str) -> bool:
    """Whether PostgreSQL and JSON accept the text: no NUL, no half of a surrogate pair."""
    return _UNSTORABLE.search(text) is None


def clean_text(value: object, max_characters: int) -> str:
    """Convert the value to a text that can be stored, cut to a length; never raises, whatever its class does."""
    try:
        text = value if isinstance(value, str) else str(value)
        text = str(text[:max_characters])
    except Exception:
        return f"(a {type(value).__name__} without text)"
    return text if text.isascii() and "\x00" not in text else _UNSTORABLE.sub(_REPLACEMENT, text)


def clean_number(value: object) -> tuple[float | None, str | None]:
    """Convert the value to a finite float, or to None with the reason; None itself has no reason."""
    if value is None:
        return None, None
    if not isinstance(value, int | float | Decimal | Fraction):
        return None, f"its value is not a number ({type(value).__name__})"
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return None, "its value is out of range"
    return (number, None) if math.isfinite(number) else (None, "its value is not finite")


def clean_reason(reason: object) -> Reason | None:
    """Sanitize the code and message of a reason; None if the value is not a reason."""
    if isinstance(reason, Reason):
        code = reason.code if isinstance(reason.code, str) and reason.code in _CODES else "unavailable"
        return Reason(code, clean_text(reason.message, MAX_DETAIL))
    return None


def clean_time(value: object) -> datetime | None:
    """Convert the time to UTC; None if it is not a time, or one before any monitored system."""
    if not isinstance(value, datetime):
        return None
    try:
        at = value if value.tzinfo is UTC else to_utc(value)
        return at if at >= _EARLIEST else None
    except Exception:
        return None


def clean_samples(samples: Iterable[Sample]) -> list[Sample]:
    """Sanitize the samples; drops what is not a sample with a metric."""
    return [_clean_sample(sample) for sample in samples if isinstance(sample, Sample) and isinstance(sample.metric, str)]


def _clean_sample(sample: Sample) -> Sample:
    value, why = clean_number(sample.value)
    reason = clean_reason(sample.reason)
    if reason is None and why is not None:
        reason = Reason("unavailable", why)
    return Sample(
        clean_text(sample.metric, MAX_DETAIL),
        value,
        reason,
        clean_labels(sample.labels),
        None if sample.detail is None else clean_text(sample.detail, MAX_DETAIL),
        clean_time(sample.since),
        sample.weight,
        clean_reason(sample.inconclusive),
        clean_reason(sample.gone),
    )


def clean_labels(labels: object) -> dict[str, str]:
    """Convert labels to texts within bounds; a text that is cut ends in a hash, so that two sets of labels stay distinct."""
    if type(labels) is dict and _is_plain(labels):
        return dict(labels)
    if not isinstance(labels, Mapping):
        return {}
    try:
        given = [(_clean_label(name, _MAX_NAME), labels[name]) for name in labels]
    except Exception:
        return {}
    found = {name: "" if value is None else _clean_label(value, _MAX_LABEL_BYTES) for name, value in given[:_MAX_LABELS]}
    if _measure_size(found) <= _MAX_LABEL_BYTES:
        return found
    share = _MAX_LABEL_BYTES // len(found) - _MAX_NAME
    return {name: _clean_label(value, share) for name, value in found.items()}


def _is_plain(labels: dict[Any, Any]) -> bool:
    """Whether labels need no conversion: nearly all of thousands do not, and this look costs a fraction of it."""
    texts = [*labels, *labels.values()]
    if len(labels) > _MAX_LABELS or not all(type(text) is str for text in texts):
        return False
    joined = "".join(texts)
    is_short = len(joined) <= _MAX_LABEL_BYTES and all(len(name) <= _MAX_NAME for name in labels)
    return is_short and joined.isascii() and "\x00" not in joined


def _measure_size(labels: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in labels.items())


def _clean_label(value: object, max_bytes: int) -> str:
    text = clean_text(value, 10 * _MAX_LABEL_BYTES)
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    digest = hashlib.sha256(raw).hexdigest()[:8]
    return raw[: max_bytes - 9].decode(errors="ignore") + "~" + digest


def _clean_channels(channels: object) -> tuple[str, ...] | None:
    """Sanitize names of channels; None, "not recorded", for anything else."""
    if not isinstance(channels, tuple | list) or not all(isinstance(name, str) for name in channels):
        return None
    return tuple(clean_text(name, MAX_DETAIL) for name in channels)


def parse_clean_time(text: object) -> datetime | None:
    """Parse a stored time; None if it is not one, or one before any monitored system."""
    try:
        return clean_time(parse_time(text)) if isinstance(text, str) else None
    except ValueError:
        return None


def clean_instance(instance: Instance, now: datetime) -> Instance:
    """Sanitize every field of an instance: a value of the wrong type is replaced as if it had not been stored.

    A firing instance stays firing, so that its end is notified.
    """
    given: dict[str, Any] = {}
    for name in _TIMES:
        given[name] = None if (at := getattr(instance, name)) is None else clean_time(at)
    for name in _TEXTS:
        text = getattr(instance, name)
        given[name] = clean_text(text, MAX_DETAIL) if isinstance(text, str) else None
    for name in _FLAGS:
        given[name] = getattr(instance, name) is True
    given["fired"] = ()
    with contextlib.suppress(TypeError):
        given["fired"] = tuple(at for at in map(clean_time, instance.fired) if at is not None)
    given["notified_channels"] = _clean_channels(instance.notified_channels)
    if given["held"] is not None and parse_clean_time(given["held"]) is None:
        given["held"] = None
    if given["ended"] not in _ENDS:
        given["ended"] = None
    given["labels"] = clean_labels(instance.labels)
    given["state"] = instance.state if isinstance(instance.state, str) and instance.state in _STATES else "unknown"
    given["since"] = clean_time(instance.since) or now
    given["value"], given["threshold"] = clean_number(instance.value)[0], clean_number(instance.threshold)[0]
    given["reason"] = clean_reason(instance.reason)
    changed = {name: value for name, value in given.items() if not _is_same(getattr(instance, name), value)}
    return instance.change(**changed) if changed else instance


def _is_same(before: object, after: object) -> bool:
    """Whether a field is already what it was converted to, type included: 1 is no True, and an odd class equals anything."""
    return before is after or (type(before) is type(after) and before == after)
