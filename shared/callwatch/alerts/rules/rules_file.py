"""RULES_FILE: the user's own rules as JSON, checked so that each error names its line and its remedy."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from callwatch.alerts.evaluation.inhibition import find_circle
from callwatch.alerts.rules.metrics import METRICS, Unit, find_nearest_metric, is_metric
from callwatch.alerts.rules.rule import CHANNEL_LIST, COMPARISONS, AlertRule, Cause, Condition, InvalidRule
from callwatch.alerts.rules.rules_entries import Entry, read_entries
from callwatch.alerts.rules.sanitize import is_storable
from callwatch.models.alert import AlertLevel, parse_channel

# The closed values of a label of a metric; None if any value may occur.
FindValues = Callable[[str, str], frozenset[str] | None]
_REQUIRED = ("id", "name", "level", "metric", "comparison", "threshold")
_MAX_LABEL = 200
_MAX_URL = 2_000
# Per unit: the highest value (the lowest is 0), and what a threshold must be.
_UNBOUNDED = (float("inf"), "above 0, or 0 with a comparison that not every value meets")
_RANGES: Mapping[Unit, tuple[float, str]] = {
    "ratio": (1, "a share from 0 to 1 (0.1 is 10 %)"),
    "percent": (100, "a percentage from 0 to 100"),
    "status": (2, "0 (healthy), 1 (degraded) or 2 (unhealthy)"),
    "yes": (1, "0 (no) or 1 (yes)"),
}


def read_rules(path: Path, built_in: Iterable[AlertRule] = (), find_values: FindValues | None = None) -> list[AlertRule]:
    """Read the rules of a JSON file: a list of objects. `built_in`: further rules that depends_on may name.

    find_values: finds the values that a label can have; without it, any value is accepted.

    Raises ConfigurationError with one line that names the line of the first error and its remedy.
    """
    entries = read_entries(path)
    seen: dict[str, int] = {}
    rules = []
    for entry in entries:
        rules.append(parse_rule(entry))
        if rules[-1].id in seen:
            raise entry.build_error(
                "id", f"{rules[-1].id} is also the id of the rule in line {seen[rules[-1].id]}; it must be unique"
            )
        seen[rules[-1].id] = entry.line
    check_causes(rules, entries, built_in)
    if find_values is not None:
        by_id = {rule.id: rule for rule in (*built_in, *rules)}
        for rule, entry in zip(rules, entries, strict=True):
            check_label_values(rule, entry, by_id, find_values)
    return rules


def check_label_values(rule: AlertRule, entry: Entry, by_id: Mapping[str, AlertRule], find_values: FindValues) -> None:
    """Reject the value of a label that no sample can have: the rule would never fire, or its cause never inhibit it."""
    named = [("labels", rule, rule.labels)]
    for cause in rule.causes:
        named += [("depends_on", by_id[cause.rule_id], cause.labels), ("depends_on", rule, cause.where)]
    for field, of, labels in named:
        for name, value in labels.items():
            found = [find_values(metric, name) for metric in of.metrics]
            known = frozenset[str]().union(*(each for each in found if each is not None))
            if None not in found and value not in known:
                allowed = ", ".join(sorted(known)) or "none, since none is set up"
                shown = value if value.isprintable() else ascii(value)
                raise entry.build_error(field, f"names the {name} {shown}, which does not exist; allowed values are {allowed}")


def check_causes(rules: Sequence[AlertRule], entries: Sequence[Entry], built_in: Iterable[AlertRule]) -> None:
    """Check what the rules say of their causes; raises the error of the first entry at fault."""
    # A rule of the file replaces the built-in one with the same id.
    by_id = {rule.id: rule for rule in (*built_in, *rules)}
    causes = {rule.id: [cause.rule_id for cause in rule.causes] for rule in by_id.values()}
    for rule, entry in zip(rules, entries, strict=True):
        for cause in causes[rule.id]:
            if cause == rule.id or cause not in causes:
                raise entry.build_error("depends_on", f"names {cause}, but must name other rules; GET /api/rules lists them")
        for given in rule.causes:
            _check_cause_labels(entry, given, by_id[given.rule_id], rule)
    circle = find_circle(causes)
    if circle:
        first = next((index for index, rule in enumerate(rules) if rule.id in circle), 0)
        way = " -> ".join([*circle, circle[0]])
        raise entries[first].build_error("depends_on", f"must not form a circle: {way}; remove one of these")


def _check_cause_labels(entry: Entry, cause: Cause, above: AlertRule, rule: AlertRule) -> None:
    """Reject a cause by a label that alerts never have: it would never suppress anything."""
    for names, of in ((cause.labels, above), (cause.where, rule), (cause.same, above), (cause.same, rule)):
        known = _list_labels(of)
        for name in names:
            if known is not None and name not in known:
                has = f"have {', '.join(sorted(known))}" if known else "have no labels"
                raise entry.build_error("depends_on", f"names the label {name}, but alerts of {of.id} {has}")


def _list_labels(rule: AlertRule) -> set[str] | None:
    """The labels that alerts of a rule can have; None if its condition is a Python function."""
    if any(metric not in METRICS for metric in rule.metrics):
        return None
    return {label for metric in rule.metrics for label in METRICS[metric].labels} - set(rule.joined)


def parse_rule(entry: Entry) -> AlertRule:
    """Build the rule of an entry; raises the error of the entry about the first field at fault."""
    for name in _REQUIRED:
        if name not in entry.values:
            raise entry.build_error(name, "is missing; each rule must have " + ", ".join(_REQUIRED))
    given = {}
    for name, value in entry.values.items():
        if name not in _FIELDS:
            raise entry.build_error(name, f"is not a field of a rule; fields are {', '.join(_FIELDS)}")
        read, remedy = _FIELDS[name]
        try:
            given[name] = read(value)
        except (ValueError, TypeError, KeyError, AttributeError):
            guess = find_nearest_metric(value) if name == "metric" and isinstance(value, str) else None
            raise entry.build_error(name, f"must be {remedy}" + (f"; did you mean {guess}?" if guess else "")) from None
    _check_labels(entry, given["metric"], given.get("labels", {}))
    _check_threshold(entry, given["metric"], given["comparison"], given["threshold"])
    condition = Condition(given.pop("metric"), given.pop("comparison"), given.pop("threshold"))
    try:
        return AlertRule(**given, conditions=(condition,))
    except InvalidRule as error:
        raise entry.refuse(error) from None


def _check_labels(entry: Entry, metric: str, labels: Mapping[str, str]) -> None:
    """Reject a label that the metric never has: its rule would never fire."""
    known = METRICS[metric].labels
    for name in labels:
        if name not in known:
            has = f"has {', '.join(known)}" if known else "has no labels; omit them"
            raise entry.build_error("labels", f"names {name}, which {metric} never has; it {has}")


def _check_threshold(entry: Entry, metric: str, comparison: str, threshold: float) -> None:
    """Reject a threshold that no value of the metric's unit meets, or every value does: it never fires or never clears."""
    highest, remedy = _RANGES.get(METRICS[metric].unit, _UNBOUNDED)
    values = (0, highest, threshold if 0 <= threshold <= highest else highest)
    if len({COMPARISONS[comparison](value, threshold) for value in values}) == 1:
        raise entry.build_error("threshold", f"must be {remedy}; {metric} {comparison} {threshold:g} is never or always met")


