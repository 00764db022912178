"""A flood of one error, or the first critical one, is one incident and one message that names the error."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.evaluation.inhibition import explain
from callwatch.alerts.evaluation.instance import Instance
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.incidents.serializers import load_incidents
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.notifications.rendering import render_text
from callwatch.alerts.rules.builtin import RULES
from callwatch.counters.error_samples import read_error_samples
from callwatch.db import connection
from callwatch.digest.store import digest
from callwatch.events.event import build_error_message, finish_event
from tests.support.scripted_receiver import Receiver

NOW = datetime.now(UTC).replace(microsecond=0)
METRICS = frozenset(metric for rule in RULES for metric in rule.metrics if metric.startswith("errors."))
POOL = {"message": "connection pool of billing exhausted", "type": "PoolTimeout", "severity": "high"}


def store(count: int, **fields: Any) -> None:
    digest([build_error_message(finish_event(dict(fields), NOW), 1, NOW) for _ in range(count)], NOW)


def cycle(seconds: float = 1) -> None:
    now = NOW + timedelta(seconds=seconds)
    with connection() as conn:
        evaluate_rules(conn, read_error_samples(conn, now), now, only_metrics=METRICS)
        conn.commit()
    deliver_due(now, 5)


def told(receiver: Receiver) -> list[dict[str, Any]]:
    return [json.loads(each.body)["data"] for each in receiver.received]


def sentences() -> list[str]:
    with connection() as conn:
        return [each["sentence"] for each in load_incidents(conn, {}, 100, NOW)[0].items]


def test_flood_of_one_error_is_one_message(database: str, webhook: Receiver) -> None:
    store(300, **POOL)
    cycle()
    cycle(61)
    (message,) = told(webhook)
    assert message["rule_id"] == "high_error_rate"
    assert "measured 300 (errors in the last hour), threshold > 50" in message["message"]
    assert (
        "Inhibits: Error spike [group 1] (300 in 5 min: PoolTimeout: connection pool of billing exhausted)" in message["message"]
    )
    (sentence,) = sentences()
    assert sentence.startswith("The product has many errors or a critical one (errors in the last hour: 300) since ")


def test_flood_that_grows_raises_its_own_thread(database: str, webhook: Receiver) -> None:
    store(40, **POOL)
    cycle()
    store(40, **POOL)
    cycle(61)
    first, second = told(webhook)
    assert (first["rule_id"], second["rule_id"]) == ("error_spike", "high_error_rate")
    assert first["incident_id"] == second["incident_id"]
    assert len(sentences()) == 1


def test_first_critical_error_is_one_message(database: str, webhook: Receiver) -> None:
    store(1, **POOL | {"severity": "critical"})
    cycle()
    (message,) = told(webhook)
    figures = "measured 1 (critical errors in the last hour), threshold >= 1"
    assert f"{figures} (the latest: PoolTimeout: connection pool of billing exhausted)" in message["message"]
    assert len(sentences()) == 1


@pytest.mark.parametrize(
    ("metric", "value", "said"),
    [
        ("queue.up", 0.0, "The monitor's own queue does not respond; no error can be accepted"),
        ("channel.broken", 1.0, "A channel does not deliver notifications; the other channels report it"),
        ("queue.pending", 120.0, "measured 120 (rows that wait in the product's queues), threshold > 100"),
        ("service.latency_ms", 6200.0, "measured 6.2 s (latency of a checked service), threshold > 5 s"),
        ("service.status", 2.0, "measured unhealthy (status of a checked service), threshold >= unhealthy"),
        ("queue.up", None, "measured unknown, threshold < 1"),
    ],
)
def test_a_message_says_what_its_figure_measures(metric: str, value: float | None, said: str) -> None:
    rule = next(rule for rule in RULES if metric in rule.metrics)
    condition = next(each for each in rule.conditions if each.metric == metric)
    figures = {"metric": metric, "value": value, "threshold": condition.threshold, "comparison": condition.comparison}
    instance = Instance("k", rule.id, {}, "firing", NOW, is_unknown=value is None, **figures)  # type: ignore[arg-type]
    assert said in render_text(replace(rule, message=None), instance)


@pytest.mark.parametrize(
    ("rule_id", "labels", "minutes", "is_part"),
    [
        ("error_spike", {"group": "2"}, 14, True),
        ("error_spike", {"group": "2"}, -14, True),
        ("error_spike", {"group": "2"}, 16, False),
        ("new_error_group", {"group": "2"}, 1, True),
        ("new_error_group", {"group": "2"}, 3, False),
        ("regressed_error_group", {"group": "2"}, 3, False),
    ],
)
def test_later_error_is_an_incident_of_its_own(rule_id: str, labels: Mapping[str, str], minutes: float, is_part: bool) -> None:
    many = Instance("many", "high_error_rate", {}, "firing", NOW)
    other = Instance("other", rule_id, labels, "firing", NOW + timedelta(minutes=minutes))
    assert explain(RULES, [many, other]) == ({"other": ["many"]} if is_part else {})
