"""Alerts from elsewhere, from their message to an alert here: in order, once, in bounded number, and until they end."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callwatch.db import connection, fetch_all
from callwatch.db.alert_queries import external_alerts as stored
from callwatch.db.alert_queries.external_alerts import forget_alerts
from callwatch.digest.store import digest
from callwatch.ingest.external.alert import build_alert_messages
from callwatch.ingest.external.alertmanager import accept_alert
from callwatch.ingest.external.cloudwatch import accept_alarm
from callwatch.monitor.external_samples import read_external_samples
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import cycle

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LABELS = {"source": "alertmanager", "alertname": "HighLatency", "severity": "critical"}

pytestmark = pytest.mark.usefixtures("database")


def message(minutes: float, status: str = "firing", name: str = "HighLatency", project: int = 1, **changes: Any) -> str:
    at = NOW + minutes * MINUTE
    item = {
        "status": status,
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": {"summary": "p95 above 3 s"},
        "startsAt": NOW.isoformat(),
        **changes,
    }
    (body,) = build_alert_messages([accept_alert("alertmanager", item, at)], project, at)
    return body


def alarm(minutes: float, state: str) -> str:
    at = NOW + minutes * MINUTE
    (row,) = accept_alarm({"AlarmName": "depth", "NewStateValue": state, "StateChangeTime": at.isoformat()}, NOW + 60 * MINUTE)
    (body,) = build_alert_messages([row], 1, NOW + 60 * MINUTE)
    return body


def store(bodies: Sequence[str]) -> None:
    assert digest(bodies, NOW + timedelta(days=500)).poison == []


def firing(minutes: float = 1) -> list[str]:
    """Return the names of what fires at a time."""
    with connection() as conn:
        samples = read_external_samples(conn, NOW + minutes * MINUTE, {})
    return sorted(sample.labels["alertname"] for sample in samples if sample.value and "alertname" in sample.labels)


def alerts() -> list[tuple[str, str, str]]:
    with connection() as conn:
        found = fetch_all(conn, "SELECT rule_id, state, level, labels FROM callwatch.alerts ORDER BY id")
    external = [alert for alert in found if alert["rule_id"].startswith("external_")]
    assert all(alert["labels"] == LABELS for alert in external)
    return [(alert["rule_id"], alert["state"], alert["level"]) for alert in external]


def test_alert_is_one_alert_here_until_it_ends_there(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [message(0), message(0), message(2)]
    FakeQueue(bodies, NOW).stand_in(monkeypatch)
    for minute in (3, 4):
        cycle(NOW + minute * MINUTE)
        assert alerts() == [("external_critical", "firing", "critical")]
    with connection() as conn:
        (shown,) = fetch_all(conn, "SELECT message FROM callwatch.alerts WHERE rule_id = 'external_critical'")
    assert shown["message"].startswith("HighLatency (alertmanager): p95 above 3 s")
    FakeQueue([message(5, "resolved")], NOW).stand_in(monkeypatch)
    cycle(NOW + 6 * MINUTE)
    assert alerts() == [("external_critical", "resolved", "critical")]


def test_state_that_arrives_late_changes_nothing() -> None:
    store([message(0), message(10, "resolved")])
    store([message(5)])
    assert firing(11) == []
    store([message(20)])
    assert firing(21) == ["HighLatency"]
    store([alarm(5, "OK"), alarm(1, "ALARM")])
    store([alarm(3, "ALARM")])
    assert firing(21) == ["HighLatency"]
    store([alarm(7, "ALARM")])
    assert firing(21) == ["HighLatency", "depth"]
    store([alarm(7, "OK")])
    assert firing(21) == ["HighLatency"]


def test_alert_that_is_not_repeated_ends_and_an_alarm_does_not() -> None:
    store([message(0), alarm(0, "ALARM")])
    assert firing(60 * 71) == ["HighLatency", "depth"]
    assert firing(60 * 73) == ["depth"]
    store([message(60 * 70)])
    assert firing(60 * 73) == ["HighLatency", "depth"]


def test_stored_alerts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "MAX_ALERTS", 3)
    store([message(0, "resolved", "unknown")])
    store([message(0, name="a"), message(0, name="b"), message(0, name="c"), message(0, name="d")])
    kept = firing()
    assert len(kept) == 3
    with connection() as conn:
        refused = [s for s in read_external_samples(conn, NOW, {}) if s.metric == "external.refused"]
    assert [(sample.value, sample.labels) for sample in refused] == [(1.0, {"project": "1"})]
    store([message(0, name="a", project=2)])
    first = kept[0]
    store([message(5, "resolved", first)])
    store([message(6, name="new")])
    assert sorted(firing(7)) == sorted([*(name for name in kept if name != first), "a", "new"])


def test_ended_alerts_are_forgotten_after_a_week() -> None:
    store([message(0), message(1, "resolved"), alarm(0, "ALARM")])
    with connection() as conn:
        assert forget_alerts(conn, NOW + timedelta(days=6)) == 0
        assert forget_alerts(conn, NOW + timedelta(days=8)) == 1
        assert forget_alerts(conn, NOW + timedelta(days=500)) == 1
        conn.commit()


@pytest.mark.parametrize(
    "change",
    [{"source": ""}, {"level": "odd"}, {"labels": []}, {"labels": {"a": 1}}, {"changed_at": "then"}, {"name": "n" * 999}],
)
def test_bad_message_is_poison_and_stops_no_other(change: dict[str, Any]) -> None:
    bad = json.loads(message(0, name="bad"))
    bad["alerts"][0] |= change
    done = digest([json.dumps(bad), message(1)], NOW + 5 * MINUTE)
    assert len(done.poison) == 1
    assert firing(6) == ["HighLatency"]
