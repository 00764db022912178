"""ROUTES_FILE: the user's routes as JSON, checked so that each error names its line and its remedy."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from callwatch.alerts.evaluation.linear_regex import compile_pattern
from callwatch.alerts.evaluation.recurrence import DAYS, MAX_DURATION_S, MIN_DURATION_S, Recurrence, parse_recurrence
from callwatch.alerts.evaluation.regex_parser import BadPattern
from callwatch.alerts.evaluation.silences import OPERATORS, LabelMatcher
from callwatch.alerts.routing.route import Digest, Match, Route, Step
from callwatch.alerts.rules.rules_entries import Entry, read_entries
from callwatch.alerts.rules.sanitize import is_storable
from callwatch.models.alert import AlertLevel, is_keyed

FILE = "ROUTES_FILE"
# A text doubles where each character is escaped; MAX_PATTERN_CHARS is 200.
_MAX_ROUTES, _MAX_ITEMS, _MAX_TEXT = 200, 50, 100
_MAX_WAIT_S, _MIN_REPEAT_S, _MAX_REPEAT_S = 3_600, 300, 7 * 86_400
_MIN_STEP_S, _MAX_STEPS = 60, 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,59}")
_LABELS = ("stage", "service", "environment", "project")
_MATCHES = ("level", "rule", *_LABELS, "labels", "hours")


def read_routes(path: Path, is_channel: Callable[[str], bool]) -> tuple[Route, ...]:
    """Read the routes of a JSON file: a list of objects, of which an alert takes the first that matches.

    is_channel: whether a channel has this name. Raises ConfigurationError with one line that names the first error and its
    remedy.
    """
    entries = read_entries(path, FILE, "route")
    if len(entries) > _MAX_ROUTES:
        raise entries[_MAX_ROUTES].build_error("name", f"is one of {len(entries)} routes; at most {_MAX_ROUTES} are allowed")
    routes = tuple(parse_route(entry, is_channel) for entry in entries)
    _check_order(routes, entries)
    return routes


def _check_order(routes: Sequence[Route], entries: Sequence[Entry]) -> None:
    """Check that names are unique, and that the last route, and no other, matches every alert."""
    seen: dict[str, int] = {}
    for route, entry in zip(routes, entries, strict=True):
        if route.name in seen:
            raise entry.build_error(
                "name", f"{route.name} is also the name of the route in line {seen[route.name]}; it must be unique"
            )
        seen[route.name] = entry.line
    for route, entry, after in zip(routes, entries, entries[1:], strict=False):
        if route.match.is_everything:
            raise entry.build_error(
                "match", f"must not be left out or empty here: the route in line {after.line} would get nothing"
            )
    if not routes or not routes[-1].match.is_everything:
        last = entries[-1] if entries else Entry(1, file=FILE)
        raise last.build_error(
            "match", 'must be left out in the last route, so that no alert is without a route: {"name": "default"}'
        )


def parse_route(entry: Entry, is_channel: Callable[[str], bool]) -> Route:
    """Check one route; each error names its field, as the entry builds it."""
    if "name" not in entry.values:
        raise entry.build_error("name", "is missing; each route must have one")
    given: dict[str, Any] = {}
    for name, value in entry.values.items():
        if name not in _FIELDS:
            raise entry.build_error(name, f"is not a field of a route; fields are {', '.join(_FIELDS)}")
        field, read, remedy = _FIELDS[name]
        try:
            given[field] = read(value)
        except _Refused as refused:
            raise entry.build_error(name, str(refused)) from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise entry.build_error(name, f"must be {remedy}") from None
    route = Route(**given, definition=entry.values)
    keyed = sorted(name for name in set(route.channels or ()) if is_keyed(name)) if route.digest is not None else []
    if keyed:
        raise entry.build_error("digest", f"cannot go to {keyed[0]}, where each alert is an incident; remove one of the two")
    for name, channel in list_named_channels(route):
        if not is_channel(channel):
            raise entry.build_error(name, f"names {channel}, which is no channel; GET /api/channels lists them")
    return route


def list_named_channels(route: Route) -> list[tuple[str, str]]:
    """Return each channel that a route names, with the field that names it."""
    steps = [("escalation", channel) for step in route.escalation for channel in step.channels]
    return [*(("channels", channel) for channel in route.channels or ()), *steps]


class _Refused(Exception):
    """What a part of a field must be."""


def _read_name(value: Any) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError
    return str(value)


def _read_match(value: Any) -> Match:
    if set(value) - set(_MATCHES):
        raise ValueError
    for name in ("level", "rule", *_LABELS):
        if name in value and not _is_texts(_read_list(value[name])):
            raise _Refused(f"must have as {name} a text or a list of 1 to {_MAX_ITEMS} texts")
    levels = _read_list(value.get("level", []))
    if set(levels) - set(AlertLevel):
        raise _Refused(f"must have as level one or several of {', '.join(AlertLevel)}")
    labels = {name: tuple(map(_build_pattern, _read_list(value[name]))) for name in _LABELS if name in value}
    given = value.get("labels", {})
    if not isinstance(given, dict) or len(given) > _MAX_ITEMS or given.keys() & labels.keys():
        raise _Refused(f"must have as labels an object of at most {_MAX_ITEMS} labels, none of which it names twice")
    tests = tuple(_read_test(name, test) for name, test in given.items())
    hours = _read_hours(value["hours"]) if "hours" in value else None
    rules = tuple(map(_build_pattern, _read_list(value.get("rule", []))))
    return Match(frozenset(levels), rules, labels, tests, hours)


def _read_test(name: str, given: Any) -> LabelMatcher:
    try:
        test = {"op": "=", "value": given} if isinstance(given, str) else given
        op, value = test["op"], test["value"]
        if set(test) != {"op", "value"} or op not in OPERATORS or not _is_texts([name, value]):
            raise ValueError
        if op in ("=~", "!~"):
            compile_pattern(value)
    except BadPattern as error:
        raise _Refused(f"must test the label {name[:50]} by another regular expression: it {error}") from None
    except (ValueError, TypeError, KeyError):
        raise _Refused(
            f'must test the label {str(name)[:50]} by a text, or as {{"op": "=~", "value": "eu-.*"}} with one of'
            f" {' '.join(OPERATORS)}"
        ) from None
    return LabelMatcher(name, op, value)


def _read_hours(given: Any) -> Recurrence:
    try:
        if set(given) != {"days", "start", "duration_s", "timezone"}:
            raise ValueError
        return parse_recurrence(given)
    except (ValueError, TypeError, KeyError):
        raise _Refused(
            'must have as hours {"days": ["mon", "tue"], "start": "08:00", "duration_s": 36000, "timezone": "Europe/Berlin"}'
            f" with {MIN_DURATION_S} to {MAX_DURATION_S} seconds and an IANA zone"
        ) from None


def _build_pattern(text: str) -> str:
    """Build a regular expression of a text in which * stands for any text."""
    return ".*".join(re.escape(part) for part in text.split("*"))


def _read_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_texts(values: Sequence[Any]) -> bool:
    return 1 <= len(values) <= _MAX_ITEMS and all(
        isinstance(text, str) and len(text) <= _MAX_TEXT and is_storable(text) for text in values
    )


def _read_texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not _is_texts(value) or len(set(value)) < len(value):
        raise ValueError
    return tuple(value)


def _read_group_by(value: Any) -> tuple[str, ...]:
    return () if value == [] else _read_texts(value)


def _read_seconds(least: float, most: float) -> Callable[[Any], timedelta]:
    def read(value: Any) -> timedelta:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise ValueError
        return timedelta(seconds=value)

    return read


def _read_repeat(value: Any) -> dict[str, timedelta | None]:
    """Parse seconds for every level, or an object of seconds by level, with null for never."""
    read = _read_seconds(_MIN_REPEAT_S, _MAX_REPEAT_S)
    given = value if isinstance(value, dict) else dict.fromkeys(map(str, AlertLevel), value)
    if set(given) - set(AlertLevel):
        raise ValueError
    return {level: None if seconds is None else read(seconds) for level, seconds in given.items()}


def _read_escalation(value: Any) -> tuple[Step, ...]:
    read = _read_seconds(_MIN_STEP_S, _MAX_REPEAT_S)
    if not isinstance(value, list) or len(value) > _MAX_STEPS or any(set(step) != {"after_s", "channels"} for step in value):
        raise ValueError
    steps = tuple(Step(read(step["after_s"]), _read_texts(step["channels"])) for step in value)
    if any(before.after >= after.after for before, after in itertools.pairwise(steps)):
        raise _Refused("must have steps in the order of their after_s, each later than the one before")
    return steps


def _read_quiet(value: Any) -> Recurrence:
    try:
        return _read_hours(value)
    except _Refused:
        raise ValueError from None


def _read_digest(value: Any) -> Digest:
    if set(value) != {"at", "timezone"}:
        raise ValueError
    times = {"days": list(DAYS), "start": value["at"], "duration_s": MIN_DURATION_S, "timezone": value["timezone"]}
    return Digest(parse_recurrence(times))


# By the name in the file: the field of Route, its reader, and what it must be.
_FIELDS: Mapping[str, tuple[str, Callable[[Any], Any], str]] = {
    "name": ("name", _read_name, "1 to 60 letters, digits and any of _ . : -"),
    "match": ("match", _read_match, f"an object with any of {', '.join(_MATCHES)}"),
    "channels": ("channels", _read_texts, "a list of channels, or left out for those of the rule"),
    "group_by": ("group_by", _read_group_by, "a list of names of labels; [] makes one group of all alerts of the route"),
    "wait_s": ("wait", _read_seconds(0, _MAX_WAIT_S), f"seconds from 0 to {_MAX_WAIT_S}"),
    "repeat_s": (
        "repeat",
        _read_repeat,
        f"seconds from {_MIN_REPEAT_S} to {_MAX_REPEAT_S}, or an object of such by level, with null for never",
    ),
    "digest": ("digest", _read_digest, 'an object such as {"at": "09:00", "timezone": "Europe/Berlin"}'),
    "quiet_hours": ("quiet", _read_quiet, "an object of days, start, duration_s and timezone, as the hours of match"),
    "escalation": (
        "escalation",
        _read_escalation,
        f'a list of at most {_MAX_STEPS} steps such as {{"after_s": 900, "channels": ["pagerduty"]}}, with after_s from'
        f" {_MIN_STEP_S} to {_MAX_REPEAT_S}",
    ),
}
