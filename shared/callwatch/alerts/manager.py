"""Which rules there are: the built-in ones, those of the user's file, and those added in Python."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from callwatch.alerts.builtin import RULES
from callwatch.alerts.rule import AlertRule, Condition, custom_metric
from callwatch.exceptions import ConfigurationError
from callwatch.models.alert import AlertChannel, AlertLevel
from callwatch.models.facts import Fact
from callwatch.settings import Settings

_FIELDS = {"id", "name", "level", "metric", "comparison", "threshold", "channels", "cooldown_minutes"}
_FIELDS |= {"for_s", "resolve_for_s", "depends_on", "labels", "message"}


class AlertManager:
    """The rules of this process."""

    def __init__(self) -> None:
        self._added: dict[str, AlertRule] = {}
        self._from_file: tuple[str, list[AlertRule]] | None = None

    def add_rule(self, rule: AlertRule) -> None:
        """Add a rule, or replace the one with its id."""
        self._added[rule.id] = rule

    def rules(self, settings: Settings) -> list[AlertRule]:
        """All rules; a later one with the same id takes an earlier one's place. Raises ConfigurationError."""
        found = {rule.id: rule for rule in RULES}
        if settings.rules_file:
            if self._from_file is None or self._from_file[0] != settings.rules_file:
                self._from_file = (settings.rules_file, read_rules(Path(settings.rules_file)))
            found |= {rule.id: rule for rule in self._from_file[1]}
        return list((found | self._added).values())

    def custom_facts(self, rules: Sequence[AlertRule]) -> list[Fact]:
        """The outcome of each rule whose condition is a callable: 1, 0, or unknown where it raises."""
        facts = []
        for rule in rules:
            if rule.condition is None:
                continue
            try:
                outcome = rule.condition()
            except Exception as error:
                facts.append(Fact(custom_metric(rule.id), None, f"its condition raised {type(error).__name__}"))
                continue
            facts.append(Fact(custom_metric(rule.id), 1.0 if outcome else 0.0))
        return facts


def read_rules(path: Path) -> list[AlertRule]:
    """The rules of a JSON file: a list of objects. Raises ConfigurationError naming the rule and the remedy."""
    try:
        entries = json.loads(path.read_text())
    except OSError as error:
        raise ConfigurationError(f"RULES_FILE takes a file that can be read ({error.strerror})") from None
    except ValueError as error:
        raise ConfigurationError(f"RULES_FILE takes JSON: {error}") from None
    if not isinstance(entries, list):
        raise ConfigurationError("RULES_FILE takes a JSON list of rules")
    return [_rule_of(entry, number) for number, entry in enumerate(entries, start=1)]


def _rule_of(entry: Any, number: int) -> AlertRule:
    where = f"RULES_FILE, rule {number}"
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} takes an object")
    for name in ("id", "name", "level", "metric", "comparison", "threshold"):
        if name not in entry:
            raise ConfigurationError(f"{where} needs {name}")
    unknown = sorted(set(entry) - _FIELDS)
    if unknown:
        raise ConfigurationError(f"{where} takes no {unknown[0]}; fields are {', '.join(sorted(_FIELDS))}")
    try:
        return AlertRule(
            id=str(entry["id"]),
            name=str(entry["name"]),
            level=AlertLevel(entry["level"]),
            channels=tuple(AlertChannel(channel) for channel in entry.get("channels", ["log"])),
            conditions=(Condition(str(entry["metric"]), str(entry["comparison"]), float(entry["threshold"])),),
            message=entry.get("message"),
            cooldown_minutes=float(entry.get("cooldown_minutes", 30)),
            for_s=float(entry.get("for_s", 0)),
            resolve_for_s=float(entry.get("resolve_for_s", 0)),
            depends_on=tuple(entry.get("depends_on", ())),
            labels=dict(entry.get("labels", {})),
        )
    except (ValueError, TypeError) as error:
        raise ConfigurationError(f"{where}: {error}") from None


alert_manager = AlertManager()
