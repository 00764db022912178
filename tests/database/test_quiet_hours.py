"""Quiet hours of a route, and its daily digest, on a real outbox and across changes of the clock."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callwatch.alerts import AlertChannel, AlertLevel, AlertRule, Condition, alert_manager
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence
from callwatch.db import connection, execute, fetch_all
from callwatch.models.sample import Sample
from callwatch.settings import get_settings, reset_settings

BERLIN = ZoneInfo("Europe/Berlin")
LEVELS = (AlertLevel.INFO, AlertLevel.ERROR, AlertLevel.CRITICAL)
METRICS = frozenset(f"test.{level}" for level in LEVELS)
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
NIGHT = {"days": DAYS, "start": "22:00", "duration_s": 28_800, "timezone": "Europe/Berlin"}
UseRoute = Callable[..., None]


@pytest.fixture
def use_route(database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[UseRoute]:
    """Put one route in force, with a rule of each level."""
    monkeypatch.setenv("SLACK_ALERT_WEBHOOK", "https://hooks.slack.example.com/x")
    for level in LEVELS:
        conditions = [Condition(f"test.{level}", ">", 10)]
        alert_manager.add_rule(AlertRule(level, level.title(), level, [AlertChannel.LOG], conditions, cooldown_minutes=5))

    def use(**fields: Any) -> None:
        (tmp_path / "routes.json").write_text(json.dumps([{"name": "default", "channels": ["slack"], **fields}]))
        monkeypatch.setenv("ROUTES_FILE", str(tmp_path / "routes.json"))
        reset_settings()

    yield use
    alert_manager._added.clear()


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


def cycle(now: datetime, *firing: str, of: int = 1) -> list[tuple[str, str]]:
    """Evaluate; returns kind and title of what was queued."""
    samples = [
        Sample(f"test.{level}", 20.0 if level in firing else 1.0, None, {"n": str(number)})
        for level in LEVELS
        for number in range(of)
    ]
    with connection() as conn:
        evaluate_rules(conn, samples, now, only_metrics=METRICS)
        rows = fetch_all(conn, "SELECT kind, payload FROM callwatch.deliveries WHERE state = 'due' ORDER BY id")
        execute(conn, "UPDATE callwatch.deliveries SET state = 'sent' WHERE state = 'due'")
        conn.commit()
    return [(row["kind"].removeprefix("alert."), row["payload"]["title"]) for row in rows]


@pytest.mark.parametrize("day", ["2026-06-10", "2026-10-24", "2026-03-28"])
def test_only_critical_alerts_are_sent_in_quiet_hours(use_route: UseRoute, day: str) -> None:
    use_route(quiet_hours=NIGHT)
    assert cycle(local(f"{day}T21:59"), "error") == [("firing", "Error")]
    assert cycle(local(f"{day}T22:00"), "error", "critical") == [("firing", "Critical")]
    assert cycle(local(f"{day}T22:30"), "critical") == [], "the end of an error waits, too"
    assert cycle(local(f"{day}T23:30"), "error") == [("resolved", "Critical")]
    night_end = local(f"{day}T22:00") + timedelta(hours=8)
    cycle(night_end - timedelta(minutes=1), "error")
    assert cycle(night_end + timedelta(minutes=1)) == [("resolved", "Error")], "its one end, in the morning"


def test_what_begins_at_night_and_goes_on_is_sent_in_the_morning(use_route: UseRoute) -> None:
    use_route(quiet_hours=NIGHT, repeat_s=600)
    assert cycle(local("2026-06-10T23:00"), "error") == []
    assert cycle(local("2026-06-11T02:00"), "error") == []
    with connection() as conn:
        (row,) = fetch_all(conn, "SELECT id FROM callwatch.alerts")
        timeline = load_alert_detail(conn, str(row["id"]))["timeline"]
    held = [entry["details"] for entry in timeline if entry["kind"] == "held back"]
    assert held == ["until 04:00 UTC by the quiet hours of route default"]
    assert cycle(local("2026-06-11T06:00"), "error") == [("firing", "Error")]


def test_what_begins_and_ends_at_night_is_never_sent(use_route: UseRoute) -> None:
    use_route(quiet_hours=NIGHT)
    cycle(local("2026-06-10T23:00"), "error")
    cycle(local("2026-06-10T23:30"))
    assert cycle(local("2026-06-11T07:00")) == []


@pytest.mark.parametrize("day", ["2026-06-10", "2026-10-25", "2026-03-29"])
def test_info_alerts_are_one_digest_a_day(use_route: UseRoute, day: str) -> None:
    use_route(digest={"at": "09:00", "timezone": "Europe/Berlin"})
    before = datetime.fromisoformat(day) - timedelta(days=1)
    assert cycle(local(f"{before:%Y-%m-%d}T10:00"), "info", "error", of=3)[0][0] == "firing"
    assert cycle(local(f"{before:%Y-%m-%d}T12:00"), of=3)[0][0] == "resolved", "the end of the errors; none of the infos"
    assert cycle(local(f"{day}T08:58"), "info") == []
    (sent,) = cycle(local(f"{day}T09:00"), "info")
    assert sent == ("firing", "Daily digest of default: 4 info alerts")
    for hour in range(10, 23):
        assert cycle(local(f"{day}T{hour}:00"), "info") == []


def test_a_digest_lists_what_is_over_and_what_is_not(use_route: UseRoute) -> None:
    use_route(digest={"at": "09:00", "timezone": "Europe/Berlin"})
    cycle(local("2026-06-10T10:00"), "info", of=2)
    cycle(local("2026-06-10T11:00"), "info", of=1)
    cycle(local("2026-06-10T11:10"), of=2)
    assert cycle(local("2026-06-11T09:30")) == [("resolved", "Daily digest of default: 2 info alerts")]
    with connection() as conn:
        (payload,) = [
            row["payload"]
            for row in fetch_all(conn, "SELECT payload FROM callwatch.deliveries WHERE channel = 'slack' ORDER BY id")
        ]
    assert payload["summary"].startswith("2 info alerts since the last digest, 0 still firing: Info [n 0]")
    assert (payload["count"], payload["count_over"], len(payload["members"])) == (2, 2, 2)


def test_silenced_alerts_are_in_no_digest(use_route: UseRoute) -> None:
    use_route(digest={"at": "09:00", "timezone": "UTC"})
    now = datetime(2026, 6, 10, 10, tzinfo=UTC)
    with connection() as conn:
        given = {"matchers": {"rule_id": "info"}, "reason": "known", "ends_at": (now + timedelta(hours=1)).isoformat()}
        create_silence(conn, given, "ana", get_settings(), now)
        conn.commit()
    cycle(now, "info")
    cycle(now + timedelta(minutes=30))
    assert cycle(now + timedelta(days=1)) == []


def test_a_digest_is_sent_once_whatever_dies(use_route: UseRoute) -> None:
    use_route(digest={"at": "09:00", "timezone": "UTC"})
    now = datetime(2026, 6, 10, 10, tzinfo=UTC)
    cycle(now, "info")
    later = now + timedelta(hours=23, minutes=5)
    with connection() as conn:
        evaluate_rules(conn, [Sample("test.info", 20.0, None, {"n": "0"})], later, only_metrics=METRICS)
        conn.rollback()
    assert len(cycle(later, "info")) == 1
    assert cycle(later + timedelta(minutes=1), "info") == []
