"""PostgreSQL itself down, with a test clock: one page, its retries, its rows afterwards, no second page."""

import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.alerts import evaluator
from callwatch.alerts.actions import acknowledge, act_on_rule
from callwatch.alerts.evaluator import evaluate_rules
from callwatch.alerts.notifications.delivery import deliver_due
from callwatch.alerts.outage.issues import MISSED, list_current_issues, list_issues_without_database
from callwatch.alerts.outage.outage_end import end_database_outage
from callwatch.alerts.outage.outage_start import drop_outage_samples, forget_outage, remember, start_database_outage
from callwatch.alerts.serializers import load_alert_detail
from callwatch.alerts.silence_actions import create_silence
from callwatch.checks.database import check
from callwatch.db import connection, execute, fetch_all, reset_pool
from callwatch.db.core.db_errors import is_read_only
from callwatch.db.core.lock import lock_key
from callwatch.exceptions import RequestRefused
from callwatch.models.sample import Sample
from callwatch.monitor import evaluate_step
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.steps import build_steps
from callwatch.reports.health import build_health
from callwatch.reports.status import build_status
from callwatch.settings import get_settings, reset_settings
from tests.support.api_shapes import OWN
from tests.support.database_faults import locked, read_only
from tests.support.fake_queue import FakeQueue
from tests.support.freezing_proxy import FreezingProxy
from tests.support.monitor_cycles import MONITOR, cycle
from tests.support.scripted_receiver import Receiver, Scripted

NOW = datetime.now(UTC).replace(microsecond=0)
ID = f"database_health:{NOW.isoformat().replace('+00:00', 'Z')}"


