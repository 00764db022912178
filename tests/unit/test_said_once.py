"""The message of an alert says what was measured once: by its figures, or, of a yes or no, by its hint alone."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.notifications.rendering import render_text
from callwatch.alerts.rules.manager import alert_manager
from callwatch.alerts.rules.metrics import find_unit
from callwatch.settings import get_settings

RULES = {rule.id: rule for rule in alert_manager.list_rules(get_settings()) if not callable(rule.message)}


def render(rule_id: str, value: float | None) -> str:
    rule = RULES[rule_id]
    found = rule.list_conditions()[0]
    instance = Instance(
        *("key", rule_id, {"stage": "analyses"}, "firing", datetime(2026, 1, 1, tzinfo=UTC)),
        value=value,
        threshold=found.threshold,
        metric=found.metric,
        comparison=found.comparison,
        detail="12 due",
    )
    return render_text(rule, instance)


@pytest.mark.parametrize("rule_id", RULES)
def test_a_message_says_its_figure_at_most_once(rule_id: str) -> None:
    condition = RULES[rule_id].list_conditions()[0]
    is_yes = find_unit(condition.metric) == "yes"
    text = render(rule_id, (1 if condition.comparison.startswith(">") else 0) if is_yes else 7)
    assert text.count("threshold") == (0 if is_yes else 1), text
    assert text.endswith("[stage analyses] (12 due)" if is_yes else "(12 due)")


def test_a_yes_that_is_no_or_unknown_is_said_with_figures() -> None:
    assert "measured 0 (a stage completes its work), threshold >= 1" in render("pipeline_stopped", 0)
    assert "no longer reported" in render("pipeline_stopped", None)


def test_a_yes_without_a_hint_is_said_with_figures() -> None:
    rule = replace(RULES["pipeline_stopped"], hint="")
    instance = Instance("key", rule.id, {}, "firing", datetime(2026, 1, 1, tzinfo=UTC), value=1, metric="pipeline.stopped")
    assert "measured 1 (work waits in a stage and none is completed)" in render_text(rule, instance)
