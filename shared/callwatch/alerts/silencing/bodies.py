"""Checks the body of a new silence: what it mutes, from when to when, and on which days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from callwatch.alerts.actions import is_text
from callwatch.alerts.evaluation.linear_regex import compile_pattern
from callwatch.alerts.evaluation.recurrence import DAYS, MAX_DURATION_S, MIN_DURATION_S, parse_recurrence, parse_start
from callwatch.alerts.evaluation.regex_parser import BadPattern
from callwatch.alerts.evaluation.silences import OPERATORS
from callwatch.exceptions import Invalid
from callwatch.models.constraints import find_max_chars, find_max_entries
from callwatch.models.shapes.actions import NewMatchers
from callwatch.settings.values import parse_timezone
from callwatch.times import to_utc

if TYPE_CHECKING:
    from callwatch.models.shapes.stored import LabelTest, Recurs, StoredMatchers

# Days after a start are counted, and the calendar ends with the year 9999.
_LAST_YEAR = 9998
_MATCHERS = NewMatchers.__annotations__.keys()
_MAX_CHARS = find_max_chars(NewMatchers)
_MAX_LABELS = find_max_entries(NewMatchers, "labels")
_MAX_LABEL = 200
_RECURS = ("days", "start", "duration_s", "timezone")
_LABELS = (
    "must be an object of at most 20 texts of at most 200 characters, or of tests"
    ' such as {"op": "=~", "value": "eu-.*"} with one of = != =~ !~'
)


def parse_span(given: Mapping[str, object], now: datetime) -> tuple[datetime, datetime]:
    """Parse `starts_at` (default: now) and `ends_at`. Raises Invalid."""
    ends_at = _parse_time(given, "ends_at")
    if ends_at is None or ends_at <= now:
        raise Invalid("ends_at", "must be an ISO 8601 time in the future such as 2030-01-31T12:00:00Z")
    starts_at = _parse_time(given, "starts_at") or now
    if starts_at >= ends_at:
        raise Invalid("starts_at", "must be an ISO 8601 time before ends_at; if omitted, the silence begins now")
    if starts_at.year > _LAST_YEAR:
        raise Invalid("starts_at", f"must be a time up to the year {_LAST_YEAR}")
    return starts_at, ends_at


def _parse_time(given: Mapping[str, object], name: str) -> datetime | None:
    """Parse the time in a field; None if it is omitted. Raises Invalid."""
    raw = given.get(name)
    if raw is None:
        return None
    try:
        if not isinstance(raw, str):
            raise ValueError
        return to_utc(datetime.fromisoformat(raw))
    except (ValueError, OverflowError):
        raise Invalid(name, "must be an ISO 8601 time such as 2030-01-31T12:00:00Z") from None


def parse_matchers(given: Mapping[str, object]) -> StoredMatchers:
    """Parse `matchers`. Raises Invalid."""
    matchers = given.get("matchers")
    if not isinstance(matchers, dict) or not matchers or set(matchers) - _MATCHERS:
        raise Invalid("matchers", "must have at least one of rule_id, service, labels, label_tests")
    matchers = dict(matchers)
    for name in ("rule_id", "service"):
        if matchers.get(name) is not None and not is_text(matchers[name], _MAX_CHARS[name]):
            raise Invalid(f"matchers.{name}", "must be a text of at most 200 characters")
    matchers = {**matchers, "labels": _parse_labels(matchers.pop("labels", None), matchers.pop("label_tests", None))}
    if not any(matchers.values()):
        raise Invalid("matchers", "must have at least one of rule_id, service, labels, label_tests")
    # Checked field by field above.
    return cast("StoredMatchers", {name: value for name, value in matchers.items() if value})


def _parse_labels(labels: Any, tests: Any) -> dict[str, str | LabelTest]:
    """Parse labels, which are texts or tests, together with tests that are given by themselves."""
    given = [{} if each is None else each for each in (labels, tests)]
    if not all(isinstance(each, dict) for each in given) or sum(map(len, given)) > _MAX_LABELS:
        raise Invalid("matchers.labels", _LABELS)
    if given[0].keys() & given[1].keys() or any(isinstance(value, str) for value in given[1].values()):
        raise Invalid("matchers.label_tests", "must be tests of other labels than those of matchers.labels")
    return {name: _parse_label(name, value) for each in given for name, value in each.items()}


def _parse_label(name: str, value: Any) -> str | LabelTest:
    if not is_text(name, _MAX_LABEL):
        raise Invalid("matchers.labels", _LABELS)
    # An alert's label may be empty, such as the type of an error without one.
    if value == "" or is_text(value, _MAX_LABEL):
        return str(value)
    if not isinstance(value, dict) or set(value) != {"op", "value"} or value["op"] not in OPERATORS:
        raise Invalid("matchers.labels", _LABELS)
    text = value["value"]
    if text != "" and not is_text(text, _MAX_LABEL):
        raise Invalid("matchers.labels", _LABELS)
    if value["op"] in ("=~", "!~"):
        try:
            compile_pattern(text)
        except BadPattern as error:
            raise Invalid("matchers.labels", f"the regular expression of {name[:50]} {error}") from None
    return {"op": value["op"], "value": text}


def parse_recurs(given: Mapping[str, object], timezone: str) -> Recurs | None:
    """Parse `recurs` into its stored form; timezone: the default zone. Raises Invalid."""
    raw = given.get("recurs")
    if raw is None:
        return None
    if not isinstance(raw, dict) or set(raw) - set(_RECURS):
        raise Invalid("recurs", f"must be an object of {', '.join(_RECURS)}")
    duration_s = raw.get("duration_s")
    if isinstance(duration_s, bool) or not isinstance(duration_s, int) or not MIN_DURATION_S <= duration_s <= MAX_DURATION_S:
        raise Invalid("recurs.duration_s", f"must be a whole number of seconds from {MIN_DURATION_S} to {MAX_DURATION_S}")
    zone = timezone if raw.get("timezone") is None else raw["timezone"]
    try:
        if not is_text(zone, 100):
            raise ValueError
        parse_timezone(zone)
    except ValueError:
        raise Invalid("recurs.timezone", "must be an IANA time zone name such as America/New_York") from None
    recurs: Recurs = {"days": _parse_days(raw), "start": _parse_start(raw), "duration_s": duration_s, "timezone": zone}
    parse_recurrence(recurs)
    return recurs


def parse_maintenance(given: Mapping[str, object], matchers: StoredMatchers) -> bool:
    """Parse `is_maintenance`. Raises Invalid."""
    is_maintenance = given.get("is_maintenance", False)
    if not isinstance(is_maintenance, bool):
        raise Invalid("is_maintenance", "must be true or false")
    if is_maintenance and "rule_id" in matchers:
        raise Invalid("is_maintenance", "must be left out where rule_id is given: services are in maintenance, not rules")
    return is_maintenance


def _parse_days(raw: Mapping[str, object]) -> Any:
    """Return the days as the first three letters of each, in the order of the week."""
    days = raw.get("days")
    if not isinstance(days, list) or not 0 < len(days) <= 7 or not all(isinstance(day, str) for day in days):
        raise Invalid("recurs.days", f"must be a list of {', '.join(DAYS)}")
    short = {day.lower()[:3] for day in days if day.lower() in _DAY_NAMES}
    if len(short) < len({day.lower() for day in days}):
        raise Invalid("recurs.days", f"must be a list of {', '.join(DAYS)}, each at most once")
    return [day for day in DAYS if day in short]


_DAY_NAMES = frozenset((*DAYS, "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))


def _parse_start(raw: Mapping[str, object]) -> str:
    start = raw.get("start")
    try:
        if not isinstance(start, str):
            raise ValueError
        parse_start(start)
    except ValueError:
        raise Invalid("recurs.start", "must be a local time such as 22:00") from None
    return start