@pytest.fixture(autouse=True)
def configured(database: str, webhook: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    reset_settings()


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def down(minutes: float) -> None:
    start_database_outage(MONITOR.state.database_outage, after(minutes), "connection refused", 3)


def back(minutes: float) -> None:
    """Do what the cycle does when the database is back."""
    with connection() as conn:
        was_down = end_database_outage(conn, MONITOR.state.database_outage, after(minutes))
        remember(conn, MONITOR.state.database_outage, after(minutes))
        conn.commit()
    if was_down:
        forget_outage(MONITOR.state.database_outage, after(minutes))
    deliver_due(after(minutes), 5)


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    found = [(json.loads(request.body), request.headers["webhook-id"]) for request in receiver.received]
    return [(body["type"], body["data"]["alert_id"], message_id) for body, message_id in found]


def alerts() -> list[Any]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'database_health' ORDER BY id")
        return [load_alert_detail(conn, str(row["id"])) for row in rows]


def test_outage_sends_one_page_and_one_all_clear(receiver: Receiver) -> None:
    for minute in range(4):
        down(minute)
    back(4)
    back(5)
    assert told(receiver) == [("alert.firing", ID, ID), ("alert.resolved", ID, f"{ID}:resolved")]


def test_rows_with_timeline_and_deliveries_exist_afterwards(receiver: Receiver) -> None:
    down(0)
    down(1)
    back(2)
    (alert,) = alerts()
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", NOW, after(2))
    with connection() as conn:
        assert load_alert_detail(conn, ID) == alert, "it is found by the id that its messages gave"
        with pytest.raises(RequestRefused, match="no alert has this id"):
            load_alert_detail(conn, "database_health:2026-01-01T00:00:00Z")
        for odd in ("database_health:", "database_health:\x00", f"{ID}\x00"):
            with pytest.raises(RequestRefused, match="nothing has this id"):
                load_alert_detail(conn, odd)
        with pytest.raises(RequestRefused, match="this one is resolved"):
            acknowledge(conn, ID, {"reason": "seen"}, "ann", get_settings(), after(3))
    kinds = [entry["kind"] for entry in alert["timeline"]]
    assert kinds == ["firing", "notified: firing", "resolved", "notified: resolved"]
    deliveries = [(row["channel"], row["kind"], row["state"]) for row in alert["deliveries"]]
    for channel in ("database", "log", "webhook"):
        assert (channel, "alert.firing", "sent") in deliveries
        assert (channel, "alert.resolved", "sent") in deliveries


def test_failed_page_is_retried_during_outage_under_same_id(receiver: Receiver) -> None:
    receiver.script.extend([Scripted(503), Scripted(429, {"retry-after": "150"})])
    for minute in range(5):
        down(minute)
    assert told(receiver) == [("alert.firing", ID, ID)] * 3, "at 0 and 1, and at 4: the receiver had asked for 150 s"
    assert len({request.body for request in receiver.received}) == 1


def test_failed_page_goes_to_the_outbox_before_the_all_clear(receiver: Receiver) -> None:
    receiver.default = Scripted(503)
    down(0)
    back(1)
    receiver.default = Scripted(200)
    for minute in range(2, 6):
        deliver_due(after(minute), 5)
    assert set(told(receiver)) == {("alert.firing", ID, ID), ("alert.resolved", ID, f"{ID}:resolved")}
    assert [kind for kind, _alert, _id in told(receiver)][-2:] == ["alert.firing", "alert.resolved"]


def test_a_refused_page_is_not_repeated_and_is_shown(receiver: Receiver) -> None:
    receiver.script.append(Scripted(410))
    for minute in range(3):
        down(minute)
    assert len(receiver.received) == 1
    back(3)
    shown = {(row["kind"], row["state"]) for row in alerts()[0]["deliveries"] if row["channel"] == "webhook"}
    assert shown == {("alert.firing", "failed"), ("alert.resolved", "sent")}


def test_a_database_that_flaps_pages_once_a_cooldown(receiver: Receiver) -> None:
    for minute in range(10):
        down(minute)
        back(minute + 0.5)
    firing = [request for request in told(receiver) if request[0] == "alert.firing"]
    resolved = [request for request in told(receiver) if request[0] == "alert.resolved"]
    assert len(firing) == len(resolved) == 2, "at 0 and at 5"
    assert {request[1] for request in firing} == {request[1] for request in resolved}
    assert len(alerts()) == 10


def test_flapping_database_does_not_page_through_the_outbox() -> None:
    down(0)
    samples = [
        Sample("service.status", 2.0, None, {"service": "database"}),
        Sample("service.latency_ms", 6000.0, None, {"service": "database"}),
        Sample("service.status", 2.0, None, {"service": "openai"}),
    ]
    assert drop_outage_samples(MONITOR.state.database_outage, samples, after(1)) == samples[2:]
    back(1)
    assert drop_outage_samples(MONITOR.state.database_outage, samples, after(2)) == samples[2:]
    assert drop_outage_samples(MONITOR.state.database_outage, samples, after(7)) == samples


def test_outbox_page_is_not_followed_by_a_direct_one(receiver: Receiver) -> None:
    with connection() as conn:
        sample = Sample("service.latency_ms", 9000.0, None, {"service": "database"})
        evaluate_rules(conn, [sample], NOW, only_metrics=frozenset({"service.status", "service.latency_ms"}))
        remember(conn, MONITOR.state.database_outage, NOW)
        conn.commit()
    deliver_due(NOW, 5)
    down(1)
    assert len(receiver.received) == 1
    down(6)
    assert len(receiver.received) == 2


def test_it_is_told_again_once_an_hour_under_another_id(receiver: Receiver) -> None:
    for minute in range(0, 130, 10):
        down(minute)
    assert [message_id for _kind, _alert, message_id in told(receiver)] == [ID, f"{ID}:2", f"{ID}:3"]
    assert {alert for _kind, alert, _id in told(receiver)} == {ID}
    back(131)
    assert [kind for kind, _alert, _id in told(receiver)].count("alert.resolved") == 1


def test_later_process_continues_where_the_first_ended(receiver: Receiver) -> None:
    down(0)
    MONITOR.restart()
    down(1)
    MONITOR.restart()
    back(2)
    MONITOR.restart()
    down(3)
    assert [kind for kind, _alert, _id in told(receiver)] == ["alert.firing", "alert.resolved"]


def replaced() -> None:
    """Replace the execution environment by a new one."""
    MONITOR.forget()


def cycle_ended(minutes: float) -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.monitor_cycles (started_at, finished_at, duration_ms, is_ok, steps)"
                      " VALUES (%s, %s, 1, true, '[]')", (after(minutes), after(minutes)))  # fmt: skip
        conn.commit()


@pytest.fixture
def pagerduty(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[str, str]]]:
    """Return action and key of each event that PagerDuty received."""
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "hidden-routing-key")
    monkeypatch.setenv("PAGERDUTY_API_URL", receiver.url.rpartition("/")[0])
    reset_settings()

    def events() -> list[tuple[str, str]]:
        bodies = [json.loads(request.body) for request in receiver.received if request.path == "/v2/enqueue"]
        return [(body["event_action"], body["dedup_key"]) for body in bodies]

    return events


