"""PostgreSQL itself down, on a clock of the test's own: one page, its retries, its rows afterwards, no second page."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from callwatch.alerts import run
from callwatch.alerts.act import acknowledge, act_on_rule, create_silence
from callwatch.alerts.database_back import database_back
from callwatch.alerts.database_down import database_down, forget_outage, remember, without_old_news
from callwatch.alerts.deliver import deliver_due
from callwatch.alerts.issues import MISSED, current_issues, issues_without_database
from callwatch.alerts.outage import MEMORY
from callwatch.alerts.run import evaluate_rules
from callwatch.alerts.show import alert_detail
from callwatch.checks.database import check
from callwatch.db import connection, execute, fetch_all, reset_pool
from callwatch.db.failing import is_read_only
from callwatch.db.lock import lock_key
from callwatch.http import HttpError
from callwatch.models.facts import Fact
from callwatch.monitor import steps
from callwatch.monitor.cycle import run_cycle
from callwatch.monitor.steps import steps_with
from callwatch.reports.health import health
from callwatch.reports.status import status
from callwatch.settings import get_settings, reset_settings
from tests.database.test_system_metrics import OWN
from tests.fakes.cycles import cycle
from tests.fakes.faults import locked, read_only
from tests.fakes.frozen import FreezingProxy
from tests.fakes.queue import FakeQueue
from tests.fakes.receiver import Receiver, Scripted

NOW = datetime.now(UTC).replace(microsecond=0)
ID = f"database_health:{NOW.isoformat().replace('+00:00', 'Z')}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


@pytest.fixture(autouse=True)
def configured(database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ALERT_WEBHOOK_URL", receiver.url)
    monkeypatch.setenv("ALERT_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "127.0.0.0/8")
    reset_settings()
    for memory, name in ((MEMORY, "down"), (MISSED, "missed")):
        monkeypatch.setattr(memory, "file", tmp_path / f"{name}.json")
        memory.forget_process()


def after(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def down(minutes: float) -> None:
    database_down(after(minutes), "connection refused", 3)


def back(minutes: float) -> None:
    """What the cycle does when the database answers."""
    with connection() as conn:
        was_down = database_back(conn, after(minutes))
        remember(conn, after(minutes))
        conn.commit()
    if was_down:
        forget_outage(after(minutes))
    deliver_due(after(minutes), 5)


def told(receiver: Receiver) -> list[tuple[str, str, str]]:
    found = [(json.loads(request.body), request.headers["webhook-id"]) for request in receiver.received]
    return [(body["type"], body["data"]["alert_id"], message_id) for body, message_id in found]


def alerts() -> list[dict[str, Any]]:
    with connection() as conn:
        rows = fetch_all(conn, "SELECT id FROM callwatch.alerts WHERE rule_id = 'database_health' ORDER BY id")
        return [alert_detail(conn, str(row["id"])) for row in rows]


def test_one_page_goes_out_while_it_is_down_and_one_all_clear_when_it_is_back(receiver: Receiver) -> None:
    for minute in range(4):
        down(minute)
    back(4)
    back(5)
    assert told(receiver) == [("alert.firing", ID, ID), ("alert.resolved", ID, f"{ID}:resolved")]


def test_the_rows_are_there_afterwards_with_timeline_and_deliveries(receiver: Receiver) -> None:
    down(0)
    down(1)
    back(2)
    (alert,) = alerts()
    assert (alert["state"], alert["started_at"], alert["resolved_at"]) == ("resolved", NOW, after(2))
    with connection() as conn:
        assert alert_detail(conn, ID) == alert, "it is found by the id that its messages gave"
        with pytest.raises(HttpError, match="no such alert"):
            alert_detail(conn, "database_health:2026-01-01T00:00:00Z")
        for odd in ("database_health:", "database_health:\x00", f"{ID}\x00"):
            with pytest.raises(HttpError, match="nothing with this id"):
                alert_detail(conn, odd)
        with pytest.raises(HttpError, match="this one is resolved"):
            acknowledge(conn, ID, {"reason": "seen"}, "ann", get_settings(), after(3))
    kinds = [entry["kind"] for entry in alert["timeline"]]
    assert kinds == ["firing", "notified: firing", "resolved", "notified: resolved"]
    deliveries = [(row["channel"], row["kind"], row["state"]) for row in alert["deliveries"]]
    for channel in ("database", "log", "webhook"):
        assert (channel, "alert.firing", "sent") in deliveries
        assert (channel, "alert.resolved", "sent") in deliveries


def test_a_page_that_did_not_get_through_is_tried_again_while_it_is_down_under_the_same_id(receiver: Receiver) -> None:
    receiver.script.extend([Scripted(503), Scripted(429, {"retry-after": "150"})])
    for minute in range(5):
        down(minute)
    assert told(receiver) == [("alert.firing", ID, ID)] * 3, "at 0 and 1, and at 4: the receiver had asked for 150 s"
    assert len({request.body for request in receiver.received}) == 1


def test_what_did_not_get_through_before_the_end_goes_on_in_the_outbox_before_the_all_clear(receiver: Receiver) -> None:
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


def test_a_flapping_database_does_not_page_through_the_outbox_either() -> None:
    down(0)
    facts = [
        Fact("service.status", 2.0, "unreachable", {"service": "database"}),
        Fact("service.latency_ms", 6000.0, None, {"service": "database"}),
        Fact("service.status", 2.0, "quota", {"service": "openai"}),
    ]
    assert without_old_news(facts, after(1)) == facts[2:]
    back(1)
    assert without_old_news(facts, after(2)) == facts[2:]
    assert without_old_news(facts, after(7)) == facts


def test_a_page_that_the_outbox_sent_is_not_followed_by_another_of_the_same_rule(receiver: Receiver) -> None:
    with connection() as conn:
        fact = Fact("service.latency_ms", 9000.0, None, {"service": "database"})
        evaluate_rules(conn, [fact], NOW, only_metrics=frozenset({"service.status", "service.latency_ms"}))
        remember(conn, NOW)
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


def test_a_later_process_of_the_same_environment_goes_on_where_the_first_ended(receiver: Receiver) -> None:
    down(0)
    MEMORY.forget_process()
    down(1)
    MEMORY.forget_process()
    back(2)
    MEMORY.forget_process()
    down(3)
    assert [kind for kind, _alert, _id in told(receiver)] == ["alert.firing", "alert.resolved"]


def replaced() -> None:
    """The execution environment ends, and another one takes over."""
    MEMORY.file.unlink(missing_ok=True)
    MEMORY.forget_process()


def cycle_ended(minutes: float) -> None:
    with connection() as conn:
        execute(conn, "INSERT INTO callwatch.monitor_cycles (started_at, finished_at, duration_ms, is_ok, steps)"
                      " VALUES (%s, %s, 1, true, '[]')", (after(minutes), after(minutes)))  # fmt: skip
        conn.commit()


@pytest.fixture
def pagerduty(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[tuple[str, str]]]:
    """What PagerDuty got: action and key of each event."""
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "hidden-routing-key")
    monkeypatch.setenv("PAGERDUTY_API_URL", receiver.url.rpartition("/")[0])
    reset_settings()

    def events() -> list[tuple[str, str]]:
        bodies = [json.loads(request.body) for request in receiver.received if request.path == "/v2/enqueue"]
        return [(body["event_action"], body["dedup_key"]) for body in bodies]

    return events


def test_a_monitor_that_takes_over_in_an_outage_goes_on_with_the_incident(pagerduty: Callable[[], list[tuple[str, str]]]) -> None:
    down(0)
    replaced()
    down(3)
    back(4)
    assert [action for action, _key in pagerduty()] == ["trigger", "trigger", "resolve"]
    assert len({key for _action, key in pagerduty()}) == 1


def test_a_monitor_that_takes_over_after_an_outage_closes_the_incident_and_tells_nobody_else(
    pagerduty: Callable[[], list[tuple[str, str]]], receiver: Receiver
) -> None:
    cycle_ended(-1)
    down(0)
    replaced()
    back(4)
    back(5)
    assert [action for action, _key in pagerduty()] == ["trigger", "resolve"]
    assert len({key for _action, key in pagerduty()}) == 1
    assert len(receiver.received) == 3, "the webhook was told of the beginning alone"


def test_a_new_monitor_without_a_gap_before_it_closes_nothing(pagerduty: Callable[[], list[tuple[str, str]]]) -> None:
    back(0)
    cycle_ended(1)
    replaced()
    back(2)
    assert pagerduty() == []


def test_an_outage_ended_when_another_monitor_first_wrote_down_a_cycle() -> None:
    down(0)
    cycle_ended(2)
    back(90)
    assert [alert["resolved_at"] for alert in alerts()] == [after(2)]


def test_a_process_that_dies_after_the_rows_were_written_does_not_write_them_twice(receiver: Receiver) -> None:
    down(0)
    with connection() as conn:
        database_back(conn, after(1))
        conn.commit()
    MEMORY.forget_process()
    back(2)
    assert len(alerts()) == 1
    assert [kind for kind, _alert, _id in told(receiver)] == ["alert.firing", "alert.resolved"]


@pytest.mark.parametrize("way", ["silenced", "disabled"])
def test_people_who_muted_the_rule_are_not_woken_by_an_outage_but_see_it_afterwards(way: str, receiver: Receiver) -> None:
    with connection() as conn:
        if way == "silenced":
            given = {"matchers": {"service": "database"}, "reason": "upgrade", "ends_at": after(30).isoformat()}
            create_silence(conn, given, "ana", NOW)
        else:
            act_on_rule(conn, "database_health", "disable", {"reason": "upgrade"}, "ana", get_settings(), NOW)
        remember(conn, NOW)
        conn.commit()
    down(1)
    down(10)
    assert receiver.received == []
    if way == "silenced":
        down(31)
        assert len(receiver.received) == 1, "what still fires when the silence ends is told then"
    back(32)
    assert [alert["state"] for alert in alerts()] == ["resolved"]


def test_a_hanging_channel_does_not_hold_up_the_cycle(receiver: Receiver) -> None:
    receiver.default = Scripted(delay_s=20)
    started = datetime.now(UTC)
    database_down(NOW, "connection refused", 0.5)
    assert (datetime.now(UTC) - started).total_seconds() < 5


def test_a_disk_that_takes_nothing_costs_no_page(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MEMORY, "file", Path("/proc/callwatch/none.json"))
    for minute in range(3):
        down(minute)
    assert len(receiver.received) == 1


def test_nothing_secret_of_the_connection_is_told(receiver: Receiver) -> None:
    database_down(NOW, "postgresql://callwatch:s3cret-word@10.0.0.9/own: FATAL: password authentication failed\nsecond line", 3)
    text = receiver.received[0].body.decode()
    assert "s3cret-word" not in text


def test_status_says_since_when_its_own_process_misses_the_database() -> None:
    first = issues_without_database(NOW)
    later = issues_without_database(after(3))
    assert first[0]["since"] == later[0]["since"] == NOW
    assert (first[0]["type"], first[0]["rule_id"]) == ("error", "database_health")
    MISSED.forget_process()
    assert issues_without_database(after(4))[0]["since"] == first[0]["since"]
    with connection() as conn:
        assert current_issues(conn) == []
    assert issues_without_database(after(10))[0]["since"] == after(10)


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
        evaluate, notify = (step for step in steps_with(list) if step[0] in ("evaluate", "notify"))
        report = run_cycle([evaluate, notify], NOW, 50)
        assert report["steps"]["evaluate"]["sent"] == ["log", "webhook"]
        proxy.thaw()
        # A server that fell silent is asked again after a second.
        time.sleep(1.2)
        back(1)
    assert told(receiver) == [("alert.firing", ID, ID), ("alert.resolved", ID, f"{ID}:resolved")]


def cycles_written() -> int:
    with connection() as conn:
        return len(fetch_all(conn, "SELECT id FROM callwatch.monitor_cycles"))


@pytest.mark.parametrize(
    ("fault", "why"), [(read_only, "read-only"), (partial(locked, table="rule_states"), "statement timeout")]
)
def test_a_database_that_answers_and_takes_nothing_is_paged_as_well(
    database: str,
    receiver: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    fault: Callable[[str], AbstractContextManager[None]],
    why: str,
) -> None:
    monkeypatch.setattr("callwatch.monitor.steps._EVALUATE_MS", 300)
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


def test_another_evaluation_at_work_is_no_fault_of_the_database_and_one_that_hangs_is_told(
    database: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callwatch.alerts.run._WAIT_S", 0.1)
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
    assert "the lock 'evaluate' was held elsewhere" in json.loads(receiver.received[0].body)["data"]["message"]


def test_the_lock_of_the_evaluation_is_waited_for_less_than_a_statement_may_take() -> None:
    assert run._WAIT_S * 1000 < steps._EVALUATE_MS


def test_a_read_only_database_wears_out_no_message(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = FakeQueue(["{}"], NOW)
    queue.stand_in(monkeypatch)
    with read_only(database):
        report = cycle(NOW)
    assert report["steps"]["flush"]["error"] == "database unavailable: the server is read-only"
    assert queue.hidden == set()


def test_health_and_status_call_a_read_only_database_down_as_the_page_does(database: str) -> None:
    with read_only(database):
        found = health(get_settings(), NOW, True, OWN)
        shown = [status(get_settings(), after(minute), 1) for minute in (0, 1)]
    assert (found["status"], found["services"]["database"]["status"], found["services"]["database"]["reason"]) == (
        "unhealthy", "unhealthy", "error",
    )  # fmt: skip
    assert found["errors"]["last_hour"] == 0, "what can be read is known"
    for answer in shown:
        assert (answer["status"], answer["services"]["database"]["status"]) == ("outage", "down")
        assert answer["services"]["database"]["latency_ms"] is not None
        ((issue),) = answer["issues"]
        assert (issue["rule_id"], issue["since"]) == ("database_health", NOW)
        assert "takes no writes" in issue["message"]
    assert health(get_settings(), NOW, True, OWN)["services"]["database"]["status"] == "healthy"
    assert status(get_settings(), after(2), 1)["issues"] == []


def test_a_connection_that_leads_to_a_former_primary_is_given_up_and_says_nothing_of_the_new_one(database: str) -> None:
    with connection() as conn, conn.cursor() as cursor:
        cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        conn.commit()
    with connection() as conn:
        assert is_read_only(conn)
    assert check(get_settings(), 2).status == "healthy"
