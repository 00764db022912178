"""What a rule measured, as the chart next to its threshold shows it: the worst value of each step, and gaps with their reason."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.own_rules.metric_history import keep_samples
from callwatch.alerts.rules.builtin import RULES
from callwatch.api.http import Request
from callwatch.db import connection, execute
from callwatch.exceptions import Invalid, NotFound
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.runtime.responses import encode
from functions import get_metrics_history
from tests.support.api_contract import check_response

MINUTE = timedelta(minutes=1)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
UNREAD = Reason("unavailable", "x")


def keep(minutes_ago: int, *samples: Sample) -> None:
    with connection() as conn:
        keep_samples(conn, NOW - minutes_ago * MINUTE, samples, [])
        conn.commit()


def ask(**query: str) -> Any:
    with connection() as conn:
        execute(conn, "UPDATE callwatch.migrations SET applied_at = now() - interval '30 days'")
        conn.commit()
    found = json.loads(
        encode(get_metrics_history.handle(Request("GET", "/api/metrics/history", query={"metric": "rule", **query})))
    )
    check_response("GET", "/api/metrics/history", found)
    return found


def read_points(found: Any, *minutes_ago: int) -> list[float | None]:
    """Return the values of these minutes."""
    (series,) = found["series"]
    by_time = {datetime.fromisoformat(at): value for at, value in series["points"]}
    return [by_time[NOW - minutes * MINUTE] for minutes in minutes_ago]


def test_each_step_has_its_worst_value(database: str) -> None:
    keep(
        1,
        Sample("requests.route_p95_ms", 900.0, None, {"route": "/a"}),
        Sample("requests.route_p95_ms", 4000.0, None, {"route": "/b"}),
    )
    keep(2, Sample("requests.route_p95_ms", 100.0, None, {"route": "/a"}))
    keep(3, Sample("requests.route_p95_ms", None, UNREAD, {"route": "/a"}))
    found = ask(rule="slow_route", range="1h")
    assert read_points(found, 3, 2, 1) == [None, 100.0, 4000.0]
    assert {reason["code"] for reason in found["unknown"].values()} == {"unavailable"}
    labels = {"metric": "requests.route_p95_ms", "comparison": ">", "threshold": "3000"}
    assert (found["series"][0]["unit"], found["series"][0]["labels"]) == ("ms", labels)


def test_each_condition_has_a_threshold_of_its_own(database: str) -> None:
    keep(1, Sample("errors.last_hour", 7.0), Sample("errors.critical_last_hour", 2.0))
    found = ask(rule="high_error_rate", range="1h")["series"]
    assert [(each["labels"]["threshold"], [v for _at, v in each["points"] if v is not None]) for each in found] == [
        ("50", [7.0]), ("1", [2.0]),
    ]  # fmt: skip


def test_of_a_low_limit_the_least_value_is_worst(database: str) -> None:
    rule = next(rule for rule in RULES if rule.conditions and rule.conditions[0].comparison in ("<", "<="))
    metric = rule.conditions[0].metric
    labels = dict(rule.labels) | dict(rule.conditions[0].labels)
    keep(1, Sample(metric, 0.9, None, labels), Sample(metric, 0.2, None, labels | {"x": "y"}))
    assert read_points(ask(rule=rule.id, range="1h"), 1) == [0.2]


def test_what_is_no_longer_kept_is_unknown(database: str) -> None:
    found = ask(rule="queue_backlog", range="30d")
    assert {reason["code"] for reason in found["unknown"].values()} == {"not_recorded", "unavailable"}


@pytest.mark.parametrize("query", [{}, {"rule": "queue_backlog", "route": "/x"}, {"metric": "queues", "rule": "queue_backlog"}])
def test_a_rule_is_named_where_it_is_meant(query: dict[str, str], database: str) -> None:
    with pytest.raises(Invalid, match=r"rule|route"):
        ask(**query)


def test_an_unknown_rule_is_not_found(database: str) -> None:
    with pytest.raises(NotFound):
        ask(rule="nothing")