def test_monitor_taking_over_in_an_outage_keeps_the_incident(pagerduty: Callable[[], list[tuple[str, str]]]) -> None:
    down(0)
    replaced()
    down(3)
    back(4)
    assert [action for action, _key in pagerduty()] == ["trigger", "trigger", "resolve"]
    assert len({key for _action, key in pagerduty()}) == 1


def test_monitor_taking_over_after_an_outage_closes_incident(
    pagerduty: Callable[[], list[tuple[str, str]]], receiver: Receiver
) -> None:
    cycle_ended(-1)
    down(0)
    replaced()
    back(4)
    back(5)
    assert [action for action, _key in pagerduty()] == ["trigger", "resolve"]
    assert len({key for _action, key in pagerduty()}) == 1
    assert len(receiver.received) == 3, "the webhook received only the beginning"


def test_a_new_monitor_without_a_gap_before_it_closes_nothing(pagerduty: Callable[[], list[tuple[str, str]]]) -> None:
    back(0)
    cycle_ended(1)
    replaced()
    back(2)
    assert pagerduty() == []


def test_outage_ends_when_another_monitor_records_a_cycle() -> None:
    down(0)
    cycle_ended(2)
    back(90)
    assert [alert["resolved_at"] for alert in alerts()] == [after(2)]


@pytest.mark.parametrize(("is_outage", "alerts_of_silence"), [(True, 0), (False, 1)])
def test_an_outage_is_no_silence_of_the_monitor(is_outage: bool, alerts_of_silence: int) -> None:
    cycle_ended(0)
    if is_outage:
        down(1)
    cycle(after(10))
    with connection() as conn:
        rows = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'monitor_silent'")
    assert len(rows) == alerts_of_silence


def test_rows_are_written_once_despite_a_dying_process(receiver: Receiver) -> None:
    down(0)
    with connection() as conn:
        end_database_outage(conn, MONITOR.state.database_outage, after(1))
        conn.commit()
    MONITOR.restart()
    back(2)
    assert len(alerts()) == 1
    assert [kind for kind, _alert, _id in told(receiver)] == ["alert.firing", "alert.resolved"]


@pytest.mark.parametrize("way", ["silenced", "disabled"])
def test_muted_rule_pages_nobody_but_the_outage_is_shown(way: str, receiver: Receiver) -> None:
    with connection() as conn:
        if way == "silenced":
            given = {"matchers": {"service": "database"}, "reason": "upgrade", "ends_at": after(30).isoformat()}
            create_silence(conn, given, "ana", get_settings(), NOW)
        else:
            act_on_rule(conn, "database_health", "disable", {"reason": "upgrade"}, "ana", get_settings(), NOW)
        remember(conn, MONITOR.state.database_outage, NOW)
        conn.commit()
    down(1)
    down(10)
    assert receiver.received == []
    if way == "silenced":
        down(31)
        assert len(receiver.received) == 1, "an alert that outlives the silence notifies at its end"
    back(32)
    assert [alert["state"] for alert in alerts()] == ["resolved"]


def test_a_hanging_channel_does_not_hold_up_the_cycle(receiver: Receiver) -> None:
    receiver.default = Scripted(delay_s=20)
    started = datetime.now(UTC)
    start_database_outage(MONITOR.state.database_outage, NOW, "connection refused", 0.5)
    assert (datetime.now(UTC) - started).total_seconds() < 15


def test_a_disk_that_takes_nothing_costs_no_page(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MONITOR.state.database_outage, "file", Path("/proc/callwatch/none.json"))
    for minute in range(3):
        down(minute)
    assert len(receiver.received) == 1


def test_nothing_secret_of_the_connection_is_told(receiver: Receiver) -> None:
    start_database_outage(
        MONITOR.state.database_outage,
        NOW,
        "postgresql://callwatch:s3cret-word@10.0.0.9/own: FATAL: password authentication failed\nsecond line",
        3,
    )
    text = receiver.received[0].body.decode()
    assert "s3cret-word" not in text


def test_status_reports_since_when_its_process_lost_the_db() -> None:
    first = list_issues_without_database(NOW)
    later = list_issues_without_database(after(3))
    assert first[0]["since"] == later[0]["since"] == NOW
    assert (first[0]["type"], first[0]["rule_id"]) == ("error", "database_health")
    MISSED.forget_process()
    assert list_issues_without_database(after(4))[0]["since"] == first[0]["since"]
    with connection() as conn:
        assert list_current_issues(conn) == []
    assert list_issues_without_database(after(10))[0]["since"] == after(10)


