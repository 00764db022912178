"""The rules in force: built in, from the user's file, and added in Python."""

import logging
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

from callwatch.alerts.rules.builtin import RULE_IDS, RULES
from callwatch.alerts.rules.host_calls import Returned, call_within, settle
from callwatch.alerts.rules.rule import AlertRule, name_custom_metric
from callwatch.alerts.rules.rules_file import read_rules
from callwatch.alerts.rules.sanitize import clean_number
from callwatch.models.alert import RuleSource
from callwatch.models.reason import Reason, UnknownCode
from callwatch.models.sample import Sample
from callwatch.settings import Settings

# Limit for all conditions in Python together, because every other rule waits for them.
CONDITIONS_S = 5.0
_log = logging.getLogger(__name__)


class AlertManager:
    """The rules of this process."""

    def __init__(self) -> None:
        self._added: dict[str, AlertRule] = {}
        self._from_file: tuple[str, list[AlertRule]] | None = None

    def add_rule(self, rule: AlertRule) -> None:
        """Add a rule, or replace the one with its id."""
        self._added[rule.id] = rule

    def remove_rule(self, rule_id: str) -> None:
        """Remove a rule that add_rule added; ignores an unknown id."""
        self._added.pop(rule_id, None)

    def list_rules(self, settings: Settings) -> list[AlertRule]:
        """Return all rules; a later one replaces an earlier one with the same id. Raises ConfigurationError."""
        found = {rule.id: rule for rule in RULES}
        if settings.rules_file:
            if self._from_file is None or self._from_file[0] != settings.rules_file:
                self._from_file = (settings.rules_file, read_rules(Path(settings.rules_file), RULES))
            found |= {rule.id: rule for rule in self._from_file[1]}
        return list((found | self._added).values())

    def find_source(self, rule_id: str, settings: Settings) -> RuleSource:
        """Return where a rule comes from: `file` is RULES_FILE or the host's Python, `page` a rule that neither has."""
        if rule_id in self._added:
            return "file"
        self.list_rules(settings)
        if self._from_file is not None and settings.rules_file and any(rule.id == rule_id for rule in self._from_file[1]):
            return "file"
        return "built_in" if rule_id in RULE_IDS else "page"

    def measure_custom_samples(
        self, rules: Sequence[AlertRule], limit_s: float = CONDITIONS_S, failed: dict[str, str] | None = None
    ) -> list[Sample]:
        """Return the outcome of each rule whose condition is a callable; unknown if it raises or takes too long.

        failed: receives the reason for each rule whose condition fails.
        """
        asked = [(rule, rule.condition) for rule in rules if rule.condition is not None]
        outcomes = call_within(limit_s, [_wrap_condition(condition) for _rule, condition in asked])
        return [_build_sample(rule, outcome, failed) for (rule, _condition), outcome in zip(asked, outcomes, strict=True)]


def _wrap_condition(condition: Callable[[], Any]) -> Callable[[], Any]:
    """Wrap a condition so that it returns a number, a truth value, or None; numbers of any type keep their value."""

    def ask() -> int | float | Decimal | Fraction | None:
        outcome = settle(condition())
        return outcome if outcome is None or isinstance(outcome, int | float | Decimal | Fraction) else bool(outcome)

    return ask


def _build_sample(rule: AlertRule, outcome: Returned, failed: dict[str, str] | None) -> Sample:
    metric = name_custom_metric(rule.id)
    number, why = clean_number(outcome.value)
    if outcome.failure is None and number is not None:
        return Sample(metric, number)
    if outcome.failure is None and why is None:
        return Sample(metric, None, Reason("unavailable", "its condition returned None"))
    reason = f"its condition {outcome.failure or 'returned no finite number'}"
    _log.warning("a rule's condition failed", extra={"rule_id": rule.id, "why": reason})
    if failed is not None:
        failed[rule.id] = reason
    code: UnknownCode = "timeout" if outcome.is_late else "unavailable"
    return Sample(metric, None, Reason(code, reason))


alert_manager = AlertManager()