def _build_text_reader(max_characters: int, is_one_line: bool = False) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > max_characters or not is_storable(value):
            raise ValueError
        if is_one_line and not value.isprintable():
            raise ValueError
        return value

    return read


def _read_number(value: Any) -> float:
    # NaN compares with nothing: it is refused with all else that is not within these bounds.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 1e18:
        raise ValueError
    return float(value)


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _read_labels(value: Any) -> dict[str, str]:
    for name, text in value.items():
        if not (isinstance(name, str) and isinstance(text, str) and is_storable(name + text) and len(text) <= _MAX_LABEL):
            raise ValueError
    return dict(value)


def _read_metric(value: Any) -> str:
    if not isinstance(value, str) or not is_metric(value):
        raise ValueError
    return value


def _read_comparison(value: Any) -> str:
    if not isinstance(value, str) or value not in COMPARISONS:
        raise ValueError
    return value


def _read_cause(value: Any) -> str | Cause:
    if isinstance(value, str):
        return value
    same = value.get("same", [])
    if set(value) - {"rule_id", "labels", "where", "same"} or isinstance(same, str):
        raise ValueError
    named = _build_text_reader(100)
    return Cause(
        named(value["rule_id"]),
        _read_labels(value.get("labels", {})),
        _read_labels(value.get("where", {})),
        tuple(named(each) for each in same),
    )


def _parse_list(read: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read_all(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise ValueError
        return tuple(read(each) for each in value)

    return read_all


def _read_channel(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError
    return parse_channel(value)


def _read_url(value: Any) -> str:
    if (
        len(value) > _MAX_URL
        or not is_storable(value)
        or urlsplit(value).scheme not in ("http", "https")
        or not urlsplit(value).netloc
    ):
        raise ValueError
    return str(value)


_STORABLE = "without NUL and half surrogate pairs"
_FIELDS: Mapping[str, tuple[Callable[[Any], Any], str]] = {
    "id": (_build_text_reader(100), "a text"),
    "name": (_build_text_reader(200, is_one_line=True), f"one line of at most 200 characters, {_STORABLE}"),
    "level": (AlertLevel, "one of " + ", ".join(AlertLevel)),
    "metric": (_read_metric, "a metric; docs/alerting.md lists them"),
    "comparison": (_read_comparison, "one of " + " ".join(COMPARISONS)),
    "threshold": (_read_number, "a number"),
    "channels": (_parse_list(_read_channel), CHANNEL_LIST),
    "also": (_parse_list(_read_channel), CHANNEL_LIST),
    "cooldown_minutes": (_read_number, "a number of minutes, 5 or more"),
    "for_s": (_read_number, "a number of seconds"),
    "resolve_for_s": (_read_number, "a number of seconds"),
    "depends_on": (_parse_list(_read_cause), 'a list of rule ids, or of {"rule_id", "labels", "where", "same"}'),
    "labels": (_read_labels, f"an object of texts of at most {_MAX_LABEL} characters, {_STORABLE}"),
    "message": (_build_text_reader(500), f"a text of at most 500 characters, {_STORABLE}"),
    "announce": (_read_flag, "true or false"),
    "runbook": (_read_url, f"an http or https URL of at most {_MAX_URL:,} characters"),
}
