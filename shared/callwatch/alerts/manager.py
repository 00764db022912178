"""Which rules there are: the built-in ones, those of the user's file, and those added in Python."""

import inspect
import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from callwatch.alerts.builtin import RULES
from callwatch.alerts.rule import AlertRule, custom_metric
from callwatch.alerts.rules_file import read_rules
from callwatch.models.facts import Fact
from callwatch.settings import Settings

# All conditions in Python together: they stand between the measuring and the judgement of every other rule.
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
        """Take a rule out again that add_rule added; nothing happens where there is none."""
        self._added.pop(rule_id, None)

    def rules(self, settings: Settings) -> list[AlertRule]:
        """All rules; a later one with the same id takes an earlier one's place. Raises ConfigurationError."""
        found = {rule.id: rule for rule in RULES}
        if settings.rules_file:
            if self._from_file is None or self._from_file[0] != settings.rules_file:
                self._from_file = (settings.rules_file, read_rules(Path(settings.rules_file), RULES))
            found |= {rule.id: rule for rule in self._from_file[1]}
        return list((found | self._added).values())

    def custom_facts(self, rules: Sequence[AlertRule], limit_s: float = CONDITIONS_S) -> list[Fact]:
        """The outcome of each rule whose condition is a callable; unknown where it raises or takes too long."""
        deadline = time.monotonic() + limit_s
        # All at once: a condition that hangs holds up its own rule, and no other.
        asked = [(rule, *_ask(rule)) for rule in rules if rule.condition is not None]
        for _rule, thread, _found in asked:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [_fact(rule, found) for rule, _thread, found in asked]


def check_rules_file(environ: Mapping[str, str]) -> None:
    """Read the user's rules once, at the start. Raises ConfigurationError."""
    if environ.get("RULES_FILE"):
        read_rules(Path(environ["RULES_FILE"]), RULES)


def _ask(rule: AlertRule) -> tuple[threading.Thread, list[float | Exception | None]]:
    """The rule's condition at work in a thread, and where its value, or what it raised, will stand."""
    found: list[float | Exception | None] = []

    def run() -> None:
        try:
            found.append(_value(rule))
        except Exception as error:
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, found


def _fact(rule: AlertRule, found: Sequence[float | Exception | None]) -> Fact:
    metric = custom_metric(rule.id)
    if not found:
        return Fact(metric, None, "its condition takes too long")
    outcome = found[0]
    if isinstance(outcome, Exception):
        _log.warning("a rule's condition raised", extra={"rule_id": rule.id, "error": type(outcome).__name__})
        return Fact(metric, None, f"its condition raised {type(outcome).__name__}")
    if outcome is None or not math.isfinite(outcome):
        return Fact(metric, None, "its condition gave no answer" if outcome is None else "its condition gave no finite number")
    return Fact(metric, outcome)


def _value(rule: AlertRule) -> float | None:
    assert rule.condition is not None
    outcome: Any = rule.condition()
    if inspect.isawaitable(outcome):
        import asyncio

        async def wait() -> Any:
            return await outcome

        outcome = asyncio.run(wait())
    if outcome is None:
        return None
    return float(outcome) if isinstance(outcome, int | float) else float(bool(outcome))


alert_manager = AlertManager()
