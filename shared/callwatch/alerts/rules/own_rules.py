"""A person's own rule: a JSON object as in RULES_FILE, checked by the same code; each error names its field."""

import json
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callwatch.alerts.rules.rule import AlertRule, Condition, InvalidRule, name_custom_metric
from callwatch.alerts.rules.rules_entries import Entry
from callwatch.alerts.rules.rules_file import check_causes, parse_rule
from callwatch.alerts.rules.sanitize import clean_text
from callwatch.exceptions import Invalid
from callwatch.models.alert import AlertLevel
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.scrubbing.scrubber import scrub_text

MAX_OWN_RULES = 200
NOT_A_RULE = "must be an object with id, name, level, metric, comparison and threshold"
_MAX_DEFINITION_CHARS = 16_000
_TEXTS = ("name", "message")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OwnRules:
    """The stored rules. definitions: as they are stored, by id. broken: why a rule cannot be evaluated, by id."""

    rules: tuple[AlertRule, ...] = ()
    definitions: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    broken: Mapping[str, str] = field(default_factory=dict)

    @property
    def samples(self) -> list[Sample]:
        """The unknown sample of each broken rule, so that what fires by it keeps firing."""
        return [Sample(name_custom_metric(rule_id), None, Reason("unavailable", why)) for rule_id, why in self.broken.items()]


class BodyEntry(Entry):
    """A rule in the body of a request: each error names its field."""

    def build_error(self, name: str, remedy: str) -> Exception:
        """Return the error about a field."""
        return Invalid(name, remedy)

    def refuse(self, error: InvalidRule) -> Exception:
        """Return the error about a value that no rule may have."""
        return Invalid(error.field, error.requirement)


def parse_own_rule(given: object, others: Iterable[AlertRule] = ()) -> tuple[AlertRule, dict[str, object]]:
    """Check a rule; returns it and its definition, scrubbed. others: all rules that its depends_on may name.

    Raises Invalid.
    """
    if not isinstance(given, dict):
        raise Invalid("rule", NOT_A_RULE)
    if _measure(given) > _MAX_DEFINITION_CHARS:
        raise Invalid("rule", f"must have at most {_MAX_DEFINITION_CHARS:,} characters as JSON")
    definition = {
        name: scrub_text(value) if name in _TEXTS and isinstance(value, str) else value for name, value in given.items()
    }
    entry = BodyEntry(0, definition)
    rule = parse_rule(entry)
    check_causes([rule], [entry], [other for other in others if other.id != rule.id])
    return rule, definition


def _measure(given: Mapping[str, object]) -> float:
    try:
        return len(json.dumps(given))
    except RecursionError:
        return math.inf


def load_own_rules(rows: Iterable[tuple[str, str]]) -> OwnRules:
    """Build the rules of stored (id, definition as JSON); a row that is damaged costs only itself."""
    rules: list[AlertRule] = []
    definitions: dict[str, Mapping[str, object]] = {}
    broken: dict[str, str] = {}
    for rule_id, text in rows:
        definition: Any = {}
        try:
            definition = json.loads(text)
            rule = parse_rule(BodyEntry(0, definition))
            if rule.id != rule_id:
                raise Invalid("id", f"must be {rule_id}")
        except (Invalid, ValueError, TypeError, AttributeError, RecursionError) as error:
            broken[rule_id] = f"its stored definition is invalid ({error if isinstance(error, Invalid) else 'not a rule'})"
            _log.warning("an own rule is damaged", extra={"rule_id": rule_id, "why": broken[rule_id]})
            replaced = _replace_broken(rule_id, definition)
            if replaced is None:
                continue
            rule = replaced
        rules.append(rule)
        definitions[rule_id] = definition if isinstance(definition, dict) else {}
    return OwnRules(tuple(rules), definitions, broken)


def _replace_broken(rule_id: str, definition: object) -> AlertRule | None:
    """Return a rule that is always unknown, in place of one that cannot be read; None if no rule may have its id."""
    given = definition if isinstance(definition, dict) else {}
    name = given.get("name")
    level = given.get("level")
    try:
        return AlertRule(
            rule_id,
            clean_text(name, 200) if isinstance(name, str) and name else rule_id,
            AlertLevel(level) if isinstance(level, str) and level in set(AlertLevel) else AlertLevel.ERROR,
            conditions=(Condition(name_custom_metric(rule_id), "!=", 0.0),),
        )
    except InvalidRule:
        return None
