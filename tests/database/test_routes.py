"""Routes on a real outbox: where alerts go, what is grouped, how long it waits, and how often it is repeated."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.routing.dry_run import try_routes
from callwatch.db import connection, execute, fetch_all
from callwatch.exceptions import Invalid
from callwatch.models.sample import Sample
from callwatch.settings import get_settings, reset_settings

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
METRICS = frozenset({"test.slow"})
UseRoutes = Callable[..., None]


@pytest.fixture
def use_routes(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[UseRoutes]:
    """Put routes in force, with Slack and PagerDuty configured."""
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "https://hooks.slack.example.com/x")
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "key")

    def use(*routes: Any) -> None:
        file = tmp_path / "routes.json"
        file.write_text(json.dumps(routes))
        monkeypatch.setenv("ROUTES_FILE", str(file))
        reset_settings()
        alert_manager.add_rule(
            AlertRule("slow", "Slow", AlertLevel.ERROR, [AlertChannel.LOG], [Condition("test.slow", ">", 10)], cooldown_minutes=5)
        )

    yield use
    alert_manager._added.clear()


def cycle(minute: float, *bad: str) -> None:
    samples = [Sample("test.slow", 20.0 if name in bad else 1.0, None, {"stage": name[0], "n": name[1:]}) for name in STAGES]
    with connection() as conn:
        evaluate_rules(conn, samples, NOW + timedelta(minutes=minute), only_metrics=METRICS)
        conn.commit()


STAGES = ("a1", "a2", "a3", "b1", "b2")


def queued() -> list[tuple[str, str, int, str]]:
    """Take what was queued since the last call: channel, kind, how many alerts, occasion."""
    with connection() as conn:
        rows = fetch_all(conn, "SELECT * FROM callwatch.deliveries WHERE channel <> 'database' AND state = 'due' ORDER BY id")
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent' WHERE state = 'due'")
        conn.commit()
    return [
        (row["channel"], row["kind"].removeprefix("alert."), max(1, len(row["alert_ids"])), row["payload"]["occasion"])
        for row in rows
    ]


def test_a_route_decides_the_channels(use_routes: UseRoutes) -> None:
    use_routes({"name": "a", "match": {"stage": "a"}, "channels": ["slack", "pagerduty"]}, {"name": "default"})
    cycle(0, "a1", "b1")
    assert sorted(queued()) == [
        ("log", "firing", 1, "first"), ("pagerduty", "firing", 1, "first"), ("slack", "firing", 1, "first"),
    ]  # fmt: skip
    cycle(1)
    assert sorted(channel for channel, kind, *_rest in queued() if kind == "resolved") == ["log", "pagerduty", "slack"]


def test_alerts_with_equal_labels_are_one_notification(use_routes: UseRoutes) -> None:
    use_routes({"name": "default", "group_by": ["stage"], "channels": ["slack"]})
    cycle(0, "a1", "a2", "b1")
    assert sorted(queued()) == [("slack", "firing", 1, "first"), ("slack", "firing", 2, "first")]
    cycle(1, "a1", "a2", "a3", "b1", "b2")
    assert queued() == [], "a group is followed up at most every five minutes"
    cycle(6, "a1", "a2", "a3", "b1", "b2")
    assert sorted(queued()) == [("slack", "firing", 2, "first"), ("slack", "firing", 3, "first")]
    cycle(7, "a1", "b1")
    cycle(8)
    ended = [row for row in queued() if row[1] == "resolved"]
    assert len(ended) == 2, "one end for each group"
    with connection() as conn:
        ids = fetch_all(conn, "SELECT DISTINCT group_id, labels ->> 'stage' AS stage FROM callwatch.alerts")
    assert len(ids) == 2, "each group has one id from its first notification on"


def test_the_first_notification_waits_for_others(use_routes: UseRoutes) -> None:
    use_routes({"name": "default", "group_by": [], "wait_s": 120, "channels": ["slack"]})
    cycle(0, "a1")
    cycle(1, "a1", "b1")
    assert queued() == []
    cycle(2, "a1", "b1", "a2")
    assert queued() == [("slack", "firing", 3, "first")], "all that began meanwhile go with the first"
    cycle(3)
    assert queued() == [("slack", "resolved", 3, "first")]


def test_what_is_over_before_the_wait_is_never_sent(use_routes: UseRoutes) -> None:
    use_routes({"name": "default", "wait_s": 120, "channels": ["slack"]})
    cycle(0, "a1")
    cycle(1)
    cycle(5)
    assert queued() == []


def test_each_level_is_repeated_as_its_route_says(use_routes: UseRoutes) -> None:
    use_routes({"name": "default", "channels": ["slack"], "repeat_s": {"error": 1200, "critical": None}})
    for minute in range(45):
        cycle(minute, "a1")
    assert [row[3] for row in queued()] == ["first", "reminder", "reminder"]


def test_a_route_repeats_within_the_cooldown_of_a_rule(use_routes: UseRoutes) -> None:
    use_routes({"name": "default", "channels": ["slack"], "repeat_s": 300})
    condition = Condition("test.slow", ">", 10)
    alert_manager.add_rule(AlertRule("slow", "Slow", AlertLevel.ERROR, [AlertChannel.LOG], [condition], cooldown_minutes=30))
    for minute in range(12):
        cycle(minute, "a1")
    assert [row[3] for row in queued()] == ["first", "reminder", "reminder"]


def test_a_route_is_chosen_by_when_the_alert_began(use_routes: UseRoutes) -> None:
    hours = {"days": ["mon"], "start": "11:00", "duration_s": 4200, "timezone": "UTC"}
    use_routes({"name": "day", "match": {"hours": hours}, "channels": ["slack"]}, {"name": "night", "channels": ["pagerduty"]})
    for minute in range(0, 30, 2):
        cycle(minute, "a1", *(["b1"] if minute > 15 else []))
    assert queued() == [("slack", "firing", 1, "first"), ("pagerduty", "firing", 1, "first")]


def test_errors_match_by_project_and_environment_of_their_group(use_routes: UseRoutes) -> None:
    use_routes(
        {"name": "shop", "match": {"project": "7"}, "channels": ["slack"]},
        {"name": "staging", "match": {"labels": {"environment": {"op": "=~", "value": "stag.*"}}}, "channels": ["pagerduty"]},
        {"name": "default", "channels": ["log"]},
    )
    with connection() as conn:
        places = ((7, "production"), (1, "staging"), (1, "production"))
        ids = [add_group(conn, project, environment) for project, environment in places]
        samples = [Sample("errors.spike", 50.0, None, {"group": group_id}) for group_id in ids]
        evaluate_rules(conn, samples, NOW, only_metrics=frozenset({"errors.spike"}))
        asked = [{"rule_id": "error_spike", "labels": {"group": group_id}} for group_id in (*ids, "999", "9" * 30, "x")]
        found = [try_routes(conn, each, get_settings(), NOW) for each in asked]
        conn.commit()
    assert [each["route"] for each in found] == ["shop", "staging", *["default"] * 4]
    assert [each["because"] for each in found[1]["passed"]] == ["project is 1"]
    assert sorted(row[0] for row in queued()) == ["log", "pagerduty", "slack"]


def add_group(conn: Any, project: int, environment: str) -> str:
    row: Any = fetch_all(
        conn,
        "INSERT INTO callwatch.error_groups (project_id, environment, fingerprint, title, message, severity, category,"
        " first_seen_at, last_seen_at) VALUES (%s, %s, %s, 'Late', 'Late', 'high', 'other', now(), now()) RETURNING id",
        (project, environment, f"{project} {environment}"),
    )
    return str(row[0]["id"])


def test_the_dry_run_says_where_an_alert_would_go(use_routes: UseRoutes) -> None:
    use_routes(
        {"name": "critical", "match": {"level": "critical"}, "channels": ["pagerduty"]},
        {"name": "mail", "match": {"stage": "b*"}, "channels": ["email"]},
        {"name": "default", "channels": ["slack", "email"], "group_by": ["stage"], "wait_s": 30, "repeat_s": 600},
    )

    def ask(**given: Any) -> Any:
        with connection() as conn:
            return try_routes(conn, {"rule_id": "slow", **given}, get_settings(), NOW)

    found = ask(labels={"stage": "a"})
    assert (found["route"], found["channels"], found["channels_not_configured"]) == ("default", ["slack"], ["email"])
    assert [each["because"] for each in found["passed"]] == ["level is error", "stage is a"]
    assert (found["group"], found["wait_s"], found["repeat_s"], found["source"]) == ({"stage": "a"}, 30, 600, "file")
    mail = ask(labels={"stage": "b1"})
    assert (mail["channels"], mail["is_fallback"]) == (["log"], True), "no channel of the route is configured"
    wrong: list[dict[str, Any]] = [{"rule_id": "none"}, {"labels": []}, {"at": "noon"}, {"labels": {"a": 1}}]
    for bad in wrong:
        with pytest.raises(Invalid):
            ask(**bad)
