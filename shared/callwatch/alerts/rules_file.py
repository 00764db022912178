"""RULES_FILE: the user's own rules as JSON, checked so that each fault is named with its line and its remedy."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from callwatch.alerts.causes import circle_in
from callwatch.alerts.metrics import is_metric, nearest
from callwatch.alerts.rule import COMPARISONS, AlertRule, Cause, Condition
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel

_REQUIRED = ("id", "name", "level", "metric", "comparison", "threshold")
_SPACE = " \t\r\n"


@dataclass(slots=True)
class _Entry:
    """One object of the file: its values, and the line of the object and of each field."""

    line: int
    values: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)

    def fault(self, name: str, remedy: str) -> ConfigurationError:
        return ConfigurationError(f"RULES_FILE, line {self.lines.get(name, self.line)}: {name} {remedy}")


def read_rules(path: Path, built_in: Iterable[AlertRule] = ()) -> list[AlertRule]:
    """The rules of a JSON file: a list of objects. `built_in`: rules that depends_on may name beside those of the file.

    Raises ConfigurationError with one line that names the line of the first fault and its remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"RULES_FILE takes a file that can be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ConfigurationError("RULES_FILE takes a file in UTF-8") from None
    entries = _entries(text)
    seen: dict[str, int] = {}
    rules = []
    for entry in entries:
        rules.append(_rule_of(entry))
        if rules[-1].id in seen:
            raise entry.fault("id", f"{rules[-1].id} is taken by the rule of line {seen[rules[-1].id]}; give it another one")
        seen[rules[-1].id] = entry.line
    _check_causes(rules, entries, built_in)
    return rules


def _check_causes(rules: Sequence[AlertRule], entries: Sequence[_Entry], built_in: Iterable[AlertRule]) -> None:
    # A rule of the file takes the place of the built-in one with its id.
    causes = {rule.id: [cause.rule_id for cause in rule.causes] for rule in (*built_in, *rules)}
    for rule, entry in zip(rules, entries, strict=True):
        for cause in causes[rule.id]:
            if cause == rule.id or cause not in causes:
                raise entry.fault("depends_on", f"names {cause}, which is no other rule; GET /api/rules lists them")
    circle = circle_in(causes)
    if circle:
        first = next(index for index, rule in enumerate(rules) if rule.id in circle)
        way = " -> ".join([*circle, circle[0]])
        raise entries[first].fault("depends_on", f"goes in a circle: {way}; take one of these out")


def _rule_of(entry: _Entry) -> AlertRule:
    for name in _REQUIRED:
        if name not in entry.values:
            raise entry.fault(name, "is missing: each rule needs " + ", ".join(_REQUIRED))
    given = {}
    for name, value in entry.values.items():
        if name not in _FIELDS:
            raise entry.fault(name, f"is no field of a rule; fields are {', '.join(_FIELDS)}")
        read, remedy = _FIELDS[name]
        try:
            given[name] = read(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            guess = nearest(value) if name == "metric" and isinstance(value, str) else None
            raise entry.fault(name, f"takes {remedy}" + (f"; did you mean {guess}?" if guess else "")) from None
    condition = Condition(given.pop("metric"), given.pop("comparison"), given.pop("threshold"))
    try:
        return AlertRule(**given, conditions=(condition,))
    except ConfigurationError as error:
        at = next((name for name in entry.values if f"{name} takes" in str(error)), "id")
        raise ConfigurationError(f"RULES_FILE, line {entry.lines[at]}: {error}") from None


def _text(most: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > most or "\x00" in value:
            raise ValueError
        return value

    return read


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e18:
        raise ValueError
    return float(value)


def _labels(value: Any) -> dict[str, str]:
    if not all(isinstance(name, str) and isinstance(text, str) for name, text in value.items()):
        raise ValueError
    return dict(value)


def _metric(value: Any) -> str:
    if not isinstance(value, str) or not is_metric(value):
        raise ValueError
    return value


def _comparison(value: Any) -> str:
    if not isinstance(value, str) or value not in COMPARISONS:
        raise ValueError
    return value


def _cause(value: Any) -> str | Cause:
    if isinstance(value, str):
        return value
    same = value.get("same", [])
    if set(value) - {"rule_id", "labels", "where", "same"} or isinstance(same, str):
        raise ValueError
    named = _text(100)
    return Cause(
        named(value["rule_id"]),
        _labels(value.get("labels", {})),
        _labels(value.get("where", {})),
        tuple(named(each) for each in same),
    )


def _list_of(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(read(each) for each in value)

    return read_all


def _url(value: Any) -> str:
    if urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).netloc:
        raise ValueError
    return str(value)


_CHANNELS = "a list of " + ", ".join(AlertChannel)
_FIELDS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "id": (_text(100), "a text"),
    "name": (_text(200), "a text of at most 200 characters"),
    "level": (AlertLevel, "one of " + ", ".join(AlertLevel)),
    "metric": (_metric, "a metric that is measured; docs/alerting.md lists them"),
    "comparison": (_comparison, "one of " + " ".join(COMPARISONS)),
    "threshold": (_number, "a number"),
    "channels": (_list_of(AlertChannel), _CHANNELS),
    "also": (_list_of(AlertChannel), _CHANNELS),
    "cooldown_minutes": (_number, "a number of minutes, 5 or more"),
    "for_s": (_number, "a number of seconds"),
    "resolve_for_s": (_number, "a number of seconds"),
    "depends_on": (_list_of(_cause), 'a list of rule ids, or of {"rule_id", "labels", "where", "same"}'),
    "labels": (_labels, "an object of texts"),
    "message": (_text(500), "a text of at most 500 characters"),
    "runbook": (_url, "an http or https URL"),
}


def _entries(text: str) -> list[_Entry]:
    """The objects of the list, with their lines, which json.loads alone does not tell."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigurationError(f"RULES_FILE, line {error.lineno}: {error.msg}; it takes JSON") from None
    except RecursionError:
        raise ConfigurationError("RULES_FILE takes a JSON list of rules, not nested this deep") from None
    at = _skip(text, 0)
    if text[at : at + 1] != "[":
        raise ConfigurationError("RULES_FILE, line 1: it takes a JSON list of rules: [{...}, {...}]")
    entries = []
    at = _skip(text, at + 1)
    while text[at] != "]":
        if text[at] != "{":
            raise ConfigurationError(f"RULES_FILE, line {_line(text, at)}: a rule is an object: {{...}}")
        entry, at = _entry(text, at)
        entries.append(entry)
        at = _skip(text, at)
    return entries


def _entry(text: str, at: int) -> tuple[_Entry, int]:
    """The object that begins at `at` in a text that is known to be JSON, and where it ends."""
    decoder = json.JSONDecoder()
    entry = _Entry(_line(text, at))
    at = _skip(text, at + 1)
    while text[at] != "}":
        line = _line(text, at)
        name, at = decoder.raw_decode(text, at)
        if name in entry.values:
            raise ConfigurationError(f"RULES_FILE, line {line}: {name} stands there twice; keep one of them")
        entry.lines[name] = line
        entry.values[name], at = decoder.raw_decode(text, _skip(text, at))
        at = _skip(text, at)
    return entry, at + 1


def _skip(text: str, at: int) -> int:
    """Past white space and what separates; the text is known to be JSON."""
    while at < len(text) and text[at] in _SPACE + ",:":
        at += 1
    return at


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
