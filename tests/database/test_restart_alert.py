"""The alert about a restarted local process, on a real PostgreSQL: its rows, its deliveries, and what receivers get."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.serializers import load_alert_detail
from callwatch.db import connection, fetch_all
from callwatch.exceptions import DatabaseUnavailable
from callwatch.settings import get_settings, reset_settings
from local.restart_alert import RULE_ID, Restart, report_restart
from tests.support.fake_queue import FakeQueue
from tests.support.monitor_cycles import cycle
from tests.support.scripted_receiver import Receiver

NOW = datetime.now(UTC).replace(microsecond=0)
DIED = Restart("queue", "killed by signal 9", NOW - timedelta(seconds=4), NOW - timedelta(seconds=1), 2)


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    FakeQueue([], NOW).stand_in(monkeypatch)


def alert_ids() -> list[int]:
    with connection() as conn:
        return [
            row["id"] for row in fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = %s ORDER BY id", (RULE_ID,))
        ]


def test_restart_is_one_alert_from_firing_to_resolved() -> None:
    report_restart(get_settings(), DIED)
    (alert_id,) = alert_ids()
    with connection() as conn:
        alert = load_alert_detail(conn, str(alert_id))
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", DIED.died_at, DIED.started_at)
    assert (alert["value"], alert["threshold"], alert["comparison"], alert["service"]) == (1.0, 1.0, ">=", "queue")
    assert alert["message"] == "queue ended (killed by signal 9) and is up again after 3.0 s, 2 tries"
    assert [entry["kind"] for entry in alert["timeline"]][:2] == ["firing", "resolved"]


def test_restart_reaches_the_webhook_in_order(receiver: Receiver) -> None:
    report_restart(get_settings(), DIED)
    deliver_due(NOW, 5)
    bodies = [json.loads(request.body) for request in receiver.received]
    assert [body["type"] for body in bodies] == ["alert.firing", "alert.resolved"]
    assert {body["data"]["alert_id"] for body in bodies} == {str(alert_ids()[0])}


def test_each_death_is_an_alert_of_its_own() -> None:
    report_restart(get_settings(), DIED)
    again = Restart("queue", "exit 1", DIED.died_at + timedelta(minutes=1), DIED.started_at + timedelta(minutes=1), 1)
    report_restart(get_settings(), again)
    report_restart(get_settings(), Restart("gateway", "exit 1", DIED.died_at, DIED.started_at, 1))
    assert len(alert_ids()) == 3


def test_next_cycle_leaves_the_alert_as_it_is(receiver: Receiver) -> None:
    report_restart(get_settings(), DIED)
    report = cycle(NOW)
    assert report["steps"]["evaluate"]["error"] is None
    cycle(NOW + timedelta(minutes=1))
    kinds = [json.loads(request.body)["type"] for request in receiver.received if RULE_ID.encode() in request.body]
    assert kinds == ["alert.firing", "alert.resolved"]


def test_restart_without_database_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:x@127.0.0.1:1/none")
    reset_settings()
    with pytest.raises(DatabaseUnavailable):
        report_restart(get_settings(), DIED)