def test_a_server_that_fell_silent_is_told_like_one_that_is_gone(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with FreezingProxy(database) as proxy:
        monkeypatch.setenv("DATABASE_URL", proxy.dsn)
        reset_settings()
        reset_pool()
        with connection() as conn:
            fetch_all(conn, "SELECT 1")
        proxy.freeze()
        evaluate, notify = (step for step in build_steps(list) if step[0] in ("evaluate", "notify"))
        report = run_cycle([evaluate, notify], MONITOR.state, NOW, 50)
        assert report["steps"]["evaluate"]["sent"] == ["log", "webhook"]
        proxy.thaw()
        # A silent server is probed again after a second.
        time.sleep(1.2)
        back(1)
    assert told(receiver) == [("alert.firing", ID, ID), ("alert.resolved", ID, f"{ID}:resolved")]


def cycles_written() -> int:
    with connection() as conn:
        return len(fetch_all(conn, "SELECT id FROM callwatch.monitor_cycles"))


@pytest.mark.parametrize(
    ("fault", "why"), [(read_only, "read-only"), (partial(locked, table="rule_states"), "statement timeout")]
)
def test_database_that_answers_but_rejects_writes_is_paged(
    database: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[str], AbstractContextManager[None]],
    why: str,
) -> None:
    monkeypatch.setattr("callwatch.monitor.evaluate_step._EVALUATE_MS", 300)
    FakeQueue([], NOW).stand_in(monkeypatch)
    with fault(database):
        reports = [cycle(after(minute)) for minute in range(2)]
    assert [(report["is_database_up"], report["steps"]["evaluate"]["error"]) for report in reports] == [(False, None)] * 2
    assert told(receiver) == [("alert.firing", ID, ID)]
    assert why in json.loads(receiver.received[0].body)["data"]["message"]
    assert cycles_written() == 0, "health says then that no monitor has judged anything"
    cycle(after(2))
    assert told(receiver)[1:] == [("alert.resolved", ID, f"{ID}:resolved")]
    assert [row["resolved_at"] for row in alerts()] == [after(2)]


def test_concurrent_evaluation_is_no_database_fault(database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callwatch.alerts.evaluator._WAIT_S", 0.1)
    FakeQueue([], NOW).stand_in(monkeypatch)
    with closing(psycopg2.connect(database)) as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("evaluate"),))
        assert cycle(after(0))["steps"]["evaluate"]["error"] == "LockUnavailable"
        assert told(receiver) == []
        other.rollback()
        assert cycle(after(1))["steps"]["evaluate"]["error"] is None
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("evaluate"),))
        errors = [cycle(after(minute))["steps"]["evaluate"]["error"] for minute in (2, 3)]
    assert errors == ["LockUnavailable", None]
    assert [kind for kind, _alert, _id in told(receiver)] == ["alert.firing"]
    assert "another session held the lock 'evaluate'" in json.loads(receiver.received[0].body)["data"]["message"]


def test_evaluation_lock_wait_is_below_statement_timeout() -> None:
    assert evaluator._WAIT_S * 1000 < evaluate_step._EVALUATE_MS


def test_a_read_only_database_wears_out_no_message(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue(["{}"], NOW)
    queue.stand_in(monkeypatch)
    with read_only(database):
        report = cycle(NOW)
    assert report["steps"]["flush"]["error"] == "database unavailable: the server is read-only"
    assert queue.hidden == set()


def test_health_and_status_call_a_read_only_database_down(database: str) -> None:
    with read_only(database):
        found = build_health(get_settings(), NOW, OWN)
        shown = [build_status(get_settings(), after(minute), 1) for minute in (0, 1)]
    assert (found["status"], found["services"]["database"]["status"], found["services"]["database"]["reason"]) == (
        "unhealthy", "unhealthy", "error",
    )  # fmt: skip
    assert found["errors"]["last_hour"] == 0, "what can be read is known"
    for answer in shown:
        assert (answer["status"], answer["services"]["database"]["status"]) == ("outage", "down")
        assert answer["services"]["database"]["latency_ms"] is not None
        ((issue),) = answer["issues"]
        assert (issue["rule_id"], issue["since"]) == ("database_health", NOW)
        assert "does not accept writes" in issue["message"]
    assert build_health(get_settings(), NOW, OWN)["services"]["database"]["status"] == "healthy"
    assert build_status(get_settings(), after(2), 1)["issues"] == []


def test_connection_to_a_former_primary_is_closed(database: str) -> None:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        conn.commit()
    with connection() as conn:
        assert is_read_only(conn)
    assert check(get_settings(), 2).status == "healthy"
