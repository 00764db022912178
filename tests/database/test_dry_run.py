"""A rule tried on the kept past gives what the evaluator gave at the time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.alerts.own_rules.dry_run import try_rule
from callwatch.alerts.own_rules.metric_history import keep_samples
from callwatch.db import connection, execute, fetch_all
from callwatch.db.alert_queries.metric_minutes import delete_old_minutes
from callwatch.exceptions import Invalid, Unavailable
from callwatch.models.reason import Reason
from callwatch.models.sample import Sample
from callwatch.models.shapes.alerting.own_rules import DryRun
from callwatch.settings import get_settings
from tests.support.api_shapes import check_shape
from tests.support.monitor_cycles import cycle

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
LAST = NOW.replace(second=0)
MINUTE = timedelta(minutes=1)
QUEUE: dict[str, Any] = {
    "id": "q", "name": "Queue", "level": "error", "metric": "queue.pending", "comparison": ">", "threshold": 100,
}  # fmt: skip
ROUTE: dict[str, Any] = {**QUEUE, "metric": "requests.route_p95_ms", "threshold": 3000}


def keep(minutes_ago: int, *samples: Sample, unread: tuple[str, ...] = ()) -> None:
    with connection() as conn:
        keep_samples(conn, LAST - minutes_ago * MINUTE + timedelta(seconds=7), samples, unread)
        conn.commit()


def tried(rule: dict[str, Any], hours: float = 0.5) -> DryRun:
    with connection() as conn:
        found = try_rule(conn, {"rule": rule, "hours": hours}, get_settings(), NOW)
    check_shape(DryRun, found)
    return found


def test_firing_spans_follow_the_kept_samples(database: str) -> None:
    for ago in range(30, 0, -1):
        keep(ago, Sample("queue.pending", 500.0 if 10 < ago <= 20 else 5.0))
    found = tried({**QUEUE, "for_s": 120, "resolve_for_s": 180})
    assert (found["unknown_minutes"], found["known_minutes"], found["firing_minutes"]) == (0, 30, 11)
    (span,) = found["fired"]
    assert span["began_at"] == LAST - 20 * MINUTE
    assert (span["fired_at"], span["resolved_at"]) == (LAST - 18 * MINUTE, LAST - 7 * MINUTE)
    assert (span["value"], span["labels"], found["fired_count"]) == (500, {}, 1)
    assert found["fires_when"].endswith("> 100 for 2 min")
    assert tried({**QUEUE, "threshold": 1000})["fired"] == []


def test_minutes_without_samples_are_unknown_and_resolve_nothing(database: str) -> None:
    keep(20, Sample("queue.pending", 500.0))
    keep(19, Sample("queue.pending", None, Reason("timeout", "slow")))
    keep(18, unread=("queue.",))
    keep(17, Sample("queue.pending", 500.0))
    keep(1, Sample("queue.pending", 1.0))
    found = tried(QUEUE)
    assert (found["known_minutes"], found["unknown_minutes"]) == (3, 27)
    (span,) = found["fired"]
    assert (span["fired_at"], span["resolved_at"]) == (LAST - 20 * MINUTE, LAST - MINUTE)


def test_what_still_fires_has_no_end(database: str) -> None:
    keep(2, Sample("queue.pending", 500.0))
    assert tried(QUEUE)["fired"][0]["resolved_at"] is None


def test_the_present_minute_counts_once_it_is_kept(database: str) -> None:
    keep(0, Sample("queue.pending", 500.0))
    found = tried(QUEUE)
    assert (found["fired"][0]["fired_at"], found["until"]) == (LAST, LAST + MINUTE)


def test_each_instance_fires_by_itself(database: str) -> None:
    for ago, slow in ((3, "/a"), (2, "/b"), (1, "")):
        routes = [
            Sample("requests.route_p95_ms", 5000.0 if route == slow else 50.0, labels={"route": route}) for route in ("/a", "/b")
        ]
        keep(ago, *routes, Sample("queue.pending", 1.0))
    found = tried(ROUTE)
    assert [(span["labels"], span["resolved_at"]) for span in found["fired"]] == [
        ({"route": "/a"}, LAST - 2 * MINUTE),
        ({"route": "/b"}, LAST - MINUTE),
    ]
    assert [span["labels"] for span in tried({**ROUTE, "labels": {"route": "/b"}})["fired"]] == [{"route": "/b"}]


def test_an_empty_complete_list_is_known_and_clear(database: str) -> None:
    keep(2, Sample("queue.pending", 5.0))
    found = tried({**QUEUE, "metric": "schema.drift", "threshold": 1, "comparison": ">="})
    assert (found["fired"], found["known_minutes"]) == ([], 1)


def test_figures_of_the_evaluation_itself_are_never_known(database: str) -> None:
    keep(2, Sample("queue.pending", 5.0))
    assert tried({**QUEUE, "metric": "monitor.unknown_ratio", "threshold": 0.3})["known_minutes"] == 0


def test_damaged_and_oversized_rows_are_unknown(database: str) -> None:
    keep(4, *(Sample("requests.route_p95_ms", 9000.0, labels={"route": f"/{number}"}) for number in range(301)))
    assert tried(ROUTE)["known_minutes"] == 0
    keep(3, Sample("queue.pending", 500.0))
    for damage in ("'[]'", "'{\"queue.pending\": 5}'", "'{\"queue.pending\": [[1]]}'", '\'{"queue.pending": [["x", {}]]}\''):
        with connection() as conn:
            execute(conn, f"UPDATE callwatch.metric_minutes SET samples = {damage}, unread = '[]'")
            conn.commit()
        assert tried(QUEUE)["fired"] == [], damage
    with connection() as conn:
        execute(conn, "UPDATE callwatch.metric_minutes SET unread = '5'")
        conn.commit()
    assert tried(QUEUE)["known_minutes"] == 0


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ([], "rule"),
        ({}, "rule"),
        ({"rule": "slow_route"}, "rule"),
        ({"rule": {**QUEUE, "threshold": "x"}}, "threshold"),
        ({"rule": QUEUE, "hours": 0}, "hours"),
        ({"rule": QUEUE, "hours": 169}, "hours"),
        ({"rule": QUEUE, "hours": True}, "hours"),
        ({"rule": QUEUE, "hours": float("nan")}, "hours"),
        ({"rule": QUEUE, "hours": "1"}, "hours"),
    ],
)
def test_a_bad_question_names_the_field(given: Any, field: str, database: str) -> None:
    with connection() as conn, pytest.raises(Invalid) as caught:
        try_rule(conn, given, get_settings(), NOW)
    assert caught.value.field == field


def test_a_trial_that_takes_too_long_is_given_up(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.alerts.own_rules.dry_run._LIMIT_S", -1.0)
    keep(2, Sample("queue.pending", 500.0))
    with pytest.raises(Unavailable, match="choose fewer hours"):
        tried(QUEUE)


def test_a_rule_of_a_built_in_id_can_be_tried(database: str) -> None:
    keep(2, Sample("queue.pending", 500.0))
    assert len(tried({**QUEUE, "id": "queue_backlog"})["fired"]) == 1


def test_each_cycle_keeps_what_it_judged(database: str) -> None:
    now = datetime.now(UTC)
    cycle(now)
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT minute, samples FROM callwatch.metric_minutes")
        assert row["minute"] == now.replace(second=0, microsecond=0)
        assert {"service.status", "errors.last_hour"} <= set(row["samples"])
        delete_old_minutes(conn, row["minute"] + timedelta(days=7))
        assert len(fetch_all(conn, "SELECT 1 FROM callwatch.metric_minutes")) == 1
        delete_old_minutes(conn, now + timedelta(days=7, minutes=1))
        assert fetch_all(conn, "SELECT 1 FROM callwatch.metric_minutes") == []
