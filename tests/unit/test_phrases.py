"""When a rule fires, as a plain sentence."""

import dataclasses

import pytest

from callwatch.alerts.rules.builtin import RULES
from callwatch.alerts.rules.metrics import METRICS
from callwatch.alerts.rules.phrases import STATES, SUBJECTS, describe_rule
from callwatch.alerts.rules.rule import AlertRule, Condition
from callwatch.models.alert import AlertLevel

BY_ID = {rule.id: rule for rule in RULES}


def test_each_metric_has_words_of_its_own() -> None:
    yes = {name for name, metric in METRICS.items() if metric.unit == "yes"}
    assert set(STATES) == yes
    assert set(SUBJECTS) == set(METRICS) - yes


@pytest.mark.parametrize(
    ("rule_id", "sentence"),
    [
        ("slow_route", "p95 of a route > 3 s"),
        ("queue_down", "our queue does not respond for 1 min"),
        ("vendor_auth", "a service rejects our API key"),
        ("service_degraded", "a vendor is degraded for 3 min"),
        (
            "database_health",
            "a checked service (service database) is unhealthy or the latency of a checked service (service database) > 5 s",
        ),
    ],
)
def test_sentences_of_built_in_rules_read_plainly(rule_id: str, sentence: str) -> None:
    assert describe_rule(BY_ID[rule_id]) == sentence


def test_no_sentence_names_a_metric() -> None:
    sentences = [describe_rule(rule) for rule in RULES]
    assert all(sentences)
    assert not [text for text in sentences if any(name in text for name in METRICS)]


def test_the_time_a_rule_waits_is_in_its_sentence() -> None:
    assert describe_rule(dataclasses.replace(BY_ID["slow_route"], for_s=300)) == "p95 of a route > 3 s for 5 min"


def test_other_conditions_of_states_are_written_out() -> None:
    def describe(metric: str, comparison: str, threshold: float) -> str:
        return describe_rule(AlertRule("x", "X", AlertLevel.INFO, conditions=(Condition(metric, comparison, threshold),)))

    assert describe("queue.up", "<=", 1) == "queue.up <= yes"
    assert describe("service.status", ">", 0) == "a checked service is worse than healthy"
    assert describe("provider.status", "<", 2) == "a vendor is better than unhealthy"
    python = AlertRule("y", "Y", AlertLevel.INFO, condition=lambda: True, for_s=60)
    assert describe_rule(python) == "its condition in Python holds for 1 min"
